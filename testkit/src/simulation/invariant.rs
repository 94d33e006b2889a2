//! What must hold once all devices have synced in peace.

use std::collections::BTreeSet;

use tidegate_protocol::{ObjectKey, Space};
use tidegate_sync_core::engine::ContentPlace;
use tidegate_sync_core::manifest::{Change, Cid, Frontier, Location, Register, SegmentRef, Target};
use tidegate_sync_core::quarantine::{Hole, Quarantined, Subject};
use tidegate_sync_core::state::{State, are_one, conflict, due_for_purge, winner};

use super::model::Model;
use super::world::World;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// An edit supersedes other changes than the model says.
    EditDisagreesWithModel(Cid),
    /// A device stored two different segments under one number.
    TwoSegmentsWithOneNumber(String),
    /// Deletes by the dozen were built into a segment although nobody had allowed them.
    MassDeleteWithoutAWord(usize),
    /// A device applied a segment without what its author had seen, though nothing says that it is missing.
    AppliedOutOfOrder {
        /// The device.
        device: usize,
        /// The segment.
        segment: SegmentRef,
        /// What had to come first.
        before: SegmentRef,
    },
    /// An edit goes into a segment although the device's state has it from another one.
    SentAgain(Cid),
    /// A segment was stored long after its author had read what there was.
    WrittenOnAnOldRead {
        /// The device.
        device: usize,
        /// How long after, in milliseconds.
        after_ms: u64,
    },
    /// A device has two batches to commit at once, which may be committed in either order.
    BatchesOutOfOrder(usize),
    /// A sync asks for the same thing more often than it read the doorbell.
    AsksTooOften {
        /// The device.
        device: usize,
        /// What it asks for.
        asked: String,
    },
    /// A sync fails although nothing disturbs it.
    SyncFails {
        /// The device.
        device: usize,
        /// The effect that failed.
        effect: &'static str,
    },
    /// Devices go on making requests although nothing happens; the requests of the last round.
    NeverQuiet(Vec<Vec<&'static str>>),
    /// Two devices have different states.
    StatesDiffer {
        /// The device that differs from the first.
        device: usize,
        /// The space.
        space: Space,
        /// What differs first.
        what: String,
    },
    /// A family member that was added is not known, or nothing of it.
    SpaceUnknown(Space),
    /// Something was purged before the retention was over.
    PurgedEarly(Cid),
    /// An acknowledged edit is on no device any more.
    EditLost(Cid),
    /// An acknowledged edit was replaced by a change whose author had not seen it.
    ReplacedUnseen {
        /// The edit.
        lost: Cid,
        /// The change that names it.
        by: Cid,
    },
    /// An acknowledged edit is neither shown, nor replaced, nor a conflict.
    Hidden(Cid),
    /// Something shown had been deleted by somebody who saw it.
    DeletedIsBack {
        /// What is shown.
        shown: Cid,
        /// The delete.
        deleted_by: Cid,
    },
    /// A device shows something else than the model.
    ShowsAnother {
        /// The device.
        device: usize,
        /// Where.
        register: Register,
    },
    /// A device has other conflicts than the model.
    ConflictsDiffer {
        /// The device.
        device: usize,
        /// Where.
        register: Register,
        /// What it has.
        has: BTreeSet<Cid>,
        /// What it must have.
        must_have: BTreeSet<Cid>,
    },
    /// What is shown has another content than was written, or none.
    ContentDiffers {
        /// The device.
        device: usize,
        /// The change.
        cid: Cid,
    },
    /// An object that a change refers to is gone from the store.
    Collected {
        /// The change.
        cid: Cid,
        /// The object.
        key: String,
    },
    /// An object in the store is readable.
    Plaintext(String),
    /// Something is set aside although nobody has forged anything.
    SetAside(Quarantined),
    /// Something is missing although the store withholds nothing.
    Missing(Hole),
    /// Something still waits to be sent.
    Unsent(usize),
    /// The engine panicked.
    Panicked(String),
}

impl Violation {
    /// Its kind, for telling one failure from another.
    #[must_use]
    pub fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
    }
}

/// Checks everything; what is found stands in `world.violations`.
pub(super) fn check(world: &mut World) {
    let mut found = Vec::new();
    check_agreement(world, &mut found);
    check_edits(world, &mut found);
    check_objects(world, &mut found);
    for device in world.present() {
        check_device(world, device, &mut found);
    }
    if let Some(first) = world.present().first() {
        world.counts.conflicts += world.devices[*first].engine.conflicts().len() as u64;
    }
    world.violations.extend(found);
}

