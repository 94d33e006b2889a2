//! One change: what a user did to one record or attachment, with its place in the causal order.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_protocol::{ContentHmac, RecordId, Sha256, Space};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::format::{FormatError, MAX_TITLE_BYTES, check_number, check_size, check_value};
use super::location::Location;
use crate::clock::Hlc;

const MAX_KIND_BYTES: u64 = 64;
const MAX_MEDIA_TYPE_BYTES: u64 = 256;

/// A change's identity everywhere: 128 random bits (a version 4 UUID), drawn when the user edits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cid(Uuid);

/// Text that is not a change id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a change id: expected a lower-case hyphenated UUID")]
pub struct InvalidCid;

impl Cid {
    /// The id made of these random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The id of these bytes, as [`Cid::as_bytes`] gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cid({self})")
    }
}

impl FromStr for Cid {
    type Err = InvalidCid;

    fn from_str(text: &str) -> Result<Self, InvalidCid> {
        let id = Uuid::try_parse(text).map_err(|_| InvalidCid)?;
        if id.as_hyphenated().to_string() == text { Ok(Self(id)) } else { Err(InvalidCid) }
    }
}

impl TryFrom<String> for Cid {
    type Error = InvalidCid;

    fn try_from(text: String) -> Result<Self, InvalidCid> {
        text.parse()
    }
}

impl From<Cid> for String {
    fn from(cid: Cid) -> String {
        cid.to_string()
    }
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A record.
    Record(RecordId),
    /// An attachment, named by the HMAC of its content.
    Attachment(ContentHmac),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(id) => id.fmt(f),
            Self::Attachment(hmac) => hmac.fmt(f),
        }
    }
}

/// What a change does. Another word is of a later version and has that version's format number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Writes content and description.
    Put,
    /// Removes; supersedes all heads that its author saw.
    Delete,
    /// Chooses among conflicting heads; supersedes all that its author saw.
    Resolve,
    /// Gives other changes a new location; touches neither version nor winner.
    Relocate,
}

/// Description of a record or attachment, as given by people.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The app's kind of record, at most 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Title, at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Media type of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// File name of an attachment, at most 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The record that an attachment belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_id: Option<RecordId>,
    /// Fields of later versions and of apps.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Meta {
    /// Whether two descriptions say the same: texts are kept as given and compared in NFC (Unicode Annex 15).
    ///
    /// One system hands out the `ü` of a file name as one code point, another as two. Compared by bytes, a name typed on
    /// both would be a conflict that nobody can see.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { kind, title, media_type, name, record_id, extra } = self;
        is_same_text(kind.as_deref(), other.kind.as_deref())
            && is_same_text(title.as_deref(), other.title.as_deref())
            && is_same_text(media_type.as_deref(), other.media_type.as_deref())
            && is_same_text(name.as_deref(), other.name.as_deref())
            && *record_id == other.record_id
            && *extra == other.extra
    }
}

fn is_same_text(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || one.nfc().eq(other.nfc()),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The place for which changes compete: a record, or an attachment at one record (or at none).
///
/// An attachment is named by its content, so without the record in the register, attaching one photo to two records would
/// make the second take the photo away from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register {
    /// The record or attachment.
    pub target: Target,
    /// The record at which an attachment hangs; `None` for records.
    pub at: Option<RecordId>,
}

impl Register {
    /// The register of a record.
    #[must_use]
    pub const fn record(id: RecordId) -> Self {
        Self { target: Target::Record(id), at: None }
    }

    /// The register of an attachment at a record.
    #[must_use]
    pub const fn attachment(hmac: ContentHmac, at: Option<RecordId>) -> Self {
        Self { target: Target::Attachment(hmac), at }
    }
}

