//! What a user may ask for, and what it comes to.

use tidegate_protocol::{ContentHmac, MemberId, RecordId};

use super::persist::Persist;
use crate::manifest::{Cid, Target};

/// A new record, or a new version of one.
#[derive(Debug, Clone, PartialEq)]
pub struct PutRecord {
    /// Whose record it is.
    pub member: MemberId,
    /// The record; the shell draws the id of a new one.
    pub record: RecordId,
    /// The app's kind of record, at most 64 bytes.
    pub kind: Option<String>,
    /// Title, at most 256 bytes.
    pub title: Option<String>,
    /// Media type of the content.
    pub media_type: Option<String>,
    /// The content, at most 16 MiB.
    pub content: Vec<u8>,
}

/// A file for a record, or for no record in particular.
#[derive(Debug, Clone, PartialEq)]
pub struct Attach {
    /// Whose it is.
    pub member: MemberId,
    /// The record that it belongs to.
    pub record: Option<RecordId>,
    /// File name, at most 256 bytes.
    pub name: Option<String>,
    /// Media type of the content.
    pub media_type: Option<String>,
    /// The content, at most 156 GiB.
    pub content: AttachedContent,
}

/// The content of a new attachment.
#[derive(Debug, Clone, PartialEq)]
pub enum AttachedContent {
    /// Here it is. A short one travels in its change, and the shell keeps any other among its rows.
    Held(Vec<u8>),
    /// On the device already as a sealed file that the shell has written and synced.
    Filed {
        /// The content's name: [`crate::keys::AttachmentKey::hasher`] over all of it.
        hmac: ContentHmac,
        /// Its length in bytes.
        size: u64,
    },
}

impl AttachedContent {
    /// Its length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Filed { size, .. } => *size,
        }
    }
}

impl From<Vec<u8>> for AttachedContent {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes)
    }
}

/// A decided edit: commit `batch` in one transaction, then hand the edit to [`super::Engine::committed`].
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The rows; none if there is nothing to do.
    pub batch: Persist,
    /// The change's id; of an attachment that was there already, the id of the change that attached it.
    pub cid: Cid,
    /// The change's version.
    pub version: u64,
    /// What it is about.
    pub target: Target,
    /// For attachments: this member already has this content, so it is not stored again.
    pub deduplicated: bool,
}

/// A new family member.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberEdit {
    /// The new member's id.
    pub member: MemberId,
    /// The edit.
    pub edit: Edit,
}
