//! The stored document: what one version wrote every later one reads.

use tidegate_app_store::{Entitlement, NotificationType, Subtype};

use crate::says::{NOW, after, day, notification, policy, renewal, revoked, transaction, with_grace};
use tidegate_app_store::{Event, Standing, Word};

fn documented() -> Entitlement {
    let last = transaction(2, -31, -1);
    let failed = notification(NotificationType::DidFailToRenew, Some(Subtype::GracePeriod), -1);
    let events = [
        Event::presented(&revoked(transaction(1, -61, -31), -40)),
        Event::notified(&failed, Some(&last), Some(&with_grace(renewal(-1), 6))),
    ];
    after(&events)
}

#[test]
fn an_entitlement_is_written_as_ever() {
    let golden = include_str!("../../fixtures/v1/entitlement.json");
    let document = documented();
    assert_eq!(serde_json::to_string_pretty(&document).unwrap() + "\n", golden);
    let read: Entitlement = serde_json::from_str(golden).unwrap();
    assert_eq!(read, document);
    assert_eq!(read.standing(NOW, &policy()), Standing::Grace { until: day(6) });
    assert_eq!(read.verdict("1").unwrap().word, Word::Refunded);
}

#[test]
fn a_document_of_another_version_is_not_read() {
    let other = r#"{"format":"tidegate/entitlement/v2","verdicts":{}}"#;
    assert!(serde_json::from_str::<Entitlement>(other).is_err());
    assert!(serde_json::from_str::<Entitlement>("{}").is_err());
}

#[test]
fn fields_that_a_later_version_adds_are_passed_over() {
    let newer = r#"{"format":"tidegate/entitlement/v1","verdicts":{},"later":1}"#;
    assert_eq!(serde_json::from_str::<Entitlement>(newer).unwrap(), Entitlement::default());
}
