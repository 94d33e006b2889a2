//! Which schedule to run: everything follows from it, so that it can be run again, and made smaller.

use std::collections::BTreeSet;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tidegate_sync_core::engine::{Conditions, StoreProfile};

use super::device::Setup;
use super::fault::Fault;
use crate::store::Personality;

/// The faults after which something may be found by a listing alone.
pub const NEEDING_A_LISTING: [Fault; 5] = [Fault::Departure, Fault::Restore, Fault::Clone, Fault::ClockJump, Fault::TornUpload];

/// How time passes in a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// Seconds between steps, now and then an hour, seldom a day.
    Hours,
    /// Now and then days.
    Weeks,
    /// Now and then months.
    Years,
}

/// Which schedule to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What all chance comes from.
    pub seed: u64,
    /// The store, the network and the clocks.
    pub personality: Personality,
    /// How many devices there are at first.
    pub devices: u64,
    /// How many steps before the devices are left in peace.
    pub steps: usize,
    /// How time passes.
    pub calendar: Calendar,
    /// How fine the devices' clocks are, in milliseconds: with coarse ones two devices edit at the same time.
    pub tick_ms: u64,
    /// How many changes make a checkpoint due.
    pub checkpoint_minimum: usize,
    /// Whether the last device collects garbage whenever it syncs.
    pub has_collector: bool,
    /// Faults that do not happen.
    pub without: BTreeSet<Fault>,
    /// The steps that are taken, if not all: each draws its chance by itself, so that leaving out one leaves the others alone.
    pub only: Option<BTreeSet<usize>>,
}

impl Plan {
    /// The schedule of this seed: 2 to 8 devices, and so many steps that each takes part.
    #[must_use]
    pub fn new(seed: u64, personality: Personality) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0x7469_6465_6761_7465);
        let devices = match rng.next_u32() % 20 {
            0..=6 => 2,
            7..=13 => 3,
            14..=15 => 4,
            16 => 5,
            17 => 6,
            18 => 7,
            _ => 8,
        };
        let calendar = match rng.next_u32() % 10 {
            0..=5 => Calendar::Hours,
            6..=7 => Calendar::Weeks,
            _ => Calendar::Years,
        };
        let tick_ms = if rng.next_u32().is_multiple_of(4) { 60_000 } else { 1 };
        let checkpoint_minimum = 3 + (rng.next_u32() % 20) as usize;
        // Of every third one nothing has to be found by listing: so nothing hides that nobody rang.
        let without = if rng.next_u32().is_multiple_of(3) { NEEDING_A_LISTING.into_iter().collect() } else { BTreeSet::new() };
        let has_collector = rng.next_u32().is_multiple_of(4);
        let steps = 300 + 100 * usize::try_from(devices).unwrap_or(8);
        Self { seed, personality, devices, steps, calendar, tick_ms, checkpoint_minimum, has_collector, without, only: None }
    }

    /// Whether somebody makes records by the dozen, and deletes them again.
    #[must_use]
    pub const fn has_sprees(&self) -> bool {
        self.seed.is_multiple_of(10)
    }

    /// Whether a device collects whenever it syncs, as a job by night does.
    #[must_use]
    pub fn collects_always(&self, device: usize) -> bool {
        self.has_collector && device as u64 + 1 == self.devices
    }

    /// Whether a fault may happen.
    #[must_use]
    pub fn may(&self, fault: Fault) -> bool {
        !self.without.contains(&fault)
    }

    /// Whether a step is taken.
    #[must_use]
    pub fn takes(&self, step: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&step))
    }

    /// The steps that are taken.
    #[must_use]
    pub fn taken(&self) -> Vec<usize> {
        (0..self.steps).filter(|step| self.takes(*step)).collect()
    }

    /// The chance of one step.
    #[must_use]
    pub fn chance_of(&self, step: usize) -> ChaCha20Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_be_bytes());
        seed[8..16].copy_from_slice(&(step as u64).to_be_bytes());
        ChaCha20Rng::from_seed(seed)
    }

    /// What the engine is told of the store. A store that ignores preconditions has been probed rightly, or, with every
    /// second seed, has fooled the probe.
    #[must_use]
    pub const fn profile(&self) -> StoreProfile {
        match self.personality {
            Personality::SilentlyIgnoringPreconditions if self.seed % 2 == 1 => {
                StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured }
            }
            Personality::Atomic
            | Personality::SilentlyIgnoringPreconditions
            | Personality::RacyCreate
            | Personality::ConflictOnContention
            | Personality::OneWriteASecond
            | Personality::LosingAnswers
            | Personality::LatePuts
            | Personality::DaysLatePuts
            | Personality::StaleListings
            | Personality::TornUploads
            | Personality::SlowAndReordered
            | Personality::Storms
            | Personality::WrongClocks
            | Personality::AllAtOnce => self.personality.profile(),
        }
    }

    /// What its devices have in common.
    #[must_use]
    pub const fn setup(&self) -> Setup {
        Setup { profile: self.profile(), checkpoint_minimum: self.checkpoint_minimum, tick_ms: self.tick_ms }
    }

    /// The words that run this schedule again.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("--seed {} --personality {}", self.seed, self.personality.name());
        if *self != Self::new(self.seed, self.personality) {
            let without: Vec<_> = self.without.iter().map(|fault| fault.name()).collect();
            if !without.is_empty() {
                words += &format!(" --without {}", without.join(","));
            }
            words += &format!(" --devices {} --steps {}", self.devices, self.steps);
            if self.has_collector {
                words += " --collector";
            }
            if let Some(only) = &self.only {
                let only: Vec<_> = only.iter().map(ToString::to_string).collect();
                words += &format!(" --only {}", only.join(","));
            }
        }
        words
    }
}
