//! Device slots of an invite: the first N keys by LastModified hold.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey, UserId};
use time::OffsetDateTime;

use super::invite::InviteClaim;
use crate::account;
use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{Listed, put_and_rank, rank, ranked};

const FORMAT: &str = "tidegate/invite-slot/v1";

/// `_tidegate/invites/{invite}/slots/{thumbprint}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotDocument {
    pub(crate) format: String,
    pub(crate) user: UserId,
    #[serde(with = "timestamp")]
    pub(crate) taken_at: OffsetDateTime,
}

impl SlotDocument {
    pub(crate) fn new(user: UserId, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), user, taken_at: now }
    }
}

/// How a key stands with an invite.
enum Standing {
    /// It has a slot.
    Holds,
    /// It has none, and there is room.
    MayCome,
}

/// Refuses a key that neither has a slot of the invite nor could get one.
pub(super) async fn refuse_strangers(broker: &Broker, invite: &InviteClaim, thumbprint: &Sha256) -> Result<(), Problem> {
    let key = slot_key(invite, thumbprint);
    standing(broker, invite, &key, &ranked(&broker.store, &key).await?).map(drop)
}

/// Makes sure that the key has a slot.
pub(in crate::identity) async fn take_slot(
    broker: &Broker,
    invite: &InviteClaim,
    thumbprint: &Sha256,
    user: UserId,
) -> Result<(), Problem> {
    let key = slot_key(invite, thumbprint);
    match standing(broker, invite, &key, &ranked(&broker.store, &key).await?)? {
        Standing::Holds => Ok(()),
        Standing::MayCome => {
            account::note_slot(broker, user, invite.id, *thumbprint).await?;
            let document = SlotDocument::new(user, broker.clock.now());
            let after = put_and_rank(&broker.store, &key, &document).await?;
            standing(broker, invite, &key, &after).map(drop)
        }
    }
}

fn standing(broker: &Broker, invite: &InviteClaim, key: &ObjectKey, listed: &[Listed]) -> Result<Standing, Problem> {
    let slots = usize::try_from(invite.devices).unwrap_or(usize::MAX);
    match rank(listed, key) {
        Some(rank) if rank < slots => Ok(Standing::Holds),
        Some(_) => Err(used_up(invite)),
        None if listed.len() >= slots => Err(used_up(invite)),
        None if broker.clock.now().unix_timestamp() >= invite.exp => {
            Err(Problem::new(ProblemCode::InviteExpired, "the invite has ended; ask for a new one"))
        }
        None => Ok(Standing::MayCome),
    }
}

fn used_up(invite: &InviteClaim) -> Problem {
    let message = format!("all {} device slots of the invite are taken; ask for a new one", invite.devices);
    Problem::new(ProblemCode::InviteUsedUp, message)
}

fn slot_key(invite: &InviteClaim, thumbprint: &Sha256) -> ObjectKey {
    ObjectKey::State(StateKey::InviteSlot { invite: invite.id, thumbprint: *thumbprint })
}
