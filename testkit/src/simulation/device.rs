//! One device: an engine, its disk, and the effects that are out.

use rand_core::CryptoRng;
use tidegate_sync_core::engine::{CollectOptions, Effect, EffectId, Engine, Identity, Outcome, StoreProfile, SyncOptions};

use super::disk::Disk;

/// An effect that is not carried out yet.
#[derive(Debug, Clone)]
pub struct Request {
    /// The engine's name for it.
    pub id: EffectId,
    /// What is to be done.
    pub effect: Effect,
    /// When the engine asked for it, by the store's clock.
    pub asked_ms: u64,
    /// What the engine hears in place of "stored", where the shell carries its effect out by a write.
    pub instead: Option<Outcome>,
    /// How often it was tried in vain.
    pub tries: u32,
    /// When it can be carried out at the earliest.
    pub not_before_ms: u64,
    /// Whether it was slow already.
    pub is_delayed: bool,
    /// Whether it has arrived at the store before: then this is the driver's repetition.
    pub is_counted: bool,
    /// Whether a racy store has looked at its condition already, and found that it holds.
    pub is_checked: bool,
}

/// An outcome that is not handed back yet.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The engine's name for the effect.
    pub id: EffectId,
    /// The effect.
    pub effect: Effect,
    /// What came of it.
    pub outcome: Outcome,
    /// When the store gave it.
    pub made_ms: u64,
    /// When it arrives at the earliest.
    pub not_before_ms: u64,
}

/// Whether a device takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Here,
    /// It comes back at the end.
    Away,
    /// It never comes back.
    Gone,
}

/// What all devices of a schedule have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// What is known of the store.
    pub profile: StoreProfile,
    /// How many changes make a checkpoint due.
    pub checkpoint_minimum: usize,
    /// How fine the clocks are, in milliseconds.
    pub tick_ms: u64,
}

/// One device.
#[derive(Debug)]
pub struct Device {
    identity: Identity,
    setup: Setup,
    /// Milliseconds that its clock, although corrected, is off.
    pub skew_ms: i64,
    /// Whether it takes part.
    pub presence: Presence,
    /// Whether an older disk was put back into it, or another device has its identity.
    pub is_forked: bool,
    /// Its disk.
    pub disk: Disk,
    /// Its engine.
    pub engine: Engine,
    /// Whether the sync that is running may send deletes by the dozen.
    pub may_mass_delete: bool,
    /// Effects that are not carried out.
    pub to_do: Vec<Request>,
    /// Outcomes that are not handed back.
    pub answers: Vec<Answer>,
    /// When it last asked for the doorbell, by the store's clock.
    pub read_at_ms: u64,
    /// Requests of the sync that is running, repetitions by the driver left out.
    pub requests: Vec<&'static str>,
    /// What each of them named.
    pub asked: Vec<String>,
}

impl Device {
    /// A device with an empty disk, or with what is on this one.
    ///
    /// # Panics
    /// If what is on the disk cannot be restored.
    #[must_use]
    pub fn start(identity: Identity, setup: Setup, disk: Disk) -> Self {
        let engine = restored(&identity, setup, &disk);
        Self {
            identity,
            setup,
            skew_ms: 0,
            presence: Presence::Here,
            is_forked: false,
            may_mass_delete: false,
            disk,
            engine,
            to_do: Vec::new(),
            answers: Vec::new(),
            read_at_ms: 0,
            requests: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// A second device with this identity and this disk.
    #[must_use]
    pub fn clone_with(&self, disk: Disk) -> Self {
        let mut double = Self::start(self.identity.clone(), self.setup, disk);
        double.is_forked = true;
        double.skew_ms = self.skew_ms;
        double
    }

    /// Loses everything but the disk, and starts again.
    ///
    /// # Panics
    /// If what is on the disk cannot be restored.
    pub fn crash(&mut self) {
        self.engine = restored(&self.identity, self.setup, &self.disk);
        self.to_do.clear();
        self.answers.clear();
        self.requests.clear();
        self.asked.clear();
    }

    /// Starts again from another disk.
    pub fn put_back(&mut self, disk: Disk) {
        self.disk = disk;
        self.is_forked = true;
        self.crash();
    }

    /// The store's time as this device believes it.
    #[must_use]
    pub const fn now(&self, store_now_ms: u64) -> u64 {
        let now_ms = store_now_ms.saturating_add_signed(self.skew_ms);
        now_ms - now_ms % self.setup.tick_ms
    }

    /// Takes up the effects that the engine puts out.
    pub fn poll(&mut self, store_now_ms: u64) {
        while let Some((id, effect)) = self.engine.poll_effect() {
            self.to_do.push(Request {
                id,
                effect,
                asked_ms: store_now_ms,
                instead: None,
                tries: 0,
                not_before_ms: 0,
                is_delayed: false,
                is_counted: false,
                is_checked: false,
            });
        }
    }

    /// Begins a sync.
    pub fn start_sync(&mut self, allow_mass_delete: bool, store_now_ms: u64, rng: &mut dyn CryptoRng) {
        self.requests.clear();
        self.asked.clear();
        self.may_mass_delete = allow_mass_delete;
        let options = SyncOptions { allow_mass_delete, ..SyncOptions::default() };
        self.engine.start_sync(options, self.now(store_now_ms), rng);
        self.poll(store_now_ms);
    }

    /// Begins a collection of garbage.
    pub fn start_collect(&mut self, store_now_ms: u64, rng: &mut dyn CryptoRng) {
        self.requests.clear();
        self.asked.clear();
        self.may_mass_delete = false;
        self.engine.start_collect(CollectOptions::default(), self.now(store_now_ms), rng);
        self.poll(store_now_ms);
    }

    /// Whether nothing is left to do or to hand back.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.engine.is_idle() && self.to_do.is_empty() && self.answers.is_empty()
    }
}

fn restored(identity: &Identity, setup: Setup, disk: &Disk) -> Engine {
    let (saved, sources) = disk.asleep();
    let engine = Engine::restore_lazily(identity.clone(), setup.profile, saved, sources);
    let mut engine = engine.expect("what was saved can be restored");
    engine.set_checkpoint_minimum(setup.checkpoint_minimum);
    engine
}
