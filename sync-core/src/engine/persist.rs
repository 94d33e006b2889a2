//! The rows that an engine lives in: what it asks to be written, and all of them together, from which it starts again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tidegate_protocol::{ChainId, ContentHmac, Digest, GrantId, ObjectKey, Space};

use super::packed::PackedChanges;
use crate::clock::Hlc;
use crate::lazy::Source;
use crate::manifest::{Chain, Change, Cid, Frontier, SegmentRef};
use crate::notice::{Notice, NoticeKind};
use crate::quarantine::{Hole, HoleReason, Quarantined, Reason, Subject};
use crate::state::{ChangeStore, KnownCheckpoint, KnownCheckpoints, Looked, Origins, Present};

/// Which step of the protocol a batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A user's edit; with its commit the edit is acknowledged.
    Edit,
    /// Grants read from the store.
    Grants,
    /// Segments applied: their changes and the frontier.
    Segments,
    /// A checkpoint merged, or one of this device that is stored now.
    Checkpoint,
    /// Floors raised and changes purged after a complete listing.
    Purge,
    /// Since when which objects are unreferenced; objects that were deleted.
    Garbage,
    /// A new chain, and the outbox in doubt; or what became of the doubtful.
    Doubt,
    /// The doorbell's ETag, once everything that it names is applied; listings done.
    Doorbell,
    /// Contents of records read from the store.
    Contents,
    /// Grants of this device that are stored now.
    GrantsSent,
    /// Segments built, before they are sent.
    Built,
    /// A segment that is stored now, and the wish to ring.
    Sent,
    /// The doorbell was written.
    Rung,
}

impl Step {
    /// The stable name of the effect that persists this step.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Edit => "persist-edit",
            Self::Grants => "persist-grants",
            Self::Segments => "persist-segments",
            Self::Checkpoint => "persist-checkpoint",
            Self::Purge => "persist-purge",
            Self::Garbage => "persist-garbage",
            Self::Doubt => "persist-doubt",
            Self::Doorbell => "persist-doorbell",
            Self::Contents => "persist-contents",
            Self::GrantsSent => "persist-grants-sent",
            Self::Built => "persist-built-segment",
            Self::Sent => "persist-sent-segment",
            Self::Rung => "persist-rung",
        }
    }
}

/// Rows to write in one transaction, in order: all of them or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Persist {
    /// The step that they belong to.
    pub step: Step,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One's own chain in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnChain {
    /// Its random id.
    pub chain: ChainId,
    /// Number of the last segment known to be stored; 0 before the first.
    pub seq: u64,
    /// Its digest.
    pub prev: Option<Digest>,
}

/// A segment that was built and may or may not be stored yet: it is sent again with the same bytes until it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltSegment {
    /// Its name.
    pub segment: SegmentRef,
    /// Its sealed bytes.
    pub bytes: Vec<u8>,
    /// The changes in it.
    pub cids: Vec<Cid>,
    /// When it was built, in milliseconds since 1970.
    pub built_at_ms: u64,
}

/// What is remembered of the account's doorbell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoorbellMemory {
    /// The ETag of a version whose every segment was applied.
    pub etag: Option<String>,
    /// Whether something is stored that the doorbell may not name yet.
    pub ring: bool,
}

