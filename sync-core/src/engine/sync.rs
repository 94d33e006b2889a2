//! One sync: its phases, the effects that are out, and how outcomes are handed round.
//!
//! A phase puts out effects; when all of them are back, the next step is decided. Nothing else waits for anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_core::CryptoRng;
use tidegate_protocol::{ChainId, Digest, GrantId, ListPrefix, Space};

use super::account::{Account, SpaceMemory};
use super::collect::{Collecting, Doomed};
use super::contents::{WantedPart, WantedRead};
use super::effect::{Effect, EffectId};
use super::event::{Failure, FailureClass, Outcome, SyncSummary};
use super::options::SyncOptions;
use super::packed::PackedCheckpoint;
use super::persist::{Persist, Row, Step};
use super::pull::{Bell, Fetched};
use super::repack::PackRead;
use super::upload::{Stored, Upload};
use crate::manifest::{Checkpoint, Cid, SegmentRef, Timestamp};
use crate::planted::{self, Bug};
use crate::quarantine::Quarantined;
use crate::state::{KnownCheckpoint, MassDelete};

/// What a sync does next, once nothing is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Find the account's own key.
    Keys,
    /// All grants listed are read.
    KeysListed,
    /// Read the doorbell.
    Doorbell,
    /// List what is due.
    List,
    /// Read checkpoints.
    Checkpoints,
    /// Fetch segments.
    Fetch,
    /// Apply what was fetched.
    Apply,
    /// Read the grants of new members.
    Members,
    /// Keep the ETag and the listings.
    Settle,
    /// Raise floors and purge, after a listing.
    Tidy,
    /// Look for signs of a clone.
    LookForFork,
    /// Decide about doubtful edits.
    Doubt,
    /// Decide what is garbage.
    Collect,
    /// Delete what may go.
    Delete,
    /// Read what is left in half-empty packs, and write it into new ones.
    Repack,
    /// Send grants.
    SendGrants,
    /// Send the contents of changes.
    SendContents,
    /// Build segments.
    Build,
    /// Send segments.
    SendSegments,
    /// Write checkpoints.
    MakeCheckpoints,
    /// Write the doorbell.
    Ring,
    /// Fetch the contents of records.
    Contents,
    /// It is over.
    Over,
}

/// What an outcome is for.
#[derive(Debug, Clone)]
pub(super) enum Task {
    ListGrants,
    Grant(GrantId),
    Doorbell,
    ListDevices(Space),
    ListCheckpoints(Space),
    Checkpoint { space: Space, digest: Digest, stored_at: Option<Timestamp> },
    SendCheckpoint { space: Space, digest: Digest, known: KnownCheckpoint },
    Segment { space: Space, segment: SegmentRef },
    Contents { space: Space, first: u64, parts: Vec<WantedPart> },
    SendGrant(GrantId),
    Load { space: Space, cid: Cid, size: u64 },
    StoreAttachment { space: Space, cid: Cid },
    SendContents { space: Space, stored: Vec<(Cid, Stored)>, bytes: u64 },
    SendSegment(Space),
    WriteDoorbell { settled: bool },
    DoorbellAgain,
    ListObjects { space: Space, prefix: ListPrefix },
    Delete(Vec<Doomed>),
    ReadPack(PackRead),
    StorePack { space: Space, stored: Vec<(Cid, Stored)> },
    Persisted,
    Slept,
}

impl Task {
    pub(super) const fn is_persist(&self) -> bool {
        matches!(self, Self::Persisted)
    }
}

/// Parts of one checkpoint by number: their digests, when the store took them, and what they say.
pub(super) type CheckpointParts = BTreeMap<u64, (Digest, u64, PackedCheckpoint)>;

/// What a listing of a space shows, so far.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) began_ms: u64,
    /// How many folders are not listed to their end.
    pub(super) folders_left: usize,
    /// With their LastModified.
    pub(super) segments: BTreeMap<SegmentRef, Option<Timestamp>>,
    pub(super) checkpoints: BTreeSet<Digest>,
}

