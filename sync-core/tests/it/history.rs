//! Random histories: several devices edit one space, publish segments and read each other's, in any interleaving.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tidegate_protocol::Digest;
use tidegate_sync_core::clock::Clock;
use tidegate_sync_core::manifest::{Change, Cid, Meta, Op, Register, Segment, SegmentRef, Target, Timestamp};
use tidegate_sync_core::state::reference::Reference;
use tidegate_sync_core::state::{State, next_version, superseded_by_delete, superseded_by_edit};

use crate::sample::{MORNING_MS, attachment, chain, cid, hmac, put, record_id, relocation, stored_as_object};

const DEVICES: usize = 3;
const RECORDS: u64 = 2;
const CONTENTS: u64 = 3;

/// What one device does next.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Put {
        record: u64,
        content: u64,
        title: u8,
    },
    Attach {
        record: u64,
        content: u64,
    },
    DeleteRecord(u64),
    DeleteAttachment(u64),
    Resolve(u64),
    /// An edit that came too late to compete.
    Keep {
        record: u64,
        content: u64,
    },
    Relocate(Index),
    /// Sends a change again as a restored device does: the same cid, its content perhaps uploaded anew.
    SendAgain {
        which: Index,
        anew: bool,
    },
    Publish,
    /// Reads all segments that this device has merged.
    Pull(usize),
    /// Merges this device's state as a whole, like a checkpoint.
    MergeState(usize),
}

pub(crate) fn act() -> impl Strategy<Value = (usize, Act)> {
    let record = 0..RECORDS;
    let content = 0..CONTENTS;
    let act = prop_oneof![
        6 => (record.clone(), content.clone(), 0_u8..2).prop_map(|(record, content, title)| Act::Put { record, content, title }),
        2 => (record.clone(), content.clone()).prop_map(|(record, content)| Act::Attach { record, content }),
        3 => record.clone().prop_map(Act::DeleteRecord),
        1 => content.clone().prop_map(Act::DeleteAttachment),
        2 => record.clone().prop_map(Act::Resolve),
        1 => (record, content).prop_map(|(record, content)| Act::Keep { record, content }),
        1 => any::<Index>().prop_map(Act::Relocate),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(which, anew)| Act::SendAgain { which, anew }),
        5 => Just(Act::Publish),
        4 => (0..DEVICES).prop_map(Act::Pull),
        1 => (0..DEVICES).prop_map(Act::MergeState),
    ];
    (0..DEVICES, act)
}

/// A change and what its author knew.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) change: Change,
    pub(crate) seen: BTreeSet<Cid>,
    /// The heads that its author saw of the target's registers.
    pub(crate) heads: Vec<Change>,
}

#[derive(Debug)]
struct Device {
    number: u64,
    seq: u64,
    prev: Option<Digest>,
    unsent: Vec<Change>,
    clock: Clock,
    state: State,
}

#[derive(Debug)]
pub(crate) struct History {
    devices: Vec<Device>,
    /// In the order in which they were published, which is a causal one.
    pub(crate) segments: Vec<(SegmentRef, Segment)>,
    pub(crate) made: BTreeMap<Cid, Made>,
    steps: u64,
}

/// When the store took a segment.
pub(crate) fn stored_at(segment: &SegmentRef) -> Option<Timestamp> {
    Some(Timestamp::from_millis(MORNING_MS + segment.seq))
}

impl History {
    /// Plays these acts; in the end everybody publishes what is left.
    pub(crate) fn play(acts: &[(usize, Act)]) -> Self {
        let device =
            |number: u64| Device { number, seq: 0, prev: None, unsent: Vec::new(), clock: Clock::default(), state: State::new() };
        let devices = (0..DEVICES as u64).map(device).collect();
        let mut history = Self { devices, segments: Vec::new(), made: BTreeMap::new(), steps: 0 };
        for (device, act) in acts {
            history.steps += 1;
            history.step(*device, act);
        }
        for device in 0..DEVICES {
            history.publish(device);
        }
        history
    }

