//! Devices, the store and the time between them; carrying out single effects.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tidegate_protocol::{MemberId, ObjectKey, Space, UserId};
use tidegate_sync_core::engine::{ContentPlace, Edit, Effect, Engine, FailureClass, Outcome, Persist, Row, Step, SyncSummary};
use tidegate_sync_core::manifest::{Change, Cid, SegmentRef};
use tidegate_sync_core::quarantine::{Quarantined, Subject};
use tidegate_sync_core::state::{FRESH_MS, State, mass_delete};

use super::account::Household;
use super::backup::Backup;
use super::counts::Counts;
use super::device::{Answer, Device, Presence, Request};
use super::disk::Disk;
use super::fault::Fault;
use super::invariant::Violation;
use super::model::{Acknowledged, Model};
use super::network::LatePut;
use super::plan::Plan;
use crate::store::{MemoryStore, Personality};

const BEGINNING_MS: u64 = 1_800_000_000_000;
const MINUTE_MS: u64 = 60 * 1000;

/// Every plaintext of a simulation begins with it, titles and names too.
const MARK: &[u8] = b"plaintext";

/// All devices of one account, and the store.
#[derive(Debug)]
pub struct World {
    /// The schedule.
    pub plan: Plan,
    /// The account.
    pub household: Household,
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
    /// What some device has purged.
    pub purged: BTreeSet<Cid>,
    /// Chance draws.
    pub rng: ChaCha20Rng,
    /// Whether nothing goes wrong any more.
    pub is_calm: bool,
    /// PUTs that land later, and their senders have given up.
    pub late: Vec<LatePut>,
    /// Until when every request is answered with 503.
    pub storm_until_ms: u64,
    /// Copies of disks.
    pub backups: Vec<Backup>,
    /// What the author of each segment had merged when it built it.
    pub(super) seen: BTreeMap<SegmentRef, BTreeSet<SegmentRef>>,
    /// What was found to be wrong.
    pub violations: Vec<Violation>,
}

impl World {
    /// A new account on the first of a plan's devices, with one family member; nothing is synced yet.
    ///
    /// # Panics
    /// Never: a founder can always add a member.
    #[must_use]
    pub fn new(household: &Household, plan: Plan) -> Self {
        let setup = plan.setup();
        let mut rng = ChaCha20Rng::seed_from_u64(plan.seed);
        let mut founder_disk = Disk::default();
        let founder = household.device(0);
        founder_disk.commit(&Engine::found(&founder, BEGINNING_MS, &mut rng));
        let mut founder = Device::start(founder, setup, founder_disk);
        let added =
            founder.engine.add_member("plaintext name of a child", BEGINNING_MS, &mut rng).expect("a founder can add a member");
        founder.disk.commit(&added.edit.batch);
        founder.engine.committed(&added.edit);
        let mut all = vec![founder];
        all.extend((1..plan.devices).map(|number| Device::start(household.device(number), setup, Disk::default())));
        for device in &mut all {
            device.skew_ms = i64::from(rng.next_u32() % 6_001) - 3_000;
        }
        Self {
            store: MemoryStore::new(plan.personality.character()),
            household: household.clone(),
            devices: all,
            now_ms: BEGINNING_MS,
            model: Model::default(),
            trace: Vec::new(),
            counts: Counts::default(),
            member: added.member,
            members_added: BTreeSet::new(),
            purged: BTreeSet::new(),
            rng,
            is_calm: false,
            late: Vec::new(),
            storm_until_ms: 0,
            backups: Vec::new(),
            seen: BTreeMap::new(),
            violations: Vec::new(),
            plan,
        }
    }

    /// So many devices over a store where nothing goes wrong but what the store's character is.
    #[must_use]
    pub fn quiet(household: &Household, seed: u64, devices: u64, personality: Personality) -> Self {
        let mut world = Self::new(household, Plan { devices, tick_ms: 1, ..Plan::new(seed, personality) });
        world.be_calm();
        world
    }

