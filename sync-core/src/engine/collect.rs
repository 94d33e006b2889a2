//! Collecting garbage: objects are listed first, then everything is read, and only then it is decided what goes.
//!
//! What goes is deleted within *fresh* of the listing. A device that takes longer stops, and begins anew the next time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate_protocol::{Digest, ListPrefix, ObjectKey, Space};

use super::account::SpaceMemory;
use super::collected::{CollectOptions, Collected, Deleted, Held, WaitingObjects};
use super::effect::Effect;
use super::event::{FailureClass, ListedObject, Outcome};
use super::persist::{Row, Step};
use super::pull::Bell;
use super::repack::{PackRead, Repacking};
use super::sync::{Phase, Task, Turn};
use crate::garbage::{
    Fate, Hindrance, References, carrying_checkpoints, check_space, fate_of_object, is_half_empty, is_old, may_checkpoint_go,
    may_segment_go,
};
use crate::manifest::{Op, SegmentRef};
use crate::quarantine::{Reason, Subject};
use crate::state::FRESH_MS;

/// How many objects are deleted by one request.
const BATCH: usize = 1_000;

/// An object that is about to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doomed {
    space: Space,
    key: ObjectKey,
    bytes: u64,
}

/// An entry of a listing.
#[derive(Debug, Clone, Copy)]
struct Entry {
    size: u64,
    stored_at_ms: Option<u64>,
}

/// A collection on its way.
#[derive(Debug)]
pub(super) struct Collecting {
    options: CollectOptions,
    began_ms: u64,
    /// Whether the objects are asked for, and whether everything is decided.
    is_listed: bool,
    is_decided: bool,
    /// Records, attachments and packs of the spaces that were open when it began.
    objects: BTreeMap<Space, BTreeMap<ObjectKey, Entry>>,
    /// Segments and checkpoints.
    history: BTreeMap<Space, BTreeMap<ObjectKey, Entry>>,
    doomed: VecDeque<Doomed>,
    pub(super) repacking: Repacking,
    pub(super) report: Collected,
}

impl Collecting {
    pub(super) fn new(options: CollectOptions, now_ms: u64) -> Self {
        Self {
            options,
            began_ms: now_ms,
            is_listed: false,
            is_decided: false,
            objects: BTreeMap::new(),
            history: BTreeMap::new(),
            doomed: VecDeque::new(),
            repacking: Repacking::default(),
            report: Collected { dry_run: options.dry_run, ..Collected::default() },
        }
    }

    /// Whether the listing is *fresh*; one that began ahead of now began under a wrong clock.
    const fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms.abs_diff(self.began_ms) <= FRESH_MS
    }

    fn doom(&mut self, space: Space, key: &ObjectKey, entry: Entry) {
        self.doomed.push_back(Doomed { space, key: key.clone(), bytes: entry.size });
    }
}

