//! Links: which account an outside identity opens.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use tidegate_protocol::account::lp;
use tidegate_protocol::capability::Precondition;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey, UserId};
use time::OffsetDateTime;

use crate::account;
use crate::broker::Broker;
use crate::config::ServerIdKey;
use crate::store::{StoreError, Swap, create_once, put_and_rank, ranked, read, swap};

const FORMAT: &str = "tidegate/link/v1";
const MOST_RACES: usize = 5;

/// `_tidegate/links/{identity}.json`, or on stores without atomic create `_tidegate/links/{identity}/{user}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkDocument {
    pub(crate) format: String,
    /// The account that the identity opens.
    pub(crate) user: UserId,
    /// Every account that it ever opened, first to last.
    pub(crate) history: Vec<Linked>,
}

/// One entry of a link's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Linked {
    pub(crate) user: UserId,
    #[serde(with = "timestamp")]
    pub(crate) since: OffsetDateTime,
    /// Whether a proof of this account undid what resets had done since it was left.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) returned: bool,
}

/// Why a link comes to lead elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// By a reset.
    Away,
    /// By a proof of an account from which resets had led it away.
    Back,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl LinkDocument {
    pub(crate) fn new(user: UserId, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), user, history: vec![Linked { user, since: now, returned: false }] }
    }

    /// When a reset led the identity away from the account, unless whatever came since has been undone. However many resets came after
    /// it: else a thief's second would take from the owner what is left of the time to undo the first.
    pub(crate) fn left_at(&self, user: UserId) -> Option<OffsetDateTime> {
        let mut line: Vec<&Linked> = Vec::new();
        for entry in &self.history {
            let back_to = line.iter().rposition(|earlier| entry.returned && earlier.user == entry.user);
            match back_to {
                Some(place) => line.truncate(place + 1),
                None => line.push(entry),
            }
        }
        let place = line.iter().rposition(|entry| entry.user == user)?;
        line.get(place + 1).map(|next| next.since)
    }
}

/// The name of a self-host identity's link.
pub(crate) fn self_host_identity(key: &ServerIdKey, name: &str) -> Sha256 {
    identity(key, ["self-host", "", "", name])
}

/// The name under which it is kept that an account was deleted.
pub(crate) fn deleted_account(key: &ServerIdKey, user: UserId) -> Sha256 {
    identity(key, ["deleted-account", "", "", &user.to_string()])
}

/// The name of an App Store customer's link: of one app and one environment, so that a purchase in the sandbox leads nowhere that a
/// real one does.
pub(crate) fn app_store_identity(key: &ServerIdKey, bundle: &str, environment: &str, subject: &str) -> Sha256 {
    identity(key, ["app-store", bundle, environment, subject])
}

/// The name of a login's link: the issuer, letter by letter, and its lasting name for the person.
pub(crate) fn oidc_identity(key: &ServerIdKey, issuer: &str, subject: &str) -> Sha256 {
    identity(key, ["oidc", issuer, "", subject])
}

/// Kind, issuer, environment and subject under one name. Keyed, so that the bucket does not tell who the users are.
fn identity(key: &ServerIdKey, fields: [&str; 4]) -> Sha256 {
    let fields = fields.map(str::as_bytes);
    let message: Vec<u8> = fields.into_iter().flat_map(lp).collect();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &message);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    Sha256::from_bytes(bytes)
}

/// The account that the identity opens, if any.
pub(crate) async fn find(broker: &Broker, identity: Sha256) -> Result<Option<UserId>, StoreError> {
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::Link { identity });
            Ok(read::<LinkDocument>(&broker.store, &key).await?.map(|link| link.document.user))
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            let any = candidate(identity, UserId::new(uuid::Uuid::nil()));
            Ok(first_user(&ranked(&broker.store, &any).await?))
        }
    }
}

/// The whole link, with the accounts that it led to before. Only where creating is atomic: elsewhere there is no one document.
pub(crate) async fn find_with_history(broker: &Broker, identity: Sha256) -> Result<Option<LinkDocument>, StoreError> {
    let key = ObjectKey::State(StateKey::Link { identity });
    Ok(read::<LinkDocument>(&broker.store, &key).await?.map(|link| link.document))
}