/// All devices hold the same changes, brought by the same segments, and the same frontier; but for superseded ones that somebody
/// has purged, or may by now. A device that was away for long may send such a change again, under one that it does know to be
/// unsent; where what had replaced the change before is gone too, it goes when its time under the new one is over.
fn check_agreement(world: &World, found: &mut Vec<Violation>) {
    let added = world.members_added.iter().map(|member| Space::Member(world.user(), *member));
    let present = world.present();
    let Some((first, others)) = present.split_first() else { return };
    for space in [Space::Account(world.user()), world.space()].into_iter().chain(added) {
        let gone = gone(world, space);
        let Some(first) = world.devices[*first].engine.state(space).filter(|state| state.changes().next().is_some()) else {
            found.push(Violation::SpaceUnknown(space));
            continue;
        };
        for device in others {
            let difference = match world.devices[*device].engine.state(space) {
                None => Some("the space is not known".to_owned()),
                Some(other) => difference(&purged(first, &gone, world.now_ms), &purged(other, &gone, world.now_ms)),
            };
            if let Some(what) = difference {
                found.push(Violation::StatesDiffer { device: *device, space, what });
            }
        }
    }
}

/// What a device has purged, or may by now.
fn gone(world: &World, space: Space) -> BTreeSet<Cid> {
    let states = world.present().into_iter().filter_map(|device| world.devices[device].engine.state(space));
    let due = states.flat_map(|state| due_for_purge(state, world.now_ms));
    due.chain(world.purged.iter().copied()).collect()
}

/// A state as a purge at this time leaves it, and without what is superseded and gone elsewhere.
fn purged(state: &State, gone: &BTreeSet<Cid>, now_ms: u64) -> State {
    let is_hidden = |cid: &Cid| state.superseders(*cid).next().is_some();
    let mut leaving = due_for_purge(state, now_ms);
    leaving.extend(gone.iter().copied().filter(is_hidden));
    let mut state = state.clone();
    for cid in leaving {
        state.remove(cid);
    }
    state
}

/// What two states differ in first; floors are each device's own.
fn difference(one: &State, other: &State) -> Option<String> {
    let (one_frontier, other_frontier) = with_common_floors(one.frontier(), other.frontier());
    let is_above = |segment: &SegmentRef| one_frontier.chain(&segment.of_chain()).is_none_or(|chain| chain.floor() < segment.seq);
    let essence = |state: &State| -> Vec<(Change, Vec<SegmentRef>)> {
        let changes = state.changes().map(|present| {
            (Change::clone(&present.change), present.brought_by.keys().filter(|segment| is_above(segment)).copied().collect())
        });
        changes.collect()
    };
    let (mine, theirs) = (essence(one), essence(other));
    let describe = |state: &State, cid: Cid| match state.present(cid) {
        None => "absent".to_owned(),
        Some(present) => {
            let superseders: Vec<String> = state.superseders(cid).map(|by| by.change.cid.to_string()).collect();
            format!(
                "{:?} {} brought by {:?}, superseded by {superseders:?}",
                present.change.op, present.change.hlc, present.brought_by
            )
        }
    };
    let differs = mine.iter().find(|entry| !theirs.contains(entry)).or_else(|| theirs.iter().find(|entry| !mine.contains(entry)));
    if let Some((change, _)) = differs {
        return Some(format!("{}: {}; and {}", change.cid, describe(one, change.cid), describe(other, change.cid)));
    }
    (one_frontier != other_frontier).then(|| "the frontier".to_owned())
}

fn with_common_floors(one: &Frontier, other: &Frontier) -> (Frontier, Frontier) {
    let raised = |frontier: &Frontier, by: &Frontier| {
        let mut frontier = frontier.clone();
        for (chain, theirs) in by.chains() {
            frontier.raise_floor(*chain, theirs.floor());
        }
        frontier
    };
    (raised(one, other), raised(other, one))
}

fn present_state(world: &World) -> Option<&State> {
    let first = *world.present().first()?;
    world.devices[first].engine.state(world.space())
}

fn counted(world: &World) -> BTreeSet<Cid> {
    let Some(state) = present_state(world) else { return BTreeSet::new() };
    let cids = world.model.edits().map(|edit| edit.change.cid);
    cids.filter(|cid| world.model.counts(*cid, |cid| state.get(cid).is_some())).collect()
}

/// Each acknowledged edit is shown, or was replaced by somebody who had seen it, or stands as a conflict.
fn check_edits(world: &World, found: &mut Vec<Violation>) {
    let Some(state) = present_state(world) else { return };
    let counted = counted(world);
    for edit in world.model.edits().filter(|edit| counted.contains(&edit.change.cid)) {
        let cid = edit.change.cid;
        if state.get(cid).is_none() {
            if !world.model.may_be_purged(edit, world.now_ms) {
                found.push(Violation::EditLost(cid));
            }
            continue;
        }
        let replaced_by: Vec<_> = world
            .model
            .edits()
            .filter(|other| counted.contains(&other.change.cid) && other.change.supersedes.contains(&cid))
            .collect();
        for other in &replaced_by {
            if !other.seen.contains(&cid) {
                found.push(Violation::ReplacedUnseen { lost: cid, by: other.change.cid });
            }
        }
        if replaced_by.is_empty() && edit.change.has_content() && !is_visible(state, &edit.change) {
            found.push(Violation::Hidden(cid));
        }
    }
}

