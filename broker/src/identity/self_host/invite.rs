//! Invites: signed, expiring, good for a number of devices.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, StateKey};
use time::{Duration, OffsetDateTime};
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::broker::Broker;
use crate::problem::Problem;
use crate::session::{SigningKeys, TokenType, Tokens};

/// Most device slots of one invite.
pub const MAX_INVITE_DEVICES: u32 = 100;
const MAX_NAME_BYTES: usize = 128;
const MAX_LIFE: Duration = Duration::days(366);

/// What an invite is to say.
#[derive(Debug, Clone)]
pub struct InviteRequest {
    /// The user's name with the operator: invites of one name open one account.
    pub user: String,
    /// Device slots, 1 to [`MAX_INVITE_DEVICES`].
    pub devices: u32,
    /// How long new devices may come.
    pub lives: Duration,
}

/// An invite as it is handed to a person.
#[derive(Clone)]
pub struct Invite {
    /// The token, a secret: whoever has it can open an account in the user's name.
    pub token: String,
    /// The token and the broker's address in one link, for apps and QR codes.
    pub link: String,
    /// After this no new device can use it.
    pub expires_at: OffsetDateTime,
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why an invite cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The name is empty, too long or not printable.
    #[error("the user name must have 1 to {MAX_NAME_BYTES} bytes and no control characters")]
    Name,
    /// No or too many devices.
    #[error("an invite is for 1 to {MAX_INVITE_DEVICES} devices")]
    Devices,
    /// It would end at once or live too long.
    #[error("an invite lives between a minute and {} days", MAX_LIFE.whole_days())]
    Life,
    /// The key did not sign.
    #[error("the invite could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// Claims of an invite's token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct InviteClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: Uuid,
    devices: u32,
    iat: i64,
    exp: i64,
}

/// The invite by which an identity came, as it travels on in tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InviteClaim {
    pub(crate) id: Uuid,
    pub(crate) devices: u32,
    /// Seconds since 1970 from which no new device comes in.
    pub(crate) exp: i64,
}

/// An invite whose signature holds.
pub(super) struct VerifiedInvite {
    pub(super) user_name: String,
    pub(super) claim: InviteClaim,
}

/// Signs an invite to the broker that clients reach under `public_url`.
///
/// # Errors
/// [`InviteError`] if the request is out of bounds.
pub fn issue_invite(
    keys: &SigningKeys,
    public_url: &str,
    request: &InviteRequest,
    now: OffsetDateTime,
) -> Result<Invite, InviteError> {
    let name_fits = (1..=MAX_NAME_BYTES).contains(&request.user.len()) && !request.user.chars().any(char::is_control);
    if !name_fits || request.user.trim() != request.user {
        return Err(InviteError::Name);
    }
    if !(1..=MAX_INVITE_DEVICES).contains(&request.devices) {
        return Err(InviteError::Devices);
    }
    if !(Duration::minutes(1)..=MAX_LIFE).contains(&request.lives) {
        return Err(InviteError::Life);
    }
    let iat = now.unix_timestamp();
    let exp = iat + request.lives.whole_seconds();
    let claims = InviteClaims {
        iss: public_url.to_owned(),
        aud: public_url.to_owned(),
        sub: request.user.clone(),
        jti: Uuid::new_v4(),
        devices: request.devices,
        iat,
        exp,
    };
    let token = Tokens::new(keys.clone(), public_url).sign(TokenType::Invite, &claims, now)?;
    let broker: String = byte_serialize(public_url.as_bytes()).collect();
    let link = format!("tidegate://enrol?broker={broker}&invite={token}");
    Ok(Invite { token, link, expires_at: OffsetDateTime::from_unix_timestamp(exp).map_err(|_| InviteError::Life)? })
}

/// Checks an invite's signature. Expiry is left to the slots: it bars new devices only.
pub(super) fn verify(tokens: &Tokens, token: &str, now: OffsetDateTime) -> Result<VerifiedInvite, Problem> {
    let claims: InviteClaims = tokens
        .verify(TokenType::Invite, token, now)
        .map_err(|fault| Problem::new(ProblemCode::InviteInvalid, format!("the invite is refused: {fault}")))?;
    let claim = InviteClaim { id: claims.jti, devices: claims.devices, exp: claims.exp };
    Ok(VerifiedInvite { user_name: claims.sub, claim })
}

/// Refuses what came by an invite that was revoked since: asked at every mint.
pub(crate) async fn refuse_revoked(broker: &Broker, invite: &InviteClaim) -> Result<(), Problem> {
    let key = ObjectKey::State(StateKey::InviteRevoked { invite: invite.id });
    if broker.store.head(&key).await?.is_some() {
        return Err(Problem::new(ProblemCode::InviteRevoked, "the invite was revoked; ask for a new one"));
    }
    Ok(())
}