/// One row to write. The set is closed: a store maps each to its table.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A grant that opens for this account, as stored in the bucket; `unsent` while it has yet to be put there. It replaces
    /// the row of this id.
    PutGrant {
        /// Its id.
        grant: GrantId,
        /// Its blob: wrapped, so no secret by itself.
        blob: Vec<u8>,
        /// Whether it has yet to be stored.
        unsent: bool,
    },
    /// A change that is present, with the segments that brought it (none while it waits in the outbox). It replaces the row
    /// of this (space, cid), its segments included. What was found when the space was last looked through is forgotten.
    PutChange {
        /// The space.
        space: Space,
        /// The change: store its [`Change::to_json`].
        change: Arc<Change>,
        /// The segments that brought it, and when the store took them.
        brought_by: Origins,
    },
    /// The changes of a checkpoint, for a space that has none yet: each as by [`Row::PutChange`]. They are packed, so that a long
    /// history is never in memory whole; a shell that can read them again says so ([`crate::engine::Engine::read_changes_from`]).
    PutChanges {
        /// The space.
        space: Space,
        /// The changes, and what brought them.
        changes: PackedChanges,
    },
    /// A change was purged. What was found when the space was last looked through is forgotten.
    RemoveChange {
        /// The space.
        space: Space,
        /// The change.
        cid: Cid,
    },
    /// A segment was merged: the frontier covers it.
    PutCovered {
        /// The space.
        space: Space,
        /// The segment.
        segment: SegmentRef,
    },
    /// A checkpoint was merged, or made. It replaces the row of this (space, checkpoint).
    PutCheckpoint {
        /// The space.
        space: Space,
        /// Its digest.
        checkpoint: Digest,
        /// What is remembered of it.
        known: KnownCheckpoint,
    },
    /// A checkpoint is in the store no longer.
    RemoveCheckpoint {
        /// The space.
        space: Space,
        /// Its digest.
        checkpoint: Digest,
    },
    /// Something that a person should be told. It replaces the row of this (space, kind).
    PutNotice(Notice),
    /// A chain's floor rose; covered segments up to it may be forgotten.
    RaiseFloor {
        /// The space.
        space: Space,
        /// The chain.
        chain: Chain,
        /// The new floor.
        floor: u64,
    },
    /// A change waits to be sent.
    PutOutbox {
        /// The space.
        space: Space,
        /// The change.
        cid: Cid,
        /// Whether the store may know it already, because the device was restored from a backup.
        doubtful: bool,
    },
    /// A change waits no longer.
    RemoveOutbox {
        /// The space.
        space: Space,
        /// The change.
        cid: Cid,
    },
    /// One's own chain in a space.
    PutChain {
        /// The space.
        space: Space,
        /// The chain and its tip.
        chain: OwnChain,
    },
    /// A segment was built; at most one a space.
    PutBuilt {
        /// The space.
        space: Space,
        /// The segment.
        built: BuiltSegment,
    },
    /// The built segment of a space is stored, or dropped.
    RemoveBuilt {
        /// The space.
        space: Space,
    },
    /// The plaintext of a content; to be sealed under the local-store key. The same content may come again.
    PutContent {
        /// The space.
        space: Space,
        /// The content's name.
        hmac: ContentHmac,
        /// The plaintext.
        bytes: Vec<u8>,
    },
    /// A content lies on the device as a sealed file, which the shell has written and synced before this row.
    PutContentFile {
        /// The space.
        space: Space,
        /// The content's name.
        hmac: ContentHmac,
        /// The content's length in bytes.
        size: u64,
    },
    /// A content is no longer on the device; after this row the shell removes its file. What was found when the space was
    /// last looked through is forgotten.
    RemoveContent {
        /// The space.
        space: Space,
        /// The content's name.
        hmac: ContentHmac,
    },
    /// Something is not believed. It replaces the row of this (space, subject).
    PutQuarantined(Quarantined),
    /// Something is believed after all, or no longer of interest.
    RemoveQuarantined {
        /// The space.
        space: Space,
        /// What it was.
        subject: Subject,
    },
    /// A segment is missing. It replaces the row of this (space, segment).
    PutHole(Hole),
    /// A segment is no longer missing.
    RemoveHole {
        /// The space.
        space: Space,
        /// The segment.
        segment: SegmentRef,
    },
    /// A space was listed completely, and everything in the listing is applied.
    PutListedAt {
        /// The space.
        space: Space,
        /// When the listing began, in milliseconds since 1970.
        listed_at_ms: u64,
    },
    /// An object was seen without anything that refers to it. It replaces the row of this (space, key).
    PutUnreferenced {
        /// The space.
        space: Space,
        /// The object.
        key: ObjectKey,
        /// When it was first seen so, in milliseconds since 1970.
        since_ms: u64,
    },
    /// Something refers to an object again, or it is gone.
    RemoveUnreferenced {
        /// The space.
        space: Space,
        /// The object.
        key: ObjectKey,
    },
    /// The space was looked through. It replaces the row of this space. A store that another process has written to since this
    /// engine was restored leaves the row out: what was found is not what is there.
    PutLooked {
        /// The space.
        space: Space,
        /// What was found there.
        looked: Looked,
    },
    /// What is remembered of the doorbell.
    PutDoorbell(DoorbellMemory),
    /// The greatest timestamp given out or seen. The store keeps the greater of this and what it has: two processes may write.
    PutClock(Hlc),
    /// The clock was far ahead and falls: the store keeps exactly this.
    ResetClock(Hlc),
}

/// All rows of one space.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavedSpace {
    /// The changes present and what brought them.
    pub changes: BTreeMap<Cid, (Arc<Change>, Origins)>,
    /// What was merged.
    pub frontier: Frontier,
    /// The changes that wait to be sent; the flag says doubtful.
    pub outbox: BTreeMap<Cid, bool>,
    /// One's own chain, from the first segment on.
    pub chain: Option<OwnChain>,
    /// The segment that was built and not yet confirmed.
    pub built: Option<BuiltSegment>,
    /// The contents on the device.
    pub contents: BTreeSet<ContentHmac>,
    /// What is not believed: reason and time of the next look.
    pub quarantined: BTreeMap<Subject, (Reason, u64)>,
    /// What is missing.
    pub holes: BTreeMap<SegmentRef, HoleReason>,
    /// When the last complete listing began.
    pub listed_at_ms: Option<u64>,
    /// The objects to which nothing refers, and since when.
    pub unreferenced: BTreeMap<ObjectKey, u64>,
    /// The checkpoints that were merged.
    pub checkpoints: KnownCheckpoints,
    /// What a person should be told, and when it was noticed.
    pub notices: BTreeMap<NoticeKind, u64>,
    /// What was found when it was last looked through, if that still holds.
    pub looked: Option<Looked>,
}

