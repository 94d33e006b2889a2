//! A seeded schedule: who edits, who syncs, which effect comes next, and where a device crashes.

use std::collections::BTreeMap;

use rand_core::Rng as _;
use tidegate_protocol::{RecordId, Sha256};
use tidegate_sync_core::engine::{Attach, Conditions, Edit, EditError, FailureClass, Outcome, PutRecord, StoreProfile};
use tidegate_sync_core::manifest::{Cid, Target};

use super::account::Household;
use super::bug::Bug;
use super::invariant::{Violation, check};
use super::world::World;
use crate::store::Personality;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How many rounds of undisturbed syncs may pass until nothing is left to do.
const ROUNDS: usize = 12;

/// Which schedule to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What all chance comes from.
    pub seed: u64,
    /// The store.
    pub personality: Personality,
    /// How many devices.
    pub devices: u64,
    /// How many steps before the devices are left in peace.
    pub steps: usize,
    /// A bug to plant.
    pub bug: Option<Bug>,
}

impl Plan {
    /// Three devices and 750 steps.
    #[must_use]
    pub const fn new(seed: u64, personality: Personality) -> Self {
        Self { seed, personality, devices: 3, steps: 750, bug: None }
    }

    /// With a planted bug.
    #[must_use]
    pub const fn with_bug(self, bug: Bug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// A store that ignores preconditions has been probed rightly, or, with every second seed, has fooled the probe.
    const fn profile(&self) -> StoreProfile {
        match self.personality {
            Personality::SilentlyIgnoringPreconditions if self.seed % 2 == 1 => {
                StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured }
            }
            Personality::Atomic | Personality::SilentlyIgnoringPreconditions => self.personality.profile(),
        }
    }
}

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Acknowledged puts.
    pub puts: u64,
    /// Acknowledged deletes.
    pub deletes: u64,
    /// Acknowledged resolutions.
    pub resolutions: u64,
    /// Acknowledged restorations of earlier versions.
    pub restorations: u64,
    /// Family members added.
    pub members: u64,
    /// Acknowledged attachments.
    pub attachments: u64,
    /// Conflicts seen by any device after any sync, and at the end.
    pub conflicts: u64,
    /// Crashes.
    pub crashes: u64,
    /// Requests or answers lost on the way.
    pub lost: u64,
    /// Syncs that ended.
    pub syncs: u64,
    /// Requests by name.
    pub requests: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// All acknowledged edits.
    #[must_use]
    pub const fn edits(&self) -> u64 {
        self.puts + self.deletes + self.resolutions + self.restorations + self.attachments
    }

    /// Adds another schedule's counts.
    pub fn add(&mut self, other: &Self) {
        self.members += other.members;
        self.puts += other.puts;
        self.deletes += other.deletes;
        self.resolutions += other.resolutions;
        self.restorations += other.restorations;
        self.attachments += other.attachments;
        self.conflicts += other.conflicts;
        self.crashes += other.crashes;
        self.lost += other.lost;
        self.syncs += other.syncs;
        for (name, count) in &other.requests {
            *self.requests.entry(name).or_default() += count;
        }
    }
}

/// What a schedule came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How often what happened.
    pub counts: Counts,
    /// What was found to be wrong; nothing, if all is well.
    pub violations: Vec<Violation>,
    /// SHA-256 of the trace: equal for equal schedules.
    pub trace_hash: Sha256,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

/// Runs one schedule to its end and checks everything.
#[must_use]
pub fn run(household: &Household, plan: Plan) -> Report {
    let mut world = World::new(household, plan.seed, plan.devices, plan.personality, plan.profile(), plan.bug);
    for done in 0..plan.steps {
        // In the last third nobody edits: then no later ring hides that an earlier one was lost.
        step(&mut world, done * 3 < plan.steps * 2);
        if !world.violations.is_empty() {
            break;
        }
    }
    if world.violations.is_empty() {
        leave_in_peace(&mut world);
        check(&mut world);
    }
    let tail = world.trace.iter().rev().take(60).rev().cloned().collect();
    let trace_hash = Sha256::of(world.trace.join("\n").as_bytes());
    Report { seed: plan.seed, counts: world.counts, violations: world.violations, trace_hash, tail }
}

fn step(world: &mut World, may_edit: bool) {
    world.now_ms += 1 + world.draw(3_000) as u64;
    let device = world.draw(world.devices.len());
    match world.draw(100) {
        0..=15 if may_edit => edit(world, device),
        16..=27 => begin_sync(world, device),
        28 if may_edit && world.chance(40) => add_member(world, device),
        28 => world.crash(device, format!("{device} crashes")),
        29 => world.now_ms += world.rng.next_u64() % (2 * DAY_MS / 100),
        30 if world.chance(5) => world.now_ms += DAY_MS,
        31..=34 => world.catch_up(device),
        _ => go_on(world, device),
    }
}

