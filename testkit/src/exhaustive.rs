//! A small scope, searched through: two devices, a clone of one of them, one record, one fault. Every edit of each, every
//! order in which two of them reach the store, and a crash or a lost answer at every effect.
//!
//! What random schedules find now and then is found here always, if it needs no more than this.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_protocol::RecordId;
use tidegate_sync_core::engine::{Effect, PutRecord};
use tidegate_sync_core::manifest::Target;

use crate::simulation::{Household, Plan, Request, Violation, World};
use crate::store::Personality;

/// What one device does to the record before it syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It writes a new version.
    Put,
    /// It deletes it.
    Delete,
}

/// What goes wrong at one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The device stops before it.
    CrashBefore,
    /// The device stops after it, and has not heard what came of it.
    CrashAfter,
    /// The answer is lost, and it is done again.
    LostAnswer,
}

/// One schedule of the search. Devices 0 and 1 are of one account, device 2 is a clone of device 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What each of the three does.
    pub deeds: [Deed; 3],
    /// The two that sync at the same time; the third does so after them.
    pub pair: [usize; 2],
    /// Which of the two reaches the store next, request by request.
    pub order: Vec<usize>,
    /// Which of the two meets with a mishap, at which of its effects.
    pub mishap: Option<(usize, usize, Mishap)>,
}

/// How many requests of each of the two are put in every order: the doorbell, the segment and the doorbell again.
const REQUESTS: usize = 3;

/// At how many effects of a sync something goes wrong.
const EFFECTS: usize = 6;

/// Who syncs at the same time: a device and its clone, and two devices. The third comes after them.
const PAIRS: [[usize; 2]; 2] = [[0, 2], [1, 2]];

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What a search came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Schedules run.
    pub schedules: usize,
    /// Different situations that they went through.
    pub states: usize,
    /// The schedules that failed, and the first of what was found.
    pub failures: Vec<(Script, String)>,
}

/// All schedules of the scope, always in the same order.
#[must_use]
pub fn scripts() -> Vec<Script> {
    let mut scripts = Vec::new();
    for pair in PAIRS {
        for deeds in all_deeds() {
            for order in orders() {
                let mishaps = (0..2).flat_map(|which| (0..EFFECTS).map(move |effect| (which, effect)));
                let with = [Mishap::CrashBefore, Mishap::CrashAfter, Mishap::LostAnswer];
                let mishaps = mishaps.flat_map(|(which, effect)| with.map(|mishap| Some((which, effect, mishap))));
                for mishap in std::iter::once(None).chain(mishaps) {
                    scripts.push(Script { deeds, pair, order: order.clone(), mishap });
                }
            }
        }
    }
    scripts
}

fn all_deeds() -> impl Iterator<Item = [Deed; 3]> {
    let deed = |bits: u8, device: u8| if bits & (1 << device) == 0 { Deed::Put } else { Deed::Delete };
    (0..8).map(move |bits| [deed(bits, 0), deed(bits, 1), deed(bits, 2)])
}

/// Every order of the requests of two devices.
fn orders() -> Vec<Vec<usize>> {
    let all = 0_u32..1 << (2 * REQUESTS);
    let fair = all.filter(|bits| bits.count_ones() as usize == REQUESTS);
    fair.map(|bits| (0..2 * REQUESTS).map(|place| usize::from(bits & (1 << place) != 0)).collect()).collect()
}