#[derive(Debug)]
pub(super) struct Sync {
    pub(super) options: SyncOptions,
    pub(super) phase: Phase,
    ready: VecDeque<(EffectId, Effect)>,
    waiting: BTreeMap<EffectId, (Task, &'static str)>,
    failure: Option<Failure>,
    pub(super) pulled: u64,
    pub(super) pushed: u64,
    /// Rows for the next batch; what they say already holds in memory.
    pub(super) rows: Vec<Row>,

    pub(super) bell: Bell,
    pub(super) read_at_ms: u64,
    pub(super) spaces_known: BTreeSet<Space>,
    pub(super) to_list: BTreeSet<Space>,
    /// Listings that are not complete yet.
    pub(super) listing: BTreeMap<Space, Listing>,
    /// Complete listings that are not settled yet.
    pub(super) listed: BTreeMap<Space, Listing>,
    /// Checkpoints to read: the latest is taken first, for it may include the others.
    pub(super) checkpoints_wanted: BTreeSet<(Space, Option<Timestamp>, Digest)>,
    pub(super) checkpoints_tried: BTreeSet<(Space, Digest)>,
    /// Parts of checkpoints that wait for the others: by group and how many there are.
    pub(super) checkpoint_parts: BTreeMap<(Space, ChainId, u64), CheckpointParts>,
    /// Documents of a checkpoint that is being made.
    pub(super) checkpoints_to_send: VecDeque<(Space, Checkpoint)>,
    /// Those of them that are stored.
    pub(super) checkpoints_sent: BTreeMap<Space, Vec<(Digest, KnownCheckpoint)>>,
    /// Spaces that were listed, and whose checkpoints have not been considered since.
    pub(super) spaces_to_consider: BTreeSet<Space>,
    /// Spaces of which a checkpoint is to be made whatever its size.
    pub(super) checkpoints_wished: BTreeSet<Space>,
    /// Spaces of which a checkpoint was the beginning.
    pub(super) spaces_begun: BTreeSet<Space>,
    pub(super) checkpoints_merged: u64,
    pub(super) checkpoints_made: u64,
    pub(super) purged: u64,
    /// Spaces in which a segment was stored in this sync.
    pub(super) spaces_written: BTreeSet<Space>,
    /// Spaces that were listed since the doorbell was read.
    pub(super) spaces_listed: BTreeSet<Space>,
    pub(super) to_fetch: BTreeSet<(u64, Space, SegmentRef)>,
    pub(super) fetched: BTreeMap<Space, BTreeMap<SegmentRef, Fetched>>,
    /// Segments that were asked for since the doorbell was read.
    pub(super) asked: BTreeSet<(Space, SegmentRef)>,
    /// Segments that the store did not have when asked.
    pub(super) absent: BTreeSet<(Space, SegmentRef)>,
    /// Segments refused in this sync.
    pub(super) refused: BTreeSet<(Space, SegmentRef)>,
    pub(super) grants_tried: BTreeSet<GrantId>,
    /// The contents that are wanted, once they were looked for.
    pub(super) contents_wanted: Option<VecDeque<WantedRead>>,

    pub(super) grants_sent: BTreeSet<GrantId>,
    /// The changes that the segments being made carry.
    pub(super) to_send: BTreeMap<Space, Vec<Cid>>,
    /// The changes that were chosen before: what could not be sent then waits for the next sync.
    pub(super) chosen: BTreeSet<(Space, Cid)>,
    pub(super) upload: Upload,
    pub(super) ring_attempts: u32,
    /// The spaces whose outbox is not sent in this sync: their deletes need a person's word.
    pub(super) held: BTreeMap<Space, MassDelete>,
    /// What is collected in this sync, if anything is.
    pub(super) collecting: Option<Collecting>,
}

impl Sync {
    pub(super) fn new(options: SyncOptions) -> Self {
        Self {
            options,
            phase: Phase::Keys,
            ready: VecDeque::new(),
            waiting: BTreeMap::new(),
            failure: None,
            pulled: 0,
            pushed: 0,
            rows: Vec::new(),
            bell: Bell::Unread,
            read_at_ms: 0,
            spaces_known: BTreeSet::new(),
            to_list: BTreeSet::new(),
            listing: BTreeMap::new(),
            listed: BTreeMap::new(),
            checkpoints_wanted: BTreeSet::new(),
            checkpoints_tried: BTreeSet::new(),
            checkpoint_parts: BTreeMap::new(),
            checkpoints_to_send: VecDeque::new(),
            checkpoints_sent: BTreeMap::new(),
            spaces_to_consider: BTreeSet::new(),
            checkpoints_wished: BTreeSet::new(),
            spaces_begun: BTreeSet::new(),
            checkpoints_merged: 0,
            checkpoints_made: 0,
            purged: 0,
            spaces_written: BTreeSet::new(),
            spaces_listed: BTreeSet::new(),
            to_fetch: BTreeSet::new(),
            fetched: BTreeMap::new(),
            asked: BTreeSet::new(),
            absent: BTreeSet::new(),
            refused: BTreeSet::new(),
            grants_tried: BTreeSet::new(),
            contents_wanted: None,
            grants_sent: BTreeSet::new(),
            to_send: BTreeMap::new(),
            chosen: BTreeSet::new(),
            upload: Upload::default(),
            ring_attempts: 0,
            held: BTreeMap::new(),
            collecting: None,
        }
    }