/// Links the identity to the account unless it is linked; says to which account it is linked now.
pub(crate) async fn create(broker: &Broker, identity: Sha256, user: UserId) -> Result<UserId, StoreError> {
    if let Some(linked) = find(broker, identity).await? {
        return Ok(linked);
    }
    account::note_link(broker, user, identity).await?;
    let document = LinkDocument::new(user, broker.clock.now());
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::Link { identity });
            if create_once(&broker.store, &key, &document).await? {
                return Ok(user);
            }
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            // Not where it was found above: written twice it would become younger, and another's could become the first.
            put_and_rank(&broker.store, &candidate(identity, user), &document).await?;
        }
    }
    let gone = || StoreError::Object { key: format!("link {identity}"), fault: "gone right after it was written" };
    find(broker, identity).await?.ok_or_else(gone)
}

/// Lets the identity's link lead from one account to another, by compare-and-swap; one that leads elsewhere stays as it is.
pub(crate) async fn lead_to(broker: &Broker, identity: Sha256, from: UserId, to: UserId, why: Move) -> Result<(), StoreError> {
    let key = ObjectKey::State(StateKey::Link { identity });
    for _ in 0..MOST_RACES {
        let Some(found) = read::<LinkDocument>(&broker.store, &key).await? else { return Ok(()) };
        if found.document.user != from {
            return Ok(());
        }
        account::note_link(broker, to, identity).await?;
        let mut moved = found.document;
        moved.user = to;
        moved.history.push(Linked { user: to, since: broker.clock.now(), returned: why == Move::Back });
        if swap(&broker.store, &key, found.etag.as_deref(), &moved).await? == Swap::Done {
            return Ok(());
        }
    }
    Err(StoreError::Object { key: key.to_string(), fault: "changed by too many at once" })
}

fn candidate(identity: Sha256, user: UserId) -> ObjectKey {
    ObjectKey::State(StateKey::LinkCandidate { identity, user })
}

fn first_user(listed: &[crate::store::Listed]) -> Option<UserId> {
    listed.iter().find_map(|object| match object.key.parse() {
        Ok(ObjectKey::State(StateKey::LinkCandidate { user, .. })) => Some(user),
        Ok(_) | Err(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    /// A link that led to these accounts, a day after each other; with `true` because it was taken back.
    fn link(history: &[(u128, bool)]) -> LinkDocument {
        let days = (0..).map(|day| NOW + Duration::days(day));
        let entries = history.iter().zip(days);
        let history: Vec<Linked> =
            entries.map(|((account, returned), since)| Linked { user: user(*account), since, returned: *returned }).collect();
        let user = history.last().map_or_else(|| user(0), |last| last.user);
        LinkDocument { format: FORMAT.to_owned(), user, history }
    }

    fn user(account: u128) -> UserId {
        UserId::new(uuid::Uuid::from_u128(account))
    }

    #[track_caller]
    fn assert_left(history: &[(u128, bool)], account: u128, day: Option<i64>) {
        assert_eq!(link(history).left_at(user(account)), day.map(|day| NOW + Duration::days(day)));
    }

    #[test]
    fn an_account_was_left_by_the_reset_right_after_it_however_many_came_since() {
        let chain = [(1, false), (2, false), (3, false)];
        assert_left(&chain, 1, Some(1));
        assert_left(&chain, 2, Some(2));
        assert_left(&chain, 3, None);
        assert_left(&chain, 9, None);
        assert_left(&[(1, false)], 1, None);
    }

    #[test]
    fn who_takes_back_undoes_everything_since_and_whoever_had_it_meanwhile_takes_nothing() {
        let undone = [(1, false), (2, false), (3, false), (1, true)];
        for account in [1, 2, 3] {
            assert_left(&undone, account, None);
        }
        let again = [(1, false), (2, false), (1, true), (3, false)];
        assert_left(&again, 1, Some(3));
        assert_left(&again, 2, None);
        // A reset to an account of before undoes nothing: it can be undone itself.
        let to_and_fro = [(1, false), (2, false), (1, false)];
        assert_left(&to_and_fro, 2, Some(2));
        assert_left(&to_and_fro, 1, None);
    }
}
