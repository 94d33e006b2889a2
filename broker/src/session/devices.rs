//! `GET /v1/devices` and `DELETE /v1/devices/{device}`: the devices of the caller's own account.

use axum::extract::State;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Uri;
use tidegate_protocol::device::{DeviceEntry, DeviceStanding, DevicesReply, MAX_LISTED_DEVICES, SessionsEndedReply};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, TokenHolder, UserId};
use time::{Duration, OffsetDateTime};

use super::caller::Caller;
use super::ended::Standing;
use super::logout::sessions_ended;
use super::renewal::RenewalDocument;
use super::revocation::revoke_device;
use crate::audit::Action;
use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::store::{StoreError, ranked, read};

/// Calls to the store that one listing keeps under way.
const CALLS_AT_ONCE: usize = 8;
const DEVICES: &str = "/v1/devices/";

/// The devices that have signed in to the caller's account.
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "session",
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The devices, the one renewed last first", body = DevicesReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn devices(State(broker): State<Broker>, caller: Caller) -> Result<Json<DevicesReply>, Problem> {
    caller.require_full()?;
    let scopes = caller.scopes();
    let (user, asking) = (scopes.user, scopes.device);
    let any = ObjectKey::State(StateKey::Renewal { user, device: asking });
    let mut known: Vec<DeviceId> =
        ranked(&broker.store, &any).await?.iter().filter_map(|object| device_of(&object.key)).collect();
    known.reverse();
    let more = known.len() > MAX_LISTED_DEVICES;
    known.truncate(MAX_LISTED_DEVICES);
    let now = broker.clock.now();
    let entries = known.into_iter().map(|device| entry(&broker, user, device, asking, now));
    let devices: Vec<_> = stream::iter(entries).buffered(CALLS_AT_ONCE).try_collect().await?;
    Ok(Json(DevicesReply { devices: devices.into_iter().flatten().collect(), more }))
}

/// Revokes a device of the caller's account for good: it gets no session any more. Repeated it gives the same answer.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device}",
    tag = "session",
    params((
        "device" = String,
        Path,
        description = "The device's id",
        format = Uuid,
        pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    )),
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The device is revoked", body = SessionsEndedReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_device(
    State(broker): State<Broker>,
    uri: Uri,
    caller: Caller,
) -> Result<Json<SessionsEndedReply>, Problem> {
    caller.require_full()?;
    // The raw path: an id has one spelling, so whatever is percent-encoded is none.
    let device = uri.path().strip_prefix(DEVICES).unwrap_or_default();
    let device: DeviceId = device.parse().map_err(|_| Problem::new(ProblemCode::InvalidRequest, "this is not a device's id"))?;
    let user = caller.scopes().user;
    if !is_of_account(&broker, user, device).await? {
        return Err(Problem::new(ProblemCode::NotFound, "the account has no such device"));
    }
    let now = broker.clock.now();
    let document = revoke_device(&broker.store, device, now).await?;
    broker.revocations.enter(TokenHolder::Device(device), &document);
    caller.note(&broker, Action::DeviceRevoked { revoked: device }, now);
    Ok(Json(sessions_ended()))
}

/// A revocation names the device alone, and everybody who shares something with somebody reads the ids of their devices: whoever could
/// revoke by id would lock out strangers. Both objects are written for none but the account's own devices: the one by the broker when a
/// session begins, the other under a URL that is signed for the device itself.
async fn is_of_account(broker: &Broker, user: UserId, device: DeviceId) -> Result<bool, StoreError> {
    if broker.store.head(&ObjectKey::State(StateKey::Renewal { user, device })).await?.is_some() {
        return Ok(true);
    }
    broker.store.head(&ObjectKey::DeviceFile { user, device }).await.map(|head| head.is_some())
}

/// `None` if its document went since the list was made.
async fn entry(
    broker: &Broker,
    user: UserId,
    device: DeviceId,
    asking: DeviceId,
    now: OffsetDateTime,
) -> Result<Option<DeviceEntry>, Problem> {
    let key = ObjectKey::State(StateKey::Renewal { user, device });
    let Some(read) = read::<RenewalDocument>(&broker.store, &key).await? else { return Ok(None) };
    let RenewalDocument { issued_at, since, .. } = read.document;
    let standing = match Standing::read(broker, user, device).await {
        Ok(standing) if standing.refuse_ended(issued_at.unix_timestamp()).is_err() => DeviceStanding::Ended,
        Ok(_) if now - issued_at >= Duration::days(i64::from(broker.lifetimes.renewal_days)) => DeviceStanding::Expired,
        Ok(_) => DeviceStanding::Active,
        Err(problem) if problem.code == ProblemCode::DeviceRevoked => DeviceStanding::Revoked,
        Err(problem) => return Err(problem),
    };
    let since = since.unwrap_or(issued_at);
    Ok(Some(DeviceEntry { device_id: device, current: device == asking, since, last_renewed_at: issued_at, standing }))
}

fn device_of(key: &str) -> Option<DeviceId> {
    if let Ok(ObjectKey::State(StateKey::Renewal { device, .. })) = key.parse() { Some(device) } else { None }
}
