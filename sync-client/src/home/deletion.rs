//! `deletion.json`: the confirmation with which the account can be deleted, between the two steps. Mode 0600; useless without the
//! device's DPoP key and the account's key.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use time::OffsetDateTime;

use super::Home;
use crate::error::Error;

const FILE: &str = "deletion.json";

/// What the broker gave at the first step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeletionFile {
    pub(crate) confirmation: String,
    #[serde(with = "timestamp")]
    pub(crate) confirm_by: OffsetDateTime,
}

impl DeletionFile {
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        home.read(FILE)
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        home.write(FILE, self)
    }

    pub(crate) fn remove(home: &Home) -> Result<(), Error> {
        home.remove(FILE)
    }
}