    /// From here on nothing goes wrong.
    pub fn be_calm(&mut self) {
        self.is_calm = true;
        self.store.is_calm = true;
    }

    /// The account.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.household.user()
    }

    /// The member's space.
    #[must_use]
    pub const fn space(&self) -> Space {
        Space::Member(self.user(), self.member)
    }

    /// The numbers of the devices that take part.
    #[must_use]
    pub fn present(&self) -> Vec<usize> {
        let is_here = |device: &usize| self.devices[*device].presence == Presence::Here;
        (0..self.devices.len()).filter(is_here).collect()
    }

    /// A number below `bound`, by chance.
    pub fn draw(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound.max(1)).unwrap_or(u32::MAX);
        (self.rng.next_u32() % bound) as usize
    }

    /// A time below `bound`, by chance.
    pub fn draw_ms(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    /// Whether a chance of so many in a hundred comes up.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.draw(100) < percent
    }

    /// Whether a fault that may happen so many times of a thousand happens now.
    pub fn strikes(&mut self, fault: Fault, per_mille: u32) -> bool {
        !self.is_calm && per_mille > 0 && self.draw(1_000) < per_mille as usize && self.plan.may(fault)
    }

    /// Writes a line into the trace.
    pub fn note(&mut self, line: String) {
        self.trace.push(line);
    }

    /// Counts a fault and writes it into the trace.
    pub fn note_fault(&mut self, fault: Fault, line: String) {
        self.counts.fault(fault);
        self.trace.push(line);
    }

    /// Lets time pass.
    pub fn pass(&mut self, millis: u64) {
        self.now_ms += millis;
        self.land_late_puts();
    }

    /// Commits an edit and takes it up: from then on it is acknowledged.
    ///
    /// # Panics
    /// If a decided edit holds no change.
    pub fn acknowledge(&mut self, device: usize, edit: Edit, content: Vec<u8>) {
        let space = self.space();
        let author = &mut self.devices[device];
        let nothing = State::new();
        let state = author.engine.state(space).unwrap_or(&nothing);
        let seen = state.changes().map(|present| present.change.cid).collect();
        let change = edit
            .batch
            .rows
            .iter()
            .find_map(|row| if let Row::PutChange { change, .. } = row { Some(Change::clone(change)) } else { None });
        let Some(change) = change else { return };
        // What the engine makes anew for doubtful edits counts from the batch that holds it: an edit made before that batch
        // is written may have seen more than the model knows.
        let is_known = |head: &&Change| self.model.edit(head.cid).is_some();
        let is_ahead_of_model =
            author.engine.state(space).is_some_and(|state| !state.heads_of_target(change.target).iter().all(is_known));
        author.disk.commit(&edit.batch);
        author.engine.committed(&edit);
        self.trace.push(format!("{device} {:?} {} v{} {}", change.op, change.target, change.version, change.cid));
        let edit = Acknowledged { space, change, seen, content, kept_from: None };
        if !is_ahead_of_model && self.model.must_supersede(&edit) != edit.change.supersedes {
            self.violations.push(Violation::EditDisagreesWithModel(edit.change.cid));
        }
        self.model.acknowledge(edit);
    }

    /// Fetches a version's content if it is not on the device, as an app does when somebody asks for it.
    pub fn fetch(&mut self, device: usize, cid: Cid) {
        let space = self.space();
        let owner = &mut self.devices[device];
        let ContentPlace::Remote { key, range, .. } = owner.engine.content_place(space, cid) else { return };
        let Some(bytes) = self.store.read_now(&key, range) else { return };
        if let Ok((hmac, bytes)) = owner.engine.open_content(space, cid, &bytes) {
            owner.disk.commit(&Persist { step: Step::Contents, rows: vec![Row::PutContent { space, hmac, bytes }] });
            owner.engine.content_stored(space, hmac);
        }
    }

    /// Carries out one of a device's effects with nothing in between; its outcome waits to be handed back.
    pub fn execute(&mut self, device: usize, index: usize) {
        let mut request = self.devices[device].to_do.remove(index);
        let outcome = match self.seal_attachment(device, &mut request) {
            Some(failed) => failed,
            None if self.is_overdue(device, &request) => Outcome::Failed(FailureClass::Retry),
            None => self.carry_out(device, &mut request),
        };
        self.answer(device, request, outcome, 0);
    }

    /// Keeps an outcome until it is handed back.
    pub(super) fn answer(&mut self, device: usize, request: Request, outcome: Outcome, not_before_ms: u64) {
        let Request { id, effect, instead, .. } = request;
        let outcome = match instead {
            Some(stored) if matches!(outcome, Outcome::Stored { .. } | Outcome::AlreadyExists) => stored,
            Some(_) | None => outcome,
        };
        let made_ms = self.now_ms.max(not_before_ms);
        self.devices[device].answers.push(Answer { id, effect, outcome, made_ms, not_before_ms });
    }

    /// Makes the upload of an attachment a write like any other; what comes of it if it cannot be made.
    pub(super) fn seal_attachment(&mut self, device: usize, request: &mut Request) -> Option<Outcome> {
        let Effect::StoreAttachment { space, hmac, .. } = request.effect else { return None };
        let author = &self.devices[device];
        let Some(content) = author.disk.content(space, hmac) else { return Some(Outcome::Failed(FailureClass::Local)) };
        let sealed = author.engine.seal_whole_attachment(space, hmac, content, &mut self.rng);
        let Some((key, body, stored)) = sealed else { return Some(Outcome::Failed(FailureClass::Invalid)) };
        request.effect = Effect::PutIfAbsent { key, body };
        request.instead = Some(stored);
        None
    }

    /// Whether a request was asked for so long ago that the shell gives it up: a device that slept in between must not write
    /// upon what it has read before.
    pub(super) fn is_overdue(&mut self, device: usize, request: &Request) -> bool {
        let is_overdue = is_request(&request.effect) && self.now_ms.saturating_sub(request.asked_ms) > FRESH_MS;
        if is_overdue {
            self.trace.push(format!("{device} does not send {} any more", describe(&request.effect)));
        }
        is_overdue
    }

    pub(super) fn carry_out(&mut self, device: usize, request: &mut Request) -> Outcome {
        if is_request(&request.effect) {
            self.arrives(device, request);
        }
        let effect = &request.effect;
        self.trace.push(format!("{device} {}", describe(effect)));
        match effect {
            Effect::Persist(batch) => {
                let is_persist = |other: &Request| matches!(other.effect, Effect::Persist(_));
                if self.devices[device].to_do.iter().any(is_persist) {
                    self.violations.push(Violation::BatchesOutOfOrder(device));
                }
                self.watch(device, batch);
                self.watch_order(device, batch);
                let Device { disk, engine, .. } = &mut self.devices[device];
                disk.commit(batch);
                for row in &batch.rows {
                    if let Row::PutChanges { space, .. } = row {
                        engine.read_changes_from(*space, disk.changes(*space));
                    }
                }
                Outcome::Persisted
            }
            Effect::LoadContent { space, hmac } => match self.devices[device].disk.content(*space, *hmac) {
                Some(bytes) => Outcome::Loaded { bytes: bytes.clone() },
                None => Outcome::Failed(FailureClass::Local),
            },
            Effect::Sleep { .. } => Outcome::Slept,
            Effect::StoreAttachment { .. } => Outcome::Failed(FailureClass::Invalid),
            Effect::Get { .. }
            | Effect::PutIfAbsent { .. }
            | Effect::Put { .. }
            | Effect::Delete { .. }
            | Effect::List { .. } => {
                let outcome = self.store.execute(effect, self.now_ms).expect("it is a request");
                self.check_write(device, effect, &outcome);
                outcome
            }
        }
    }

    /// A request arrives at the store.
    pub(super) fn arrives(&mut self, device: usize, request: &mut Request) {
        let name = request.effect.name();
        *self.counts.requests.entry(name).or_default() += 1;
        if !std::mem::replace(&mut request.is_counted, true) {
            self.devices[device].requests.push(name);
            self.devices[device].asked.push(describe(&request.effect));
        }
        self.check_freshness(device, request);
    }

    /// A segment goes up within *fresh* of the doorbell's reading, and within *fresh* of being asked for. A clock that jumps
    /// in between may deceive its device.
    fn check_freshness(&mut self, device: usize, request: &Request) {
        let is_segment = matches!(&request.effect, Effect::PutIfAbsent { key: ObjectKey::Segment { .. }, .. });
        let clocks_jump = self.counts.faults.contains_key(Fault::ClockJump.name());
        if request.effect.name() == "get-doorbell" {
            self.devices[device].read_at_ms = request.asked_ms;
        }
        let after_ms = self.now_ms.saturating_sub(self.devices[device].read_at_ms);
        let slack_ms = self.plan.personality.character().slow.most_ms + MINUTE_MS;
        if is_segment && !clocks_jump && after_ms > 2 * FRESH_MS + slack_ms {
            self.violations.push(Violation::WrittenOnAnOldRead { device, after_ms });
        }
    }

    /// What an engine writes of its own accord: what it purges, edits that it makes anew for doubtful ones, and changes to which
    /// it gives another time.
    fn watch(&mut self, device: usize, batch: &Persist) {
        let main = self.space();
        let mut taken_away = None;
        for row in &batch.rows {
            if let Row::RemoveChange { space, cid } = row {
                taken_away = Some(*cid);
                match batch.step {
                    Step::Purge => self.check_purge(device, *cid),
                    Step::Doubt if *space == main => self.model.may_be_lost(*cid),
                    Step::Doubt
                    | Step::Edit
                    | Step::Grants
                    | Step::Segments
                    | Step::Checkpoint
                    | Step::Doorbell
                    | Step::Contents
                    | Step::GrantsSent
                    | Step::Built
                    | Step::Garbage
                    | Step::Sent
                    | Step::Rung => {}
                }
            }
            if let Row::PutChain { chain, .. } = row {
                self.counts.new_chains += u64::from(batch.step == Step::Doubt && chain.seq == 0);
            }
            if let Row::PutChanges { space, changes } = row
                && *space == main
            {
                changes.iter().for_each(|present| self.model.sent(present.change.cid));
            }
            let Row::PutChange { space, change, brought_by } = row else { continue };
            if *space != main {
                continue;
            }
            if !brought_by.is_empty() {
                self.model.sent(change.cid);
            } else if self.model.take_up(change, taken_away) {
                self.counts.kept += u64::from(change.kept);
                self.trace.push(format!("{device} makes {} of {taken_away:?}, kept: {}", change.cid, change.kept));
            }
        }
    }

    /// A segment carries only what nobody has sent, as far as its author knows; and it is applied after all that its author
    /// had merged, unless that is known to be missing or set aside.
    fn watch_order(&mut self, device: usize, batch: &Persist) {
        let engine = &self.devices[device].engine;
        for row in &batch.rows {
            if let Row::PutBuilt { space, built } = row
                && let Some(state) = engine.state(*space)
            {
                self.seen.insert(built.segment, state.frontier().tips());
                let is_sent = |cid: &&Cid| state.present(**cid).is_some_and(|present| !present.brought_by.is_empty());
                self.violations.extend(built.cids.iter().filter(is_sent).map(|cid| Violation::SentAgain(*cid)));
                if !self.devices[device].may_mass_delete && mass_delete(*space, state, &built.cids).is_some() {
                    self.violations.push(Violation::MassDeleteWithoutAWord(device));
                }
            }
            if let Row::PutCovered { space, segment } = row
                && batch.step == Step::Segments
                && let Some(state) = engine.state(*space)
            {
                let built = self.devices[device].disk.saved().spaces.get(space).and_then(|saved| saved.built.as_ref());
                let is_excused = |before: &SegmentRef| {
                    // One's own that is stored and not confirmed counts as had.
                    if built.is_some_and(|built| built.segment == *before) {
                        return true;
                    }
                    let is_aside = |entry: &Quarantined| entry.subject == Subject::Segment(*before);
                    engine.quarantined().iter().any(is_aside) || engine.holes().iter().any(|hole| hole.segment == *before)
                };
                let before = self.seen.get(segment).into_iter().flatten();
                let missing = before.copied().find(|before| !state.frontier().covers(before) && !is_excused(before));
                if let Some(before) = missing {
                    self.violations.push(Violation::AppliedOutOfOrder { device, segment: *segment, before });
                }
            }
        }
    }

    /// Nothing is purged before its time. A device whose clock is off may be mistaken by as much.
    fn check_purge(&mut self, device: usize, cid: Cid) {
        self.counts.purges += 1;
        self.purged.insert(cid);
        let now_ms = self.now_ms + self.devices[device].skew_ms.unsigned_abs();
        let is_early = self.model.edit(cid).is_some_and(|edit| !self.model.may_be_purged(edit, now_ms));
        if is_early {
            self.violations.push(Violation::PurgedEarly(cid));
        }
    }

    /// What must hold of every object stored.
    pub(super) fn check_write(&mut self, device: usize, effect: &Effect, outcome: &Outcome) {
        let (Effect::PutIfAbsent { key, body } | Effect::Put { key, body, .. }) = effect else { return };
        if !matches!(outcome, Outcome::Stored { .. }) {
            return;
        }
        if body.windows(MARK.len()).any(|window| window == MARK) {
            self.violations.push(Violation::Plaintext(key.to_string()));
        }
        match key {
            ObjectKey::Checkpoint { .. } => self.counts.checkpoints += 1,
            ObjectKey::Pack { .. } => self.counts.packs += 1,
            ObjectKey::Segment { .. } => {
                let key = key.to_string();
                let number = key.split_once('.').map_or(key.as_str(), |(number, _)| number).to_owned() + ".";
                let is_double = self.store.keys_from(number).any(|other| *other != key);
                if is_double && !self.devices[device].is_forked {
                    self.violations.push(Violation::TwoSegmentsWithOneNumber(key));
                }
            }
            ObjectKey::Record { .. }
            | ObjectKey::Attachment { .. }
            | ObjectKey::Doorbell { .. }
            | ObjectKey::AccessGrant { .. }
            | ObjectKey::Genesis { .. }
            | ObjectKey::PublicKeys { .. }
            | ObjectKey::MasterKeys { .. }
            | ObjectKey::DeviceFile { .. }
            | ObjectKey::State(_) => {}
        }
    }

    /// Hands one outcome back.
    pub fn deliver(&mut self, device: usize, index: usize) -> Option<SyncSummary> {
        let author = &mut self.devices[device];
        let Answer { id, effect, mut outcome, made_ms, .. } = author.answers.remove(index);
        let is_write = matches!(effect, Effect::PutIfAbsent { .. } | Effect::Put { .. });
        if is_write && self.now_ms.saturating_sub(made_ms) > FRESH_MS {
            // The connection is long since dead, and nobody heard the answer.
            outcome = Outcome::Failed(FailureClass::Retry);
        }
        if is_request(&effect) && !matches!(outcome, Outcome::Failed(_)) && author.skew_ms.abs() > 3_000 {
            // Its `Date` corrects the device's clock.
            author.skew_ms = 0;
        }
        let now_ms = author.now(self.now_ms);
        author.engine.handle(id, outcome, now_ms, &mut self.rng);
        author.poll(self.now_ms);
        let over = author.engine.is_idle() && author.answers.is_empty();
        let summary = if over { author.engine.finish() } else { None }?;
        self.counts.syncs += 1;
        if let Some(collected) = summary.collected.as_ref().filter(|_| summary.failure.is_none()) {
            self.counts.collections += 1;
            self.counts.collected_objects += collected.deleted.objects;
            self.counts.collected_segments += collected.deleted.segments;
            self.counts.collected_checkpoints += collected.deleted.checkpoints;
            self.counts.repacks += collected.repacked.packs;
        }
        self.counts.conflicts += summary.conflicts;
        self.counts.mass_deletes_held += summary.mass_delete.len() as u64;
        self.counts.failed_syncs += u64::from(summary.failure.is_some());
        let failed = summary.failure.map_or("", |failure| failure.effect);
        self.trace.push(format!("{device} has synced: {} pulled, {} pushed {failed}", summary.pulled, summary.pushed));
        self.check_bound(device);
        Some(summary)
    }

    /// A crash, whatever is out.
    pub fn crash(&mut self, device: usize, line: String) {
        self.note_fault(Fault::Crash, line);
        self.leave_requests_on_their_way(device);
        self.devices[device].crash();
    }

    /// Begins a sync.
    pub fn begin_sync(&mut self, device: usize) {
        self.note(format!("{device} syncs"));
        let now_ms = self.now_ms;
        // Where records are deleted by the dozen, somebody has said so before only half of the time.
        let allow_mass_delete = self.is_calm || !self.plan.has_sprees() || self.chance(50);
        let Self { devices, rng, .. } = self;
        devices[device].start_sync(allow_mass_delete, now_ms, rng);
    }

    /// Begins a collection of garbage.
    pub fn begin_collection(&mut self, device: usize) {
        self.note(format!("{device} collects"));
        let now_ms = self.now_ms;
        let Self { devices, rng, .. } = self;
        devices[device].start_collect(now_ms, rng);
    }

    /// Runs a sync of one device to its end, with nothing in between.
    ///
    /// # Panics
    /// If the sync never ends.
    pub fn sync(&mut self, device: usize) -> SyncSummary {
        self.begin_sync(device);
        self.run_through(device)
    }

    /// Runs a collection of one device to its end, with nothing in between.
    ///
    /// # Panics
    /// If it never ends.
    pub fn collect(&mut self, device: usize) -> SyncSummary {
        self.begin_collection(device);
        self.run_through(device)
    }

    fn run_through(&mut self, device: usize) -> SyncSummary {
        for _ in 0..100_000 {
            self.now_ms += 1;
            if !self.devices[device].to_do.is_empty() {
                self.execute(device, 0);
            } else if !self.devices[device].answers.is_empty() {
                if let Some(summary) = self.deliver(device, 0) {
                    return summary;
                }
            } else if let Some(summary) = self.devices[device].engine.finish() {
                return summary;
            }
        }
        panic!("a sync does not end: {:?}", self.trace.iter().rev().take(20).collect::<Vec<_>>());
    }
}

