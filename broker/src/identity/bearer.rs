//! PumpSync's contract: a token without a device key, for `GET /v1/status` and, where it is on, the relay. Off unless a setting
//! says otherwise.
//!
//! It says whether a subscription counts, or that a self-hosted broker asks for none, and opens nothing: whoever has the transaction,
//! or reaches the self-hosted broker, has one.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::subscription::{BearerSessionReply, ServiceMode};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::app_store::SubscriptionClaim;
use crate::broker::Broker;
use crate::problem::Problem;
use crate::session::TokenType;

#[derive(Debug, Serialize, Deserialize)]
struct StatusClaims {
    iss: String,
    aud: String,
    jti: Uuid,
    iat: i64,
    exp: i64,
    /// Absent where no subscription is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aps: Option<SubscriptionClaim>,
}

/// Mints the token for a subscription; it lives no longer than that.
pub(super) fn open(
    broker: &Broker,
    claim: &SubscriptionClaim,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<BearerSessionReply, Problem> {
    mint(broker, Some(claim.clone()), until.min(now + lives(broker)), now)
}

/// Mints the token of a broker that asks for no subscription.
pub(super) fn open_self_hosted(broker: &Broker, now: OffsetDateTime) -> Result<BearerSessionReply, Problem> {
    mint(broker, None, now + lives(broker), now)
}

fn lives(broker: &Broker) -> Duration {
    Duration::seconds(i64::from(broker.lifetimes.access_seconds))
}

fn mint(
    broker: &Broker,
    aps: Option<SubscriptionClaim>,
    ends: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<BearerSessionReply, Problem> {
    let exp = ends.unix_timestamp();
    let issuer = broker.tokens.issuer();
    let service_mode = if aps.is_some() { ServiceMode::Hosted } else { ServiceMode::SelfHosted };
    let claims =
        StatusClaims { iss: issuer.to_owned(), aud: issuer.to_owned(), jti: Uuid::new_v4(), iat: now.unix_timestamp(), exp, aps };
    broker.metrics.token("status");
    Ok(BearerSessionReply {
        access_token: broker.tokens.sign(TokenType::Status, &claims, now).map_err(Problem::internal)?,
        expires_at: OffsetDateTime::from_unix_timestamp(exp).map_err(Problem::internal)?,
        entitlement_active: true,
        service_mode,
    })
}

/// The subscription that a status token speaks of, if it speaks of one.
pub(super) fn verify(broker: &Broker, token: &str) -> Result<Option<SubscriptionClaim>, Problem> {
    if !broker.serves_pumpsync() {
        return Err(not_offered());
    }
    let claims: StatusClaims = broker
        .tokens
        .verify(TokenType::Status, token, broker.clock.now())
        .map_err(|fault| Problem::new(ProblemCode::TokenInvalid, format!("the status token is refused: {fault}")))?;
    if broker.clock.now().unix_timestamp() >= claims.exp {
        return Err(Problem::new(ProblemCode::TokenExpired, "the status token has ended; open a new session"));
    }
    let is_served = match &claims.aps {
        Some(_) => broker.serves_pumpsync_subscribers(),
        None => broker.self_host_pumpsync,
    };
    if is_served { Ok(claims.aps) } else { Err(not_offered()) }
}

fn not_offered() -> Problem {
    Problem::new(ProblemCode::IdentityNotOffered, "this broker gives no tokens to callers without a device key")
}
