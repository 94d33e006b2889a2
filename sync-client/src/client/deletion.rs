//! Deleting the account, in two steps.

use tidegate_protocol::deletion::DeletionProgress;
use tidegate_protocol::problem::ProblemCode;
use time::OffsetDateTime;

use super::SyncClient;
use crate::enrol::Reach;
use crate::error::Error;
use crate::home::DeletionFile;
use crate::session::AccountClaim;
use crate::transport::retry::repeat;

/// What became of a confirmed deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountDeletion {
    /// It is under way; what is gone, and what remains until when.
    Begun(DeletionProgress),
    /// It had begun already: an earlier reply was lost, or another device was first.
    HadBegun,
}

impl SyncClient {
    /// The first step of deleting the account: changes nothing, and says until when [`SyncClient::delete_account`] may follow.
    ///
    /// # Errors
    /// `broker-missing` for an account straight on a store; else as [`SyncClient::sync`].
    pub async fn ask_account_deletion(&self) -> Result<OffsetDateTime, Error> {
        let _guard = self.device.lock_home().await?;
        let Reach::Broker(session, transport) = self.device.reach()? else { return Err(Error::BrokerMissing) };
        let keys = &self.device.keys;
        let account = keys.master.account_keys();
        let claim = AccountClaim { user: keys.user, genesis: &keys.genesis, keys: &account };
        let asked = repeat(transport.retry(), || session.ask_deletion(claim)).await?;
        let file = DeletionFile { confirmation: asked.confirmation, confirm_by: asked.confirm_by };
        file.save(&self.device.home)?;
        Ok(asked.confirm_by)
    }

    /// The second step: the broker deletes everything that the account has, and ends the sessions of all its devices. There is no way
    /// back. What the devices hold themselves stays on them.
    ///
    /// # Errors
    /// `deletion-not-asked` without a first step, or too long after it; `broker-missing`; else as [`SyncClient::sync`]. It can be
    /// repeated.
    pub async fn delete_account(&self) -> Result<AccountDeletion, Error> {
        let _guard = self.device.lock_home().await?;
        let Reach::Broker(session, transport) = self.device.reach()? else { return Err(Error::BrokerMissing) };
        let asked = DeletionFile::load(&self.device.home)?.ok_or(Error::DeletionNotAsked)?;
        let keys = &self.device.keys;
        let account = keys.master.account_keys();
        let claim = AccountClaim { user: keys.user, genesis: &keys.genesis, keys: &account };
        let outcome = match repeat(transport.retry(), || session.confirm_deletion(claim, &asked.confirmation)).await {
            Ok(progress) => AccountDeletion::Begun(progress),
            Err(Error::Problem { code: ProblemCode::AccountDeleted, .. }) => AccountDeletion::HadBegun,
            Err(Error::Problem { code: ProblemCode::ConfirmationInvalid, .. }) => {
                DeletionFile::remove(&self.device.home)?;
                return Err(Error::DeletionNotAsked);
            }
            Err(error) => return Err(error),
        };
        DeletionFile::remove(&self.device.home)?;
        Ok(outcome)
    }
}
