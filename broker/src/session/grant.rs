//! Minting: the one place where tokens are made.

use tidegate_protocol::account::device_id;
use tidegate_protocol::scope::{AccountScope, ScopeClaim};
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::subscription::ServiceMode;
use tidegate_protocol::{DeviceId, Sha256, UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::access::{AccessClaims, Confirmation, IdentityClaims, WayIn};
use super::renewal::{self, Issue, RenewalClaims};
use super::revocation::is_device_revoked;
use super::token::TokenType;
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::problem::Problem;
use tidegate_protocol::problem::ProblemCode;

/// For whom and for which key tokens are made.
pub(crate) struct SessionGrant {
    pub(crate) user: UserId,
    pub(crate) thumbprint: Sha256,
    pub(crate) identity: IdentityClaims,
    /// When what opens the session ends: no token outlives it. `None` for invites, which open sessions until they are revoked.
    pub(crate) until: Option<OffsetDateTime>,
}

impl SessionGrant {
    pub(super) fn device(&self) -> DeviceId {
        device_id(self.user, &self.thumbprint)
    }

    /// Puts on record what was done for it.
    pub(super) fn note(&self, broker: &Broker, action: Action, now: OffsetDateTime) {
        broker.audit.note(Event { at: now, user: self.user, device: self.device(), action });
    }

    /// The end of a token that would live until `end`.
    pub(super) fn bounded(&self, end: OffsetDateTime) -> OffsetDateTime {
        self.until.map_or(end, |until| end.min(until))
    }

    /// When a renewal token of this birth ends.
    pub(super) fn renewal_ends_at(&self, broker: &Broker, issued_at: OffsetDateTime) -> OffsetDateTime {
        self.bounded(issued_at + Duration::days(i64::from(broker.lifetimes.renewal_days)))
    }

    const fn service_mode(&self) -> ServiceMode {
        match self.identity.way {
            WayIn::Invite(_) => ServiceMode::SelfHosted,
            WayIn::Subscription(_) => ServiceMode::Hosted,
        }
    }
}

/// A session for which the account's key is not proven or the account not linked: an access token alone.
pub(crate) async fn open_limited(broker: &Broker, grant: &SessionGrant, scope: AccountScope) -> Result<SessionReply, Problem> {
    refuse_revoked(broker, grant.device()).await?;
    let now = broker.clock.now();
    let opened = reply(broker, grant, scope, None, now)?;
    grant.note(broker, Action::SessionOpened { scope: ScopeClaim { account: scope, shares: Vec::new() }.to_string() }, now);
    Ok(opened)
}

/// A session with everything: an access and a renewal token.
pub(crate) async fn open_full(broker: &Broker, grant: &SessionGrant) -> Result<SessionReply, Problem> {
    let now = broker.clock.now();
    refuse_revoked(broker, grant.device()).await?;
    let issue = renewal::begin(broker, grant.user, grant.device(), now).await?;
    let opened = reply(broker, grant, AccountScope::Full, Some(issue), now)?;
    let scope = ScopeClaim { account: AccountScope::Full, shares: Vec::new() }.to_string();
    grant.note(broker, Action::SessionOpened { scope }, now);
    Ok(opened)
}

pub(super) async fn refuse_revoked(broker: &Broker, device: DeviceId) -> Result<(), Problem> {
    if is_device_revoked(&broker.store, device).await? {
        return Err(Problem::new(ProblemCode::DeviceRevoked, "this device was revoked"));
    }
    Ok(())
}

pub(super) fn reply(
    broker: &Broker,
    grant: &SessionGrant,
    scope: AccountScope,
    renewal: Option<Issue>,
    now: OffsetDateTime,
) -> Result<SessionReply, Problem> {
    let (access_token, access_expires_at) = access_token(broker, grant, scope, now)?;
    let renewal = renewal.map(|issue| renewal_token(broker, grant, issue)).transpose()?;
    broker.metrics.token("access");
    if renewal.is_some() {
        broker.metrics.token("renewal");
    }
    let (renewal_token, renewal_expires_at) = renewal.unzip();
    Ok(SessionReply {
        user_id: grant.user,
        device_id: grant.device(),
        scope,
        access_token,
        access_expires_at,
        renewal_token,
        renewal_expires_at,
        expires_at: Some(access_expires_at),
        entitlement_active: Some(true),
        service_mode: Some(grant.service_mode()),
        capabilities: broker.capabilities_in_brief(),
    })
}

fn access_token(
    broker: &Broker,
    grant: &SessionGrant,
    account: AccountScope,
    now: OffsetDateTime,
) -> Result<(String, OffsetDateTime), Problem> {
    let issuer = broker.tokens.issuer();
    let iat = now.unix_timestamp();
    let exp = grant.bounded(now + Duration::seconds(i64::from(broker.lifetimes.access_seconds))).unix_timestamp();
    let is_told = account == AccountScope::Create || grant.identity.subscription().is_some();
    let claims = AccessClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: grant.user,
        did: grant.device(),
        scope: ScopeClaim { account, shares: Vec::new() }.to_string(),
        cnf: Confirmation::of(&grant.thumbprint),
        jti: Uuid::new_v4(),
        iat,
        exp,
        identity: is_told.then(|| grant.identity.clone()),
    };
    Ok((broker.tokens.sign(TokenType::Access, &claims).map_err(Problem::internal)?, seconds(exp)))
}

fn renewal_token(broker: &Broker, grant: &SessionGrant, issue: Issue) -> Result<(String, OffsetDateTime), Problem> {
    let issuer = broker.tokens.issuer();
    let iat = issue.issued_at.unix_timestamp();
    let exp = grant.renewal_ends_at(broker, issue.issued_at).unix_timestamp();
    let claims = RenewalClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: grant.user,
        did: grant.device(),
        cnf: Confirmation::of(&grant.thumbprint),
        jti: issue.jti,
        iat,
        exp,
        identity: grant.identity.clone(),
    };
    Ok((broker.tokens.sign(TokenType::Renewal, &claims).map_err(Problem::internal)?, seconds(exp)))
}

fn seconds(timestamp: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(timestamp).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