/// One change. Immutable once it stands in a stored segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Change {
    /// Identity.
    pub cid: Cid,
    /// Record or attachment.
    pub target: Target,
    /// What is done.
    pub op: Op,
    /// One more than the highest version superseded; from 1. A relocation carries 0.
    pub version: u64,
    /// The changes that this one replaces, in ascending order.
    pub supersedes: Vec<Cid>,
    /// When it was made, by the hybrid clock.
    pub hlc: Hlc,
    /// An edit that came too late to compete: never the winner, always visible as a conflict.
    pub kept: bool,
    /// Description; shared by the versions of a record that are described alike, for a space keeps many of each.
    pub meta: Arc<Meta>,
    /// HMAC of the content under the space's attachment key.
    pub content_hmac: Option<ContentHmac>,
    /// Where the content lies; `None` for deletes, and in the outbox until the content is stored.
    pub location: Option<Location>,
    /// SHA-256 of the stored bytes: of the object, or of the range of the pack.
    pub sha256: Option<Sha256>,
    /// Length of the content in bytes.
    pub size: u64,
    /// The changes that a relocation gives a new location, in ascending order.
    pub relocates: Vec<Cid>,
    /// Fields of later versions.
    pub extra: Map<String, Value>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Fields {
    cid: Cid,
    target: TargetKind,
    id: String,
    op: Op,
    version: u64,
    supersedes: Vec<Cid>,
    hlc: Hlc,
    #[serde(default, skip_serializing_if = "is_false")]
    kept: bool,
    #[serde(default)]
    meta: Meta,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_hmac: Option<ContentHmac>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(default)]
    size: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    relocates: Vec<Cid>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetKind {
    Record,
    Attachment,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl TryFrom<Fields> for Change {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let target = match fields.target {
            TargetKind::Record => fields.id.parse().map(Target::Record),
            TargetKind::Attachment => fields.id.parse().map(Target::Attachment),
        };
        Ok(Self {
            cid: fields.cid,
            target: target.map_err(|error| error.to_string())?,
            op: fields.op,
            version: fields.version,
            supersedes: fields.supersedes,
            hlc: fields.hlc,
            kept: fields.kept,
            meta: Arc::new(fields.meta),
            content_hmac: fields.content_hmac,
            location: fields.location,
            sha256: fields.sha256,
            size: fields.size,
            relocates: fields.relocates,
            extra: fields.extra,
        })
    }
}

impl From<Change> for Fields {
    fn from(change: Change) -> Self {
        let (target, id) = match change.target {
            Target::Record(id) => (TargetKind::Record, id.to_string()),
            Target::Attachment(hmac) => (TargetKind::Attachment, hmac.to_string()),
        };
        Self {
            cid: change.cid,
            target,
            id,
            op: change.op,
            version: change.version,
            supersedes: change.supersedes,
            hlc: change.hlc,
            kept: change.kept,
            meta: Arc::unwrap_or_clone(change.meta),
            content_hmac: change.content_hmac,
            location: change.location,
            sha256: change.sha256,
            size: change.size,
            relocates: change.relocates,
            extra: change.extra,
        }
    }
}

