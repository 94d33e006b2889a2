//! Who is calling: the extractors that every authenticated handler takes.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use tidegate_protocol::Sha256;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::{AccountScope, Scopes};
use tidegate_protocol::session::{DPOP_HEADER, DPOP_SCHEME};
use time::OffsetDateTime;

use super::access::{IdentityClaims, VerifiedAccess};
use super::ended::session_ended;
use super::proof::{Expected, ProofFault, UnverifiedProof, VerifiedProof};
use super::replay::Replay;
use super::revocation::IssuedToken;
use super::token::TokenFault;
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::budget::Payer;
use crate::identity::SubscriptionClaim;
use crate::identity::account_proof::Prover;
use crate::layers::BodyHash;
use crate::limits::Visitor;
use crate::limits::gate::rate_limited;
use crate::problem::Problem;

/// A caller whose request is proven to be by a device key, and nothing else: for the calls that open sessions.
pub(crate) struct ProvenKey {
    /// RFC 7638 thumbprint of the key.
    pub(crate) thumbprint: Sha256,
    /// The nonce of the proof, which an account proof must repeat.
    pub(crate) nonce: String,
    token_hash: Option<String>,
}

/// A caller with an access token for its device key.
pub(crate) struct Caller {
    /// RFC 7638 thumbprint of the key.
    pub(crate) thumbprint: Sha256,
    /// The nonce of the proof, which an account proof must repeat.
    nonce: String,
    access: Arc<VerifiedAccess>,
}

impl ProvenKey {
    /// What an account proof must repeat.
    pub(crate) fn prover(&self) -> Prover<'_> {
        Prover { thumbprint: &self.thumbprint, nonce: &self.nonce }
    }

    /// Whether the proof names this token in `ath`.
    pub(crate) fn names_token(&self, token: &str) -> bool {
        self.token_hash.as_deref() == Some(super::proof::base64url(&Sha256::of(token.as_bytes())).as_str())
    }
}

impl Caller {
    /// What an account proof must repeat.
    pub(crate) fn prover(&self) -> Prover<'_> {
        Prover { thumbprint: &self.thumbprint, nonce: &self.nonce }
    }

    /// Of the account's keys under which the session was opened.
    pub(crate) fn generation(&self) -> u32 {
        self.access.generation
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        &self.access.scopes
    }

    /// Puts on record what was done for it.
    pub(crate) fn note(&self, broker: &Broker, action: Action, now: OffsetDateTime) {
        let Scopes { user, device, .. } = self.access.scopes;
        broker.audit.note(Event { at: now, user, device, action });
    }

    /// When its access token was issued, in seconds since 1970.
    pub(super) fn issued_at(&self) -> i64 {
        self.access.issued_at
    }

    /// When its access token ends.
    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        self.access.expires_at
    }

    /// On whose day its bytes and deletions are counted.
    pub(crate) fn payer(&self) -> Payer {
        match self.unlinked_identity() {
            Some(identity) => Payer::Identity(identity.lnk),
            None => Payer::Account(self.access.scopes.user),
        }
    }

    /// Takes bytes that are to be uploaded off the caller's day; `false`, and nothing taken, if fewer are left.
    pub(crate) fn take_bytes(&self, broker: &Broker, bytes: u64, now: OffsetDateTime) -> bool {
        let is_paid = self.subscription().is_none_or(SubscriptionClaim::is_real);
        let budget = if is_paid { &broker.signed_bytes } else { &broker.sandbox_bytes };
        budget.take(self.payer(), bytes, now)
    }

    /// The identity that an account may be linked to: with scope `create` alone.
    pub(crate) fn unlinked_identity(&self) -> Option<&IdentityClaims> {
        self.access.identity.as_ref().filter(|_| self.access.scopes.account == AccountScope::Create)
    }

    /// The identity of a device that has not proven the key of the account to which it leads: with scope `bootstrap` alone.
    pub(crate) fn keyless_identity(&self) -> Option<&IdentityClaims> {
        self.access.identity.as_ref().filter(|_| self.access.scopes.account == AccountScope::Bootstrap)
    }

    /// The subscription that opens the session, if it is one.
    pub(crate) fn subscription(&self) -> Option<&SubscriptionClaim> {
        self.access.identity.as_ref().and_then(IdentityClaims::subscription)
    }

    /// Counts the call on its user. Only now: before the proof holds anybody could use up a user's calls with a stolen token.
    fn limit_rate(&self, parts: &Parts, broker: &Broker) -> Result<(), Problem> {
        let Some(visitor) = parts.extensions.get::<Arc<Visitor>>() else { return Ok(()) };
        visitor.count_on_user();
        match broker.rates.admit_user(self.payer(), visitor.class) {
            Ok(standing) => {
                visitor.note(standing);
                Ok(())
            }
            Err(standing) => {
                broker.metrics.rate_limited(standing.name);
                visitor.note(Some(standing));
                Err(rate_limited())
            }
        }
    }

    pub(crate) fn require_full(&self) -> Result<(), Problem> {
        match self.access.scopes.account {
            AccountScope::Full => Ok(()),
            AccountScope::Create | AccountScope::Bootstrap => {
                Err(Problem::new(ProblemCode::ScopeInsufficient, "this needs a session with the account's key proven"))
            }
        }
    }
}