impl Turn<'_> {
    /// Whether this sync collects, and has not decided yet.
    pub(super) fn is_collecting(&self) -> bool {
        self.sync.collecting.as_ref().is_some_and(|collecting| !collecting.is_decided)
    }

    pub(super) fn has_objects_to_list(&self) -> bool {
        self.sync.collecting.as_ref().is_some_and(|collecting| !collecting.is_listed)
    }

    /// For a planted bug: whether there is a listing of segments, however old, that a collection could go by.
    pub(super) fn was_all_listed_once(&self) -> bool {
        let was_listed = |space: &Space| self.account.spaces.get(space).is_some_and(|memory| memory.listed_at_ms.is_some());
        self.is_collecting() && self.account.open_spaces().iter().all(was_listed)
    }

    /// For a planted bug: goes on as if the segments had been listed now.
    pub(super) fn go_by_the_last_listing(&mut self) {
        self.sync.spaces_listed.extend(self.account.open_spaces());
        self.sync.phase = Phase::Collect;
    }

    /// For a planted bug: whether this is a collection that went by the last listing.
    pub(super) const fn has_read_nothing(&self) -> bool {
        matches!(self.sync.bell, Bell::Unread)
    }

    /// Lists the objects of all members whose spaces are open.
    pub(super) fn list_objects(&mut self) {
        let Some(collecting) = self.sync.collecting.as_mut() else { return };
        collecting.is_listed = true;
        collecting.began_ms = self.now_ms;
        for space in self.account.open_spaces() {
            if let Some(collecting) = self.sync.collecting.as_mut() {
                collecting.objects.insert(space, BTreeMap::new());
            }
            let Space::Member(user, member) = space else { continue };
            for prefix in
                [ListPrefix::Records(user, member), ListPrefix::Attachments(user, member), ListPrefix::Packs(user, member)]
            {
                self.emit(Effect::List { prefix, token: None }, Task::ListObjects { space, prefix });
            }
        }
    }

    pub(super) fn objects_listed(&mut self, space: Space, prefix: ListPrefix, outcome: Outcome) {
        let (entries, next) = match outcome.listed() {
            Ok(page) => page,
            Err(class) => return self.sync.fail("list-objects", class),
        };
        if let Some(objects) = self.sync.collecting.as_mut().and_then(|collecting| collecting.objects.get_mut(&space)) {
            objects.extend(entries.into_iter().filter(|entry| entry.key.content_space() == Some(space)).map(entry));
        }
        if next.is_some() {
            self.emit(Effect::List { prefix, token: next }, Task::ListObjects { space, prefix });
        }
    }

    /// Takes note of listed segments and checkpoints, if this sync collects.
    pub(super) fn note_listed(&mut self, space: Space, entries: &[ListedObject]) {
        if let Some(collecting) = self.sync.collecting.as_mut() {
            collecting.history.entry(space).or_default().extend(entries.iter().cloned().map(entry));
        }
    }

    /// Decides what goes, now that everything that was there at the time of the listing is read.
    pub(super) fn collect(&mut self) {
        let Some(mut collecting) = self.sync.collecting.take() else { return };
        collecting.is_decided = true;
        for (space, objects) in std::mem::take(&mut collecting.objects) {
            match self.decide_on_space(space, &objects, &mut collecting) {
                Ok(()) => {}
                Err(hindrance) => collecting.report.held.push(Held { space, hindrance }),
            }
        }
        if collecting.options.dry_run {
            for doomed in std::mem::take(&mut collecting.doomed) {
                count(&mut collecting.report.deleted, &doomed);
            }
            collecting.report.repacked = collecting.repacking.planned();
            collecting.repacking = Repacking::default();
        } else {
            collecting.report.repacked.packs = collecting.repacking.planned().packs;
        }
        let is_dry = collecting.options.dry_run;
        self.sync.collecting = Some(collecting);
        // Of a dry run only what was read stays: nothing is sent either.
        self.sync.phase = if is_dry { Phase::Over } else { Phase::Delete };
        self.persist(Step::Garbage);
    }

    fn decide_on_space(
        &mut self,
        space: Space,
        objects: &BTreeMap<ObjectKey, Entry>,
        collecting: &mut Collecting,
    ) -> Result<(), Hindrance> {
        let now_ms = self.now_ms;
        let is_complete = self.sync.spaces_listed.contains(&space);
        let memory = self.account.space(space);
        if !is_complete {
            return Err(Hindrance::NotListed);
        }
        let references = References::of(&memory.state);
        let not_believed = memory.quarantined.iter().map(|(subject, (reason, _))| (subject, reason));
        check_space(&references, memory.holes.values(), not_believed)?;
        let mut waiting = WaitingObjects { space, objects: 0, bytes: 0, next_at_ms: u64::MAX };
        let mut half_empty: BTreeSet<ObjectKey> = BTreeSet::new();
        let mut marks: BTreeMap<ObjectKey, u64> = BTreeMap::new();
        for (key, entry) in objects {
            let since_ms = memory.unreferenced.get(key).copied();
            let fate = fate_of_object(references.contains(key), entry.stored_at_ms, since_ms, now_ms);
            match fate {
                Fate::InUse => {
                    if matches!(key, ObjectKey::Pack { .. })
                        && is_half_empty(entry.size, references.live_bytes(key), entry.stored_at_ms, now_ms)
                    {
                        half_empty.insert(key.clone());
                    }
                }
                Fate::Waits { since_ms, until_ms } => {
                    waiting.objects += 1;
                    waiting.bytes += entry.size;
                    waiting.next_at_ms = waiting.next_at_ms.min(until_ms);
                    marks.insert(key.clone(), since_ms);
                }
                Fate::Goes => {
                    marks.extend(since_ms.map(|since_ms| (key.clone(), since_ms)));
                    collecting.doom(space, key, *entry);
                }
            }
        }
        collecting.repacking.plan(space, &half_empty, &memory.state);
        if !collecting.options.dry_run {
            self.sync.rows.extend(mark(space, memory, marks));
        }
        if waiting.objects > 0 {
            collecting.report.waiting.push(waiting);
        }
        let history = collecting.history.remove(&space).unwrap_or_default();
        doom_history(space, memory, &history, collecting, now_ms);
        Ok(())
    }

    /// Deletes the next batch, one after the other: each is begun only while the listing is fresh.
    pub(super) fn delete_next(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Garbage);
        }
        let Some(collecting) = self.sync.collecting.as_mut() else { return };
        let is_fresh = collecting.is_fresh(self.now_ms);
        if !is_fresh {
            collecting.report.left = collecting.doomed.len() as u64;
            collecting.doomed.clear();
        }
        let batch: Vec<Doomed> = collecting.doomed.drain(..collecting.doomed.len().min(BATCH)).collect();
        if batch.is_empty() {
            self.sync.phase = Phase::Repack;
            return;
        }
        let keys = batch.iter().map(|doomed| doomed.key.clone()).collect();
        self.emit(Effect::Delete { keys }, Task::Delete(batch));
    }

    pub(super) fn deleted(&mut self, doomed: Vec<Doomed>, outcome: Outcome) {
        let Some(collecting) = self.sync.collecting.as_mut() else { return };
        // What was refused stays, with its mark: somebody looks at the clock differently, or the day's budget is used up.
        let refused: BTreeSet<ObjectKey> = match outcome.deleted() {
            Ok(refused) => refused.into_iter().collect(),
            Err(class) => return self.sync.fail("delete-objects", class),
        };
        let (refused, deleted): (Vec<Doomed>, Vec<Doomed>) = doomed.into_iter().partition(|doomed| refused.contains(&doomed.key));
        collecting.report.refused += refused.len() as u64;
        for doomed in deleted {
            count(&mut collecting.report.deleted, &doomed);
            let Doomed { space, key, .. } = doomed;
            let memory = self.account.spaces.entry(space).or_default();
            if let ObjectKey::Checkpoint { digest, .. } = key {
                memory.checkpoints.remove(&digest);
                self.sync.rows.push(Row::RemoveCheckpoint { space, checkpoint: digest });
                let subject = Subject::Checkpoint(digest);
                if memory.quarantined.remove(&subject).is_some() {
                    self.sync.rows.push(Row::RemoveQuarantined { space, subject });
                }
            }
            if memory.unreferenced.remove(&key).is_some() {
                self.sync.rows.push(Row::RemoveUnreferenced { space, key });
            }
        }
    }

    /// What rows that are about to be written mean for others: an object that something names again is no garbage, and a
    /// content that was moved is worth another look.
    pub(super) fn follow_rows(&mut self) {
        let mut named: BTreeSet<(Space, ObjectKey)> = BTreeSet::new();
        let mut moved: BTreeSet<(Space, Subject)> = BTreeSet::new();
        for row in &self.sync.rows {
            // Changes that come packed come to a space of which nothing is noted.
            let Row::PutChange { space, change, brought_by } = row else { continue };
            let Some(memory) = self.account.spaces.get(space) else { continue };
            let key = change.location.as_ref().and_then(|location| Some(super::contents::object_of(location)?.0));
            named.extend(key.filter(|key| memory.unreferenced.contains_key(key)).map(|key| (*space, key)));
            if change.op == Op::Relocate && !brought_by.is_empty() {
                let contents = change.relocates.iter().map(|cid| Subject::Content(*cid));
                moved
                    .extend(contents.filter(|subject| memory.quarantined.contains_key(subject)).map(|subject| (*space, subject)));
            }
        }
        for (space, key) in named {
            self.account.space(space).unreferenced.remove(&key);
            self.sync.rows.push(Row::RemoveUnreferenced { space, key });
        }
        for (space, subject) in moved {
            self.account.space(space).quarantined.remove(&subject);
            self.sync.rows.push(Row::RemoveQuarantined { space, subject });
        }
    }

    pub(super) fn pack_read(&mut self, read: PackRead, outcome: Outcome) {
        match outcome.read() {
            Ok(super::event::Read::Found { bytes, .. }) => self.take_out_of_pack(read, &bytes),
            // What cannot be read stays where it is, and is told of when somebody wants it.
            Ok(super::event::Read::NotFound | super::event::Read::NotModified)
            | Err(FailureClass::Corrupt | FailureClass::Invalid) => {}
            Err(class) => self.sync.fail("get-object", class),
        }
    }
}

