//! What becomes of a request on its way to the store and back, and the driver's repetitions of it: as the sync client's
//! `transport/retry.rs` repeats by class.

use tidegate_protocol::ObjectKey;
use tidegate_sync_core::engine::{Effect, FailureClass, Outcome, PutCondition};

use super::device::Request;
use super::fault::Fault;
use super::world::{World, is_request};

/// How often a request is tried.
const TRIES: u32 = 4;

/// The pause before the second try, in milliseconds; it doubles with each further one.
const FIRST_PAUSE_MS: u64 = 250;

/// A PUT that lands after its sender gave up.
#[derive(Debug, Clone)]
pub struct LatePut {
    /// When it lands.
    pub at_ms: u64,
    /// The device that sent it.
    pub device: usize,
    /// The write.
    pub effect: Effect,
}

impl World {
    /// Lets one of a device's effects go its way, which may go wrong.
    pub fn attempt(&mut self, device: usize, index: usize) {
        let mut request = self.devices[device].to_do.remove(index);
        if let Some(failed) = self.seal_attachment(device, &mut request) {
            return self.answer(device, request, failed, 0);
        }
        if !is_request(&request.effect) {
            let outcome = self.carry_out(device, &mut request);
            return self.answer(device, request, outcome, 0);
        }
        if self.is_overdue(device, &request) {
            return self.answer(device, request, Outcome::Failed(FailureClass::Retry), 0);
        }
        let character = self.plan.personality.character();
        if !request.is_delayed && self.strikes(Fault::SlowRequest, character.slow.per_mille) {
            request.is_delayed = true;
            request.not_before_ms = self.now_ms + self.draw_ms(character.slow.most_ms);
            // It is on its way, and the shell has no say in it any more.
            request.asked_ms = request.not_before_ms;
            self.note_fault(Fault::SlowRequest, format!("{device} waits long for {}", request.effect.name()));
            return self.devices[device].to_do.push(request);
        }
        if !self.is_calm && self.now_ms < self.storm_until_ms {
            return self.again(device, request, Fault::Unavailable);
        }
        if self.strikes(Fault::LostRequest, character.loses_requests) {
            return self.again(device, request, Fault::LostRequest);
        }
        let outcome = match write_of(&request.effect) {
            None => self.carry_out(device, &mut request),
            Some(_) => match self.attempt_write(device, request) {
                Some((outcome, written)) => {
                    request = written;
                    outcome
                }
                None => return,
            },
        };
        if self.strikes(Fault::LostAnswer, character.loses_answers) {
            return self.again(device, request, Fault::LostAnswer);
        }
        let mut not_before_ms = 0;
        if self.strikes(Fault::SlowRequest, character.slow.per_mille) {
            not_before_ms = self.now_ms + self.draw_ms(character.slow.most_ms);
            self.note_fault(Fault::SlowRequest, format!("{device} waits long for the answer to {}", request.effect.name()));
        }
        self.answer(device, request, outcome, not_before_ms);
    }

    /// What a write comes to; `None` where it is tried again or goes on later.
    fn attempt_write(&mut self, device: usize, mut request: Request) -> Option<(Outcome, Request)> {
        let character = self.plan.personality.character();
        let (key, body, condition) = write_of(&request.effect)?;
        let (key, body, condition) = (key.clone(), body.to_vec(), condition.clone());
        let last_ms = self.store.get(&key).map(|object| object.last_modified.millis());
        let is_paused = last_ms.is_some_and(|last_ms| self.now_ms < last_ms + character.key_pause_ms);
        if is_paused && !self.is_calm && self.plan.may(Fault::TooManyWrites) {
            self.again(device, request, Fault::TooManyWrites);
            return None;
        }
        let was_just_written = last_ms.is_some_and(|last_ms| self.now_ms < last_ms + 2_000);
        if (was_just_written || self.is_contended(device, &key)) && self.strikes(Fault::Contention, character.contention) {
            self.again(device, request, Fault::Contention);
            return None;
        }
        if self.strikes(Fault::TornUpload, character.torn) {
            // Refused by its checksum, or cut off in a way that leaves its name in listings.
            if self.chance(50) && key.digest().is_some() {
                self.store.tear(&key, self.now_ms);
            }
            self.again(device, request, Fault::TornUpload);
            return None;
        }
        if self.strikes(Fault::LatePut, character.late.per_mille) {
            self.send_late(device, request.effect.clone());
            self.again(device, request, Fault::LatePut);
            return None;
        }
        let failed = self.store.failed_condition(&key, &condition);
        if character.is_racy && condition != PutCondition::None && !request.is_checked && !self.is_calm {
            if failed.is_some() {
                return Some((self.carry_out(device, &mut request), request));
            }
            self.arrives(device, &mut request);
            request.is_checked = true;
            request.is_delayed = true;
            request.not_before_ms = self.now_ms + self.draw_ms(2_000);
            self.devices[device].to_do.push(request);
            return None;
        }
        if failed.is_some() && request.is_checked {
            self.note_fault(Fault::RacyWrite, format!("{device} writes over what came in between"));
        } else if failed.is_some() && !self.store.honours(&condition) {
            self.note_fault(Fault::IgnoredCondition, format!("{device} writes although its condition does not hold"));
        }
        if !request.is_checked {
            return Some((self.carry_out(device, &mut request), request));
        }
        let outcome = self.store.put_anyway(&key, &body, self.now_ms);
        self.check_write(device, &request.effect, &outcome);
        Some((outcome, request))
    }

