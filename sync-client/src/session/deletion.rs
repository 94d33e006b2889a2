//! Deleting the account at the broker, in two calls that both prove the account's key.

use reqwest::Method;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::deletion::{DeleteAccountReply, DeleteAccountRequest, DeletionConfirmation, DeletionProgress};

use super::Session;
use super::call::json;
use super::enrol::AccountClaim;
use crate::error::Error;
use crate::transport::RequestKind;

impl Session {
    /// The first call: changes nothing.
    pub(crate) async fn ask_deletion(&self, claim: AccountClaim<'_>) -> Result<DeletionConfirmation, Error> {
        match self.delete_account(claim, None).await? {
            DeleteAccountReply::ConfirmationNeeded(confirmation) => Ok(confirmation),
            DeleteAccountReply::Deleting(_) => Err(self.malformed("a deletion that nobody confirmed")),
        }
    }

    /// The second call.
    pub(crate) async fn confirm_deletion(&self, claim: AccountClaim<'_>, confirmation: &str) -> Result<DeletionProgress, Error> {
        match self.delete_account(claim, Some(confirmation)).await? {
            DeleteAccountReply::Deleting(progress) => Ok(progress),
            DeleteAccountReply::ConfirmationNeeded(_) => Err(self.malformed("another confirmation for one that was given")),
        }
    }

    async fn delete_account(&self, claim: AccountClaim<'_>, confirmation: Option<&str>) -> Result<DeleteAccountReply, Error> {
        let body = |nonce: Option<&str>| {
            // Without a nonce the broker looks at nothing but the DPoP proof, and gives one.
            let account = self.account_proof(ProofPurpose::DeleteAccount, claim, nonce.unwrap_or_default());
            json(&DeleteAccountRequest { account, confirmation: confirmation.map(str::to_owned) })
        };
        self.call_proving(&Method::DELETE, RequestKind::Renew, "/v1/account", body).await
    }
}
