//! Whether a chain was revoked, as the operator wants it to be known. Off the hot path: an answer is used until it ends, and is
//! renewed in the background long before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tidegate_app_store::{Chain, ChainId, ChainStanding, JwsError, NoOcsp, OcspAnswer, OcspStatus, Position};
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::ocsp_fetch::OcspFetch;
use crate::config::{AppStoreSettings, OcspPolicy};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// After this long a good answer is renewed in the background, so that a revocation is heard of soon.
const RENEW_AFTER: Duration = Duration::minutes(15);
/// After a failure nobody is asked again for this long: requests must not become a load on Apple's responder.
const PAUSE: Duration = Duration::seconds(10);
/// Chains that are remembered. Only chains that Apple's root stands behind get here, and Apple has a handful.
const MOST_CHAINS: usize = 64;

/// What was answered, and when.
#[derive(Clone, Copy)]
struct Known {
    answers: [OcspAnswer; 2],
    asked_at: OffsetDateTime,
}

impl Known {
    fn is_revoked(&self) -> bool {
        self.answers.iter().any(|answer| answer.status() == OcspStatus::Revoked)
    }

    /// A revocation is final; a good answer counts until it ends.
    fn counts(&self, now: OffsetDateTime) -> bool {
        self.is_revoked() || self.answers.iter().all(|answer| now < answer.until())
    }

    fn is_due(&self, now: OffsetDateTime) -> bool {
        !self.is_revoked() && (now - self.asked_at).abs() >= RENEW_AFTER
    }
}

/// One chain: what is known of it, and a turn that only one asker has at a time.
#[derive(Default)]
struct Slot {
    known: RwLock<Option<Known>>,
    /// Whoever holds it asks; it holds when asking failed last.
    turn: AsyncMutex<Option<OffsetDateTime>>,
}

impl Slot {
    fn known(&self, now: OffsetDateTime) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).filter(|known| known.counts(now))
    }
}

/// Knows how chains stand.
pub(super) struct Revocation {
    policy: OcspPolicy,
    fetch: Arc<OcspFetch>,
    slots: Mutex<VecDeque<(ChainId, Arc<Slot>)>>,
}

impl Revocation {
    pub(super) fn new(settings: &AppStoreSettings, metrics: &Arc<Metrics>) -> Self {
        Self { policy: settings.ocsp, fetch: Arc::new(OcspFetch::new(settings, metrics)), slots: Mutex::default() }
    }

    /// How this chain stands; it must be one under which a signature held.
    pub(super) async fn standing(&self, chain: &Arc<Chain>, now: OffsetDateTime) -> Result<ChainStanding, Problem> {
        if self.policy == OcspPolicy::Off {
            return Ok(ChainStanding::by_policy(chain, NoOcsp::Off));
        }
        let slot = self.slot(chain.id());
        if let Some(known) = slot.known(now) {
            if known.is_due(now) {
                self.renew(&slot, chain, now);
            }
            return Ok(ChainStanding::from_answers(chain, &known.answers, now)?);
        }
        match ask(&self.fetch, &slot, slot.turn.lock().await, chain, now).await {
            Some(known) => Ok(ChainStanding::from_answers(chain, &known.answers, now)?),
            None if self.policy == OcspPolicy::Prefer => Ok(ChainStanding::by_policy(chain, NoOcsp::Unreachable)),
            None => Err(JwsError::RevocationUnknown.into()),
        }
    }

    /// Asks again while the old answer is still used; if somebody is asking already, that is enough.
    fn renew(&self, slot: &Arc<Slot>, chain: &Arc<Chain>, now: OffsetDateTime) {
        let (fetch, slot, chain) = (Arc::clone(&self.fetch), Arc::clone(slot), Arc::clone(chain));
        tokio::spawn(async move {
            if let Ok(turn) = slot.turn.try_lock() {
                ask(&fetch, &slot, turn, &chain, now).await;
            }
        });
    }

    fn slot(&self, id: ChainId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = slots.iter().find(|(known, _)| *known == id) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST_CHAINS {
            slots.pop_front();
        }
        let slot = Arc::new(Slot::default());
        slots.push_back((id, Arc::clone(&slot)));
        slot
    }
}

/// Asks about both certificates, unless that was just done or just failed.
async fn ask(
    fetch: &OcspFetch,
    slot: &Slot,
    mut turn: MutexGuard<'_, Option<OffsetDateTime>>,
    chain: &Arc<Chain>,
    now: OffsetDateTime,
) -> Option<Known> {
    if let Some(known) = slot.known(now).filter(|known| !known.is_due(now)) {
        return Some(known);
    }
    if turn.is_some_and(|failed_at| (now - failed_at).abs() < PAUSE) {
        return None;
    }
    let answers = tokio::try_join!(fetch.answer(chain, Position::Leaf, now), fetch.answer(chain, Position::Intermediate, now));
    match answers {
        Ok((leaf, intermediate)) => {
            let known = Known { answers: [leaf, intermediate], asked_at: now };
            *slot.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
            *turn = None;
            Some(known)
        }
        Err(failure) => {
            tracing::warn!(cause = %failure, "nobody answers whether the App Store's certificates were revoked");
            *turn = Some(now);
            None
        }
    }
}