    pub(super) fn poll(&mut self) -> Option<(EffectId, Effect)> {
        self.ready.pop_front()
    }

    pub(super) fn take(&mut self, id: EffectId) -> Option<(Task, &'static str)> {
        self.waiting.remove(&id)
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over && self.ready.is_empty() && self.waiting.is_empty()
    }

    /// Ends the sync early. Batches still go out, for what they say already holds in memory; all else is called back.
    pub(super) fn fail(&mut self, effect: &'static str, class: FailureClass) {
        self.failure.get_or_insert(Failure { effect, class });
        self.phase = Phase::Over;
        let called_back: Vec<EffectId> =
            self.ready.iter().filter(|(_, effect)| !matches!(effect, Effect::Persist(_))).map(|(id, _)| *id).collect();
        for id in called_back {
            self.waiting.remove(&id);
        }
        self.ready.retain(|(_, effect)| matches!(effect, Effect::Persist(_)));
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn into_summary(self, account: &Account) -> SyncSummary {
        SyncSummary {
            pulled: self.pulled,
            pushed: self.pushed,
            conflicts: account.spaces.values().map(|space| space.conflict_count(&account.merge_kinds)).sum(),
            quarantined: account.quarantined(),
            holes: account.holes(),
            notices: account.notices(),
            checkpoints_merged: self.checkpoints_merged,
            checkpoints_made: self.checkpoints_made,
            purged: self.purged,
            mass_delete: self.held.into_values().collect(),
            collected: self.collecting.map(|collecting| collecting.report),
            failure: self.failure,
        }
    }
}

/// One step of a sync: everything that a decision may look at.
pub(super) struct Turn<'a> {
    pub(super) account: &'a mut Account,
    pub(super) sync: &'a mut Sync,
    pub(super) next_effect: &'a mut u64,
    pub(super) now_ms: u64,
    pub(super) rng: &'a mut dyn CryptoRng,
}

impl Turn<'_> {
    pub(super) fn emit(&mut self, effect: Effect, task: Task) {
        if self.account.has_failed() {
            // Decided on a space without its changes: written down or sent, it would take away what is there.
            return self.sync.fail("load-changes", FailureClass::Local);
        }
        let id = EffectId(*self.next_effect);
        *self.next_effect += 1;
        self.sync.waiting.insert(id, (task, effect.name()));
        self.sync.ready.push_back((id, effect));
    }

