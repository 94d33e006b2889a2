//! What a sync tells: progress, events, the report, the status.

use std::time::Duration;

use tidegate_protocol::{ChainId, ContentHmac, DeviceId, MemberId, RecordId, UserId};
use time::OffsetDateTime;

use crate::error::Error;
use crate::record::ChangeId;
use crate::remote::Remote;

/// HTTP requests by kind, repeats included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Objects read; a 304 counts.
    pub get: u64,
    /// Objects written.
    pub put: u64,
    /// Objects asked about.
    pub head: u64,
    /// Pages of listings.
    pub list: u64,
    /// Deletes.
    pub delete: u64,
    /// Calls for presigned URLs.
    pub presign: u64,
    /// Calls about the session.
    pub renew: u64,
}

impl Requests {
    /// Requests to the store itself: neither presign nor renew.
    #[must_use]
    pub const fn to_store(&self) -> u64 {
        self.get + self.put + self.head + self.list + self.delete
    }
}

/// What went over the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests by kind.
    pub requests: Requests,
    /// Bytes of bodies sent.
    pub bytes_up: u64,
    /// Bytes of bodies received.
    pub bytes_down: u64,
}

impl Traffic {
    /// What was added since `before`.
    #[must_use]
    pub const fn since(&self, before: &Self) -> Self {
        let (now, then) = (&self.requests, &before.requests);
        Self {
            requests: Requests {
                get: now.get - then.get,
                put: now.put - then.put,
                head: now.head - then.head,
                list: now.list - then.list,
                delete: now.delete - then.delete,
                presign: now.presign - then.presign,
                renew: now.renew - then.renew,
            },
            bytes_up: self.bytes_up - before.bytes_up,
            bytes_down: self.bytes_down - before.bytes_down,
        }
    }
}

/// Something of another device that was not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The device that it claims to be from.
    pub device_id: Option<DeviceId>,
    /// What it is: `segment`, `checkpoint`, `sync-manifest`, `grant` or `content`.
    pub what: &'static str,
    /// Why not, by a stable code.
    pub reason: String,
    /// What to do about it; `docs/recovery.md` says more.
    pub help: &'static str,
}

/// Something that has happened to a device or to the store, of which a person should know. Nothing is wrong with the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// What, by a stable code.
    pub code: &'static str,
    /// The family member in whose records it was noticed; `None` for the account's own list.
    pub member_id: Option<MemberId>,
    /// When it was last noticed.
    pub noticed_at: OffsetDateTime,
    /// What to do about it; `docs/recovery.md` says more.
    pub help: &'static str,
}

/// How a running sync stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Effects that the engine has asked for so far.
    pub started: u64,
    /// Effects that are done.
    pub done: u64,
    /// Bytes of bodies sent so far in this sync.
    pub bytes_up: u64,
    /// Bytes of bodies received so far in this sync.
    pub bytes_down: u64,
    /// Stored bytes of the attachments that this sync sends, as far as it has begun with them.
    pub bytes_to_send: u64,
}

/// Deletes so many that they wait for a person's word. Of this family member nothing is sent until
/// [`crate::SyncOptions::allow_mass_delete`] is given, or the records are put back; everything else is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MassDelete {
    /// The family member; `None` for the account's own space.
    pub member_id: Option<MemberId>,
    /// Records that would be deleted on all devices.
    pub deletes: u64,
    /// Records that there are on all devices.
    pub records: u64,
}

impl From<MassDelete> for Error {
    fn from(held: MassDelete) -> Self {
        Self::MassDelete { deletes: held.deletes, records: held.records }
    }
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncReport {
    /// Changes of other devices taken in.
    pub pulled: u64,
    /// Changes of this device sent.
    pub pushed: u64,
    /// Records with concurrent versions, now.
    pub conflicts: u64,
    /// What was not believed in this sync.
    pub quarantined: Vec<Quarantined>,
    /// Segments that cannot be found, now.
    pub holes: Vec<Hole>,
    /// What a person should know, noticed in this sync or before.
    pub notices: Vec<Notice>,
    /// The members whose edits were held back: their deletes need a person's word first.
    pub mass_delete: Vec<MassDelete>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// How long it took.
    pub duration: Duration,
}

/// A segment that cannot be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The chain.
    pub chain: ChainId,
    /// The number in the chain.
    pub seq: u64,
    /// The device whose chain it is.
    pub device_id: DeviceId,
    /// Why it is missed, by a stable code.
    pub reason: String,
    /// What to do about it; `docs/recovery.md` says more.
    pub help: &'static str,
}

/// What a device is at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceState {
    /// It takes part.
    Active,
    /// It was retired by the owner.
    Retired,
}

impl DeviceState {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// A device of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The device.
    pub device_id: DeviceId,
    /// Its name, as far as it is known here.
    pub name: Option<String>,
    /// When it last wrote, as far as it is known here: by its changes and by the store's clock.
    pub last_seen: Option<OffsetDateTime>,
    /// What it is at present.
    pub state: DeviceState,
    /// Whether it is this one.
    pub this: bool,
}

/// How this device stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The account.
    pub user_id: UserId,
    /// This device.
    pub device_id: DeviceId,
    /// Where the objects live.
    pub remote: Remote,
    /// Changes that wait to be sent.
    pub pending: u64,
    /// When the last sync ended well.
    pub last_sync: Option<OffsetDateTime>,
    /// What the store can do, for people: `atomic`, `ignored`, ...; `None` before the first sync.
    pub store_profile: Option<String>,
    /// Segments that cannot be found.
    pub holes: Vec<Hole>,
    /// What is not believed.
    pub quarantined: Vec<Quarantined>,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// The members whose edits the next sync holds back: their deletes need a person's word first.
    pub mass_delete: Vec<MassDelete>,
    /// Records with concurrent versions.
    pub conflicts: u64,
    /// The account's devices.
    pub devices: Vec<DeviceInfo>,
    /// How far the local clock is off the store's, in milliseconds; positive where it is behind.
    pub clock_offset_ms: i64,
}

/// What an app may want to react to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A record is new, changed or deleted, here or elsewhere.
    RecordChanged(MemberId, RecordId),
    /// An attachment is new, here or elsewhere.
    AttachmentChanged(MemberId, ContentHmac),
    /// A record has concurrent versions now.
    Conflict(MemberId, RecordId, ChangeId),
    /// Something was not believed.
    Quarantined(Quarantined),
    /// A running sync went on.
    Progress(Progress),
}
