//! Renewal tokens: 30 days for one device key; which one of a device is current stands in the store.
//!
//! A renewal token is replaced at most once a day, by compare-and-swap; the one before it stays good for ten more minutes, for the
//! client that never got the reply. A store without compare-and-swap replaces nothing: its document says since when there is a session.
//!
//! Whoever presents a token of this family that was replaced for good holds a copy of the device's key, or is robbed of one: the family
//! ends, whoever of the two came first (RFC 9700, section 4.14.2). Families begin by signing in, and each is younger than every
//! token of those before it, so that an old token ends no new family.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::access::{Confirmation, IdentityClaims, is_first};
use super::ended::{EndReason, end_sessions, reused};
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{Swap, read, swap};
use tidegate_protocol::problem::ProblemCode;

const FORMAT: &str = "tidegate/renewal/v1";
const ROTATE_AFTER: Duration = Duration::days(1);
const PREDECESSOR_LIVES: Duration = Duration::minutes(10);
const MOST_RACES: usize = 5;

/// Claims of a renewal token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RenewalClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    pub(crate) did: DeviceId,
    pub(crate) cnf: Confirmation,
    pub(crate) jti: Uuid,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// Of the account's keys under which the session was opened.
    #[serde(default, skip_serializing_if = "is_first")]
    pub(crate) generation: u32,
    #[serde(flatten)]
    pub(crate) identity: IdentityClaims,
}

/// `_tidegate/renewals/{user}/{device}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RenewalDocument {
    pub(crate) format: String,
    pub(crate) current: Uuid,
    #[serde(with = "timestamp")]
    pub(crate) issued_at: OffsetDateTime,
    /// When the device signed in: no token of this family is older, and none of an earlier family as young. Documents of old lack it.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<OffsetDateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Predecessor>,
}

/// The token before the current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Predecessor {
    pub(crate) jti: Uuid,
    #[serde(with = "timestamp")]
    pub(crate) valid_until: OffsetDateTime,
}

/// The name and birth of a renewal token that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(super) jti: Uuid,
    pub(super) issued_at: OffsetDateTime,
}

/// What a renewal token that was presented leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// It stays the current one.
    Keep,
    /// It is the current one and a day old.
    Rotate,
    /// It was replaced minutes ago: the client gets its successor (again).
    Repeat(Issue),
    /// It is of a family before this one.
    Refuse,
    /// It is of this family and was replaced for good.
    EndFamily,
}

impl RenewalDocument {
    fn first(now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), current: Uuid::new_v4(), issued_at: now, since: Some(now), previous: None }
    }

    /// The token with which a new family begins. Its date is later than that of any before it: tokens state whole seconds.
    fn next_family(&self, now: OffsetDateTime) -> Self {
        let since = now.max(self.issued_at + Duration::SECOND);
        Self { previous: Some(self.predecessor(now)), ..Self::first(since) }
    }

    /// The next token of this family.
    fn successor(&self, now: OffsetDateTime) -> Self {
        Self { since: self.since, previous: Some(self.predecessor(now)), ..Self::first(now) }
    }

    fn predecessor(&self, now: OffsetDateTime) -> Predecessor {
        Predecessor { jti: self.current, valid_until: now + PREDECESSOR_LIVES }
    }

    fn issue(&self) -> Issue {
        Issue { jti: self.current, issued_at: self.issued_at }
    }

    /// `issued_at` is the token's `iat`, in seconds since 1970.
    fn decide(&self, presented: Uuid, issued_at: i64, now: OffsetDateTime) -> Decision {
        if presented == self.current {
            return if now - self.issued_at >= ROTATE_AFTER { Decision::Rotate } else { Decision::Keep };
        }
        let is_predecessor =
            self.previous.as_ref().is_some_and(|previous| previous.jti == presented && now < previous.valid_until);
        if is_predecessor {
            return Decision::Repeat(self.issue());
        }
        let is_of_family = self.since.is_none_or(|since| issued_at >= since.unix_timestamp());
        if is_of_family { Decision::EndFamily } else { Decision::Refuse }
    }
}