const fn entry(listed: ListedObject) -> (ObjectKey, Entry) {
    let stored_at_ms = match listed.last_modified {
        Some(at) => Some(at.millis()),
        None => None,
    };
    (listed.key, Entry { size: listed.size, stored_at_ms })
}

/// Puts these marks in the place of those that there were.
fn mark(space: Space, memory: &mut SpaceMemory, marks: BTreeMap<ObjectKey, u64>) -> Vec<Row> {
    let before = std::mem::replace(&mut memory.unreferenced, marks);
    let gone = before.keys().filter(|key| !memory.unreferenced.contains_key(*key));
    let mut rows: Vec<Row> = gone.map(|key| Row::RemoveUnreferenced { space, key: key.clone() }).collect();
    let new = memory.unreferenced.iter().filter(|(key, since_ms)| before.get(*key) != Some(*since_ms));
    rows.extend(new.map(|(key, since_ms)| Row::PutUnreferenced { space, key: key.clone(), since_ms: *since_ms }));
    rows
}

/// The segments and checkpoints of a space that may go: segments first, for a checkpoint may be what covers them.
fn doom_history(
    space: Space,
    memory: &SpaceMemory,
    history: &BTreeMap<ObjectKey, Entry>,
    collecting: &mut Collecting,
    now_ms: u64,
) {
    let listed: BTreeMap<Digest, Option<u64>> = history
        .iter()
        .filter_map(|(key, entry)| {
            let ObjectKey::Checkpoint { space: found, digest } = key else { return None };
            (*found == space).then_some((*digest, entry.stored_at_ms))
        })
        .collect();
    let carrying = carrying_checkpoints(&memory.checkpoints, &listed, now_ms);
    for (key, entry) in history {
        if let Some(segment) = SegmentRef::from_key(space, key)
            && memory.state.frontier().covers(&segment)
            && may_segment_go(&segment, entry.stored_at_ms, &carrying, now_ms)
        {
            collecting.doom(space, key, *entry);
        }
    }
    for (digest, stored_at_ms) in &listed {
        // A part without the others, for so long: whoever was writing it was stopped, and has written it anew since.
        let is_lonely_part = memory
            .quarantined
            .get(&Subject::Checkpoint(*digest))
            .is_some_and(|(reason, _)| *reason == Reason::MissingContent && is_old(*stored_at_ms, now_ms));
        if is_lonely_part || may_checkpoint_go(digest, *stored_at_ms, &carrying, now_ms) {
            let key = ObjectKey::Checkpoint { space, digest: *digest };
            if let Some(entry) = history.get(&key) {
                collecting.doom(space, &key, *entry);
            }
        }
    }
}

const fn count(deleted: &mut Deleted, doomed: &Doomed) {
    deleted.bytes += doomed.bytes;
    match &doomed.key {
        ObjectKey::Segment { .. } => deleted.segments += 1,
        ObjectKey::Checkpoint { .. } => deleted.checkpoints += 1,
        ObjectKey::Record { .. }
        | ObjectKey::Attachment { .. }
        | ObjectKey::Pack { .. }
        | ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::Doorbell { .. }
        | ObjectKey::State(_) => deleted.objects += 1,
    }
}
