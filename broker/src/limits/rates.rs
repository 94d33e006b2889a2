//! The limits by name, and which of them a request meets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_protocol::Sha256;
use tidegate_protocol::problem::ProblemCode;

use super::address::ClientAddress;
use super::bucket::{Buckets, Standing};
use super::route::RouteClass;
use crate::budget::Payer;
use crate::clock::Clock;

/// How long an address with too many failed proofs is not listened to.
const PENALTY: Duration = Duration::from_secs(60);

/// Requests in a minute, and how many at once. Zero a minute: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests that a minute brings.
    pub per_minute: u32,
    /// Requests that may come at once after a rest.
    pub burst: u32,
}

/// How often whom and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests without a known access token, by address.
    pub address: Rate,
    /// Those among them that open or renew sessions, by address.
    pub session: Rate,
    /// Proofs and tokens that do not hold, by address.
    pub failures: Rate,
    /// Requests with a session, by user.
    pub user: Rate,
    /// Those among them for which the broker itself calls the store, by user.
    pub store: Rate,
}

impl RateLimits {
    /// No limit at all: for a broker that only its own machine reaches.
    pub const OFF: Self = {
        const NONE: Rate = Rate { per_minute: 0, burst: 0 };
        Self { address: NONE, session: NONE, failures: NONE, user: NONE, store: NONE }
    };
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            address: Rate { per_minute: 600, burst: 300 },
            session: Rate { per_minute: 300, burst: 150 },
            failures: Rate { per_minute: 30, burst: 30 },
            user: Rate { per_minute: 1_200, burst: 600 },
            store: Rate { per_minute: 600, burst: 300 },
        }
    }
}

/// What counts for whom.
pub(crate) struct RateLimiters {
    clock: Arc<dyn Clock>,
    address: Buckets,
    session: Buckets,
    failures: Buckets,
    user: Buckets,
    store: Buckets,
    /// Until when a slot of `failures` is not listened to. It has no more entries than there are slots.
    penalties: Mutex<HashMap<u32, Duration>>,
}

/// Who failed: a stranger at an address, or somebody there with a token that is known. The token alone would let its thief shut
/// its owner out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Culprit {
    pub(super) address: ClientAddress,
    pub(super) token: Option<Sha256>,
}

impl RateLimiters {
    pub(crate) fn new(limits: &RateLimits, clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            address: Buckets::new("address", limits.address, clock),
            session: Buckets::new("session", limits.session, clock),
            failures: Buckets::new("failures", limits.failures, clock),
            user: Buckets::new("user", limits.user, clock),
            store: Buckets::new("store", limits.store, clock),
            penalties: Mutex::default(),
        }
    }

    /// Whether anything is listened to at all, after too many failed proofs.
    pub(super) fn admit_culprit(&self, culprit: &Culprit) -> Result<(), Standing> {
        let now = self.clock.elapsed();
        let slot = self.failures.slot(culprit);
        let until = self.penalties.lock().unwrap_or_else(PoisonError::into_inner).get(&slot).copied();
        let Some(left) = until.and_then(|until| until.checked_sub(now)).filter(|left| !left.is_zero()) else { return Ok(()) };
        Err(self.failures.emptied(left))
    }

    /// Counts a failed proof.
    pub(super) fn note_failure(&self, culprit: &Culprit) {
        if self.failures.take(culprit).is_err() {
            self.punish(culprit);
        }
    }

    /// Does not listen for a while.
    pub(super) fn punish(&self, culprit: &Culprit) {
        let until = self.clock.elapsed() + PENALTY;
        self.penalties.lock().unwrap_or_else(PoisonError::into_inner).insert(self.failures.slot(culprit), until);
    }

    /// Counts a request of somebody unknown.
    pub(super) fn admit_stranger(&self, address: ClientAddress, class: RouteClass) -> Result<Option<Standing>, Standing> {
        match class {
            RouteClass::Health | RouteClass::Webhook => Ok(None),
            RouteClass::Session => {
                let general = self.address.take(address)?;
                Ok(self.session.take(address)?.or(general))
            }
            RouteClass::Store | RouteClass::Other => self.address.take(address),
        }
    }

    /// Counts a request of somebody whose proof and token hold.
    pub(crate) fn admit_user(&self, payer: Payer, class: RouteClass) -> Result<Option<Standing>, Standing> {
        let general = self.user.take(payer)?;
        match class {
            RouteClass::Store => Ok(self.store.take(payer)?.or(general)),
            RouteClass::Health | RouteClass::Webhook | RouteClass::Session | RouteClass::Other => Ok(general),
        }
    }

    /// Forgets what no longer counts.
    pub(crate) fn sweep(&self) {
        for buckets in [&self.address, &self.session, &self.failures, &self.user, &self.store] {
            buckets.sweep();
        }
        let now = self.clock.elapsed();
        let mut penalties = self.penalties.lock().unwrap_or_else(PoisonError::into_inner);
        penalties.retain(|_, until| *until > now);
        penalties.shrink_to_fit();
    }
}