impl FromRequestParts<Broker> for ProvenKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, broker: &Broker) -> Result<Self, Problem> {
        let now = broker.clock.now();
        let proof = fresh_proof(parts, broker, now)?;
        let VerifiedProof { thumbprint, nonce, token_hash, .. } = verify(proof, parts, broker, None, now)?;
        Ok(Self { thumbprint, nonce, token_hash })
    }
}

impl FromRequestParts<Broker> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, broker: &Broker) -> Result<Self, Problem> {
        let now = broker.clock.now();
        let proof = fresh_proof(parts, broker, now)?;
        let token = bearer(&parts.headers)?;
        let hash = Sha256::of(token.as_bytes());
        let (access, was_known) = broker.access.verify(&broker.tokens, token, &hash, now).map_err(invalid_token)?;
        broker.metrics.cache("access-tokens", was_known);
        if now >= access.expires_at {
            return Err(Problem::new(ProblemCode::TokenExpired, "the access token has ended; renew the session"));
        }
        let proof = verify(proof, parts, broker, Some((&hash, &access)), now)?;
        let Scopes { user, device, .. } = access.scopes;
        let token = IssuedToken { user, device, issued_at: access.issued_at };
        if broker.revocations.has_ended(token, &broker.store, now).await? {
            return Err(session_ended("the session has ended; renew it, or sign in again"));
        }
        let caller = Self { thumbprint: proof.thumbprint, nonce: proof.nonce, access };
        caller.limit_rate(parts, broker)?;
        Ok(caller)
    }
}

/// A caller that may have no device key, on a route that serves such callers too.
pub(crate) enum MaybeProvenKey {
    Proven(ProvenKey),
    /// The call carries no proof at all. One that carries a wrong proof is refused like anywhere.
    Missing,
}

impl FromRequestParts<Broker> for MaybeProvenKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, broker: &Broker) -> Result<Self, Problem> {
        if parts.headers.contains_key(DPOP_HEADER) {
            return ProvenKey::from_request_parts(parts, broker).await.map(Self::Proven);
        }
        Ok(Self::Missing)
    }
}

/// The proof of the request, once its nonce is known to be ours and young.
fn fresh_proof<'a>(parts: &'a Parts, broker: &Broker, now: OffsetDateTime) -> Result<UnverifiedProof<'a>, Problem> {
    let text = single(&parts.headers, &HeaderName::from_static(DPOP_HEADER))
        .map_err(|()| Problem::new(ProblemCode::ProofInvalid, "there is more than one DPoP header, or it is not text"))?
        .ok_or_else(|| Problem::new(ProblemCode::ProofMissing, "the call needs a DPoP proof"))?;
    let proof = UnverifiedProof::parse(text).map_err(invalid_proof)?;
    let is_fresh = proof.nonce().is_some_and(|nonce| broker.nonces.is_fresh(nonce, now));
    if !is_fresh {
        return Err(Problem::new(ProblemCode::UseDpopNonce, "make the proof again with the nonce of the DPoP-Nonce header"));
    }
    Ok(proof)
}

/// Checks the proof against the request and enters it among those used. Only then: else anyone could fill the set.
fn verify(
    proof: UnverifiedProof<'_>,
    parts: &Parts,
    broker: &Broker,
    token: Option<(&Sha256, &VerifiedAccess)>,
    now: OffsetDateTime,
) -> Result<VerifiedProof, Problem> {
    let BodyHash(body) = parts.extensions.get().copied().ok_or_else(Problem::internal_without_cause)?;
    let url = format!("{}{}", broker.public_url(), parts.uri.path());
    let expected = Expected { method: &parts.method, url: &url, body: &body, token: token.map(|(hash, _)| hash) };
    let proof = proof.verify(&expected).map_err(invalid_proof)?;
    if let Some((_, access)) = token
        && !access.confirmation.is_of(&proof.thumbprint)
    {
        return Err(Problem::new(ProblemCode::TokenInvalid, "the access token is bound to another key"));
    }
    match broker.replays.enter(&proof.thumbprint, &proof.jti, now) {
        Replay::Fresh => Ok(proof),
        Replay::Seen => Err(Problem::new(ProblemCode::ProofReplayed, "the DPoP proof was used before; make a new one")),
        Replay::Full => Err(Problem::new(ProblemCode::Overloaded, "the broker is at its limits; try again shortly")),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::new(ProblemCode::TokenMissing, "the call needs Authorization: DPoP {access token}");
    let value = single(headers, &AUTHORIZATION).map_err(|()| missing())?.ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case(DPOP_SCHEME) { Ok(token) } else { Err(missing()) }
}

/// The header's value; an error if it is there twice or not visible ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

fn invalid_proof(fault: ProofFault) -> Problem {
    Problem::new(ProblemCode::ProofInvalid, fault.to_string())
}

fn invalid_token(fault: TokenFault) -> Problem {
    Problem::new(ProblemCode::TokenInvalid, format!("the access token is refused: {fault}"))
}
