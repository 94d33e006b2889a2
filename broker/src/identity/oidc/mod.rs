//! Logins with OpenID providers as a way into an account.

mod claim;
mod fetch;
mod issuer;
mod published;
mod refusal;
mod revoked;
mod session;
mod token_use;

pub(crate) use claim::OidcClaim;
pub(crate) use issuer::Issuers;
#[cfg(test)]
pub(crate) use revoked::IdentityRevokedDocument;
pub(crate) use revoked::revoke_login;
pub(crate) use session::{__path_auth_login, __path_oidc_session, auth_login, oidc_session};
#[cfg(test)]
pub(crate) use token_use::TokenUseDocument;

use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::problem::Problem;

/// Refuses a login that opens no session any more; says when it will end. What was configured may have become narrower since.
pub(super) async fn refuse_ended(broker: &Broker, lnk: Sha256, claim: &OidcClaim) -> Result<OffsetDateTime, Problem> {
    let issuer = broker.issuers.of(&claim.iss).ok_or_else(refusal::not_offered)?;
    issuer.refuse_unlisted(lnk, claim)?;
    let key = ObjectKey::State(StateKey::IdentityRevoked { identity: lnk });
    if broker.store.head(&key).await?.is_some() {
        return Err(refusal::revoked());
    }
    let until = issuer.session_ends_at(claim)?;
    if broker.clock.now() >= until {
        return Err(Problem::new(ProblemCode::LoginExpired, "the login is too long ago; log in again"));
    }
    Ok(until)
}
