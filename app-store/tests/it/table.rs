//! The table of docs/app-store-entitlements.md: what each notification does. The page is made from these rows, and each is tested.

use std::fmt::Write as _;
use std::path::Path;

use tidegate_app_store::{Event, NotificationType as Kind, RenewalInfo, Subtype, Transaction};

use crate::says::NOW;
use crate::says::{after, describe, family, in_retry, notification, policy, renewal, revoked, signed, transaction, with_grace};

/// `REWRITE_DOCS=1 cargo test -p tidegate-app-store` writes the table anew.
const REWRITE: &str = "REWRITE_DOCS";
const BEGIN: &str = "<!-- table: made by app-store/tests/it/table.rs -->\n";
const END: &str = "<!-- end of the table -->";

/// What is known before the notification.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Active,
    Ended,
    Grace,
    Retry,
    Refunded,
    Family,
}

impl Before {
    fn events(self) -> Vec<Event> {
        let paid = transaction(1, -10, 20);
        let ended = transaction(1, -31, -1);
        match self {
            Self::Nothing => vec![],
            Self::Active => vec![Event::status(&paid, Some(&renewal(-10)))],
            Self::Ended => vec![Event::status(&ended, Some(&renewal(-2)))],
            Self::Grace => vec![Event::status(&ended, Some(&with_grace(renewal(-1), 6)))],
            Self::Retry => vec![Event::status(&ended, Some(&in_retry(renewal(-1))))],
            Self::Refunded => vec![Event::presented(&revoked(paid, -2))],
            Self::Family => vec![Event::presented(&family(paid))],
        }
    }
}

/// What the notification carries.
#[derive(Clone, Copy)]
enum Carries {
    Nothing,
    Same,
    New,
    Extended,
    Earlier,
    EarlierRefunded,
    Refunded,
    Family,
    FamilyRevoked,
    Ended,
    EndedGrace,
    EndedRetry,
    OtherProduct,
}

impl Carries {
    const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "no transaction",
            Self::Same => "the transaction that is known",
            Self::New => "a new transaction, paid for 30 days",
            Self::Extended => "the transaction with a later end",
            Self::Earlier => "an earlier transaction",
            Self::EarlierRefunded => "an earlier transaction, revoked",
            Self::Refunded => "the transaction, revoked",
            Self::Family => "a family member's transaction",
            Self::FamilyRevoked => "a family member's transaction, revoked",
            Self::Ended => "the transaction, whose time is over",
            Self::EndedGrace => "the same; grace for 6 days",
            Self::EndedRetry => "the same; billing retry",
            Self::OtherProduct => "a transaction of a product that is not offered",
        }
    }

    fn facts(self) -> (Option<Transaction>, Option<RenewalInfo>) {
        let paid = signed(transaction(1, -10, 20), 0);
        let ended = signed(transaction(1, -31, -1), 0);
        let earlier = signed(transaction(9, -40, -10), 0);
        match self {
            Self::Nothing => (None, None),
            Self::Same => (Some(paid), Some(renewal(0))),
            Self::New => (Some(transaction(2, 0, 30)), Some(renewal(0))),
            Self::Extended => (Some(signed(transaction(1, -10, 35), 0)), Some(renewal(0))),
            Self::Earlier => (Some(earlier), Some(renewal(0))),
            Self::EarlierRefunded => (Some(revoked(earlier, 0)), Some(renewal(0))),
            Self::Refunded => (Some(revoked(paid, 0)), Some(renewal(0))),
            Self::Family => (Some(family(transaction(3, 0, 30))), Some(renewal(0))),
            Self::FamilyRevoked => (Some(family(revoked(paid, 0))), Some(renewal(0))),
            Self::Ended => (Some(ended), Some(renewal(0))),
            Self::EndedGrace => (Some(ended), Some(with_grace(renewal(0), 6))),
            Self::EndedRetry => (Some(ended), Some(in_retry(renewal(0)))),
            Self::OtherProduct => {
                let mut bought = transaction(4, 0, 30);
                bought.product_id = "org.example.health.stickers".to_owned();
                (Some(bought), None)
            }
        }
    }
}