    /// Puts out the rows gathered so far as one batch.
    pub(super) fn persist(&mut self, step: Step) {
        self.follow_rows();
        let rows = std::mem::take(&mut self.sync.rows);
        if !rows.is_empty() {
            self.emit(Effect::Persist(Persist { step, rows }), Task::Persisted);
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        let is_let_pass = |task: &Task| planted::is(Bug::SegmentBeforeItsObjects) && matches!(task, Task::SendContents { .. });
        self.sync.waiting.values().all(|(task, _)| is_let_pass(task))
    }

    /// How many effects are out.
    pub(super) fn outstanding(&self) -> usize {
        self.sync.waiting.len()
    }

    pub(super) fn quarantine(&mut self, entry: Quarantined) {
        self.account.space(entry.space).quarantined.insert(entry.subject, (entry.reason, entry.retry_at_ms));
        self.sync.rows.push(Row::PutQuarantined(entry));
    }

    pub(super) fn handle(&mut self, task: Task, name: &'static str, outcome: Outcome) {
        if task.is_persist() && outcome != Outcome::Persisted {
            let class = if let Outcome::Failed(class) = outcome { class } else { FailureClass::Local };
            return self.sync.fail(name, class);
        }
        if task.is_persist() {
            // Whatever becomes of the sync: what is written holds.
            self.account.spaces.values_mut().for_each(SpaceMemory::take_up_arrived);
        }
        if self.sync.has_failed() && !matches!(task, Task::SendSegment(_)) {
            return;
        }
        match task {
            Task::ListGrants => self.grants_listed(outcome),
            Task::Grant(grant) => self.grant_read(grant, outcome),
            Task::Doorbell => self.doorbell_read(outcome),
            Task::ListDevices(space) => self.devices_listed(space, outcome),
            Task::ListCheckpoints(space) => self.checkpoints_listed(space, outcome),
            Task::Checkpoint { space, digest, stored_at } => self.checkpoint_read(space, digest, stored_at, outcome),
            Task::SendCheckpoint { space, digest, known } => self.checkpoint_sent(space, digest, known, outcome),
            Task::Segment { space, segment } => self.segment_read(space, segment, outcome),
            Task::Contents { space, first, parts } => self.contents_read(space, first, parts, outcome),
            Task::SendGrant(grant) => self.grant_sent(grant, outcome),
            Task::Load { space, cid, size } => self.content_loaded(space, cid, size, outcome),
            Task::StoreAttachment { space, cid } => self.attachment_stored(space, cid, outcome),
            Task::SendContents { space, stored, bytes } => self.contents_sent(space, stored, bytes, outcome),
            Task::SendSegment(space) => self.segment_sent(space, outcome),
            Task::DoorbellAgain => self.doorbell_read_again(outcome),
            Task::WriteDoorbell { settled } => self.doorbell_written(settled, outcome),
            Task::ListObjects { space, prefix } => self.objects_listed(space, prefix, outcome),
            Task::Delete(doomed) => self.deleted(doomed, outcome),
            Task::ReadPack(read) => self.pack_read(read, outcome),
            Task::StorePack { space, stored } => self.pack_stored(space, stored, outcome),
            Task::Persisted | Task::Slept => {}
        }
    }

    /// Goes on as far as is possible without an outcome.
    pub(super) fn advance(&mut self) {
        while self.is_quiet() && self.sync.phase != Phase::Over {
            match self.sync.phase {
                Phase::Keys => self.find_keys(),
                Phase::KeysListed => self.keep_keys(),
                // Objects before segments: what a segment names is in the store before it.
                Phase::Doorbell if self.has_objects_to_list() => self.list_objects(),
                Phase::Doorbell if planted::is(Bug::SegmentsListedBeforeObjects) && self.was_all_listed_once() => {
                    self.go_by_the_last_listing();
                }
                Phase::Doorbell => self.read_doorbell(),
                Phase::List => self.list_due(),
                Phase::Checkpoints => self.read_checkpoints(),
                Phase::Fetch => self.fetch_segments(),
                Phase::Apply => self.apply_segments(),
                Phase::Members => self.follow_members(),
                Phase::Settle => self.settle(),
                Phase::Tidy => self.tidy(),
                Phase::LookForFork => self.look_for_fork(),
                Phase::Doubt => self.decide_doubtful(),
                Phase::Collect => self.collect(),
                Phase::Delete => self.delete_next(),
                Phase::Repack => self.repack_next(),
                Phase::SendGrants if planted::is(Bug::SegmentsListedBeforeObjects) && self.has_read_nothing() => {
                    self.sync.phase = Phase::Over;
                }
                Phase::SendGrants => self.send_grants(),
                Phase::SendContents => self.send_contents(),
                Phase::Build => self.build_segments(),
                Phase::SendSegments => self.send_segments(),
                Phase::MakeCheckpoints => self.make_checkpoints(),
                Phase::Ring => self.ring(),
                Phase::Contents => self.fetch_contents(),
                Phase::Over => {}
            }
        }
        if self.is_quiet() && self.sync.phase == Phase::Over && !self.sync.rows.is_empty() {
            // What was gathered when the sync failed holds in memory already.
            self.persist(Step::Segments);
        }
    }
}