    fn step(&mut self, device: usize, act: &Act) {
        match act {
            Act::Put { record, content, title } => {
                let target = Target::Record(record_id(*record));
                let draft = Change { meta: note(*title).into(), content_hmac: Some(hmac(*content)), ..put(*content) };
                self.edit(device, target, draft);
            }
            Act::Attach { record, content } => {
                let draft = attachment(*content);
                let meta = Meta { record_id: Some(record_id(*record)), ..Meta::clone(&draft.meta) };
                self.edit(device, draft.target, Change { meta: meta.into(), ..draft });
            }
            Act::DeleteRecord(record) => self.delete(device, Target::Record(record_id(*record))),
            Act::DeleteAttachment(content) => self.delete(device, Target::Attachment(hmac(*content))),
            Act::Resolve(record) => self.resolve(device, *record),
            Act::Keep { record, content } => {
                let draft = put(*content);
                let target = Target::Record(record_id(*record));
                self.make(device, Change { target, kept: true, meta: note(0).into(), ..draft });
            }
            Act::Relocate(which) => {
                let state = &self.devices[device].state;
                let contents: Vec<Change> =
                    state.changes().map(|present| &*present.change).filter(|change| change.has_content()).cloned().collect();
                if contents.is_empty() {
                    return;
                }
                let change = which.get(&contents);
                let draft = Change { target: change.target, relocates: vec![change.cid], ..relocation(self.steps, &[]) };
                self.make(device, draft);
            }
            Act::SendAgain { which, anew } => self.send_again(device, which, *anew),
            Act::Publish => self.publish(device),
            Act::Pull(from) => self.pull(device, *from),
            Act::MergeState(from) => {
                let theirs = self.devices[*from].state.clone();
                self.devices[device].state.merge(&theirs);
            }
        }
    }

    fn edit(&mut self, device: usize, target: Target, draft: Change) {
        let state = &self.devices[device].state;
        let register = Register { target, at: draft.meta.record_id };
        let supersedes = superseded_by_edit(&state.heads(&register));
        self.make(device, Change { target, supersedes, ..draft });
    }

    fn delete(&mut self, device: usize, target: Target) {
        let heads = self.devices[device].state.heads_of_target(target);
        if heads.iter().any(|head| head.has_content()) {
            let supersedes = superseded_by_delete(&heads);
            self.make(device, Change { target, supersedes, ..crate::sample::delete(self.steps, &[]) });
        }
    }

    fn resolve(&mut self, device: usize, record: u64) {
        let heads = self.devices[device].state.heads(&Register::record(record_id(record)));
        let Some(kept) = heads.iter().find(|head| head.has_content()) else { return };
        let draft = Change { op: Op::Resolve, kept: false, supersedes: superseded_by_delete(&heads), ..(*kept).clone() };
        self.make(device, draft);
    }

    fn make(&mut self, device: usize, draft: Change) {
        let number = self.made.len() as u64;
        let author = &mut self.devices[device];
        // Clocks are minutes apart, and often give out the same time twice.
        let hlc = author.clock.tick(MORNING_MS + self.steps / 4 + author.number * 2).unwrap();
        let version = match draft.op {
            Op::Relocate => 0,
            Op::Put | Op::Delete | Op::Resolve => next_version(draft.supersedes.iter().filter_map(|cid| author.state.get(*cid))),
        };
        let change = Change { cid: cid(number), hlc, version, ..draft };
        let seen = author.state.changes().map(|present| present.change.cid).collect();
        let heads = author.state.heads_of_target(change.target).into_iter().cloned().collect();
        self.made.insert(change.cid, Made { change: change.clone(), seen, heads });
        author.state.insert_unsent(change.clone());
        author.unsent.push(change);
    }

    fn send_again(&mut self, device: usize, which: &Index, anew: bool) {
        let author = &mut self.devices[device];
        let waits = |cid: Cid| author.unsent.iter().any(|change| change.cid == cid);
        let known: Vec<Change> = author
            .state
            .changes()
            .map(|present| &*present.change)
            .filter(|change| change.has_content() && !waits(change.cid))
            .cloned()
            .collect();
        if !known.is_empty() {
            let change = which.get(&known).clone();
            author.unsent.push(if anew { stored_as_object(change, self.steps) } else { change });
        }
    }

    fn publish(&mut self, device: usize) {
        let author = &mut self.devices[device];
        if author.unsent.is_empty() {
            return;
        }
        let own = chain(author.number);
        let seen = author.state.frontier().tips().into_iter().filter(|tip| tip.of_chain() != own).collect();
        let changes = std::mem::take(&mut author.unsent);
        author.seq += 1;
        let segment = Segment::new(own, author.seq, author.prev, seen, changes);
        let json = segment.to_json().unwrap();
        assert_eq!(Segment::parse(&json), Ok(segment.clone()));
        let digest = Digest::of(&json);
        author.prev = Some(digest);
        let name = SegmentRef { device_id: own.device_id, chain: own.chain, seq: author.seq, digest };
        author.state.apply(name, &segment.changes, stored_at(&name));
        self.segments.push((name, segment));
    }