    /// Whether another device is about to write the same key.
    fn is_contended(&self, device: usize, key: &ObjectKey) -> bool {
        let writes = |request: &Request| write_of(&request.effect).is_some_and(|(other, ..)| other == key);
        let others = self.devices.iter().enumerate().filter(|(other, _)| *other != device);
        others.flat_map(|(_, device)| &device.to_do).any(writes)
    }

    /// The driver tries again after a pause, or gives up.
    fn again(&mut self, device: usize, mut request: Request, fault: Fault) {
        self.note_fault(fault, format!("{device} {}: {}", fault.name(), request.effect.name()));
        request.tries += 1;
        request.is_checked = false;
        if request.tries >= TRIES {
            return self.answer(device, request, Outcome::Failed(FailureClass::Retry), 0);
        }
        let doubled = FIRST_PAUSE_MS << (request.tries - 1);
        request.not_before_ms = self.now_ms + doubled / 2 + self.draw_ms(doubled / 2);
        self.devices[device].to_do.push(request);
    }

    fn send_late(&mut self, device: usize, effect: Effect) {
        let most_ms = self.plan.personality.character().late.most_ms;
        // Mostly soon, seldom at the very end of what is possible.
        let within_ms = if self.chance(50) { most_ms / 50 } else { most_ms };
        let at_ms = self.now_ms + self.draw_ms(within_ms);
        self.late.push(LatePut { at_ms, device, effect });
    }

    /// A device has crashed: what it had sent may be on its way still.
    pub(super) fn leave_requests_on_their_way(&mut self, device: usize) {
        if self.is_calm || self.plan.personality.character().late.per_mille == 0 || !self.plan.may(Fault::LatePut) {
            return;
        }
        let writes: Vec<Effect> = self.devices[device]
            .to_do
            .iter()
            .filter(|request| write_of(&request.effect).is_some())
            .map(|request| request.effect.clone())
            .collect();
        for effect in writes {
            if self.chance(30) {
                self.note_fault(Fault::LatePut, format!("{device} leaves {} on its way", effect.name()));
                self.send_late(device, effect);
            }
        }
    }

    /// Lets land what is due, in its order.
    pub(super) fn land_late_puts(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let mut due: Vec<LatePut> = self.late.extract_if(.., |put| put.at_ms <= self.now_ms).collect();
        due.sort_by_key(|put| put.at_ms);
        for LatePut { at_ms, device, effect } in due {
            self.trace.push(format!("{} of {device} lands", effect.name()));
            if let Some(outcome) = self.store.execute(&effect, at_ms) {
                self.check_write(device, &effect, &outcome);
            }
        }
    }
}

/// The key, body and condition of a write.
fn write_of(effect: &Effect) -> Option<(&ObjectKey, &[u8], &PutCondition)> {
    match effect {
        Effect::PutIfAbsent { key, body } => Some((key, body, &PutCondition::IfAbsent)),
        Effect::Put { key, body, condition } => Some((key, body, condition)),
        Effect::Get { .. }
        | Effect::Delete { .. }
        | Effect::List { .. }
        | Effect::Persist(_)
        | Effect::LoadContent { .. }
        | Effect::StoreAttachment { .. }
        | Effect::Sleep { .. } => None,
    }
}
