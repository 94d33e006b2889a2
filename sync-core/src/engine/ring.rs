//! Writing the doorbell: what stands in it and what this device knows, together.

use std::collections::BTreeSet;

use tidegate_protocol::{Digest, ObjectKey, Space};

use super::account::Conditions;
use super::effect::{Effect, PutCondition};
use super::event::{Outcome, Written};
use super::persist::{DoorbellMemory, Row, Step};
use super::pull::Bell;
use super::sync::{Phase, Task, Turn};
use crate::envelope::{ObjectContext, seal_signed};
use crate::manifest::{Doorbell, MAX_DOORBELL_BYTES};
use crate::quarantine::{Reason, Subject};
use crate::state::{is_included, maximal};

/// How often the doorbell is read and written again when others write it too. The wish stays for the next sync.
const ATTEMPTS: u32 = 8;

/// How many segments of a chain are added at most; the doorbell trims itself further if need be.
const RECENT: usize = 32;

impl Turn<'_> {
    /// Writes the doorbell if there is a wish to: union of what was read and what is merged here, so that nobody's ring is
    /// taken back. Where the store honours it the write is conditional, and one that lost the race begins anew from what
    /// the winner wrote. Where it does not, a ring can be lost; whoever reads the doorbell next and misses a tip that it has
    /// merged, the loser first of all, rings again.
    pub(super) fn ring(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Rung);
        }
        if !self.account.doorbell.ring || self.sync.ring_attempts >= ATTEMPTS {
            self.sync.phase = Phase::Contents;
            return;
        }
        let (base, condition) = match &self.sync.bell {
            Bell::Read { doorbell, etag } => (doorbell.clone(), self.replacing(etag.clone())),
            Bell::Absent => (Doorbell::default(), self.creating()),
            Bell::Unreadable { etag, may_replace: true } => (Doorbell::default(), self.replacing(etag.clone())),
            Bell::Unreadable { may_replace: false, .. } => {
                self.sync.phase = Phase::Contents;
                return;
            }
            // Its content is not here: only that it has not changed.
            Bell::Unread | Bell::Unchanged => return self.read_doorbell_again(),
        };
        self.sync.ring_attempts += 1;
        self.write_doorbell(base, condition);
    }

    fn replacing(&self, etag: Option<String>) -> PutCondition {
        match (self.account.profile.replace, etag) {
            (Conditions::Honoured, Some(etag)) => PutCondition::IfMatch(etag),
            (Conditions::Honoured, None) | (Conditions::Ignored | Conditions::Refused, _) => PutCondition::None,
        }
    }

    const fn creating(&self) -> PutCondition {
        match self.account.profile.create {
            Conditions::Honoured => PutCondition::IfAbsent,
            Conditions::Ignored | Conditions::Refused => PutCondition::None,
        }
    }

    fn write_doorbell(&mut self, base: Doorbell, condition: PutCondition) {
        let mut doorbell = base;
        for space in self.account.open_spaces() {
            let memory = self.account.space(space);
            doorbell.add(space, memory.state.frontier().recent(RECENT));
            // Not to be found in the store any more: whoever has merged it has named what came after it.
            let is_gone = |digest: &Digest| {
                let subject = Subject::Checkpoint(*digest);
                memory.quarantined.get(&subject).is_some_and(|(reason, _)| *reason == Reason::MissingContent)
            };
            doorbell.forget_checkpoints(space, is_gone);
            for digest in maximal(&memory.checkpoints) {
                doorbell.add_checkpoint(space, digest, &memory.checkpoints[&digest].includes);
            }
            let included: BTreeSet<Digest> = memory.checkpoints.values().flat_map(|known| known.includes.clone()).collect();
            doorbell.forget_checkpoints(space, |digest| included.contains(digest));
            doorbell.forget_below(space, memory.state.frontier());
        }
        doorbell.trim();
        let settled = self.is_settled(&doorbell);
        let space = self.account.account_space();
        let key = ObjectKey::Doorbell { space };
        let context = ObjectContext::of_key(&key).expect("a doorbell is an envelope");
        let identity = &self.account.identity;
        let sealed = self.account.keyring.current(space).and_then(|keys| {
            let json = doorbell.to_json().ok()?;
            seal_signed(keys.key(), &context, &json, &identity.device, &identity.certificate, self.rng).ok()
        });
        match sealed {
            Some(body) if body.len() <= MAX_DOORBELL_BYTES => {
                self.sync.bell = Bell::Read { doorbell, etag: None };
                self.emit(Effect::Put { key, body, condition }, Task::WriteDoorbell { settled });
            }
            // Too many chains to name: others find the segments by listing.
            Some(_) | None => self.sync.phase = Phase::Contents,
        }
    }

    /// Whether everything that a doorbell names is applied, or was set aside by name: only then its ETag may be kept.
    fn is_settled(&self, doorbell: &Doorbell) -> bool {
        let known = |space: &Space| {
            let memory = self.account.spaces.get(space);
            let is_read = |digest: &Digest| {
                memory.is_some_and(|memory| {
                    is_included(digest, &memory.checkpoints) || memory.quarantined.contains_key(&Subject::Checkpoint(*digest))
                })
            };
            doorbell.checkpoints(*space).all(|digest| is_read(&digest))
                && doorbell.segments(*space).all(|segment| {
                    memory.is_some_and(|memory| {
                        memory.has(&segment)
                            || memory.quarantined.contains_key(&Subject::Segment(segment))
                            || memory.holes.contains_key(&segment)
                    })
                })
        };
        let user = self.account.identity.user;
        doorbell.spaces().iter().map(|bell| Doorbell::space_of(user, bell)).all(|space| known(&space))
    }

    pub(super) fn doorbell_written(&mut self, settled: bool, outcome: Outcome) {
        match outcome.written() {
            Ok(Written::Stored { etag, .. }) => {
                let kept = self.account.doorbell.etag.take();
                let memory = DoorbellMemory { etag: if settled { etag } else { kept }, ring: false };
                self.account.doorbell = memory.clone();
                self.sync.rows.push(Row::PutDoorbell(memory));
                let space = self.account.account_space();
                if self.account.space(space).quarantined.remove(&Subject::Doorbell).is_some() {
                    self.sync.rows.push(Row::RemoveQuarantined { space, subject: Subject::Doorbell });
                }
            }
            Ok(Written::AlreadyThere | Written::Nowhere) => self.lost_the_race(),
            Err(class) => self.sync.fail("put-doorbell", class),
        }
    }

    /// Somebody else wrote in between. After the first time some waiting, each device its own, keeps many writers from
    /// meeting again and again.
    fn lost_the_race(&mut self) {
        self.sync.bell = Bell::Unread;
        if self.sync.ring_attempts > 1 {
            let most = 100 << self.sync.ring_attempts.min(6);
            let millis = u64::from(self.rng.next_u32()) % most;
            self.emit(Effect::Sleep { millis }, Task::Slept);
        }
    }

    fn read_doorbell_again(&mut self) {
        let key = ObjectKey::Doorbell { space: self.account.account_space() };
        self.emit(Effect::Get { key, if_none_match: None, range: None }, Task::DoorbellAgain);
    }

    pub(super) fn doorbell_read_again(&mut self, outcome: Outcome) {
        if let Some(bell) = self.bell_of(outcome) {
            self.sync.bell = bell;
        }
    }
}
