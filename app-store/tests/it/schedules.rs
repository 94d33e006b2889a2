//! Words that arrive in an awkward order, and what they amount to.

use tidegate_app_store::{Closed, Environment, Event, FOREVER, NotificationType, ProductType, Standing, apply};
use time::Duration;

use crate::says::{
    NOW, after, day, family, in_retry, notification, notified, policy, renewal, revoked, signed, standing, transaction,
    with_grace,
};

const fn closed(why: Closed) -> Standing {
    Standing::Closed(why)
}

#[test]
fn a_refund_that_arrives_after_a_newer_reading_still_counts() {
    let bought = transaction(1, -10, 20);
    let refund = notified(NotificationType::Refund, &revoked(bought.clone(), -5));
    let newer = Event::presented(&signed(bought, -1));
    assert_eq!(standing(&[newer, refund]), closed(Closed::Refunded { at: day(-5) }));
}

#[test]
fn a_refund_of_an_earlier_period_leaves_the_current_one() {
    let refund = notified(NotificationType::Refund, &revoked(transaction(1, -40, -10), -1));
    let current = Event::presented(&transaction(2, -10, 20));
    assert_eq!(standing(&[current, refund]), Standing::Active { until: day(20) });
}

#[test]
fn a_refund_that_arrives_before_its_purchase_counts() {
    let bought = transaction(2, -10, 20);
    let refund = notified(NotificationType::Refund, &revoked(bought.clone(), -5));
    assert_eq!(standing(&[refund, Event::presented(&bought)]), closed(Closed::Refunded { at: day(-5) }));
}

#[test]
fn a_refund_without_a_date_counts_from_its_signature() {
    let refund = notified(NotificationType::Refund, &signed(transaction(1, -10, 20), -5));
    assert_eq!(standing(&[refund]), closed(Closed::Refunded { at: day(-5) }));
}

#[test]
fn a_reversal_takes_the_refund_back_and_holds_against_its_replay() {
    let bought = transaction(1, -10, 20);
    let refund = notified(NotificationType::Refund, &revoked(bought.clone(), -5));
    let reversal = notified(NotificationType::RefundReversed, &signed(bought, -3));
    for events in [vec![refund.clone(), reversal.clone(), refund.clone()], vec![reversal, refund]] {
        assert_eq!(standing(&events), Standing::Active { until: day(20) });
    }
}

#[test]
fn a_second_refund_after_the_reversal_counts() {
    let bought = transaction(1, -10, 20);
    let reversal = notified(NotificationType::RefundReversed, &signed(bought.clone(), -3));
    let again = notified(NotificationType::Refund, &revoked(bought, -1));
    assert_eq!(standing(&[again, reversal]), closed(Closed::Refunded { at: day(-1) }));
}

#[test]
fn an_old_revocation_that_is_signed_anew_does_not_outdo_the_reversal() {
    let bought = transaction(1, -10, 20);
    let reversal = notified(NotificationType::RefundReversed, &signed(bought.clone(), -3));
    let stale = Event::presented(&signed(revoked(bought, -5), -1));
    assert_eq!(standing(&[reversal, stale]), Standing::Active { until: day(20) });
}

#[test]
fn a_reversal_of_one_transaction_leaves_the_refund_of_another() {
    let current = transaction(2, -10, 20);
    let refund = notified(NotificationType::Refund, &revoked(current, -5));
    let reversal = notified(NotificationType::RefundReversed, &signed(transaction(1, -40, -10), -1));
    assert_eq!(standing(&[refund, reversal]), closed(Closed::Refunded { at: day(-5) }));
}

#[test]
fn a_new_purchase_after_a_refund_counts() {
    let refund = notified(NotificationType::Refund, &revoked(transaction(1, -10, 20), -5));
    let again = notified(NotificationType::Subscribed, &transaction(2, -2, 28));
    assert_eq!(standing(&[again, refund]), Standing::Active { until: day(28) });
}

#[test]
fn a_notification_about_an_old_transaction_does_not_hide_the_renewal() {
    let renewed = notified(NotificationType::DidRenew, &transaction(2, -10, 20));
    let declined = notified(NotificationType::RefundDeclined, &signed(transaction(1, -40, -10), -1));
    assert_eq!(standing(&[renewed, declined]), Standing::Active { until: day(20) });
}

#[test]
fn an_old_signature_of_an_extended_period_does_not_shorten_it_nor_lengthen_a_shortened_one() {
    let early = Event::presented(&signed(transaction(1, -10, 20), -10));
    let extended = notified(NotificationType::RenewalExtended, &signed(transaction(1, -10, 35), -2));
    let shortened = Event::presented(&signed(transaction(1, -10, 5), -1));
    assert_eq!(standing(&[extended.clone(), early.clone()]), Standing::Active { until: day(35) });
    assert_eq!(standing(&[shortened, extended, early]), Standing::Active { until: day(5) });
}