/// All rows: what a restarted engine begins with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Saved {
    /// Grants, and whether each has yet to be stored.
    pub grants: BTreeMap<GrantId, (Vec<u8>, bool)>,
    /// The spaces.
    pub spaces: BTreeMap<Space, SavedSpace>,
    /// The doorbell.
    pub doorbell: DoorbellMemory,
    /// The greatest timestamp given out or seen.
    pub clock: Hlc,
}

/// What of a space is read only when somebody looks at it: a long history costs a device that finds nothing new nothing.
pub struct SpaceSource {
    /// The changes present and what brought them.
    pub changes: Arc<dyn ChangeStore>,
    /// The contents on the device.
    pub contents: Source<BTreeSet<ContentHmac>>,
}

impl fmt::Debug for SpaceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpaceSource")
    }
}

impl Saved {
    /// What each row means, as executed by a store that holds everything in memory. Contents are kept by name only.
    pub fn apply(&mut self, rows: &[Row]) {
        for row in rows {
            self.apply_row(row);
        }
    }

    fn apply_row(&mut self, row: &Row) {
        match row {
            Row::PutGrant { grant, blob, unsent } => {
                self.grants.insert(*grant, (blob.clone(), *unsent));
            }
            Row::PutChange { space, change, brought_by } => {
                let saved = self.space(space);
                saved.changes.insert(change.cid, (change.clone(), brought_by.clone()));
                saved.looked = None;
            }
            Row::PutChanges { space, changes } => {
                let saved = self.space(space);
                let present = changes.iter().map(|Present { change, brought_by }| (change.cid, (change, brought_by)));
                saved.changes.extend(present);
                saved.looked = None;
            }
            Row::RemoveChange { space, cid } => {
                let saved = self.space(space);
                saved.changes.remove(cid);
                saved.looked = None;
            }
            Row::PutCovered { space, segment } => self.space(space).frontier.insert(segment),
            Row::PutCheckpoint { space, checkpoint, known } => {
                self.space(space).checkpoints.insert(*checkpoint, known.clone());
            }
            Row::RemoveCheckpoint { space, checkpoint } => {
                self.space(space).checkpoints.remove(checkpoint);
            }
            Row::PutNotice(notice) => {
                self.space(&notice.space).notices.insert(notice.kind, notice.noticed_at_ms);
            }
            Row::RaiseFloor { space, chain, floor } => self.space(space).frontier.raise_floor(*chain, *floor),
            Row::PutOutbox { space, cid, doubtful } => {
                self.space(space).outbox.insert(*cid, *doubtful);
            }
            Row::RemoveOutbox { space, cid } => {
                self.space(space).outbox.remove(cid);
            }
            Row::PutChain { space, chain } => self.space(space).chain = Some(*chain),
            Row::PutBuilt { space, built } => self.space(space).built = Some(built.clone()),
            Row::RemoveBuilt { space } => self.space(space).built = None,
            Row::PutContent { space, hmac, bytes: _ } | Row::PutContentFile { space, hmac, size: _ } => {
                self.space(space).contents.insert(*hmac);
            }
            Row::RemoveContent { space, hmac } => {
                let saved = self.space(space);
                saved.contents.remove(hmac);
                saved.looked = None;
            }
            Row::PutQuarantined(entry) => {
                self.space(&entry.space).quarantined.insert(entry.subject, (entry.reason, entry.retry_at_ms));
            }
            Row::RemoveQuarantined { space, subject } => {
                self.space(space).quarantined.remove(subject);
            }
            Row::PutHole(hole) => {
                self.space(&hole.space).holes.insert(hole.segment, hole.reason);
            }
            Row::RemoveHole { space, segment } => {
                self.space(space).holes.remove(segment);
            }
            Row::PutUnreferenced { space, key, since_ms } => {
                self.space(space).unreferenced.insert(key.clone(), *since_ms);
            }
            Row::RemoveUnreferenced { space, key } => {
                self.space(space).unreferenced.remove(key);
            }
            Row::PutListedAt { space, listed_at_ms } => self.space(space).listed_at_ms = Some(*listed_at_ms),
            Row::PutLooked { space, looked } => self.space(space).looked = Some(looked.clone()),
            Row::PutDoorbell(memory) => self.doorbell = memory.clone(),
            Row::PutClock(hlc) => self.clock = self.clock.max(*hlc),
            Row::ResetClock(hlc) => self.clock = *hlc,
        }
    }

    fn space(&mut self, space: &Space) -> &mut SavedSpace {
        self.spaces.entry(*space).or_default()
    }
}
