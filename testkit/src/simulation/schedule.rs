//! A seeded schedule: who edits, who syncs, which effect comes next, and what goes wrong. Each step draws its chance by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tidegate_protocol::Sha256;

use super::account::Household;
use super::counts::Counts;
use super::device::Presence;
use super::edit::{add_member, edit, spree};
use super::fault::Fault;
use super::invariant::Violation;
use super::peace::end;
use super::plan::{Calendar, Plan};
use super::world::World;

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How many effects a sync in one go has at most.
const EFFECTS: usize = 400;

/// How many lines of the trace a report of a failure has.
const TAIL: usize = 400;

/// What a schedule came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The schedule.
    pub plan: Plan,
    /// How often what happened.
    pub counts: Counts,
    /// What was found to be wrong; nothing, if all is well.
    pub violations: Vec<Violation>,
    /// SHA-256 of the trace: equal for equal schedules.
    pub trace_hash: Sha256,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

/// Runs one schedule to its end and checks everything. A panic of the engine is a violation like any other.
#[must_use]
pub fn run(household: &Household, plan: &Plan) -> Report {
    let mut world = World::new(household, plan.clone());
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(&mut world))) {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
        world.violations.push(Violation::Panicked(text));
    }
    world.counts.schedules = 1;
    world.counts.personalities.insert(plan.personality.name(), 1);
    world.counts.devices.insert(plan.devices, 1);
    for _ in 0..world.store.stale_entries {
        world.counts.fault(Fault::StaleListing);
    }
    let trace_hash = Sha256::of(world.trace.join("\n").as_bytes());
    let skipped = world.trace.len().saturating_sub(if world.violations.is_empty() { 0 } else { TAIL });
    let tail = if world.violations.is_empty() { Vec::new() } else { world.trace.split_off(skipped) };
    Report { plan: world.plan, counts: world.counts, violations: world.violations, trace_hash, tail }
}

fn play(world: &mut World) {
    for number in 0..world.plan.steps {
        if !world.plan.takes(number) {
            continue;
        }
        world.rng = world.plan.chance_of(number);
        // In the last third nobody edits: then no later ring hides that an earlier one was lost.
        step(world, number * 3 < world.plan.steps * 2);
        if !world.violations.is_empty() {
            return;
        }
    }
    world.rng = world.plan.chance_of(usize::MAX);
    end(world);
}

fn step(world: &mut World, may_edit: bool) {
    let character = world.plan.personality.character();
    let haste_ms = world.draw_ms(character.haste_ms);
    world.pass(1 + haste_ms);
    if world.strikes(Fault::Unavailable, character.storms.per_mille) {
        world.storm_until_ms = world.now_ms + world.draw_ms(character.storms.most_ms);
        world.note("a storm of 503 begins".to_owned());
    }
    let present = world.present();
    let device = present[world.draw(1 << 16) % present.len()];
    if world.strikes(Fault::ClockJump, character.clocks.per_mille) {
        jump(world, device, character.clocks.most_ms);
    }
    match world.draw(1_000) {
        0..=159 if may_edit => edit(world, device),
        160..=259 => sync_or_go_on(world, device),
        260..=299 => sync_through(world, device),
        300..=307 if may_edit => add_member_seldom(world, device),
        308..=317 if world.plan.may(Fault::Crash) => world.crash(device, format!("{device} crashes")),
        318..=327 => {
            let millis = world.draw_ms(30 * MINUTE_MS);
            world.pass(millis);
        }
        328..=337 => long_time(world),
        338..=345 => world.back_up(device),
        346..=348 if world.plan.may(Fault::Restore) => world.restore(device),
        349..=350 if world.plan.may(Fault::Clone) => world.clone_device(device),
        351 if world.plan.may(Fault::Departure) => world.leave(device, Presence::Gone),
        352..=353 if world.plan.may(Fault::Absence) => world.leave(device, Presence::Away),
        354..=357 if world.devices[device].is_idle() => world.begin_collection(device),
        358..=361 if may_edit && world.plan.has_sprees() => spree(world, device),
        _ => go_on(world, device),
    }
}

