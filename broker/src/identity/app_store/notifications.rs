//! `POST /v1/app-store/notifications`: what the App Store tells about subscriptions (App Store Server Notifications V2).
//!
//! Apple repeats a notification until it is answered with 200, so that is said only once everything stands in the store: first the
//! entitlement, which the same words never change twice, then the marker by `notificationUUID`. Whatever happens in between, the
//! repetition finds the one done and does the other.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tidegate_app_store::{Environment, Event, NotificationType, Subtype, VerifiedNotification};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::entitlement_store::{fold, subscription_name};
use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::store::{create_once, read};

/// The `format` of a marker.
const FORMAT: &str = "tidegate/notification/v1";

/// What Apple sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationRequest {
    /// A JWS, with more of them inside.
    signed_payload: String,
}

/// What is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationReply {
    /// 1, or 0 if the notification was known.
    processed_events: u32,
}

/// `_tidegate/notifications/{id}.json`: a notification was heard and counts. Nothing is decided by it but the answer to a repetition
/// and what a recovery still has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotificationDocument {
    format: String,
    kind: NotificationType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtype: Option<Subtype>,
    environment: Environment,
    /// The entitlement that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscription: Option<Sha256>,
    #[serde(with = "timestamp")]
    heard_at: OffsetDateTime,
    /// Random: of two deliveries at the same instant only one finds its own marker.
    delivery: Uuid,
}

impl NotificationDocument {
    pub(crate) fn new(
        (kind, subtype): (NotificationType, Option<Subtype>),
        environment: Environment,
        subscription: Option<Sha256>,
        (heard_at, delivery): (OffsetDateTime, Uuid),
    ) -> Self {
        Self { format: FORMAT.to_owned(), kind, subtype, environment, subscription, heard_at, delivery }
    }

    fn of(notification: &VerifiedNotification, subscription: Option<Sha256>, now: OffsetDateTime) -> Self {
        let what = (notification.notification_type.clone(), notification.subtype.clone());
        Self::new(what, notification.environment().clone(), subscription, (now, Uuid::new_v4()))
    }

    /// Whether the other tells of the same, whenever it was heard.
    fn is_same(&self, other: &Self) -> bool {
        let Self { format: _, kind, subtype, environment, subscription, heard_at: _, delivery: _ } = self;
        (kind, subtype, environment, subscription) == (&other.kind, &other.subtype, &other.environment, &other.subscription)
    }
}

/// Whether a notification was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    New,
    Known,
}

/// Takes one notification in; answers once it counts on every replica.
#[utoipa::path(
    post,
    path = "/v1/app-store/notifications",
    tag = "app-store",
    request_body = NotificationRequest,
    responses(
        (status = 200, description = "It counts", body = NotificationReply),
        (status = "4XX", description = "Not Apple's, or of another app", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "Not stored yet: send it again", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn notifications(
    State(broker): State<Broker>,
    Json(request): Json<NotificationRequest>,
) -> Result<Json<NotificationReply>, Problem> {
    let heard = hear(&broker, &request.signed_payload).await?;
    Ok(Json(NotificationReply { processed_events: u32::from(heard == Heard::New) }))
}

/// Verifies a notification and everything in it, counts it, and notes that it counts.
pub(crate) async fn hear(broker: &Broker, signed_payload: &str) -> Result<Heard, Problem> {
    let Some(app_store) = &broker.app_store else {
        return Err(Problem::new(ProblemCode::NotFound, "this broker serves no App Store subscriptions"));
    };
    let now = broker.clock.now();
    let (notification, transaction, renewal) = app_store.verifier.notification(signed_payload, now).await?;
    // Renewal information names no app: it counts beside a transaction alone.
    let subscription = transaction.as_deref().map(|transaction| subscription_name(&broker.server_id_key, transaction));
    if let Some(subscription) = subscription {
        let event = Event::notified(&notification, transaction.as_deref(), renewal.as_deref());
        fold(broker, subscription, &[event]).await?;
    }
    mark(broker, &notification, NotificationDocument::of(&notification, subscription, now)).await
}

async fn mark(broker: &Broker, notification: &VerifiedNotification, document: NotificationDocument) -> Result<Heard, Problem> {
    let id = notification.notification_uuid;
    let key = ObjectKey::State(StateKey::Notification { id });
    if create_once(&broker.store, &key, &document).await? {
        tracing::info!(kind = %document.kind, environment = %document.environment, "a notification counts");
        return Ok(Heard::New);
    }
    // It was counted all the same: what Apple signed is true under any name.
    let first = read::<NotificationDocument>(&broker.store, &key).await?;
    if first.is_some_and(|first| !first.document.is_same(&document)) {
        tracing::warn!(notification = %id, kind = %document.kind, "two notifications have the same id");
    }
    Ok(Heard::Known)
}
