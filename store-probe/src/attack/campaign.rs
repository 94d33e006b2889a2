//! Attacks under way: what they must not have touched is looked at after each, and once more at the end, since a store may do late
//! what it has refused.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tidegate_protocol::capability::{Attack, AttackOutcome};

use super::verdict::{judge, worst};
use crate::answer::Reply;
use crate::error::ProbeError;
use crate::ground::{Ground, Signed, Via};
use crate::http::Shot;

/// The time before the last look.
const SETTLE: Duration = Duration::from_secs(1);

/// What has to be true of a key whatever happens.
#[derive(Debug, Clone)]
pub(crate) enum Must {
    /// These bytes.
    Be(Bytes),
    /// Any but these bytes.
    NotBe(Bytes),
    /// Nothing, or an object of this many bytes.
    HaveLength(usize),
    /// Nothing.
    BeAbsent,
}

impl Must {
    fn is_broken_by(&self, stored: Option<&Bytes>) -> bool {
        match self {
            Self::Be(bytes) => stored != Some(bytes),
            Self::NotBe(bytes) => stored == Some(bytes),
            Self::HaveLength(length) => stored.is_some_and(|stored| stored.len() != *length),
            Self::BeAbsent => stored.is_some(),
        }
    }
}

#[derive(Debug)]
struct Watch {
    attack: Attack,
    key: String,
    must: Must,
}

/// The attacks of one run.
#[derive(Debug)]
pub(crate) struct Campaign<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) via: Via,
    watches: Vec<Watch>,
    outcomes: BTreeMap<Attack, Vec<AttackOutcome>>,
}

impl<'a> Campaign<'a> {
    pub(crate) const fn new(ground: &'a Ground, via: Via) -> Self {
        Self { ground, via, watches: Vec::new(), outcomes: BTreeMap::new() }
    }

    /// Whether the honest request works, whose twin an attack is.
    pub(crate) async fn honest(&self, signed: &Signed, body: &Bytes) -> Result<bool, ProbeError> {
        Ok(self.ground.fire(|| signed.honest(body.clone())).await.is_ok_and(|answer| answer.is_success()))
    }

    /// Sends an attacking request and judges it by what is stored under these keys.
    pub(crate) async fn on_stored(
        &mut self,
        attack: Attack,
        honest_works: bool,
        shot: impl FnMut() -> Shot,
        watched: &[(String, Must)],
    ) -> Result<(), ProbeError> {
        let reply = self.ground.fire(shot).await;
        self.judge_stored(attack, honest_works, &reply, watched).await
    }

    pub(crate) async fn judge_stored(
        &mut self,
        attack: Attack,
        honest_works: bool,
        reply: &Reply,
        watched: &[(String, Must)],
    ) -> Result<(), ProbeError> {
        let mut took_effect = false;
        for (key, must) in watched {
            took_effect |= must.is_broken_by(self.ground.stored(key).await?.as_ref());
            self.watches.push(Watch { attack, key: key.clone(), must: must.clone() });
        }
        self.record(attack, judge(honest_works, reply, took_effect));
        Ok(())
    }

    /// Sends an attacking request and judges it by what its answer gives away.
    pub(crate) async fn on_shown(
        &mut self,
        attack: Attack,
        honest_works: bool,
        shot: impl FnMut() -> Shot,
        secret: &[u8],
    ) -> Result<(), ProbeError> {
        let reply = self.ground.fire(shot).await;
        let shown = reply.as_ref().is_ok_and(|answer| super::contains(&answer.body, secret));
        self.record(attack, judge(honest_works, &reply, shown));
        Ok(())
    }

    pub(crate) fn record(&mut self, attack: Attack, outcome: AttackOutcome) {
        self.outcomes.entry(attack).or_default().push(outcome);
    }

    /// Looks at everything once more; the worst of each attack's ways counts.
    pub(crate) async fn end(mut self) -> Result<Vec<(Attack, AttackOutcome)>, ProbeError> {
        tokio::time::sleep(SETTLE).await;
        for Watch { attack, key, must } in std::mem::take(&mut self.watches) {
            if must.is_broken_by(self.ground.stored(&key).await?.as_ref()) {
                self.record(attack, AttackOutcome::Succeeded);
            }
        }
        Ok(self.outcomes.into_iter().map(|(attack, outcomes)| (attack, worst(outcomes))).collect())
    }
}
