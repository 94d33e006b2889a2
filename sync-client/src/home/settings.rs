//! `settings.json`: what its owner has chosen for this home.

use serde::{Deserialize, Serialize};

use super::Home;
use crate::error::Error;

const FILE: &str = "settings.json";

/// The choices; what is absent was never chosen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Most bytes of attachments that are kept although they can be fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_limit_bytes: Option<u64>,
}

impl Settings {
    pub(crate) fn load(home: &Home) -> Result<Self, Error> {
        Ok(home.read(FILE)?.unwrap_or_default())
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        home.write(FILE, self)
    }
}
