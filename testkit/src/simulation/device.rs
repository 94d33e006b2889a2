//! One device: an engine, its disk, and the effects that are out.

use rand_core::CryptoRng;
use tidegate_sync_core::engine::{Effect, EffectId, Engine, Identity, Outcome, StoreProfile, SyncOptions};

use super::disk::Disk;

/// One device.
#[derive(Debug)]
pub struct Device {
    identity: Identity,
    profile: StoreProfile,
    /// Milliseconds that its clock, although corrected, is off.
    pub skew_ms: i64,
    /// Its disk.
    pub disk: Disk,
    /// Its engine.
    pub engine: Engine,
    /// Effects that are not begun.
    pub to_do: Vec<(EffectId, Effect)>,
    /// Outcomes that are not handed back.
    pub answers: Vec<(EffectId, Effect, Outcome)>,
    /// Requests of the sync that is running.
    pub requests: Vec<&'static str>,
    /// Writes that a planted bug has put off until the segment is stored.
    pub put_off: Vec<Effect>,
    /// Writes that it has put off, and whose time has come.
    pub late: Vec<Effect>,
}

impl Device {
    /// A device with an empty disk, or with what is on this one.
    ///
    /// # Panics
    /// If what is on the disk cannot be restored.
    #[must_use]
    pub fn start(identity: Identity, profile: StoreProfile, disk: Disk) -> Self {
        let engine = Engine::restore(identity.clone(), profile, disk.saved().clone()).expect("what was saved can be restored");
        Self {
            identity,
            profile,
            skew_ms: 0,
            disk,
            engine,
            to_do: Vec::new(),
            answers: Vec::new(),
            requests: Vec::new(),
            put_off: Vec::new(),
            late: Vec::new(),
        }
    }

    /// Loses everything but the disk, and starts again.
    ///
    /// # Panics
    /// If what is on the disk cannot be restored.
    pub fn crash(&mut self) {
        self.engine = Engine::restore(self.identity.clone(), self.profile, self.disk.saved().clone())
            .expect("what was saved can be restored");
        self.to_do.clear();
        self.answers.clear();
        self.put_off.clear();
        self.late.clear();
        self.requests.clear();
    }

    /// The store's time as this device believes it.
    #[must_use]
    pub const fn now(&self, store_now_ms: u64) -> u64 {
        store_now_ms.saturating_add_signed(self.skew_ms)
    }

    /// Takes up the effects that the engine puts out.
    pub fn poll(&mut self) {
        while let Some(next) = self.engine.poll_effect() {
            self.to_do.push(next);
        }
    }

    /// Begins a sync.
    pub fn start_sync(&mut self, store_now_ms: u64, rng: &mut dyn CryptoRng) {
        self.requests.clear();
        self.engine.start_sync(SyncOptions::default(), self.now(store_now_ms), rng);
        self.poll();
    }

    /// Whether nothing is left to do or to hand back.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.engine.is_idle() && self.to_do.is_empty() && self.answers.is_empty()
    }
}