fn is_visible(state: &State, change: &Change) -> bool {
    let heads = state.heads(&change.register());
    let shown = winner(heads.iter().copied());
    let losers = conflict(&heads).map(|conflict| conflict.losers).unwrap_or_default();
    shown.into_iter().chain(losers).any(|head| head.cid == change.cid || are_one(head, change))
}

/// Every object that a present change refers to is there, those of earlier versions too. Not of one that only waits for the
/// next complete listing to be purged: others have purged it by theirs, and collected what it refers to.
fn check_objects(world: &World, found: &mut Vec<Violation>) {
    let Some(state) = present_state(world) else { return };
    let due = due_for_purge(state, world.now_ms);
    for present in state.changes().filter(|present| present.change.has_content() && !due.contains(&present.change.cid)) {
        let cid = present.change.cid;
        let key = match state.location(cid) {
            Some(Location::Object(object)) => &object.key,
            Some(Location::Pack(pack)) => &pack.pack,
            Some(Location::Inline(_) | Location::Unknown(_)) | None => continue,
        };
        if world.store.get(key).is_none() {
            found.push(Violation::Collected { cid, key: key.to_string() });
        }
    }
}

fn check_device(world: &World, device: usize, found: &mut Vec<Violation>) {
    let engine = &world.devices[device].engine;
    let space = world.space();
    let is_torn = |entry: &Quarantined| match entry.subject {
        Subject::Checkpoint(digest) => world.store.is_torn(&ObjectKey::Checkpoint { space: entry.space, digest }),
        Subject::Segment(segment) => world.store.is_torn(&segment.key(entry.space)),
        Subject::Doorbell | Subject::Grant(_) | Subject::Content(_) => false,
    };
    found.extend(engine.quarantined().into_iter().filter(|entry| !is_torn(entry)).map(Violation::SetAside));
    let is_missing = |hole: &Hole| !world.store.is_torn(&hole.segment.key(hole.space));
    found.extend(engine.holes().into_iter().filter(is_missing).map(Violation::Missing));
    if engine.unsent() > 0 {
        found.push(Violation::Unsent(device));
    }
    let counted = counted(world);
    for register in world.model.registers(space) {
        let heads = world.model.heads(space, |cid| counted.contains(&cid), |other| *other == register);
        let must_show = Model::winner(&heads).map(|change| change.cid);
        let shown = engine.winner(space, &register);
        if shown.map(|change| change.cid) != must_show {
            found.push(Violation::ShowsAnother { device, register });
        }
        let there = engine.state(space).map(|state| state.heads(&register)).unwrap_or_default();
        let losers = conflict(&there).map(|conflict| conflict.losers).unwrap_or_default();
        let has: BTreeSet<Cid> = losers.iter().map(|change| change.cid).collect();
        let must_have = Model::losers(&heads);
        if has != must_have {
            found.push(Violation::ConflictsDiffer { device, register, has, must_have });
        }
        let Some(shown) = shown else { continue };
        if let Some(delete) = world.model.deleted_by(register.target, shown.cid, |cid| counted.contains(&cid)) {
            found.push(Violation::DeletedIsBack { shown: shown.cid, deleted_by: delete.change.cid });
        }
        if !is_readable(world, device, shown) {
            found.push(Violation::ContentDiffers { device, cid: shown.cid });
        }
    }
}

/// Whether a shown change has the content that was written: on the device for records, in the store for attachments.
fn is_readable(world: &World, device: usize, shown: &Change) -> bool {
    let Some(written) = world.model.edit(shown.cid).map(|edit| &edit.content) else { return false };
    let owner = &world.devices[device];
    match owner.engine.content_place(world.space(), shown.cid) {
        ContentPlace::Inline(content) => content == written,
        ContentPlace::Local(hmac) => owner.disk.content(world.space(), hmac) == Some(written),
        ContentPlace::Remote { key, range, .. } => {
            let is_lazy = matches!(shown.target, Target::Attachment(_));
            let Some(bytes) = world.store.read_now(&key, range) else { return false };
            let opened = owner.engine.open_content(world.space(), shown.cid, &bytes).ok();
            is_lazy && opened.is_some_and(|(_, content)| content == *written)
        }
        ContentPlace::Nowhere => false,
    }
}
