//! Devices, the store and the time between them; carrying out single effects, and crashing around them.

use std::collections::BTreeSet;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tidegate_protocol::{ContentHmac, MemberId, ObjectKey, Space};
use tidegate_sync_core::engine::{
    ContentPlace, DoorbellMemory, Edit, Effect, Engine, FailureClass, Outcome, Persist, Row, Step, StoreProfile, SyncSummary,
};
use tidegate_sync_core::manifest::Cid;

use super::account::Household;
use super::bug::Bug;
use super::device::Device;
use super::disk::Disk;
use super::invariant::Violation;
use super::model::{Acknowledged, Model};
use super::schedule::Counts;
use crate::store::{MemoryStore, Personality};

const BEGINNING_MS: u64 = 1_800_000_000_000;

/// All devices of one account, and the store.
#[derive(Debug)]
pub struct World {
    /// The store.
    pub store: MemoryStore,
    /// The devices.
    pub devices: Vec<Device>,
    /// The store's time in milliseconds since 1970.
    pub now_ms: u64,
    /// All acknowledged edits.
    pub model: Model,
    /// What was done, one line each.
    pub trace: Vec<String>,
    /// How often what was done.
    pub counts: Counts,
    /// The family member whose records are edited.
    pub member: MemberId,
    /// The members added by devices later.
    pub members_added: BTreeSet<MemberId>,
    /// Chance draws.
    pub rng: ChaCha20Rng,
    user: tidegate_protocol::UserId,
    bug: Option<Bug>,
    /// What was found to be wrong.
    pub violations: Vec<Violation>,
}

