//! The embedded store honours everything and lets no attack through.

use tidegate_protocol::capability::{Attack, AttackOutcome, Precondition, Support};
use tidegate_store_probe::{PublicEndpoint, Reach, probe};

use crate::store::{Embedded, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_is_atomic_and_refuses_every_attack() {
    let store = Embedded::start().await;
    let mut target = store.target();
    target.cors_origins = vec!["https://app.example.org".to_owned()];
    let report = probe(target, run()).await.unwrap();
    assert_eq!(report.public_endpoint, PublicEndpoint::Reached);
    assert_eq!(report.profile.conditional_create, Precondition::Atomic);
    assert_eq!(report.profile.conditional_replace, Precondition::Atomic);
    let findings = report.profile.findings.unwrap();
    println!("{findings:#?} {:#?}", report.notes);
    assert_eq!(findings.conditional_delete, Precondition::Atomic);
    assert_eq!(findings.conditional_complete, Precondition::Atomic);
    assert_eq!(findings.conditional_get, Support::Works);
    assert_eq!(findings.multipart, Support::Works);
    let list = findings.list;
    assert!(list.consistent && list.etags && list.ordered && list.pages && list.exact_prefix, "{list:?}");
    assert!(!findings.normalises_keys);
    for attack in Attack::ALL {
        assert!(findings.outcome(attack).is_harmless(), "{attack:?}: {:?}", findings.outcome(attack));
    }
    assert_eq!(findings.outcome(Attack::CopySource), AttackOutcome::Refused);
    assert_eq!(findings.excess_rights, []);
    assert_eq!(store.keys(), Vec::<String>::new(), "nothing stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_below_users_is_enough_without_a_broker() {
    let store = Embedded::start().await;
    let mut target = store.target();
    target.reach = Reach::Users;
    (target.state, target.read, target.write) = (store.all_below_users(), store.all_below_users(), store.all_below_users());
    let report = probe(target, run()).await.unwrap();
    assert_eq!(report.profile.conditional_create, Precondition::Atomic);
    assert_eq!(report.profile.conditional_replace, Precondition::Atomic);
    let findings = report.profile.findings.unwrap();
    assert_eq!(findings.attacks.len(), 3, "nobody but the anonymous is left: {:?}", findings.attacks);
    assert_eq!(store.keys(), Vec::<String>::new(), "nothing stays");
}
