//! `session.json`: the tokens of a session with a broker. Mode 0600; useless without the device's DPoP key.

use serde::{Deserialize, Serialize};
use tidegate_protocol::capability::Capabilities;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::wire::timestamp;
use time::OffsetDateTime;
use zeroize::Zeroize;

use super::Home;
use crate::error::Error;

const FILE: &str = "session.json";

/// The tokens and what came with them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionFile {
    pub(crate) scope: AccountScope,
    pub(crate) access_token: String,
    #[serde(with = "timestamp")]
    pub(crate) access_expires_at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) renewal_token: Option<String>,
    pub(crate) capabilities: Capabilities,
}

impl SessionFile {
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        // Tokens that cannot be read are as good as none: signing in again makes new ones.
        match home.read(FILE) {
            Err(Error::FileDamaged { path, reason }) => {
                tracing::warn!(file = %path.display(), reason, "the session is not readable and was dropped");
                Ok(None)
            }
            read => read,
        }
    }

    pub(crate) fn remove(home: &Home) -> Result<(), Error> {
        home.remove(FILE)
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        home.write(FILE, self)
    }
}

impl Drop for SessionFile {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.renewal_token.zeroize();
    }
}