impl World {
    /// A new account on the first of so many devices, with one family member; nothing is synced yet.
    ///
    /// # Panics
    /// Never: a founder can always add a member.
    #[must_use]
    pub fn new(
        household: &Household,
        seed: u64,
        devices: u64,
        personality: Personality,
        profile: StoreProfile,
        bug: Option<Bug>,
    ) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut founder_disk = Disk::default();
        let founder = household.device(0);
        founder_disk.commit(&Engine::found(&founder, BEGINNING_MS, &mut rng));
        let mut founder = Device::start(founder, profile, founder_disk);
        let added =
            founder.engine.add_member("plaintext name of a child", BEGINNING_MS, &mut rng).expect("a founder can add a member");
        founder.disk.commit(&added.edit.batch);
        founder.engine.committed(&added.edit);
        let mut all = vec![founder];
        all.extend((1..devices).map(|number| Device::start(household.device(number), profile, Disk::default())));
        for device in &mut all {
            device.skew_ms = i64::from(rng.next_u32() % 6_001) - 3_000;
        }
        Self {
            store: MemoryStore::new(personality),
            devices: all,
            now_ms: BEGINNING_MS,
            model: Model::default(),
            trace: Vec::new(),
            counts: Counts::default(),
            member: added.member,
            members_added: BTreeSet::new(),
            rng,
            user: household.user(),
            bug,
            violations: Vec::new(),
        }
    }

    /// The account.
    #[must_use]
    pub const fn user(&self) -> tidegate_protocol::UserId {
        self.user
    }

    /// The member's space.
    #[must_use]
    pub const fn space(&self) -> Space {
        Space::Member(self.user, self.member)
    }

    /// A number below `bound`, by chance.
    pub fn draw(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound.max(1)).unwrap_or(u32::MAX);
        (self.rng.next_u32() % bound) as usize
    }

    /// Whether a chance of so many in a hundred comes up.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.draw(100) < percent
    }

    /// Writes a line into the trace.
    pub fn note(&mut self, line: String) {
        self.trace.push(line);
    }

    /// Whether edits are checked against the model as they are made. Not with a planted bug: the end must show it.
    #[must_use]
    pub const fn checks_edits(&self) -> bool {
        self.bug.is_none()
    }

    /// Commits an edit and takes it up: from then on it is acknowledged.
    ///
    /// # Panics
    /// If a decided edit holds no change.
    pub fn acknowledge(&mut self, device: usize, mut edit: Edit, content: Vec<u8>) {
        let space = self.space();
        let author = &mut self.devices[device];
        let nothing = tidegate_sync_core::state::State::new();
        let state = author.engine.state(space).unwrap_or(&nothing);
        if let Some(bug) = self.bug {
            bug.spoil(&mut edit, state);
        }
        let seen = state.changes().map(|present| present.change.cid).collect();
        let change = edit
            .batch
            .rows
            .iter()
            .find_map(|row| if let Row::PutChange { change, .. } = row { Some(change.clone()) } else { None });
        let Some(change) = change else { return };
        author.disk.commit(&edit.batch);
        author.engine.committed(&edit);
        self.trace.push(format!("{device} {:?} {} v{} {}", change.op, change.target, change.version, change.cid));
        let edit = Acknowledged { device, space, change, seen, content };
        if self.checks_edits() && self.model.must_supersede(&edit) != edit.change.supersedes {
            self.violations.push(Violation::EditDisagreesWithModel(edit.change.cid));
        }
        self.model.acknowledge(edit);
    }

    /// Fetches a version's content if it is not on the device, as an app does when somebody asks for it.
    pub fn fetch(&mut self, device: usize, cid: Cid) {
        let space = self.space();
        let owner = &mut self.devices[device];
        let ContentPlace::Remote { key, .. } = owner.engine.content_place(space, cid) else { return };
        let Some(stored) = self.store.get(&key) else { return };
        if let Ok((hmac, bytes)) = owner.engine.open_content(space, cid, &stored.bytes) {
            owner.disk.commit(&Persist { step: Step::Contents, rows: vec![Row::PutContent { space, hmac, bytes }] });
            owner.engine.content_stored(space, hmac);
        }
    }

    /// Carries out one of a device's effects; its outcome waits to be handed back.
    pub fn execute(&mut self, device: usize, index: usize) {
        let (id, effect) = self.devices[device].to_do.remove(index);
        self.trace.push(format!("{device} {}", describe(&effect)));
        let outcome = match &effect {
            Effect::Persist(batch) => {
                let others = self.devices[device].to_do.iter().filter(|(_, effect)| matches!(effect, Effect::Persist(_))).count();
                if others > 0 {
                    self.violations.push(Violation::BatchesOutOfOrder(device));
                }
                self.commit(device, batch);
                Outcome::Persisted
            }
            Effect::LoadContent { space, hmac } => match self.devices[device].disk.content(*space, *hmac) {
                Some(bytes) => Outcome::Loaded { bytes: bytes.clone() },
                None => Outcome::Failed(FailureClass::Local),
            },
            Effect::StoreAttachment { space, hmac, .. } => self.store_attachment(device, *space, *hmac),
            Effect::Sleep { .. } => Outcome::Slept,
            request @ (Effect::Get { .. }
            | Effect::PutIfAbsent { .. }
            | Effect::Put { .. }
            | Effect::Delete { .. }
            | Effect::List { .. }) => self.request(device, request),
        };
        self.devices[device].answers.push((id, effect, outcome));
    }

    fn commit(&mut self, device: usize, batch: &Persist) {
        let batch = match self.bug {
            Some(bug) => bug.leave(batch),
            None => batch.clone(),
        };
        self.devices[device].disk.commit(&batch);
    }

    /// Seals an attachment and stores it, as a request of its own.
    fn store_attachment(&mut self, device: usize, space: Space, hmac: ContentHmac) -> Outcome {
        let author = &self.devices[device];
        let Some(content) = author.disk.content(space, hmac) else { return Outcome::Failed(FailureClass::Local) };
        let Some((key, body, stored)) = author.engine.seal_whole_attachment(space, hmac, content, &mut self.rng) else {
            return Outcome::Failed(FailureClass::Invalid);
        };
        let outcome = self.request(device, &Effect::PutIfAbsent { key, body });
        if matches!(outcome, Outcome::Stored { .. } | Outcome::AlreadyExists) { stored } else { outcome }
    }

    fn request(&mut self, device: usize, effect: &Effect) -> Outcome {
        self.devices[device].requests.push(effect.name());
        *self.counts.requests.entry(effect.name()).or_default() += 1;
        if self.bug == Some(Bug::SegmentBeforeObjects) && effect.name() == "put-object" {
            self.devices[device].put_off.push(effect.clone());
            return Outcome::Stored { etag: None, last_modified: None };
        }
        let outcome = self.store.execute(effect, self.now_ms).expect("it is a request");
        if let Effect::PutIfAbsent { key: ObjectKey::Segment { space, device: owner, chain, seq, digest }, .. } = effect {
            let double = self.store.objects().filter_map(|(key, _)| key.parse::<ObjectKey>().ok()).any(|other| {
                matches!(other, ObjectKey::Segment { space: s, device: o, chain: c, seq: n, digest: d }
                    if (s, o, c, n) == (*space, *owner, *chain, *seq) && d != *digest)
            });
            if double {
                self.violations.push(Violation::TwoSegmentsWithOneNumber(effect_key(effect)));
            }
        }
        if self.bug == Some(Bug::EtagKeptTooEarly)
            && let (Effect::Get { key: ObjectKey::Doorbell { .. }, .. }, Outcome::Found { etag, .. }) = (effect, &outcome)
        {
            let disk = &mut self.devices[device].disk;
            let memory = DoorbellMemory { etag: etag.clone(), ring: disk.saved().doorbell.ring };
            disk.commit(&Persist { step: Step::Doorbell, rows: vec![Row::PutDoorbell(memory)] });
        }
        outcome
    }

    /// Hands one outcome back.
    pub fn deliver(&mut self, device: usize, index: usize) -> Option<SyncSummary> {
        let now_ms = self.devices[device].now(self.now_ms);
        let author = &mut self.devices[device];
        let (id, effect, outcome) = author.answers.remove(index);
        if effect.name() == "put-segment" {
            let put_off = std::mem::take(&mut author.put_off);
            author.late.extend(put_off);
        }
        author.engine.handle(id, outcome, now_ms, &mut self.rng);
        author.poll();
        let over = author.engine.is_idle() && author.answers.is_empty();
        if over { author.engine.finish() } else { None }
    }

    /// Carries out what a planted bug has put off.
    pub fn catch_up(&mut self, device: usize) {
        for effect in std::mem::take(&mut self.devices[device].late) {
            self.store.execute(&effect, self.now_ms);
        }
    }

    /// A crash just before an effect, or between the halves of a batch that a planted bug has cut.
    pub fn crash_before(&mut self, device: usize, index: usize) {
        let (_, effect) = &self.devices[device].to_do[index];
        let line = format!("{device} crashes before {}", effect.name());
        if let (Effect::Persist(batch), Some(bug)) = (effect, self.bug)
            && let Some((first, _)) = bug.split(batch)
        {
            self.devices[device].disk.commit(&first);
        }
        self.crash(device, line);
    }

    /// A crash, whatever is out.
    pub fn crash(&mut self, device: usize, line: String) {
        self.note(line);
        self.counts.crashes += 1;
        self.devices[device].crash();
    }

    /// Runs a sync of one device to its end, with nothing in between.
    ///
    /// # Panics
    /// If the sync never ends.
    pub fn sync(&mut self, device: usize) -> SyncSummary {
        self.devices[device].start_sync(self.now_ms, &mut self.rng);
        for _ in 0..100_000 {
            self.now_ms += 1;
            if !self.devices[device].to_do.is_empty() {
                self.execute(device, 0);
            } else if !self.devices[device].answers.is_empty() {
                if let Some(summary) = self.deliver(device, 0) {
                    self.catch_up(device);
                    return summary;
                }
            } else if let Some(summary) = self.devices[device].engine.finish() {
                return summary;
            }
        }
        panic!("a sync does not end: {:?}", self.trace.iter().rev().take(20).collect::<Vec<_>>());
    }
}

fn effect_key(effect: &Effect) -> String {
    match effect {
        Effect::Get { key, .. } | Effect::PutIfAbsent { key, .. } | Effect::Put { key, .. } => key.to_string(),
        Effect::Delete { .. }
        | Effect::List { .. }
        | Effect::Persist(_)
        | Effect::LoadContent { .. }
        | Effect::StoreAttachment { .. }
        | Effect::Sleep { .. } => effect.name().to_owned(),
    }
}

fn describe(effect: &Effect) -> String {
    let key = effect_key(effect);
    if key == effect.name() { key } else { format!("{} {key}", effect.name()) }
}
