//! Bodies in the database are sealed under the local-store key, each bound to its row.

use tidegate_protocol::{ContentHmac, DeviceId, Space};
use tidegate_sync_core::envelope::{ObjectContext, ObjectName, open_with_key, seal};
use tidegate_sync_core::keys::SpaceKey;
use tidegate_sync_core::manifest::Cid;

use crate::home::Keys;

/// The local-store key and the account that it belongs to.
#[derive(Debug)]
pub(super) struct Sealing {
    key: SpaceKey,
    account: Space,
}

pub(super) fn content_row(space: Space, hmac: ContentHmac) -> String {
    format!("contents/{space}/{hmac}")
}

pub(super) fn change_row(space: Space, cid: Cid) -> String {
    format!("changes/{space}/{cid}")
}

pub(super) fn device_row(device: DeviceId) -> String {
    format!("devices/{device}")
}

pub(super) fn private_row(name: &str) -> String {
    format!("private/{name}")
}

impl Sealing {
    pub(super) fn new(keys: &Keys) -> Self {
        Self { key: keys.store.clone(), account: Space::Account(keys.user) }
    }

    /// Seals the body of this row.
    pub(super) fn seal(&self, row: &str, body: &[u8]) -> rusqlite::Result<Vec<u8>> {
        seal(&self.key, &self.context(row), body, &mut crate::random::system())
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }

    /// Opens the body of this row.
    pub(super) fn open(&self, row: &str, sealed: &[u8]) -> Result<Vec<u8>, String> {
        open_with_key(&self.key, &self.context(row), sealed).map_err(|error| format!("a body does not open ({})", error.code()))
    }

    fn context(&self, row: &str) -> ObjectContext {
        ObjectContext { space: self.account, name: ObjectName::Local { row: row.to_owned() } }
    }
}
