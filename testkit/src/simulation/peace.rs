//! The end of a schedule: nothing goes wrong any more, every device that is left syncs until none has anything to do, and
//! everything is checked. Now and then a quarter passes after that, and a new device joins.

use super::device::{Device, Presence};
use super::disk::Disk;
use super::fault::Fault;
use super::invariant::{Violation, check};
use super::plan::{Calendar, NEEDING_A_LISTING};
use super::world::World;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How many rounds of undisturbed syncs may pass until nothing is left to do.
const ROUNDS: usize = 12;

pub(super) fn end(world: &mut World) {
    settle_down(world);
    sync_until_quiet(world);
    if world.violations.is_empty() {
        check(world);
    }
    if world.violations.is_empty() && world.plan.calendar != Calendar::Hours {
        collect_thrice(world);
    }
    if world.violations.is_empty() && world.plan.calendar != Calendar::Hours {
        a_quarter_later(world);
    }
    if world.violations.is_empty() && world.chance(30) {
        somebody_joins(world);
    }
}

impl World {
    /// All devices sync until none has anything to do, and everything is checked.
    pub fn settle(&mut self) {
        sync_until_quiet(self);
        if self.violations.is_empty() {
            check(self);
        }
    }
}

/// Everything under way comes to its end, and whoever is away comes back.
fn settle_down(world: &mut World) {
    let crashes = world.plan.may(Fault::Crash);
    world.be_calm();
    world.note("peace".to_owned());
    if let Some(last_ms) = world.late.iter().map(|put| put.at_ms).max() {
        world.pass(last_ms.saturating_sub(world.now_ms));
    }
    for device in &mut world.devices {
        device.skew_ms = device.skew_ms.clamp(-3_000, 3_000);
        if device.presence == Presence::Away {
            device.presence = Presence::Here;
        }
    }
    let present = world.present();
    for device in present.iter().copied() {
        finish_running(world, device);
    }
    if crashes {
        for device in present {
            crash_in_a_last_sync(world, device);
        }
    }
    if needs_a_listing(world) {
        world.now_ms += 2 * DAY_MS;
        world.note("two days later".to_owned());
    }
}

/// Whether something can be found by listing alone. Where it cannot, nothing is listed: that would hide what was not rung.
fn needs_a_listing(world: &World) -> bool {
    let happened = |fault: Fault| world.counts.faults.contains_key(fault.name());
    NEEDING_A_LISTING.into_iter().any(happened) || world.store.stale_entries > 0
}

fn finish_running(world: &mut World, device: usize) {
    while !world.devices[device].is_idle() {
        world.now_ms += 1;
        next(world, device);
    }
    // A sync that was over already is not left to the next.
    let _ = world.devices[device].engine.finish();
}

fn next(world: &mut World, device: usize) {
    if world.devices[device].to_do.is_empty() {
        let _ = world.deliver(device, 0);
    } else {
        world.execute(device, 0);
    }
}

/// One more crash each, somewhere in the sync that sends what is left: whatever it leaves half done, no later edit covers up.
fn crash_in_a_last_sync(world: &mut World, device: usize) {
    world.begin_sync(device);
    for _ in 0..world.draw(20) {
        world.now_ms += 1;
        if world.devices[device].is_idle() {
            return;
        }
        next(world, device);
    }
    if !world.devices[device].is_idle() {
        world.crash(device, format!("{device} crashes in its last sync"));
    }
}

/// All devices sync in turn until none has anything to do: then a sync is one request.
fn sync_until_quiet(world: &mut World) {
    let mut requests = Vec::new();
    for _ in 0..ROUNDS {
        requests.clear();
        for device in world.present() {
            world.now_ms += 1;
            let summary = world.sync(device);
            if let Some(failure) = summary.failure {
                return world.violations.push(Violation::SyncFails { device, effect: failure.effect });
            }
            requests.push(world.devices[device].requests.clone());
        }
        if requests.iter().all(|requests| requests.as_slice() == ["get-doorbell"]) {
            return;
        }
    }
    world.violations.push(Violation::NeverQuiet(requests));
}

/// Half-empty packs are moved, what nothing refers to is marked, and goes more than a week later; everything else is there
/// still.
fn collect_thrice(world: &mut World) {
    let collector = world.present()[0];
    for _ in 0..3 {
        world.now_ms += 8 * DAY_MS;
        world.note("eight days later".to_owned());
        if let Some(failure) = world.collect(collector).failure {
            return world.violations.push(Violation::SyncFails { device: collector, effect: failure.effect });
        }
        sync_until_quiet(world);
    }
    if world.violations.is_empty() {
        check(world);
    }
}

/// What is past is purged everywhere, and nothing else is missing.
fn a_quarter_later(world: &mut World) {
    world.now_ms += 100 * DAY_MS;
    world.note("100 days later".to_owned());
    sync_until_quiet(world);
    if world.violations.is_empty() {
        check(world);
    }
}

/// A new device knows what all others know, whatever it reads it from.
fn somebody_joins(world: &mut World) {
    let number = world.devices.len();
    let identity = world.household.device(1_000 + number as u64);
    world.devices.push(Device::start(identity, world.plan.setup(), Disk::default()));
    world.counts.joined += 1;
    world.note(format!("{number} joins"));
    sync_until_quiet(world);
    if world.violations.is_empty() {
        check(world);
    }
}
