//! Single checks, and what a store's refusal means.

use tidegate_protocol::capability::AttackOutcome;
use tidegate_sigv4::Credentials;
use tidegate_store_probe::{Hello, ProbeError, PublicEndpoint, Target};

use crate::store::{Embedded, probe_of};

#[tokio::test]
async fn a_sound_store_greets_and_keeps_what_is_written() {
    let store = Embedded::start().await;
    let probe = probe_of(store.target());
    assert_eq!(probe.hello().await.unwrap(), Hello::Ok);
    assert_eq!(probe.public_hello().await.unwrap(), Hello::Ok);
    assert!(probe.clock_offset_ms().await.unwrap().unwrap().abs() < 60_000);
    assert_eq!(probe.round_trip().await.unwrap(), PublicEndpoint::Reached);
    for (attack, outcome) in probe.anonymous().await.unwrap() {
        assert_eq!(outcome, AttackOutcome::Refused, "{attack:?}");
    }
    probe.clean_up().await.unwrap();
    assert_eq!(store.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_wrong_with_a_credential_is_named() {
    let store = Embedded::start().await;
    let hello = async |change: fn(&mut Target)| {
        let mut target = store.target();
        change(&mut target);
        probe_of(target).hello().await.unwrap()
    };
    assert_eq!(hello(|target| target.bucket = "another".to_owned()).await, Hello::NoSuchBucket);
    assert_eq!(hello(|target| target.state = Credentials::new("nobody", "secretsecret", None)).await, Hello::UnknownKey);
    assert_eq!(hello(|target| target.state = Credentials::new("state", "secretsecret", None)).await, Hello::WrongSignature);
    assert_eq!(hello(|target| target.state = target.write.clone()).await, Hello::Denied);
    let region = hello(|target| target.region = "eu-central-1".to_owned()).await;
    assert!(matches!(region, Hello::WrongRegion { .. }), "{region:?}");
    let nobody = hello(|target| target.endpoint_internal = "http://127.0.0.1:9".to_owned()).await;
    assert!(matches!(nobody, Hello::Unreachable { .. }), "{nobody:?}");
}

#[tokio::test]
async fn attacks_go_through_the_internal_endpoint_where_the_public_one_does_not_answer() {
    let store = Embedded::start().await;
    let mut target = store.target();
    "http://127.0.0.1:9".clone_into(&mut target.endpoint_public);
    let reached = probe_of(target).round_trip().await.unwrap();
    assert!(matches!(reached, PublicEndpoint::Unreachable { .. }), "{reached:?}");
}

#[tokio::test]
async fn two_addresses_of_two_stores_are_found_out() {
    let (store, other) = (Embedded::start().await, Embedded::start().await);
    let mut target = store.target();
    target.endpoint_public.clone_from(&other.base);
    let outcome = probe_of(target).round_trip().await;
    assert!(matches!(outcome, Err(ProbeError::Unsound { .. })), "{outcome:?}");
}