/// A clock jumps forth or back, mostly by hours.
fn jump(world: &mut World, device: usize, most_ms: u64) {
    let millis = i64::try_from(world.draw_ms(most_ms)).unwrap_or(0);
    let skew_ms = if world.chance(50) { millis } else { -millis };
    world.devices[device].skew_ms = skew_ms;
    world.note_fault(Fault::ClockJump, format!("{device}'s clock is {} min off", skew_ms / 60_000));
}

fn long_time(world: &mut World) {
    let (hours, days) = match world.plan.calendar {
        Calendar::Hours => (if world.chance(5) { 30 } else { 2 }, 0),
        Calendar::Weeks => (30, if world.chance(60) { 10 } else { 0 }),
        Calendar::Years => (30, if world.chance(70) { 120 } else { 0 }),
    };
    let millis = world.draw_ms(hours * HOUR_MS + days * DAY_MS);
    world.pass(millis);
    world.note(format!("{} h later", millis / HOUR_MS));
}

fn add_member_seldom(world: &mut World, device: usize) {
    if world.chance(60) {
        add_member(world, device);
    }
}

fn sync_or_go_on(world: &mut World, device: usize) {
    if world.devices[device].is_idle() { begin(world, device) } else { go_on(world, device) }
}

fn begin(world: &mut World, device: usize) {
    if world.plan.collects_always(device) { world.begin_collection(device) } else { world.begin_sync(device) }
}

/// A sync that nobody else comes between; what can go wrong does.
fn sync_through(world: &mut World, device: usize) {
    if world.devices[device].is_idle() {
        begin(world, device);
    }
    for _ in 0..EFFECTS {
        if world.devices[device].is_idle() || !world.violations.is_empty() {
            return;
        }
        let millis = world.draw_ms(200);
        world.pass(millis);
        if ready(world, device).is_empty() {
            let Some(next_ms) = next_ready_ms(world, device) else { return };
            world.pass(next_ms.saturating_sub(world.now_ms));
        }
        go_on(world, device);
    }
}

/// Something of a device that can go on now.
#[derive(Clone, Copy)]
enum Next {
    Request(usize),
    Answer(usize),
}

fn ready(world: &World, device: usize) -> Vec<Next> {
    let owner = &world.devices[device];
    let requests = owner.to_do.iter().enumerate().filter(|(_, request)| request.not_before_ms <= world.now_ms);
    let answers = owner.answers.iter().enumerate().filter(|(_, answer)| answer.not_before_ms <= world.now_ms);
    requests.map(|(index, _)| Next::Request(index)).chain(answers.map(|(index, _)| Next::Answer(index))).collect()
}

fn next_ready_ms(world: &World, device: usize) -> Option<u64> {
    let owner = &world.devices[device];
    let requests = owner.to_do.iter().map(|request| request.not_before_ms);
    requests.chain(owner.answers.iter().map(|answer| answer.not_before_ms)).min()
}

/// Lets a device do or hear the next thing, in any order; or crash before it, or after it without having heard.
fn go_on(world: &mut World, device: usize) {
    let ready = ready(world, device);
    if ready.is_empty() {
        return;
    }
    match ready[world.draw(ready.len())] {
        Next::Answer(index) => {
            let _ = world.deliver(device, index);
        }
        Next::Request(index) => {
            let name = world.devices[device].to_do[index].effect.name();
            if world.strikes(Fault::Crash, 20) {
                return world.crash(device, format!("{device} crashes before {name}"));
            }
            world.attempt(device, index);
            if world.strikes(Fault::Crash, 20) {
                world.crash(device, format!("{device} crashes after {name}, before it hears the outcome"));
            }
        }
    }
}