    fn pull(&mut self, device: usize, from: usize) {
        let theirs = self.devices[from].state.frontier().clone();
        let reader = &mut self.devices[device];
        for (name, segment) in self.segments.iter().filter(|(name, _)| theirs.covers(name)) {
            reader.state.apply(*name, &segment.changes, stored_at(name));
            for change in &segment.changes {
                reader.clock.observe(change.hlc);
            }
        }
    }

    /// Every device's state after each has read all that was published.
    pub(crate) fn converge(mut self) -> Vec<State> {
        for device in &mut self.devices {
            for (name, segment) in &self.segments {
                device.state.apply(*name, &segment.changes, stored_at(name));
            }
        }
        self.devices.into_iter().map(|device| device.state).collect()
    }

    /// The model of some of the segments, each of which may come more than once.
    pub(crate) fn model(&self, which: &[usize]) -> Reference {
        let mut model = Reference::new();
        for index in which.iter().filter(|index| **index < self.segments.len()) {
            let (name, segment) = &self.segments[*index];
            model.apply(*name, &segment.changes);
        }
        model
    }

    /// The model of all segments.
    pub(crate) fn whole_model(&self) -> Reference {
        self.model(&(0..self.segments.len()).collect::<Vec<_>>())
    }

    /// All segments in an order drawn from this seed in which each comes after what it has seen.
    pub(crate) fn some_causal_order(&self, seed: u64) -> Vec<&(SegmentRef, Segment)> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut waiting: Vec<&(SegmentRef, Segment)> = self.segments.iter().collect();
        let mut order = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let waits_for =
                |segment: &Segment| segment.predecessor().into_iter().chain(segment.seen.iter().copied()).collect::<Vec<_>>();
            let is_free = |entry: &(SegmentRef, Segment)| {
                !waits_for(&entry.1).iter().any(|before| waiting.iter().any(|(name, _)| name == before))
            };
            let free: Vec<usize> = (0..waiting.len()).filter(|index| is_free(waiting[*index])).collect();
            let next = free[rng.next_u32() as usize % free.len()];
            order.push(waiting.remove(next));
        }
        order
    }
}

fn note(title: u8) -> Meta {
    Meta { title: Some(format!("Title {title}")), ..Meta::clone(&put(0).meta) }
}

/// The state that a model describes, built from its rows as a device that starts again does.
pub(crate) fn state_of(model: &Reference) -> State {
    let mut state = State::new();
    for segment in model.segments() {
        state.apply(segment, &[], None);
    }
    for (cid, change) in model.changes() {
        state.restore(change, model.origins(cid).iter().map(|segment| (*segment, stored_at(segment))).collect());
    }
    state
}

/// Fails unless a state says in everything what the model says.
pub(crate) fn assert_agrees(state: &State, model: &Reference) {
    use tidegate_sync_core::state::{conflict, winner};

    let present: BTreeMap<Cid, Change> =
        state.changes().map(|present| (present.change.cid, Change::clone(&present.change))).collect();
    assert_eq!(present, model.changes());
    for present in state.changes() {
        let origins: BTreeSet<SegmentRef> = present.brought_by.keys().copied().collect();
        assert_eq!(origins, model.origins(present.change.cid));
        let place = state.whereabouts(present.change.cid).map(|change| change.cid);
        assert_eq!(place, model.whereabouts(present.change.cid));
    }
    assert!(model.segments().iter().all(|segment| state.frontier().covers(segment)));
    assert_eq!(state.registers().copied().collect::<BTreeSet<_>>(), model.registers());
    for register in model.registers() {
        let heads = state.heads(&register);
        assert_eq!(heads.iter().copied().cloned().collect::<Vec<_>>(), model.heads(&register));
        assert_eq!(winner(heads.iter().copied()).cloned(), model.winner(&register));
        let losers: Option<BTreeSet<Cid>> =
            conflict(&heads).map(|conflict| conflict.losers.iter().map(|loser| loser.cid).collect());
        assert_eq!(losers.unwrap_or_default(), model.losers(&register));
        let tombstones: BTreeSet<Cid> = heads.iter().filter(|head| head.op == Op::Delete).map(|head| head.cid).collect();
        assert_eq!(tombstones, model.tombstones(&register));
    }
}
