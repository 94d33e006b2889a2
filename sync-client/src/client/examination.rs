//! What a doctor asks: is the other side who it should be, and are this account's objects there?

use tidegate_protocol::account::user_id_of_genesis_hash;
use tidegate_protocol::limits::max_stored_bytes;
use tidegate_protocol::{ListPrefix, ObjectKey, Sha256, Space};

use super::SyncClient;
use crate::enrol::Reach;
use crate::error::Error;
use crate::transport::{GetOptions, GetOutcome};

impl SyncClient {
    /// Asks the broker who it is; `false` where there is none.
    ///
    /// # Errors
    /// `broker-unreachable`, `broker-url-mismatch`, `broker-version` and their kin.
    pub async fn check_broker(&self) -> Result<bool, Error> {
        match self.device.reach()? {
            Reach::Broker(session, _) => session.check_broker(&self.device.options.retry).await.map(|()| true),
            Reach::Direct(_) => Ok(false),
        }
    }

    /// Reads the account's first object and lists its devices, by every step that a sync takes; `false` if this store has no such
    /// account.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn check_store(&self) -> Result<bool, Error> {
        let (user, transport) = (self.user_id(), self.device.transport()?);
        let key = ObjectKey::Genesis { user };
        let options = GetOptions { limit: max_stored_bytes(&key), ..GetOptions::default() };
        let is_there = match transport.get(&key, &options).await? {
            GetOutcome::Found(fetched) => user_id_of_genesis_hash(&Sha256::of(&fetched.body)) == user,
            GetOutcome::NotModified | GetOutcome::Missing => false,
        };
        transport.list(&ListPrefix::Devices(Space::Account(user)), None).await?;
        Ok(is_there)
    }
}
