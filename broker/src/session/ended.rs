//! Sessions that have ended before their time: which, for every mint to read.
//!
//! A device's sessions, or those of a whole account, end by a time: whatever was opened or renewed before it counts no more, whatever
//! comes after it does. So nothing has to be found and changed one by one, stores without compare-and-swap do, and the same device may
//! sign in again at once.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, TokenHolder, UserId};
use time::{Duration, OffsetDateTime};

use super::nonce::SKEW_SECONDS;
use super::revocation::is_device_revoked;
use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{StoreClient, StoreError, Swap, read, swap};

/// The `format` of the document.
const FORMAT: &str = "tidegate/sessions-ended/v1";
const MOST_RACES: usize = 5;

/// Why sessions have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndReason {
    /// The device logged out.
    LoggedOut,
    /// A renewal token that had been replaced was used again.
    RenewalReused,
    /// The device was revoked for good.
    DeviceRevoked,
    /// The account's keys were replaced.
    KeysReplaced,
    /// The identity was moved to another account.
    AccountReset,
    /// The account is being deleted.
    AccountDeleted,
    /// One that a later version knows.
    #[serde(other)]
    Other,
}

impl EndReason {
    /// Its name in audit events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged-out",
            Self::RenewalReused => "renewal-reused",
            Self::DeviceRevoked => "device-revoked",
            Self::KeysReplaced => "keys-replaced",
            Self::AccountReset => "account-reset",
            Self::AccountDeleted => "account-deleted",
            Self::Other => "other",
        }
    }
}

/// `_tidegate/revocations/sessions/{user}/{device or all}.json`, and the same again below `_tidegate/revocations/recent/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndedDocument {
    pub(crate) format: String,
    /// Tokens issued earlier have ended. Whole seconds, as tokens state their `iat`.
    #[serde(with = "timestamp")]
    pub(crate) ended_before: OffsetDateTime,
    pub(crate) reason: EndReason,
}

impl EndedDocument {
    /// Ends what any replica has issued until now, be its clock ahead of ours by as much as nonces allow. Rounded up: a token of this
    /// very second is an earlier one.
    pub(super) fn of_device(reason: EndReason, now: OffsetDateTime) -> Self {
        Self::ahead_by(SKEW_SECONDS, reason, now)
    }

    /// The same for all of an account's devices. Twice as far ahead: a device that logged out and in again a moment ago has a token
    /// that is dated as far ahead as its logging out reached.
    fn of_user(reason: EndReason, now: OffsetDateTime) -> Self {
        Self::ahead_by(2 * SKEW_SECONDS, reason, now)
    }

    fn ahead_by(seconds: i64, reason: EndReason, now: OffsetDateTime) -> Self {
        let seconds = now.unix_timestamp() + 1 + seconds;
        let ended_before = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(now);
        Self { format: FORMAT.to_owned(), ended_before, reason }
    }

    /// Later than an ending before it: what was issued since is dated as late as that.
    fn after(mut self, earlier: Option<&Self>) -> Self {
        if let Some(earlier) = earlier {
            // A deletion is never undone, whatever ends sessions beside it.
            if earlier.reason == EndReason::AccountDeleted {
                self.reason = EndReason::AccountDeleted;
            }
            self.ended_before = self.ended_before.max(earlier.ended_before + Duration::SECOND);
        }
        self
    }

    /// The name of its copy that every replica's snapshot finds.
    pub(super) fn note_of(&self, whose: TokenHolder) -> ObjectKey {
        let before = u64::try_from(self.ended_before.unix_timestamp()).unwrap_or(0);
        ObjectKey::State(StateKey::EndedLately { before, whose })
    }
}

/// Ends the sessions of a device, or with `None` of all the account's devices: renewals from now on, access tokens here at once and
/// at other replicas within [`super::REVOCATION_SECONDS`]. Repeated it does no harm; after an error it is to be repeated.
///
/// # Errors
/// [`StoreError`] if it may not have been written.
pub(crate) async fn end_sessions(
    broker: &Broker,
    user: UserId,
    device: Option<DeviceId>,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let (whose, document) = match device {
        Some(device) => {
            let of_all =
                read::<EndedDocument>(&broker.store, &ObjectKey::State(StateKey::SessionsEnded { user, device: None })).await?;
            let document = EndedDocument::of_device(reason, now).after(of_all.as_ref().map(|read| &read.document));
            (TokenHolder::Device(device), document)
        }
        None => (TokenHolder::User(user), EndedDocument::of_user(reason, now)),
    };
    let document = keep_latest(broker, &ObjectKey::State(StateKey::SessionsEnded { user, device }), document).await?;
    note(&broker.store, whose, &document).await?;
    broker.revocations.enter(whose, &document);
    Ok(())
}

/// Tells every replica's snapshot.
pub(super) async fn note(store: &StoreClient, whose: TokenHolder, document: &EndedDocument) -> Result<(), StoreError> {
    store.put_document(&document.note_of(whose), document).await
}

/// Writes the document, later than the one that stands. Of two that end at once the later stands; without compare-and-swap the last
/// writer's, which differs by the time of a call.
async fn keep_latest(broker: &Broker, key: &ObjectKey, document: EndedDocument) -> Result<EndedDocument, StoreError> {
    let mut document = document;
    for _ in 0..MOST_RACES {
        let found = read::<EndedDocument>(&broker.store, key).await?;
        document = document.after(found.as_ref().map(|found| &found.document));
        if !broker.rotates() {
            break;
        }
        match swap(&broker.store, key, found.as_ref().and_then(|found| found.etag.as_deref()), &document).await? {
            Swap::Done => return Ok(document),
            Swap::Lost => {}
        }
    }
    broker.store.put_document(key, &document).await?;
    Ok(document)
}