/// Whether an effect goes to the store.
pub(super) const fn is_request(effect: &Effect) -> bool {
    !matches!(effect, Effect::Persist(_) | Effect::LoadContent { .. } | Effect::Sleep { .. })
}

fn describe(effect: &Effect) -> String {
    let name = effect.name();
    match effect {
        Effect::Get { key, range: Some((first, length)), .. } => format!("{name} {} {first}+{length}", short(key)),
        Effect::Get { key, .. } | Effect::PutIfAbsent { key, .. } | Effect::Put { key, .. } => format!("{name} {}", short(key)),
        Effect::List { prefix, token } => {
            let from = token.as_deref().and_then(|token| token.get(43..)).unwrap_or_default();
            format!("{name} {} from {from}", prefix.to_string().get(43..).unwrap_or_default())
        }
        Effect::Delete { keys } => format!("{name} {}", keys.iter().map(short).collect::<Vec<_>>().join(" ")),
        Effect::Persist(_) | Effect::LoadContent { .. } | Effect::StoreAttachment { .. } | Effect::Sleep { .. } => {
            name.to_owned()
        }
    }
}

/// A key without the account, which is the same for all.
fn short(key: &ObjectKey) -> String {
    let text = key.to_string();
    text.get(43..).map(str::to_owned).unwrap_or(text)
}