/// Whether the code says that somebody's proof, token or signature did not hold: what guessing looks like. What a healthy client meets
/// (a stale nonce, a token that has ended) is not among them.
pub(super) const fn is_failed_proof(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::ProofInvalid
            | ProblemCode::ProofReplayed
            | ProblemCode::TokenInvalid
            | ProblemCode::InviteInvalid
            | ProblemCode::AccountProofInvalid
            | ProblemCode::IdTokenMalformed
            | ProblemCode::IdTokenAlgorithm
            | ProblemCode::IdTokenKey
            | ProblemCode::IdTokenSignature
            | ProblemCode::IdTokenNonce
            | ProblemCode::IdTokenReplayed
            | ProblemCode::LogDrainSignatureInvalid
            | ProblemCode::DeviceVerificationMismatch
            | ProblemCode::AppStoreJwsMalformed
            | ProblemCode::AppStoreJwsTooLarge
            | ProblemCode::AppStoreAlgorithm
            | ProblemCode::AppStoreChainLength
            | ProblemCode::AppStoreChainOrder
            | ProblemCode::AppStoreChainInvalid
            | ProblemCode::AppStoreRootUntrusted
            | ProblemCode::AppStoreSignatureInvalid
    )
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};
    use std::sync::atomic::{AtomicU64, Ordering};

    use tidegate_protocol::UserId;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct Turned(AtomicU64);

    impl Clock for Turned {
        fn now(&self) -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    fn limiters(limits: RateLimits) -> (RateLimiters, Arc<Turned>) {
        let clock = Arc::new(Turned::default());
        let shared: Arc<dyn Clock> = Arc::<Turned>::clone(&clock);
        (RateLimiters::new(&limits, &shared), clock)
    }

    fn network(number: u32) -> ClientAddress {
        let [a, b] = [(number >> 16) as u16, (number & 0xffff) as u16];
        ClientAddress::of(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, a, b, 0, 0, 0, 1)))
    }

    const TWO: Rate = Rate { per_minute: 2, burst: 2 };

    #[test]
    fn an_empty_bucket_says_when_it_holds_a_request_again() {
        let (limiters, clock) = limiters(RateLimits { address: TWO, ..RateLimits::OFF });
        let take = || limiters.admit_stranger(network(1), RouteClass::Other);
        let first = take().unwrap().unwrap();
        assert_eq!((first.name, first.burst, first.window, first.remaining, first.reset), ("address", 2, 60, 1, 30));
        assert_eq!(take().unwrap().unwrap().remaining, 0);
        assert_eq!(take().unwrap_err().reset, 30);
        assert!(limiters.admit_stranger(network(2), RouteClass::Other).is_ok());
        clock.0.store(29, Ordering::Relaxed);
        assert_eq!(take().unwrap_err().reset, 1);
        clock.0.store(30, Ordering::Relaxed);
        assert!(take().is_ok());
    }

    #[test]
    fn failures_are_not_listened_to_for_a_minute_and_only_those_of_the_culprit() {
        let (limiters, clock) = limiters(RateLimits { failures: TWO, ..RateLimits::OFF });
        let stranger = Culprit { address: network(1), token: None };
        let thief = Culprit { address: network(1), token: Some(Sha256::from_bytes([1; 32])) };
        for _ in 0..2 {
            limiters.note_failure(&stranger);
            assert_eq!(limiters.admit_culprit(&stranger), Ok(()));
        }
        limiters.note_failure(&stranger);
        assert_eq!(limiters.admit_culprit(&stranger).unwrap_err().reset, 60);
        assert_eq!(limiters.admit_culprit(&thief), Ok(()));
        clock.0.store(61, Ordering::Relaxed);
        assert_eq!(limiters.admit_culprit(&stranger), Ok(()));
        limiters.sweep();
        assert!(limiters.penalties.lock().unwrap().is_empty());
    }

    #[test]
    fn many_networks_take_bounded_memory_and_are_forgotten() {
        let (limiters, clock) = limiters(RateLimits { address: TWO, failures: TWO, ..RateLimits::OFF });
        for number in 0..300_000 {
            let _ = limiters.admit_stranger(network(number), RouteClass::Other);
        }
        assert!(limiters.address.len() <= 1 << 17);
        for number in 0..150_000 {
            for _ in 0..3 {
                limiters.note_failure(&Culprit { address: network(number), token: None });
            }
        }
        assert!(limiters.penalties.lock().unwrap().len() <= 1 << 17);
        clock.0.store(3_600 * 24, Ordering::Relaxed);
        limiters.sweep();
        assert_eq!((limiters.address.len(), limiters.failures.len(), limiters.penalties.lock().unwrap().len()), (0, 0, 0));
    }

    #[test]
    fn calls_that_reach_the_store_have_a_limit_of_their_own() {
        let (limiters, _) = limiters(RateLimits { store: TWO, ..RateLimits::OFF });
        let user = Payer::Account(UserId::new(Uuid::from_u128(1)));
        assert_eq!(limiters.admit_user(user, RouteClass::Store).unwrap().unwrap().name, "store");
        assert!(limiters.admit_user(user, RouteClass::Store).is_ok());
        assert!(limiters.admit_user(user, RouteClass::Store).is_err());
        assert_eq!(limiters.admit_user(user, RouteClass::Other), Ok(None));
        assert!(limiters.admit_user(Payer::Account(UserId::new(Uuid::from_u128(2))), RouteClass::Store).is_ok());
    }
}