/// What the store says about a device's sessions: asked at every mint.
pub(super) struct Standing {
    ended: Option<EndedDocument>,
}

impl Standing {
    /// Reads it; refuses a device that was revoked for good.
    pub(super) async fn read(broker: &Broker, user: UserId, device: DeviceId) -> Result<Self, Problem> {
        let of_device = ObjectKey::State(StateKey::SessionsEnded { user, device: Some(device) });
        let of_all = ObjectKey::State(StateKey::SessionsEnded { user, device: None });
        let (is_revoked, of_device, of_all) = futures_util::future::try_join3(
            is_device_revoked(&broker.store, device),
            read::<EndedDocument>(&broker.store, &of_device),
            read::<EndedDocument>(&broker.store, &of_all),
        )
        .await?;
        if is_revoked {
            return Err(Problem::new(ProblemCode::DeviceRevoked, "this device was revoked"));
        }
        // Whatever else has ended since: it stands until nothing of the account is left.
        if of_all.as_ref().is_some_and(|read| read.document.reason == EndReason::AccountDeleted) {
            return Err(deleted());
        }
        let ended = of_device.into_iter().chain(of_all).map(|read| read.document).max_by_key(|document| document.ended_before);
        Ok(Self { ended })
    }

    /// When what is minted now was issued: never so early that it counts as ended, be our clock behind the one that ended it.
    pub(super) fn issued_at(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.ended.as_ref().map_or(now, |ended| now.max(ended.ended_before))
    }

    /// Refuses a token that was issued, in seconds since 1970, before its sessions ended; says why they did.
    pub(super) fn refuse_ended(&self, issued_at: i64) -> Result<(), Problem> {
        let Some(ended) = self.ended.as_ref().filter(|ended| issued_at < ended.ended_before.unix_timestamp()) else {
            return Ok(());
        };
        Err(match ended.reason {
            EndReason::RenewalReused => reused(),
            EndReason::LoggedOut => session_ended("this session was logged out; sign in again"),
            EndReason::DeviceRevoked => Problem::new(ProblemCode::DeviceRevoked, "this device was revoked"),
            EndReason::KeysReplaced => session_ended("the account's keys were replaced; sign in again by the new ones"),
            EndReason::AccountReset => session_ended("the account was reset; sign in again"),
            EndReason::AccountDeleted => deleted(),
            EndReason::Other => session_ended("the session was ended; sign in again"),
        })
    }
}

fn deleted() -> Problem {
    Problem::new(ProblemCode::AccountDeleted, "the account is being deleted")
}

/// The refusal of a session's access tokens once it has ended.
pub(super) fn session_ended(message: &'static str) -> Problem {
    Problem::new(ProblemCode::SessionEnded, message)
}

/// The refusal of everybody who holds tokens of a session of which one was used again.
pub(super) fn reused() -> Problem {
    Problem::new(
        ProblemCode::RenewalReused,
        "a renewal token that was replaced was used again: the session has ended; sign in again",
    )
}

/// Whether an access token issued then has surely ended by itself, whatever lifetime it was given.
pub(super) fn is_long_over(before: i64, now: OffsetDateTime) -> bool {
    now.unix_timestamp() > before.saturating_add(KEPT.whole_seconds())
}

/// How long a note stays: the longest access token that can be configured, and a day, so that a clock that is hours off forgets nothing.
const KEPT: Duration = Duration::seconds(3_600 + 86_400);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30:10.7 UTC);

    fn standing(document: EndedDocument) -> Standing {
        Standing { ended: Some(document) }
    }

    fn told(standing: &Standing, issued_at: i64) -> Option<ProblemCode> {
        standing.refuse_ended(issued_at).err().map(|problem| problem.code)
    }

    #[test]
    fn what_was_issued_until_that_second_has_ended_and_what_is_issued_next_has_not() {
        for document in [EndedDocument::of_device(EndReason::LoggedOut, NOW), EndedDocument::of_user(EndReason::LoggedOut, NOW)] {
            let standing = standing(document);
            assert_eq!(told(&standing, NOW.unix_timestamp()), Some(ProblemCode::SessionEnded));
            // A replica whose clock is ahead issued it.
            assert_eq!(told(&standing, NOW.unix_timestamp() + SKEW_SECONDS), Some(ProblemCode::SessionEnded));
            for late in [-40, 0, 40] {
                let issued_at = standing.issued_at(NOW + Duration::seconds(late));
                assert_eq!(told(&standing, issued_at.unix_timestamp()), None, "{late}");
            }
        }
    }

    #[test]
    fn what_was_issued_since_an_earlier_ending_ends_by_the_next_be_it_in_the_same_second() {
        let first = EndedDocument::of_device(EndReason::LoggedOut, NOW);
        let issued_since = standing(first.clone()).issued_at(NOW).unix_timestamp();
        let again = EndedDocument::of_device(EndReason::LoggedOut, NOW).after(Some(&first));
        assert_eq!(told(&standing(again), issued_since), Some(ProblemCode::SessionEnded));
        let of_all = EndedDocument::of_user(EndReason::KeysReplaced, NOW);
        assert_eq!(told(&standing(of_all), issued_since), Some(ProblemCode::SessionEnded));
    }

    #[test]
    fn who_holds_a_reused_session_is_told_so() {
        let reused = EndedDocument::of_device(EndReason::RenewalReused, NOW);
        assert_eq!(told(&standing(reused), 0), Some(ProblemCode::RenewalReused));
    }

    #[test]
    fn a_note_stays_for_as_long_as_any_token_could_live() {
        let before = NOW.unix_timestamp();
        assert!(!is_long_over(before, NOW + Duration::hours(24)));
        assert!(is_long_over(before, NOW + Duration::hours(26)));
    }
}
