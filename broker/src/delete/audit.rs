//! The trace of a deletion: who asked for what to go.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::day_of;

const FORMAT: &str = "tidegate/audit-delete/v1";

/// `_tidegate/audit/{user}/{day}/{id}.json`: written before the deletion, so that nothing goes without a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) at: OffsetDateTime,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) deleted: Vec<String>,
}

impl AuditDocument {
    pub(crate) fn new(user: UserId, device: DeviceId, deleted: Vec<String>, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), at: now, user, device, deleted }
    }

    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::State(StateKey::Audit { user: self.user, day: day_of(self.at), id: Uuid::new_v4() })
    }
}
