//! What apps put in and get out: records, attachments, their versions and conflicts.

use std::fmt;
use std::path::PathBuf;

use tidegate_protocol::{ContentHmac, DeviceId, MemberId, RecordId};
use time::OffsetDateTime;

pub use tidegate_sync_core::manifest::Cid as ChangeId;

/// A family member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's id.
    pub member_id: MemberId,
    /// The member's name; empty until the member's space has been synced.
    pub name: String,
}

/// Where the bytes of a new record or attachment come from.
#[derive(Clone)]
pub enum Source {
    /// Bytes at hand.
    Bytes(Vec<u8>),
    /// A file, read when the call is made.
    File(PathBuf),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::File(_) => f.write_str("File(***)"),
        }
    }
}

/// A record to store, or a new version of one.
#[derive(Clone)]
pub struct NewRecord {
    /// Whose it is.
    pub member: MemberId,
    /// `None` makes a new record; an id makes its next version.
    pub record: Option<RecordId>,
    /// What sort of record it is, the app's own word; `None` keeps that of the version before (new records: `document`).
    pub kind: Option<String>,
    /// Its media type; `None` keeps that of the version before (new records: `application/octet-stream`).
    pub media_type: Option<String>,
    /// Its title, at most 256 bytes; `None` keeps that of the version before (new records: empty).
    pub title: Option<String>,
    /// Its content, at most 16 MiB.
    pub body: Source,
}

impl NewRecord {
    /// A new record with this content and nothing said about it.
    #[must_use]
    pub const fn new(member: MemberId, body: Source) -> Self {
        Self { member, record: None, kind: None, media_type: None, title: None, body }
    }

    /// The next version of this record instead of a new one.
    #[must_use]
    pub const fn version_of(mut self, record: RecordId) -> Self {
        self.record = Some(record);
        self
    }

    /// Says what sort of record it is.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Says what media type it has.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Gives it a title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord").field("member", &self.member).field("record", &self.record).finish_non_exhaustive()
    }
}

/// An attachment to store.
#[derive(Clone)]
pub struct NewAttachment {
    /// Whose it is.
    pub member: MemberId,
    /// The record that it belongs to, if any.
    pub record: Option<RecordId>,
    /// Its file name, at most 256 bytes.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content, at most 156 GiB in a file. Bytes and pipes are held in memory, and a pipe gives at most 64 MiB.
    pub body: Source,
}

impl fmt::Debug for NewAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAttachment").field("member", &self.member).field("record", &self.record).finish_non_exhaustive()
    }
}

/// The version that a write made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub record_id: RecordId,
    /// Its version now.
    pub version: u64,
}

/// The outcome of storing an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// The attachment's identity.
    pub hmac: ContentHmac,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether its content was there already, so that nothing has to be uploaded.
    pub deduplicated: bool,
}

/// A record as it stands: the winner among its versions.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordInfo {
    /// The record.
    pub record_id: RecordId,
    /// Whose it is.
    pub member_id: MemberId,
    /// What sort of record it is.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its media type.
    pub media_type: String,
    /// Its version.
    pub version: u64,
    /// When this version was made, by its author's corrected clock.
    pub updated_at: OffsetDateTime,
    /// Size of its content in bytes.
    pub bytes: u64,
    /// How many concurrent versions stand beside the winner.
    pub conflicts: usize,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Attachments that belong to it.
    pub attachments: Vec<ContentHmac>,
}

impl fmt::Debug for RecordInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordInfo").field("record_id", &self.record_id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// An attachment as it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Its identity.
    pub hmac: ContentHmac,
    /// Whose it is.
    pub member_id: MemberId,
    /// The record that it belongs to, if any.
    pub record_id: Option<RecordId>,
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether its content is on this device.
    pub local: bool,
}

impl fmt::Debug for AttachmentInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentInfo").field("hmac", &self.hmac).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// What [`list`](crate::SyncClient::list) leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only this member's.
    pub member: Option<MemberId>,
    /// Only records of this kind.
    pub kind: Option<String>,
    /// Deleted records too.
    pub deleted: bool,
}

/// Records and attachments, by member and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The records.
    pub records: Vec<RecordInfo>,
    /// The attachments, those of records included.
    pub attachments: Vec<AttachmentInfo>,
}

/// What [`get`](crate::SyncClient::get) asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentId {
    /// A record's content: the winner's, or that of one change.
    Record(RecordId, Option<ChangeId>),
    /// An attachment's content.
    Attachment(ContentHmac),
}

/// A content and what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The plaintext.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// The record's title or the attachment's name.
    pub title: String,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.bytes.len())
    }
}

/// What a version is among the others of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// The one that counts.
    Winner,
    /// Concurrent with the winner.
    Conflict,
    /// Superseded, and still kept.
    Past,
    /// A delete.
    Deleted,
}

impl VersionState {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Conflict => "conflict",
            Self::Past => "past",
            Self::Deleted => "deleted",
        }
    }
}

/// One version of a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// The change that made it.
    pub cid: ChangeId,
    /// Its number; concurrent versions may share one.
    pub version: u64,
    /// The device that made it.
    pub device_id: DeviceId,
    /// When it was made, by its author's corrected clock.
    pub timestamp: OffsetDateTime,
    /// What it is among the others.
    pub state: VersionState,
    /// Its title.
    pub title: String,
    /// Size of its content in bytes.
    pub bytes: u64,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("cid", &self.cid)
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A record with concurrent versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The record.
    pub record_id: RecordId,
    /// Whose it is.
    pub member_id: MemberId,
    /// The versions that stand beside each other, the winner first.
    pub versions: Vec<Version>,
}