impl Change {
    /// Reads a change from the device's own store, where one in the outbox may still lack its location.
    ///
    /// # Errors
    /// [`FormatError`] where it is not a change that this version accepts.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        let change: Self =
            serde_json::from_slice(json).map_err(|error| FormatError::malformed("change", super::format::category(&error)))?;
        change.check_unsent()?;
        Ok(change)
    }

    /// Writes the change in its one canonical form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a change has only string keys and finite numbers")
    }

    /// The place for which it competes.
    #[must_use]
    pub fn register(&self) -> Register {
        match self.target {
            Target::Record(_) => Register { target: self.target, at: None },
            Target::Attachment(_) => Register { target: self.target, at: self.meta.record_id },
        }
    }

    /// Whether it writes content: a put or a resolution.
    #[must_use]
    pub const fn has_content(&self) -> bool {
        match self.op {
            Op::Put | Op::Resolve => true,
            Op::Delete | Op::Relocate => false,
        }
    }

    /// Where it stands among concurrent ones: the greatest wins.
    #[must_use]
    pub const fn rank(&self) -> (Hlc, Cid) {
        (self.hlc, self.cid)
    }

    /// Whether all that it points at lies in this space.
    #[must_use]
    pub fn lies_in(&self, space: Space) -> bool {
        self.location.as_ref().is_none_or(|location| location.lies_in(space))
    }

    /// Checks a change as it stands in a segment or checkpoint: caps, and that the fields fit the op.
    ///
    /// # Errors
    /// [`FormatError`] naming the first mistake.
    pub fn check(&self) -> Result<(), FormatError> {
        if self.location.is_none() && self.op != Op::Delete {
            return Err(FormatError::malformed("change", "its content has no location"));
        }
        self.check_unsent()
    }

    /// Checks a change that may still lack its location.
    ///
    /// # Errors
    /// [`FormatError`] naming the first mistake.
    pub fn check_unsent(&self) -> Result<(), FormatError> {
        self.check_meta()?;
        check_number("change", self.version)?;
        check_number("change", self.size)?;
        for value in self.extra.values().chain(self.meta.extra.values()) {
            check_value("change", value)?;
        }
        if let Some(location) = &self.location {
            location.check()?;
        }
        let malformed = |reason: &str| Err(FormatError::malformed("change", reason));
        if !is_ascending(&self.supersedes) || !is_ascending(&self.relocates) {
            return malformed("the changes it names are not in ascending order");
        }
        if self.supersedes.contains(&self.cid) {
            return malformed("it supersedes itself");
        }
        match self.op {
            Op::Put | Op::Resolve => {
                if self.version == 0 || self.content_hmac.is_none() || !self.relocates.is_empty() {
                    return malformed("a put or resolution has a version and a content_hmac");
                }
                if matches!(self.target, Target::Attachment(hmac) if Some(hmac) != self.content_hmac) {
                    return malformed("an attachment's id is the HMAC of its content");
                }
                self.check_stored()
            }
            Op::Delete => {
                if self.version == 0 || self.location.is_some() || self.kept || !self.relocates.is_empty() {
                    return malformed("a delete has a version and no location");
                }
                Ok(())
            }
            Op::Relocate => {
                if self.version != 0 || !self.supersedes.is_empty() || self.kept || self.relocates.is_empty() {
                    return malformed("a relocation has changes, and neither version nor superseded changes");
                }
                self.check_stored()
            }
        }
    }

    fn check_meta(&self) -> Result<(), FormatError> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() as u64);
        check_size("kind", length(&self.meta.kind), MAX_KIND_BYTES)?;
        check_size("title", length(&self.meta.title), MAX_TITLE_BYTES as u64)?;
        check_size("name", length(&self.meta.name), MAX_TITLE_BYTES as u64)?;
        check_size("media type", length(&self.meta.media_type), MAX_MEDIA_TYPE_BYTES)
    }

    fn check_stored(&self) -> Result<(), FormatError> {
        match &self.location {
            Some(Location::Inline(content)) if content.len() as u64 != self.size => {
                Err(FormatError::malformed("change", "its size is not that of its inline content"))
            }
            Some(Location::Object(object)) => match (self.sha256, object.key.digest()) {
                (Some(sha256), Some(digest)) if sha256.digest() == digest => Ok(()),
                _ => Err(FormatError::malformed("change", "its sha256 does not begin with the digest in its key")),
            },
            Some(Location::Pack(_)) if self.sha256.is_none() => {
                Err(FormatError::malformed("change", "a range of a pack needs its sha256"))
            }
            Some(Location::Inline(_) | Location::Pack(_) | Location::Unknown(_)) | None => Ok(()),
        }
    }
}

fn is_ascending(cids: &[Cid]) -> bool {
    cids.windows(2).all(|pair| pair[0] < pair[1])
}
