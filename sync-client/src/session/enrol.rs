//! From an invite or a subscription to a session, with and without the account's key.

use tidegate_protocol::UserId;
use tidegate_protocol::account::{ProofPurpose, device_id};
use tidegate_protocol::capability::Capabilities;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{AccountProof, LinkRequest, SessionReply};
use tidegate_protocol::wire::Base64Url;
use tidegate_sync_core::keys::AccountKeys;

use super::Session;
use super::call::Token;
use super::ticket::Ticket;
use crate::error::Error;
use crate::transport::RequestKind;
use crate::transport::retry::{RetryPolicy, repeat};

/// The account that a device claims to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountClaim<'a> {
    pub(crate) user: UserId,
    pub(crate) genesis: &'a [u8],
    pub(crate) keys: &'a AccountKeys,
}

impl Session {
    /// Checks that the broker is the one that was meant, before anything is told to it.
    pub(crate) async fn check_broker(&self, retry: &RetryPolicy) -> Result<(), Error> {
        repeat(retry, || self.capabilities()).await.map(drop)
    }

    /// The same, and what the broker says of itself.
    pub(crate) async fn checked_capabilities(&self, retry: &RetryPolicy) -> Result<Capabilities, Error> {
        repeat(retry, || self.capabilities()).await
    }

    /// Opens a session without the account's key: scope `bootstrap`, for the account that whoever has the ticket has.
    pub(crate) async fn begin(&self, ticket: &Ticket, retry: &RetryPolicy) -> Result<UserId, Error> {
        let body = ticket.body(None);
        let reply: SessionReply =
            repeat(retry, || self.post(RequestKind::Renew, ticket.path(), Token::None, |_| body.clone())).await?;
        match reply.scope {
            AccountScope::Bootstrap => {}
            AccountScope::Create | AccountScope::Full => return Err(self.malformed("a scope that was not proven")),
        }
        self.check_device(&reply, reply.user_id)?;
        self.adopt(&reply)?;
        Ok(reply.user_id)
    }

    /// Opens a session with the account's key: scope `create` for an identity without an account, else `full`.
    pub(crate) async fn prove(
        &self,
        ticket: &Ticket,
        claim: AccountClaim<'_>,
        retry: &RetryPolicy,
    ) -> Result<AccountScope, Error> {
        let body = |nonce: Option<&str>| ticket.body(nonce.map(|nonce| self.account_proof(ProofPurpose::Session, claim, nonce)));
        let reply: SessionReply = repeat(retry, || self.post(RequestKind::Renew, ticket.path(), Token::None, body)).await?;
        match reply.scope {
            AccountScope::Create | AccountScope::Full => {}
            AccountScope::Bootstrap => return Err(self.malformed("scope bootstrap for a proven account")),
        }
        self.check_device(&reply, claim.user)?;
        self.adopt(&reply)?;
        Ok(reply.scope)
    }

    /// Ties whoever has the ticket to the account whose first objects are stored.
    pub(crate) async fn link(&self, user: UserId, retry: &RetryPolicy) -> Result<(), Error> {
        let reply: SessionReply =
            repeat(retry, || self.call_with_token(RequestKind::Renew, "/v1/account/link", &LinkRequest {})).await?;
        if reply.scope != AccountScope::Full {
            return Err(self.malformed("a linked account without scope full"));
        }
        self.check_device(&reply, user)?;
        self.adopt(&reply)
    }

    pub(super) fn account_proof(&self, purpose: ProofPurpose, claim: AccountClaim<'_>, nonce: &str) -> AccountProof {
        let signature = claim.keys.prove(purpose, &self.url, claim.user, &self.dpop.thumbprint(), nonce);
        AccountProof { genesis: Base64Url(claim.genesis.to_vec()), purpose, signature: Base64Url(signature.to_vec()) }
    }

    /// The ids follow from the keys: a broker that names others is mistaken or lies.
    pub(super) fn check_device(&self, reply: &SessionReply, user: UserId) -> Result<(), Error> {
        if reply.user_id != user || reply.device_id != device_id(user, &self.dpop.thumbprint()) {
            return Err(self.malformed("a session for another account or device"));
        }
        Ok(())
    }
}
