//! What must hold once all devices have synced in peace.

use tidegate_protocol::Space;
use tidegate_sync_core::engine::ContentPlace;
use tidegate_sync_core::manifest::{Change, Cid, Register, Target};
use tidegate_sync_core::quarantine::{Hole, Quarantined};
use tidegate_sync_core::state::{State, are_one, conflict, winner};

use super::model::Model;
use super::world::World;

/// Every plaintext of a simulation begins with it, titles and names too.
const MARK: &[u8] = b"plaintext";

/// Something that must not be.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// An edit supersedes other changes than the model says.
    EditDisagreesWithModel(Cid),
    /// A device stored two different segments under one number.
    TwoSegmentsWithOneNumber(String),
    /// A device has two batches to commit at once, which may be committed in either order.
    BatchesOutOfOrder(usize),
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
    },
    /// A family member that was added is not known, or nothing of it.
    SpaceUnknown(Space),
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
    /// What is shown has another content than was written, or none.
    ContentDiffers {
        /// The device.
        device: usize,
        /// The change.
        cid: Cid,
    },
    /// An object in the store is readable.
    Plaintext(String),
    /// Something is set aside although nobody has forged anything.
    SetAside(Quarantined),
    /// Something is missing although the store withholds nothing.
    Missing(Hole),
    /// Something still waits to be sent.
    Unsent(usize),
}

/// Checks everything; what is found stands in `world.violations`.
pub(super) fn check(world: &mut World) {
    let mut found = Vec::new();
    check_store(world, &mut found);
    check_agreement(world, &mut found);
    check_edits(world, &mut found);
    for device in 0..world.devices.len() {
        check_device(world, device, &mut found);
    }
    let conflicts = world.devices[0].engine.conflicts().len();
    world.counts.conflicts += conflicts as u64;
    world.violations.extend(found);
}

fn check_store(world: &World, found: &mut Vec<Violation>) {
    for (key, object) in world.store.objects() {
        if object.bytes.windows(MARK.len()).any(|window| window == MARK) {
            found.push(Violation::Plaintext(key.clone()));
        }
    }
}

/// All devices hold the same changes, brought by the same segments, and the same frontier.
fn check_agreement(world: &World, found: &mut Vec<Violation>) {
    let added = world.members_added.iter().map(|member| Space::Member(world.user(), *member));
    for space in [Space::Account(world.user()), world.space()].into_iter().chain(added) {
        let first = world.devices[0].engine.state(space).map(essence);
        if first.as_ref().is_none_or(|(changes, _)| changes.is_empty()) {
            found.push(Violation::SpaceUnknown(space));
        }
        for (device, other) in world.devices.iter().enumerate().skip(1) {
            if other.engine.state(space).map(essence) != first {
                found.push(Violation::StatesDiffer { device, space });
            }
        }
    }
}

type Essence = (Vec<(Change, Vec<tidegate_sync_core::manifest::SegmentRef>)>, tidegate_sync_core::manifest::Frontier);

fn essence(state: &State) -> Essence {
    let changes = state.changes().map(|present| (present.change.clone(), present.brought_by.keys().copied().collect())).collect();
    (changes, state.frontier().clone())
}

/// Each acknowledged edit is shown, or was replaced by somebody who had seen it, or stands as a conflict.
fn check_edits(world: &World, found: &mut Vec<Violation>) {
    let nothing = State::new();
    let state = world.devices[0].engine.state(world.space()).unwrap_or(&nothing);
    for edit in world.model.edits() {
        let cid = edit.change.cid;
        if state.get(cid).is_none() {
            found.push(Violation::EditLost(cid));
            continue;
        }
        let replaced_by: Vec<_> = world.model.edits().filter(|other| other.change.supersedes.contains(&cid)).collect();
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

fn check_device(world: &World, device: usize, found: &mut Vec<Violation>) {
    let engine = &world.devices[device].engine;
    let space = world.space();
    found.extend(engine.quarantined().into_iter().map(Violation::SetAside));
    found.extend(engine.holes().into_iter().map(Violation::Missing));
    if engine.unsent() > 0 {
        found.push(Violation::Unsent(device));
    }
    for register in world.model.registers(space) {
        let heads = world.model.heads(space, |_| true, |other| *other == register);
        let must_show = Model::winner(&heads).map(|change| change.cid);
        let shown = engine.winner(space, &register);
        if shown.map(|change| change.cid) != must_show {
            found.push(Violation::ShowsAnother { device, register });
        }
        let Some(shown) = shown else { continue };
        if let Some(delete) = world.model.deleted_by(space, register.target, shown.cid) {
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
        ContentPlace::Remote { key, .. } => {
            let is_lazy = matches!(shown.target, Target::Attachment(_));
            let stored = world.store.get(&key);
            let opened = stored.and_then(|stored| owner.engine.open_content(world.space(), shown.cid, &stored.bytes).ok());
            is_lazy && opened.is_some_and(|(_, content)| content == *written)
        }
        ContentPlace::Nowhere => false,
    }
}
