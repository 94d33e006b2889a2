//! Whoever has heard the same words holds the same entitlement.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidegate_app_store::{Entitlement, Event, NotificationType, OwnershipType, Subtype, Transaction, apply};
use time::Duration;

use crate::says::{after, day, family, notification, policy, renewal, revoked, signed, transaction, with_grace};

fn kinds() -> impl Strategy<Value = NotificationType> {
    let mut kinds = NotificationType::KNOWN.to_vec();
    kinds.push(NotificationType::Unknown("SOMETHING_NEW".to_owned()));
    // Those that decide something come often.
    for _ in 0..6 {
        kinds.extend(DECIDING);
    }
    select(kinds)
}

const DECIDING: [NotificationType; 3] = [NotificationType::Refund, NotificationType::Revoke, NotificationType::RefundReversed];

fn undecided() -> impl Strategy<Value = NotificationType> {
    let mut kinds: Vec<_> = NotificationType::KNOWN.iter().filter(|kind| !DECIDING.contains(kind)).cloned().collect();
    kinds.push(NotificationType::Unknown("SOMETHING_NEW".to_owned()));
    select(kinds)
}

fn subtypes() -> impl Strategy<Value = Option<Subtype>> {
    let mut subtypes: Vec<_> = Subtype::KNOWN.iter().cloned().map(Some).collect();
    subtypes.extend([None, Some(Subtype::Unknown("OTHER".to_owned()))]);
    select(subtypes)
}

/// Few transactions and few days, so that dates and ids collide.
fn transactions() -> impl Strategy<Value = Transaction> {
    let parts = (1u32..4, -3i64..3, 0i64..4, -3i64..4, proptest::option::of(-3i64..4), 0u8..4, any::<bool>(), 0i64..3);
    parts.prop_map(|(id, bought, lasts, on, revoked_on, ownership, is_upgraded, micros)| {
        let mut transaction = signed(transaction(id, bought, bought + lasts), on);
        if let Some(on) = revoked_on {
            transaction = revoked(transaction, on);
        }
        transaction.in_app_ownership_type = match ownership {
            0 => None,
            1 => Some(OwnershipType::Purchased),
            2 => Some(OwnershipType::FamilyShared),
            _ => Some(OwnershipType::Unknown("OTHER".to_owned())),
        };
        transaction.is_upgraded = Some(is_upgraded);
        // Fractions of a millisecond, as Xcode signs them.
        transaction.signed_date += Duration::microseconds(micros * 250);
        transaction
    })
}

fn events() -> impl Strategy<Value = Event> {
    let renewals =
        proptest::option::of((-3i64..4, -3i64..4)).prop_map(|days| days.map(|(on, grace)| with_grace(renewal(on), grace)));
    let parts = (proptest::option::of((kinds(), subtypes(), -3i64..4)), proptest::option::of(transactions()), renewals);
    parts.prop_map(|(told, transaction, renewal)| match (told, transaction) {
        (Some((kind, subtype, on)), transaction) => {
            Event::notified(&notification(kind, subtype, on), transaction.as_ref(), renewal.as_ref())
        }
        (None, Some(transaction)) => Event::status(&transaction, renewal.as_ref()),
        (None, None) => Event::presented(&transaction_of_nothing()),
    })
}

fn transaction_of_nothing() -> Transaction {
    transaction(9, -2, 1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_do_not_matter(
        events in prop::collection::vec(events(), 0..8),
        shuffled in any::<prop::sample::Index>(),
        repeats in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let expected = after(&events);
        let mut other = events.clone();
        other.reverse();
        if !other.is_empty() {
            let places = other.len();
            other.rotate_left(shuffled.index(places));
            for repeat in repeats {
                let copy = other[repeat.index(other.len())].clone();
                let place = repeat.index(other.len());
                other.insert(place, copy);
            }
        }
        prop_assert_eq!(&after(&other), &expected);
        // What was stored in between is as good as what was heard.
        let text = serde_json::to_string(&expected).unwrap();
        let stored: Entitlement = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&events.iter().fold(stored, apply), &expected);
    }

    /// Two replicas that heard different halves and told each other.
    #[test]
    fn halves_heard_apart_come_together(events in prop::collection::vec(events(), 0..8), cut in any::<Index>()) {
        let (first, second) = events.split_at(if events.is_empty() { 0 } else { cut.index(events.len()) });
        let ahead = second.iter().fold(after(first), apply);
        let behind = first.iter().fold(after(second), apply);
        prop_assert_eq!(ahead, behind);
    }

    /// An old word, said again at any time, opens nothing that was closed.
    #[test]
    fn a_replay_changes_nothing(events in prop::collection::vec(events(), 1..8), again in any::<Index>()) {
        let heard = after(&events);
        prop_assert_eq!(&apply(heard.clone(), &events[again.index(events.len())]), &heard);
    }

    /// Of the types only three decide anything; of the subtypes none.
    #[test]
    fn a_type_without_a_verdict_says_no_more_than_its_transaction(kind in undecided(), subtype in subtypes(), bought in transactions()) {
        let told = after(&[Event::notified(&notification(kind, subtype, 0), Some(&bought), None)]);
        let presented = after(&[Event::presented(&bought)]);
        let (policy, now) = (policy(), day(0));
        prop_assert_eq!(told.standing(now, &policy), presented.standing(now, &policy));
    }
}

/// Every pair of all types and subtypes, known and unknown, with and without a transaction.
#[test]
fn no_pair_of_type_and_subtype_fails() {
    let mut kinds = NotificationType::KNOWN.to_vec();
    kinds.push(NotificationType::Unknown("SOMETHING_NEW".to_owned()));
    let mut subtypes: Vec<_> = Subtype::KNOWN.iter().cloned().map(Some).collect();
    subtypes.extend([None, Some(Subtype::Unknown("OTHER".to_owned()))]);
    assert_eq!((NotificationType::KNOWN.len(), Subtype::KNOWN.len()), (23, 19));
    let bought = family(transaction(1, -10, 20));
    for kind in &kinds {
        for subtype in &subtypes {
            let payload = notification(kind.clone(), subtype.clone(), -1);
            let bare = after(&[Event::notified(&payload, None, None)]);
            assert!(bare.may_open_session(day(0), &policy()).is_err(), "{kind} alone opens nothing");
            let told = after(&[Event::notified(&payload, Some(&bought), Some(&renewal(-1)))]);
            let is_end = [NotificationType::Refund, NotificationType::Revoke].contains(kind);
            assert_eq!(told.may_open_session(day(0), &policy()).is_err(), is_end, "{kind} {subtype:?}");
            let text = serde_json::to_string(&told).unwrap();
            assert_eq!(serde_json::from_str::<Entitlement>(&text).unwrap(), told);
        }
    }
}