#[test]
fn grace_of_the_period_before_is_over_once_it_renewed() {
    let ended = transaction(1, -20, -9);
    let failing = Event::notified(
        &notification(NotificationType::DidFailToRenew, None, -9),
        Some(&ended),
        Some(&with_grace(renewal(-9), 7)),
    );
    assert_eq!(standing(std::slice::from_ref(&failing)), Standing::Grace { until: day(7) });
    // A week that was paid late, and is over: the old grace would run on.
    let recovered = Event::presented(&transaction(2, -8, -1));
    assert_eq!(standing(&[failing, recovered]), closed(Closed::Expired { at: day(-1) }));
}

#[test]
fn grace_ends_access_where_the_operator_does_not_grant_it() {
    let failing = Event::status(&transaction(1, -31, -1), Some(&with_grace(renewal(-1), 6)));
    let strict = tidegate_app_store::EntitlementPolicy { grace: false, ..policy() };
    assert_eq!(after(&[failing]).standing(NOW, &strict), closed(Closed::BillingRetry { since: day(-1) }));
}

#[test]
fn the_end_is_the_first_moment_without_access() {
    let known = after(&[Event::presented(&transaction(1, -30, 0))]);
    let instant = Duration::milliseconds(1);
    assert_eq!(known.standing(NOW - instant, &policy()), Standing::Active { until: NOW });
    assert_eq!(known.standing(NOW, &policy()), closed(Closed::Expired { at: NOW }));
    let graceful = after(&[Event::status(&transaction(1, -30, -1), Some(&with_grace(renewal(-1), 0)))]);
    assert_eq!(graceful.standing(NOW - instant, &policy()), Standing::Grace { until: NOW });
    assert_eq!(graceful.standing(NOW, &policy()), closed(Closed::BillingRetry { since: day(-1) }));
}

#[test]
fn billing_retry_is_told_apart_from_the_end() {
    let retrying = Event::status(&transaction(1, -31, -1), Some(&in_retry(renewal(-1))));
    assert_eq!(standing(&[retrying]), closed(Closed::BillingRetry { since: day(-1) }));
    assert_eq!(standing(&[Event::status(&transaction(1, -31, -1), Some(&renewal(-1)))]), closed(Closed::Expired { at: day(-1) }));
}

#[test]
fn a_family_member_is_let_in_as_the_operator_says_and_until_the_family_stops() {
    let shared = family(transaction(1, -10, 20));
    let known = after(&[Event::presented(&shared)]);
    assert_eq!(known.standing(NOW, &policy()), Standing::Active { until: day(20) });
    let strict = tidegate_app_store::EntitlementPolicy { family_sharing: false, ..policy() };
    assert_eq!(known.standing(NOW, &strict), closed(Closed::FamilyShared));
    let ended = apply(known, &notified(NotificationType::Revoke, &revoked(shared, -1)));
    assert_eq!(ended.standing(NOW, &policy()), closed(Closed::Revoked { at: day(-1) }));
}

#[test]
fn whoever_moved_up_needs_the_new_transaction() {
    let mut left = signed(transaction(1, -10, 20), -1);
    left.is_upgraded = Some(true);
    let left = Event::presented(&left);
    assert_eq!(standing(std::slice::from_ref(&left)), closed(Closed::Upgraded));
    assert_eq!(standing(&[Event::presented(&transaction(2, -1, 29)), left]), Standing::Active { until: day(29) });
}

#[test]
fn another_product_of_the_app_opens_nothing() {
    let mut other = transaction(1, -10, 20);
    other.product_id = "org.example.health.stickers".to_owned();
    assert_eq!(standing(&[Event::presented(&other)]), closed(Closed::Product));
}

#[test]
fn what_was_bought_for_good_has_no_end_and_what_is_used_up_opens_nothing() {
    let mut bought = transaction(1, -10, 20);
    bought.expires_date = None;
    for (kind, expected) in [
        (ProductType::NonConsumable, Standing::Active { until: FOREVER }),
        (ProductType::Consumable, closed(Closed::ProductType)),
        (ProductType::NonRenewing, closed(Closed::ProductType)),
        (ProductType::AutoRenewable, closed(Closed::ProductType)),
        (ProductType::Unknown("Rent".to_owned()), closed(Closed::ProductType)),
    ] {
        bought.product_type = kind;
        assert_eq!(standing(&[Event::presented(&bought)]), expected);
    }
}

#[test]
fn the_sandbox_opens_sessions_for_a_day_at_most() {
    let mut bought = transaction(1, 0, 365);
    for environment in [Environment::Sandbox, Environment::Xcode, Environment::Unknown("Moon".to_owned())] {
        bought.environment = environment;
        assert_eq!(standing(&[Event::presented(&bought)]), Standing::Active { until: day(1) });
    }
    bought.purchase_date = day(-2);
    assert_eq!(standing(&[Event::presented(&bought)]), closed(Closed::Expired { at: day(-1) }));
}

#[test]
fn nothing_known_opens_nothing() {
    assert_eq!(standing(&[]), closed(Closed::Unknown));
}
