//! Asking that whoever has a ticket be led to another account: the recovery code of theirs is lost.

use reqwest::Method;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::reset::{ResetReply, ResetRequest, ResetState};
use tidegate_protocol::scope::AccountScope;

use super::Session;
use super::call::json;
use super::enrol::AccountClaim;
use crate::error::Error;
use crate::transport::RequestKind;
use crate::transport::retry::{RetryPolicy, repeat};

impl Session {
    /// Asks, with a session of scope `bootstrap`, or asks how it stands; takes up the session of the new account.
    pub(crate) async fn reset(&self, claim: AccountClaim<'_>, retry: &RetryPolicy) -> Result<ResetReply, Error> {
        let body = |nonce: Option<&str>| {
            let account = self.account_proof(ProofPurpose::ResetAccount, claim, nonce.unwrap_or_default());
            json(&ResetRequest { account })
        };
        let ask = || self.call_proving(&Method::POST, RequestKind::Renew, "/v1/account/reset", body);
        let reply: ResetReply = repeat(retry, ask).await?;
        let expected = match reply.state {
            ResetState::Pending => AccountScope::Create,
            ResetState::Moved => AccountScope::Full,
        };
        if reply.to != claim.user || reply.session.scope != expected {
            return Err(self.malformed("a reset to another account, or a session of another scope"));
        }
        self.check_device(&reply.session, claim.user)?;
        self.adopt(&reply.session)?;
        Ok(reply)
    }
}