/// Runs all of them over one kind of store, on so many threads; the result does not depend on their number.
///
/// # Panics
/// If a thread panics, as no schedule does.
#[must_use]
pub fn search(personality: Personality, threads: usize) -> Searched {
    let household = Household::new(1);
    let scripts = scripts();
    let next = AtomicUsize::new(0);
    let found = Mutex::new((BTreeSet::new(), Vec::new()));
    let work = || {
        let (mut states, mut failures) = (BTreeSet::new(), Vec::new());
        while let Some((index, script)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            scripts.get(index).map(|script| (index, script))
        } {
            let (world, visited) = play(&household, personality, script);
            states.extend(visited);
            failures.extend(world.violations.first().map(|violation| (index, format!("{violation:?}"))));
        }
        let mut all = found.lock().expect("no thread panics while it holds the lock");
        all.0.extend(states);
        all.1.extend(failures);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let (states, mut failures) = found.into_inner().expect("no thread panics while it holds the lock");
    failures.sort_unstable();
    let failures = failures.into_iter().map(|(index, violation)| (scripts[index].clone(), violation)).collect();
    Searched { schedules: scripts.len(), states: states.len(), failures }
}

/// Plays one schedule to its end; what it went through, by the hash of all that had been done so far.
#[must_use]
pub fn play(household: &Household, personality: Personality, script: &Script) -> (World, Vec<u64>) {
    let mut stage =
        Stage { world: beginning(household, personality), visited: Vec::new(), so_far: DefaultHasher::new(), noted: 0 };
    for (device, deed) in script.deeds.iter().enumerate() {
        do_deed(&mut stage.world, device, *deed);
    }
    for device in script.pair {
        stage.world.begin_sync(device);
    }
    let mut done = [0, 0];
    for which in &script.order {
        stage.go_to_next_request(script, *which, &mut done);
    }
    for which in [0, 1] {
        while stage.step(script, which, &mut done) {}
    }
    let third = (0..3).find(|device| !script.pair.contains(device)).unwrap_or(0);
    let Stage { mut world, mut visited, .. } = stage;
    world.sync(third);
    world.now_ms += 2 * DAY_MS;
    world.settle();
    if world.violations.is_empty() {
        // Floors rise, and what nothing refers to is collected.
        world.now_ms += 9 * DAY_MS;
        world.collect(0);
        world.settle();
    }
    let mut whole = DefaultHasher::new();
    world.trace.hash(&mut whole);
    visited.push(whole.finish());
    (world, visited)
}

/// Both devices know the record, and the clone begins where the first one stands.
fn beginning(household: &Household, personality: Personality) -> World {
    let plan = Plan { checkpoint_minimum: 2, tick_ms: 1, devices: 2, ..Plan::new(0, personality) };
    let mut world = World::new(household, plan);
    world.be_calm();
    do_deed(&mut world, 0, Deed::Put);
    for device in [0, 1, 0] {
        world.sync(device);
    }
    world.clone_device(0);
    world
}

fn do_deed(world: &mut World, device: usize, deed: Deed) {
    let record = RecordId::from_bytes([7; 16]);
    let now_ms = world.devices[device].now(world.now_ms);
    let member = world.member;
    let content = format!("plaintext of device {device}").into_bytes();
    let World { devices, rng, .. } = world;
    let edit = match deed {
        Deed::Put => {
            let put = PutRecord { member, record, kind: None, title: None, media_type: None, content: content.clone() };
            devices[device].engine.put(put, now_ms, rng)
        }
        Deed::Delete => devices[device].engine.delete(member, Target::Record(record), now_ms, rng),
    };
    if let Ok(edit) = edit {
        world.acknowledge(device, edit, content);
    } else {
        world.violations.push(Violation::Panicked("the record can neither be written nor deleted".to_owned()));
    }
}

/// A schedule under way.
struct Stage {
    world: World,
    visited: Vec<u64>,
    so_far: DefaultHasher,
    noted: usize,
}

impl Stage {
    /// Lets one of the two go on until it has made its next request to the store.
    fn go_to_next_request(&mut self, script: &Script, which: usize, done: &mut [usize; 2]) {
        let device = script.pair[which];
        let is_request = |effect: &Effect| !matches!(effect, Effect::Persist(_) | Effect::LoadContent { .. });
        loop {
            let is_next = self.world.devices[device].to_do.first().is_some_and(|request| is_request(&request.effect));
            if !self.step(script, which, done) || is_next {
                return;
            }
        }
    }

    /// One effect of one of the two, and whether it goes on after it.
    fn step(&mut self, script: &Script, which: usize, done: &mut [usize; 2]) -> bool {
        let device = script.pair[which];
        if self.world.devices[device].to_do.is_empty() {
            return false;
        }
        let mishap = script.mishap.filter(|(whose, effect, _)| *whose == which && *effect == done[which]);
        done[which] += 1;
        self.world.now_ms += 1;
        match mishap.map(|(_, _, mishap)| mishap) {
            None => self.world.execute(device, 0),
            Some(Mishap::CrashBefore) => self.crash(device),
            Some(Mishap::CrashAfter) => {
                self.world.execute(device, 0);
                self.crash(device);
            }
            Some(Mishap::LostAnswer) => {
                // The driver's repetition of the same request, which counts once.
                let again = Request { is_counted: true, ..self.world.devices[device].to_do[0].clone() };
                self.world.execute(device, 0);
                self.world.devices[device].answers.pop();
                self.world.devices[device].to_do.insert(0, again);
                self.world.execute(device, 0);
            }
        }
        while !self.world.devices[device].answers.is_empty() {
            let _ = self.world.deliver(device, 0);
        }
        self.world.trace[self.noted..].hash(&mut self.so_far);
        self.noted = self.world.trace.len();
        self.visited.push(self.so_far.clone().finish());
        true
    }

    /// It starts again at once, with another sync.
    fn crash(&mut self, device: usize) {
        self.world.crash(device, format!("{device} crashes"));
        self.world.begin_sync(device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_two_devices_and_every_deed_is_there_once() {
        let orders = orders();
        assert_eq!((orders.len(), orders.iter().collect::<BTreeSet<_>>().len()), (20, 20));
        assert_eq!(all_deeds().count(), 8);
        assert_eq!(scripts().len(), PAIRS.len() * 8 * 20 * (1 + 2 * EFFECTS * 3));
    }
}
