//! What is known of a deletion, and when its parts are due: pure.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, UserId};
use time::{Duration, OffsetDateTime};

use crate::broker::Broker;
use crate::presign::MAX_URL_SECONDS;
use crate::session::REVOCATION_SECONDS;

const FORMAT: &str = "tidegate/account-deletion/v1";
/// For clocks that differ, and for calls that are under way.
const SLACK: Duration = Duration::seconds(120);

/// `_tidegate/deletions/{user}.json`: written before anything is deleted, and the last to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeletionDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) requested_at: OffsetDateTime,
    /// The device that asked for it.
    pub(crate) device: DeviceId,
    /// All the account's devices: nothing else tells them once it is empty.
    pub(crate) devices: Vec<DeviceId>,
    /// When everything that there was had been deleted.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub(crate) swept_at: Option<OffsetDateTime>,
}

/// How long what can still bring an object lives on after the account's sessions were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remnants {
    /// The longest life of an access token.
    pub(super) access: Duration,
    /// The time between batches of audit events.
    pub(super) audit: Duration,
    /// The longest time that one request takes.
    pub(super) request: Duration,
}

impl Remnants {
    pub(super) fn of(broker: &Broker) -> Self {
        let seconds = |seconds: u64| Duration::seconds(i64::try_from(seconds).unwrap_or(i64::from(u32::MAX)));
        Self {
            access: Duration::seconds(i64::from(broker.lifetimes.access_seconds)),
            audit: seconds(broker.audit.flush_seconds()),
            request: seconds(broker.limits.request_seconds),
        }
    }
}

impl DeletionDocument {
    pub(crate) fn new(device: DeviceId, devices: Vec<DeviceId>, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), requested_at: now, device, devices, swept_at: None }
    }

    pub(super) const fn key(user: UserId) -> ObjectKey {
        ObjectKey::State(StateKey::AccountDeletion { user })
    }

    /// From then on no replica takes an access token of the account.
    pub(super) fn sessions_end_by(&self) -> OffsetDateTime {
        self.requested_at + Duration::seconds(i64::from(REVOCATION_SECONDS))
    }

    /// From then on no URL works that was signed for the account.
    pub(super) fn urls_end_by(&self) -> OffsetDateTime {
        self.sessions_end_by() + Duration::seconds(i64::from(MAX_URL_SECONDS))
    }

    /// From then on nothing of the account comes to the bucket any more: no URL works, no token lives, whose note of having ended
    /// would still be needed, and no replica holds an audit event.
    ///
    /// Counted from the first sweep where that is done: who asked for the deletion may have ended before the sessions did, and another
    /// replica may have opened one until it went on with it.
    pub(super) fn over_at(&self, remnants: Remnants) -> OffsetDateTime {
        let late = self.swept_at.map_or(Duration::ZERO, |swept_at| (swept_at - self.requested_at).max(Duration::ZERO));
        let sessions = self.sessions_end_by();
        let tokens = self.requested_at + remnants.access;
        self.urls_end_by().max(sessions + remnants.audit).max(tokens) + late + remnants.request + SLACK
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    #[test]
    fn it_is_over_once_urls_tokens_and_audit_events_are() {
        let document = DeletionDocument::new(DeviceId::new(Uuid::nil()), Vec::new(), NOW);
        let remnants = Remnants { access: Duration::minutes(15), audit: Duration::minutes(15), request: Duration::seconds(30) };
        assert_eq!(document.sessions_end_by(), NOW + Duration::seconds(60));
        assert_eq!(document.urls_end_by(), NOW + Duration::seconds(960));
        assert_eq!(document.over_at(remnants), NOW + Duration::seconds(960 + 150));
        let late = DeletionDocument { swept_at: Some(NOW + Duration::minutes(5)), ..document.clone() };
        assert_eq!(late.over_at(remnants), NOW + Duration::minutes(5) + Duration::seconds(960 + 150));
        let long_tokens = Remnants { access: Duration::hours(1), ..remnants };
        assert_eq!(document.over_at(long_tokens), NOW + Duration::seconds(3_600 + 150));
        let rare_batches = Remnants { audit: Duration::hours(2), ..remnants };
        assert_eq!(document.over_at(rare_batches), NOW + Duration::seconds(60 + 7_200 + 150));
    }
}