/// The renewal token with which a session begins; it replaces the device's last one.
pub(super) async fn begin(broker: &Broker, user: UserId, device: DeviceId, now: OffsetDateTime) -> Result<Issue, Problem> {
    let key = ObjectKey::State(StateKey::Renewal { user, device });
    if !broker.rotates() {
        let first = RenewalDocument::first(now);
        broker.store.put_document(&key, &first).await?;
        return Ok(first.issue());
    }
    for _ in 0..MOST_RACES {
        let found = read::<RenewalDocument>(&broker.store, &key).await?;
        let (etag, next) = match &found {
            Some(found) => (found.etag.as_deref(), found.document.next_family(now)),
            None => (None, RenewalDocument::first(now)),
        };
        match swap(&broker.store, &key, etag, &next).await? {
            Swap::Done => return Ok(next.issue()),
            Swap::Lost => {}
        }
    }
    Err(Problem::new(ProblemCode::StateConflict, "the device's session was changed at the same time; try again"))
}

/// Whether a token that was presented is current; with a new one to hand out where that is due. Ends the family of one that was
/// replaced for good.
pub(super) async fn present(broker: &Broker, claims: &RenewalClaims, now: OffsetDateTime) -> Result<Option<Issue>, Problem> {
    if !broker.rotates() {
        return Ok(None);
    }
    let key = ObjectKey::State(StateKey::Renewal { user: claims.sub, device: claims.did });
    for _ in 0..MOST_RACES {
        let Some(found) = read::<RenewalDocument>(&broker.store, &key).await? else { return Err(replaced()) };
        match found.document.decide(claims.jti, claims.iat, now) {
            Decision::Keep => return Ok(None),
            Decision::Repeat(issue) => return Ok(Some(issue)),
            Decision::Refuse => return Err(replaced()),
            Decision::EndFamily => {
                end_sessions(broker, claims.sub, Some(claims.did), EndReason::RenewalReused, now).await?;
                broker.audit.note(Event {
                    at: now,
                    user: claims.sub,
                    device: claims.did,
                    action: Action::SessionEnded { reason: EndReason::RenewalReused.as_str().to_owned() },
                });
                return Err(reused());
            }
            Decision::Rotate => {
                let next = found.document.successor(now);
                match swap(&broker.store, &key, found.etag.as_deref(), &next).await? {
                    Swap::Done => return Ok(Some(next.issue())),
                    Swap::Lost => {}
                }
            }
        }
    }
    // Whoever won the races has not invalidated this token yet, or the reading above would have said so.
    Ok(None)
}

fn replaced() -> Problem {
    Problem::new(ProblemCode::RenewalExpired, "the renewal token was replaced; sign in again")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    fn decide(document: &RenewalDocument, presented: &RenewalDocument, now: OffsetDateTime) -> Decision {
        document.decide(presented.current, presented.issued_at.unix_timestamp(), now)
    }

    #[test]
    fn a_token_is_kept_for_a_day_and_then_rotated() {
        let document = RenewalDocument::first(NOW);
        assert_eq!(decide(&document, &document, NOW + Duration::hours(23)), Decision::Keep);
        assert_eq!(decide(&document, &document, NOW + Duration::hours(24)), Decision::Rotate);
    }

    #[test]
    fn the_predecessor_gets_its_successor_for_ten_minutes_and_then_ends_the_family() {
        let first = RenewalDocument::first(NOW);
        let second = first.successor(NOW);
        assert_eq!(decide(&second, &first, NOW + Duration::minutes(9)), Decision::Repeat(second.issue()));
        assert_eq!(decide(&second, &first, NOW + Duration::minutes(10)), Decision::EndFamily);
        let third = second.successor(NOW);
        assert_eq!(decide(&third, &first, NOW), Decision::EndFamily);
    }

    #[test]
    fn a_token_of_an_earlier_family_ends_no_later_one_be_it_of_the_same_second() {
        let first = RenewalDocument::first(NOW);
        let second = first.next_family(NOW);
        assert_eq!(decide(&second, &first, NOW + Duration::minutes(9)), Decision::Repeat(second.issue()));
        assert_eq!(decide(&second, &first, NOW + Duration::minutes(10)), Decision::Refuse);
        let later = second.successor(NOW + Duration::days(1));
        assert_eq!(decide(&later, &second, NOW + Duration::days(2)), Decision::EndFamily);
        assert_eq!(decide(&later, &first, NOW + Duration::days(2)), Decision::Refuse);
    }
}
