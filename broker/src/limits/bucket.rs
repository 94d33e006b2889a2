//! One limit: a bucket of tokens for each key (GCRA, crate governor), in bounded memory.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::rates::Rate;
use crate::clock::Clock;

/// Keys share this many buckets, by a hash that nobody outside can aim: so no number of addresses makes the map grow further, and
/// a crowd that fills it does not turn newcomers away.
const SLOTS: u64 = 1 << 17;

type Slots = RateLimiter<u32, DashMapStateStore<u32>, Monotonic, StateInformationMiddleware>;

/// How a bucket stands after a request: what the `RateLimit` fields say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The limit's name.
    pub(crate) name: &'static str,
    /// Requests that a full bucket holds.
    pub(crate) burst: u32,
    /// Seconds in which an empty one fills.
    pub(crate) window: u32,
    /// Requests that are left.
    pub(crate) remaining: u32,
    /// Seconds until it is full, or, when it was empty, until it holds one request.
    pub(crate) reset: u32,
}

/// A bucket for each key; none at all where the rate is zero.
pub(crate) struct Buckets {
    name: &'static str,
    rate: Rate,
    hasher: RandomState,
    slots: Option<Slots>,
}

impl Buckets {
    pub(super) fn new(name: &'static str, rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        let slots = quota(rate).map(|quota| Slots::new(quota, DashMapStateStore::default(), Monotonic(Arc::clone(clock))));
        Self { name, rate, hasher: RandomState::new(), slots }
    }

    /// Takes one request out of the key's bucket; an error where it is empty. `None` where nothing is limited.
    pub(super) fn take(&self, key: impl Hash) -> Result<Option<Standing>, Standing> {
        let Some(slots) = &self.slots else { return Ok(None) };
        match slots.check_key(&self.slot(key)) {
            Ok(state) => Ok(Some(self.standing(state.remaining_burst_capacity()))),
            Err(not_until) => {
                let now = clock::Clock::now(slots.clock());
                Err(self.emptied(not_until.wait_time_from(now)))
            }
        }
    }

    /// An empty bucket that stays so for this long.
    pub(super) fn emptied(&self, left: Duration) -> Standing {
        Standing { reset: whole_seconds(left), ..self.standing(0) }
    }

    /// Forgets buckets that are full again.
    pub(super) fn sweep(&self) {
        if let Some(slots) = &self.slots {
            slots.retain_recent();
            slots.shrink_to_fit();
        }
    }

    pub(super) fn slot(&self, key: impl Hash) -> u32 {
        u32::try_from(self.hasher.hash_one(key) % SLOTS).unwrap_or(0)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.as_ref().map_or(0, RateLimiter::len)
    }

    fn standing(&self, remaining: u32) -> Standing {
        let Rate { per_minute, burst } = self.rate;
        let refill = |requests: u32| (u64::from(requests) * 60).div_ceil(u64::from(per_minute.max(1)));
        let seconds = |requests| u32::try_from(refill(requests)).unwrap_or(u32::MAX);
        Standing { name: self.name, burst, window: seconds(burst), remaining, reset: seconds(burst.saturating_sub(remaining)) }
    }
}

fn quota(rate: Rate) -> Option<Quota> {
    let burst = NonZeroU32::new(rate.burst.max(1))?;
    Some(Quota::per_minute(NonZeroU32::new(rate.per_minute)?).allow_burst(burst))
}

/// Never 0: who comes back at once is refused again.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// The broker's monotonic time: a limiter by the wall clock would shut everybody out when that is set back.
#[derive(Clone)]
struct Monotonic(Arc<dyn Clock>);

impl clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