fn begin_sync(world: &mut World, device: usize) {
    if world.devices[device].is_idle() {
        world.note(format!("{device} syncs"));
        let now_ms = world.now_ms;
        let World { devices, rng, .. } = world;
        devices[device].start_sync(now_ms, rng);
    } else {
        go_on(world, device);
    }
}

/// Lets a device do or hear the next thing, in any order; or crash before it, or after it without having heard; or lose the
/// request or the answer.
fn go_on(world: &mut World, device: usize) {
    let to_do = world.devices[device].to_do.len();
    let answers = world.devices[device].answers.len();
    if to_do + answers == 0 {
        return;
    }
    let index = world.draw(to_do + answers);
    if index >= to_do {
        return hand_back(world, device, index - to_do);
    }
    if world.chance(2) {
        return world.crash_before(device, index);
    }
    let is_request = is_request(world, device, index);
    if is_request && world.chance(1) {
        let (id, effect) = world.devices[device].to_do.remove(index);
        world.note(format!("{device} loses the request {}", effect.name()));
        world.counts.lost += 1;
        world.devices[device].answers.push((id, effect, Outcome::Failed(FailureClass::Retry)));
        return;
    }
    world.execute(device, index);
    if world.chance(2) {
        return world.crash(device, format!("{device} crashes before it hears the outcome"));
    }
    if is_request && world.chance(1) {
        world.counts.lost += 1;
        world.note(format!("{device} loses the answer"));
        if let Some(answer) = world.devices[device].answers.last_mut() {
            answer.2 = Outcome::Failed(FailureClass::Retry);
        }
    }
}

fn is_request(world: &World, device: usize, index: usize) -> bool {
    use tidegate_sync_core::engine::Effect;
    !matches!(world.devices[device].to_do[index].1, Effect::Persist(_) | Effect::LoadContent { .. } | Effect::Sleep { .. })
}

fn hand_back(world: &mut World, device: usize, index: usize) {
    let Some(summary) = world.deliver(device, index) else { return };
    world.counts.syncs += 1;
    world.counts.conflicts += summary.conflicts;
    let failed = summary.failure.map_or("", |failure| failure.effect);
    world.note(format!("{device} has synced: {} pulled, {} pushed {failed}", summary.pulled, summary.pushed));
}

/// At most two more members: their keys travel by grants, and their spaces are taken up by devices that synced before.
fn add_member(world: &mut World, device: usize) {
    let now_ms = world.devices[device].now(world.now_ms);
    if world.members_added.len() >= 2 {
        return;
    }
    let World { devices, rng, .. } = world;
    let Ok(added) = devices[device].engine.add_member("plaintext name of another child", now_ms, rng) else { return };
    devices[device].disk.commit(&added.edit.batch);
    devices[device].engine.committed(&added.edit);
    world.members_added.insert(added.member);
    world.counts.members += 1;
    world.note(format!("{device} adds member {}", added.member));
}

fn edit(world: &mut World, device: usize) {
    let space = world.space();
    if world.devices[device].engine.space_keys(space).is_none() {
        return;
    }
    let made = match world.draw(20) {
        0..=8 => put(world, device, false),
        9 => put(world, device, true),
        10..=12 => delete(world, device),
        13..=16 => resolve(world, device),
        17 => restore(world, device),
        _ => attach(world, device),
    };
    if let Some((Ok(edit), content)) = made {
        world.acknowledge(device, edit, content);
    }
}

type Made = Option<(Result<Edit, EditError>, Vec<u8>)>;

fn records(world: &World, device: usize) -> Vec<RecordId> {
    world.devices[device].engine.records(world.member, true).iter().map(|view| view.record).collect()
}

fn pick<T: Clone>(world: &mut World, from: &[T]) -> Option<T> {
    let index = world.draw(from.len());
    from.get(index).cloned()
}