struct Row(Kind, Option<Subtype>, Before, Carries, &'static str);

/// Every pair of type and subtype that Apple documents, some in several situations.
fn rows() -> Vec<Row> {
    use Before as B;
    use Carries as C;
    vec![
        Row(Kind::Subscribed, Some(Subtype::InitialBuy), B::Nothing, C::New, "active for 30 days"),
        Row(Kind::Subscribed, Some(Subtype::InitialBuy), B::Nothing, C::Family, "active for 30 days"),
        Row(Kind::Subscribed, Some(Subtype::Resubscribe), B::Ended, C::New, "active for 30 days"),
        Row(Kind::Subscribed, Some(Subtype::Resubscribe), B::Refunded, C::New, "active for 30 days"),
        Row(Kind::DidRenew, None, B::Active, C::New, "active for 30 days"),
        Row(Kind::DidRenew, Some(Subtype::BillingRecovery), B::Retry, C::New, "active for 30 days"),
        Row(Kind::DidRenew, Some(Subtype::BillingRecovery), B::Grace, C::New, "active for 30 days"),
        Row(Kind::DidFailToRenew, None, B::Ended, C::EndedRetry, "`subscription-billing-retry`"),
        Row(Kind::DidFailToRenew, Some(Subtype::GracePeriod), B::Ended, C::EndedGrace, "grace for 6 days"),
        Row(Kind::GracePeriodExpired, None, B::Grace, C::EndedRetry, "`subscription-billing-retry`"),
        Row(Kind::Expired, None, B::Ended, C::Ended, "`subscription-expired`"),
        Row(Kind::Expired, Some(Subtype::Voluntary), B::Ended, C::Ended, "`subscription-expired`"),
        Row(Kind::Expired, Some(Subtype::BillingRetry), B::Retry, C::Ended, "`subscription-expired`"),
        Row(Kind::Expired, Some(Subtype::PriceIncrease), B::Ended, C::Ended, "`subscription-expired`"),
        Row(Kind::Expired, Some(Subtype::ProductNotForSale), B::Ended, C::Ended, "`subscription-expired`"),
        Row(Kind::DidChangeRenewalPref, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::DidChangeRenewalPref, Some(Subtype::Downgrade), B::Active, C::Same, "active for 20 days"),
        Row(Kind::DidChangeRenewalPref, Some(Subtype::Upgrade), B::Active, C::New, "active for 30 days"),
        Row(Kind::DidChangeRenewalPref, Some(Subtype::Upgrade), B::Active, C::OtherProduct, "`subscription-product`"),
        Row(Kind::DidChangeRenewalStatus, Some(Subtype::AutoRenewEnabled), B::Active, C::Same, "active for 20 days"),
        Row(Kind::DidChangeRenewalStatus, Some(Subtype::AutoRenewDisabled), B::Active, C::Same, "active for 20 days"),
        Row(Kind::OfferRedeemed, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::OfferRedeemed, Some(Subtype::InitialBuy), B::Nothing, C::New, "active for 30 days"),
        Row(Kind::OfferRedeemed, Some(Subtype::Resubscribe), B::Ended, C::New, "active for 30 days"),
        Row(Kind::OfferRedeemed, Some(Subtype::Upgrade), B::Active, C::New, "active for 30 days"),
        Row(Kind::OfferRedeemed, Some(Subtype::Downgrade), B::Active, C::Same, "active for 20 days"),
        Row(Kind::Refund, None, B::Active, C::Refunded, "`subscription-refunded`"),
        Row(Kind::Refund, None, B::Active, C::EarlierRefunded, "active for 20 days"),
        Row(Kind::Refund, None, B::Nothing, C::Refunded, "`subscription-refunded`"),
        Row(Kind::RefundReversed, None, B::Refunded, C::Same, "active for 20 days"),
        Row(Kind::RefundReversed, None, B::Refunded, C::Earlier, "`subscription-refunded`"),
        Row(Kind::RefundDeclined, None, B::Active, C::Earlier, "active for 20 days"),
        Row(Kind::RefundDeclined, None, B::Refunded, C::Same, "`subscription-refunded`"),
        Row(Kind::Revoke, None, B::Family, C::FamilyRevoked, "`subscription-revoked`"),
        Row(Kind::ConsumptionRequest, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::RenewalExtended, None, B::Active, C::Extended, "active for 35 days"),
        Row(Kind::RenewalExtension, Some(Subtype::Summary), B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::RenewalExtension, Some(Subtype::Failure), B::Active, C::Same, "active for 20 days"),
        Row(Kind::PriceIncrease, Some(Subtype::Pending), B::Active, C::Same, "active for 20 days"),
        Row(Kind::PriceIncrease, Some(Subtype::Accepted), B::Active, C::Same, "active for 20 days"),
        Row(Kind::PriceChange, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::MetadataUpdate, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::Migration, None, B::Active, C::Same, "active for 20 days"),
        Row(Kind::OneTimeCharge, None, B::Nothing, C::OtherProduct, "`subscription-product`"),
        Row(Kind::ExternalPurchaseToken, Some(Subtype::Unreported), B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::ExternalPurchaseToken, Some(Subtype::Created), B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::ExternalPurchaseToken, Some(Subtype::ActiveTokenReminder), B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::RescindConsent, None, B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::Test, None, B::Active, C::Nothing, "active for 20 days"),
        Row(Kind::Unknown("any other".to_owned()), None, B::Active, C::New, "active for 30 days"),
        Row(Kind::Unknown("any other".to_owned()), None, B::Active, C::Refunded, "`subscription-refunded`"),
    ]
}

#[test]
fn each_row_of_the_table_holds() {
    for Row(kind, subtype, before, carries, expected) in rows() {
        let mut events = before.events();
        let (transaction, renewal) = carries.facts();
        let payload = notification(kind.clone(), subtype.clone(), 0);
        events.push(Event::notified(&payload, transaction.as_ref(), renewal.as_ref()));
        let told = describe(after(&events).standing(NOW, &policy()));
        assert_eq!(told, expected, "{kind} {subtype:?}: {}", carries.text());
        events.reverse();
        assert_eq!(
            describe(after(&events).standing(NOW, &policy())),
            expected,
            "{kind} {subtype:?}, heard before what came before"
        );
    }
}

#[test]
fn every_type_and_subtype_has_a_row() {
    let rows = rows();
    for kind in Kind::KNOWN {
        assert!(rows.iter().any(|row| &row.0 == kind), "{kind}");
    }
    for subtype in Subtype::KNOWN {
        assert!(rows.iter().any(|row| row.1.as_ref() == Some(subtype)), "{subtype}");
    }
}

#[test]
fn the_page_shows_the_table() {
    let mut table = String::from("| notification | subtype | before | carries | after |\n|---|---|---|---|---|\n");
    for Row(kind, subtype, before, carries, expected) in rows() {
        let subtype = subtype.map(|subtype| format!("`{subtype}`")).unwrap_or_default();
        let events = before.events();
        let known =
            if events.is_empty() { "nothing known".to_owned() } else { describe(after(&events).standing(NOW, &policy())) };
        let kind = if Kind::KNOWN.contains(&kind) { format!("`{kind}`") } else { kind.to_string() };
        writeln!(table, "| {kind} | {subtype} | {known} | {} | {expected} |", carries.text()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/app-store-entitlements.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let made = format!("{head}{BEGIN}{table}{END}{tail}");
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert_eq!(page, made, "write it anew with {REWRITE}=1");
    }
}
