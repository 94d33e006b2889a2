//! Putting new account keys in the place of others at the broker.

use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::rotation::RotateRequest;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::wire::Base64Url;

use super::Session;
use super::call::{Token, json};
use super::enrol::AccountClaim;
use crate::error::Error;
use crate::home::SessionFile;
use crate::transport::RequestKind;
use crate::transport::retry::{RetryPolicy, repeat};

impl Session {
    /// Lets the keys of this statement count; `claim` holds them. Every session of the account ends, and this device has a new one.
    /// Asked again with the same statement, by the session that has ended meanwhile, the broker answers alike.
    pub(crate) async fn replace_keys(&self, claim: AccountClaim<'_>, statement: &[u8], retry: &RetryPolicy) -> Result<(), Error> {
        let _one_at_a_time = self.renewing.lock().await;
        // Another process may have renewed: the token in the file is the newest.
        let tokens = SessionFile::load(&self.home)?.or_else(|| self.tokens()).ok_or(Error::SessionMissing)?;
        let renewal_token = tokens.renewal_token.clone().ok_or(Error::SessionMissing)?;
        let body = |nonce: Option<&str>| {
            json(&RotateRequest {
                renewal_token: renewal_token.clone(),
                statement: Base64Url(statement.to_vec()),
                account: self.account_proof(ProofPurpose::ReplaceKeys, claim, nonce.unwrap_or_default()),
            })
        };
        let ask = || self.post(RequestKind::Renew, "/v1/account/rotate", Token::Renewal(&renewal_token), body);
        let reply: SessionReply = repeat(retry, ask).await?;
        if reply.scope != AccountScope::Full {
            return Err(self.malformed("new keys without scope full"));
        }
        self.check_device(&reply, claim.user)?;
        self.adopt(&reply)
    }
}