/// Few different contents and titles, so that devices write the same now and then; short ones go inline, long ones do not.
fn put(world: &mut World, device: usize, new: bool) -> Made {
    let known = records(world, device);
    let record = match pick(world, &known) {
        Some(record) if !new => record,
        Some(_) | None => {
            RecordId::from_bytes(world.rng.next_u64().to_be_bytes().repeat(2).try_into().expect("two times eight are sixteen"))
        }
    };
    let (text, repeats, title) = (world.draw(9), 1 + world.draw(40), world.draw(3));
    let content = format!("plaintext body {text} ").repeat(if world.chance(50) { 60 } else { repeats }).into_bytes();
    let put = PutRecord {
        member: world.member,
        record,
        kind: Some("note".to_owned()),
        title: Some(format!("plaintext title {title}")),
        media_type: None,
        content: content.clone(),
    };
    let World { devices, rng, now_ms, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.put(put, now_ms, rng);
    world.counts.puts += 1;
    Some((edit, content))
}

fn delete(world: &mut World, device: usize) -> Made {
    let known: Vec<Target> =
        world.devices[device].engine.records(world.member, false).iter().map(|view| Target::Record(view.record)).collect();
    let attached = world.devices[device]
        .engine
        .attachments(world.member)
        .iter()
        .map(|view| Target::Attachment(view.hmac))
        .collect::<Vec<_>>();
    let target = if world.chance(15) { pick(world, &attached)? } else { pick(world, &known)? };
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.delete(*member, target, now_ms, rng);
    world.counts.deletes += u64::from(edit.is_ok());
    Some((edit, Vec::new()))
}

fn versions(world: &World, device: usize, record: RecordId, heads: bool) -> Vec<Cid> {
    let space = world.space();
    let state = world.devices[device].engine.state(space).expect("the space is open");
    let history = world.devices[device].engine.history(world.member, Target::Record(record));
    let wanted =
        history.iter().filter(|version| version.change.has_content() && (!heads || !state.is_superseded(version.change.cid)));
    wanted.map(|version| version.change.cid).collect()
}

fn resolve(world: &mut World, device: usize) -> Made {
    let conflicts: Vec<RecordId> = world.devices[device]
        .engine
        .conflicts()
        .iter()
        .filter_map(|(_, register)| match register.target {
            Target::Record(record) => Some(record),
            Target::Attachment(_) => None,
        })
        .collect();
    let record = pick(world, &conflicts)?;
    let heads = versions(world, device, record, true);
    let keep = pick(world, &heads)?;
    world.fetch(device, keep);
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.resolve(*member, record, keep, now_ms, rng);
    world.counts.resolutions += u64::from(edit.is_ok());
    let content = world.model.edit(keep)?.content.clone();
    Some((edit, content))
}

fn restore(world: &mut World, device: usize) -> Made {
    let known = records(world, device);
    let record = pick(world, &known)?;
    let all = versions(world, device, record, false);
    let version = pick(world, &all)?;
    world.fetch(device, version);
    let World { devices, rng, now_ms, member, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.restore_version(*member, record, version, now_ms, rng);
    world.counts.restorations += u64::from(edit.is_ok());
    let content = world.model.edit(version)?.content.clone();
    Some((edit, content))
}

fn attach(world: &mut World, device: usize) -> Made {
    let known = records(world, device);
    let record = if world.chance(80) { pick(world, &known) } else { None };
    let (text, name) = (world.draw(4), world.draw(2));
    let content = format!("plaintext photo {text} ").repeat(if text == 0 { 3 } else { 70 }).into_bytes();
    let attach = Attach {
        member: world.member,
        record,
        name: Some(format!("plaintext name {name}.jpg")),
        media_type: Some("image/jpeg".to_owned()),
        content: content.clone().into(),
    };
    let World { devices, rng, now_ms, .. } = world;
    let now_ms = devices[device].now(*now_ms);
    let edit = devices[device].engine.attach(attach, now_ms, rng);
    world.counts.attachments += 1;
    Some((edit, content))
}

/// One more crash each, somewhere in the sync that sends what is left: whatever it leaves half done, no later edit covers up.
fn crash_in_a_last_sync(world: &mut World, device: usize) {
    let now_ms = world.now_ms;
    let World { devices, rng, .. } = world;
    devices[device].start_sync(now_ms, rng);
    for _ in 0..world.draw(20) {
        world.now_ms += 1;
        if !world.devices[device].to_do.is_empty() {
            world.execute(device, 0);
        } else if !world.devices[device].answers.is_empty() {
            hand_back(world, device, 0);
        }
    }
    if world.devices[device].is_idle() {
        return;
    }
    world.crash(device, format!("{device} crashes in its last sync"));
}

/// Lets every sync end, and then all devices sync in turn until none has anything to do: then a sync is one request.
fn leave_in_peace(world: &mut World) {
    world.note("peace".to_owned());
    for device in 0..world.devices.len() {
        world.catch_up(device);
        while !world.devices[device].is_idle() {
            world.now_ms += 1;
            if world.devices[device].to_do.is_empty() {
                hand_back(world, device, 0);
            } else {
                world.execute(device, 0);
            }
        }
        // A sync that was over already is not left to the next.
        let _ = world.devices[device].engine.finish();
    }
    for device in 0..world.devices.len() {
        crash_in_a_last_sync(world, device);
    }
    let mut requests = Vec::new();
    for _ in 0..ROUNDS {
        requests.clear();
        for device in 0..world.devices.len() {
            world.now_ms += 1;
            let summary = world.sync(device);
            if let Some(failure) = summary.failure {
                world.violations.push(Violation::SyncFails { device, effect: failure.effect });
                return;
            }
            requests.push(world.devices[device].requests.clone());
        }
        if requests.iter().all(|requests| requests.as_slice() == ["get-doorbell"]) {
            return;
        }
    }
    world.violations.push(Violation::NeverQuiet(requests));
}
