//! Minting: the one place where tokens are made.

use tidegate_protocol::account::device_id;
use tidegate_protocol::scope::{AccountScope, ScopeClaim};
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::subscription::ServiceMode;
use tidegate_protocol::{DeviceId, Sha256, UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::access::{AccessClaims, Confirmation, IdentityClaims, WayIn};
use super::ended::Standing;
use super::renewal::{self, Issue, RenewalClaims};
use super::token::TokenType;
use crate::account::{self, generation};
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::problem::Problem;

/// For whom and for which key tokens are made.
pub(crate) struct SessionGrant {
    pub(crate) user: UserId,
    pub(crate) thumbprint: Sha256,
    pub(crate) identity: IdentityClaims,
    /// Of the account's keys by which it was proven, or under which the session was opened that goes on.
    pub(crate) generation: u32,
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
            WayIn::Invite(_) | WayIn::Oidc(_) => ServiceMode::SelfHosted,
            WayIn::Subscription(_) => ServiceMode::Hosted,
        }
    }
}

/// A session for which the account's key is not proven or the account not linked: an access token alone.
pub(crate) async fn open_limited(broker: &Broker, grant: &SessionGrant, scope: AccountScope) -> Result<SessionReply, Problem> {
    let standing = Standing::read(broker, grant.user, grant.device()).await?;
    if scope == AccountScope::Create {
        account::refuse_gone(broker, grant.user).await?;
    }
    let now = broker.clock.now();
    let opened = reply(broker, grant, scope, None, &Moment::new(&standing, now))?;
    grant.note(broker, Action::SessionOpened { scope: ScopeClaim { account: scope, shares: Vec::new() }.to_string() }, now);
    Ok(opened)
}

/// A session with everything: an access and a renewal token.
pub(crate) async fn open_full(broker: &Broker, grant: &SessionGrant) -> Result<SessionReply, Problem> {
    let now = broker.clock.now();
    let moment = Moment::new(&Standing::read(broker, grant.user, grant.device()).await?, now);
    // After what has ended was read: keys that are replaced from here on end what is opened here, and those replaced before are seen.
    generation::refuse_replaced(broker, grant.user, grant.generation).await?;
    let issue = renewal::begin(broker, grant.user, grant.device(), moment.issued_at).await?;
    let opened = reply(broker, grant, AccountScope::Full, Some(issue), &moment)?;
    let scope = ScopeClaim { account: AccountScope::Full, shares: Vec::new() }.to_string();
    grant.note(broker, Action::SessionOpened { scope }, now);
    Ok(opened)
}

/// When tokens are made, and the date that they bear: later than the last ending of the device's sessions.
pub(super) struct Moment {
    now: OffsetDateTime,
    issued_at: OffsetDateTime,
}

impl Moment {
    pub(super) fn new(standing: &Standing, now: OffsetDateTime) -> Self {
        Self { now, issued_at: standing.issued_at(now) }
    }
}

pub(super) fn reply(
    broker: &Broker,
    grant: &SessionGrant,
    scope: AccountScope,
    renewal: Option<Issue>,
    moment: &Moment,
) -> Result<SessionReply, Problem> {
    let (access_token, access_expires_at) = access_token(broker, grant, scope, moment)?;
    let renewal = renewal.map(|issue| renewal_token(broker, grant, issue, moment.now)).transpose()?;
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
    moment: &Moment,
) -> Result<(String, OffsetDateTime), Problem> {
    let issuer = broker.tokens.issuer();
    let iat = moment.issued_at.unix_timestamp();
    let exp = grant.bounded(moment.now + Duration::seconds(i64::from(broker.lifetimes.access_seconds))).unix_timestamp();
    let is_told = account != AccountScope::Full || grant.identity.subscription().is_some();
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
        generation: grant.generation,
        identity: is_told.then(|| grant.identity.clone()),
    };
    Ok((broker.tokens.sign(TokenType::Access, &claims, moment.now).map_err(Problem::internal)?, seconds(exp)))
}

fn renewal_token(
    broker: &Broker,
    grant: &SessionGrant,
    issue: Issue,
    now: OffsetDateTime,
) -> Result<(String, OffsetDateTime), Problem> {
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
        generation: grant.generation,
        identity: grant.identity.clone(),
    };
    Ok((broker.tokens.sign(TokenType::Renewal, &claims, now).map_err(Problem::internal)?, seconds(exp)))
}

fn seconds(timestamp: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(timestamp).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use std::sync::Arc;

    use tidegate_protocol::problem::ProblemCode;
    use tidegate_protocol::{ObjectKey, StateKey};

    use super::*;
    use crate::account::StatementDocument;
    use crate::clock::SystemClock;
    use crate::dev::{DevOptions, start};
    use crate::identity::InviteClaim;

    #[tokio::test]
    async fn a_session_whose_proof_was_checked_before_the_keys_were_replaced_is_not_opened_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let server = start(DevOptions::new(folder.path())).await.unwrap();
        let broker = Broker::new(server.config(), Arc::new(SystemClock)).unwrap();
        let user = UserId::new(Uuid::from_u128(1));
        let grant = |generation| SessionGrant {
            user,
            thumbprint: Sha256::of(b"a key"),
            identity: IdentityClaims {
                lnk: Sha256::of(b"a name"),
                way: WayIn::Invite(InviteClaim { id: Uuid::nil(), devices: 1, exp: i64::MAX }),
            },
            generation,
            until: None,
        };
        open_full(&broker, &grant(0)).await.unwrap();
        let statement = ObjectKey::State(StateKey::AccountKeys { user, generation: 1 });
        broker.store.put_document(&statement, &StatementDocument::new(b"{}", broker.clock.now())).await.unwrap();
        assert_eq!(open_full(&broker, &grant(0)).await.unwrap_err().code, ProblemCode::AccountKeysReplaced);
        open_full(&broker, &grant(1)).await.unwrap();
        server.shutdown().await;
    }
}
