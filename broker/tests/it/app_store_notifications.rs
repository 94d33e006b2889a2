//! What the App Store tells, and what becomes of it in the store.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_app_store::{Closed, Entitlement, EntitlementPolicy, NotificationType, Standing, Subtype};
use tidegate_testkit::apple::{PRODUCT_ID, TestCa};
use time::OffsetDateTime;

use crate::apple::{Apple, deliver, processed};
use crate::device::send;
use crate::store_proxy::{StoreProxy, Trouble, replica};
use crate::world::World;

fn standing(entitlement: &Entitlement, apple: &Apple) -> Standing {
    entitlement.standing(apple.now, &EntitlementPolicy::new([PRODUCT_ID]))
}

fn at(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap()
}

#[tokio::test]
async fn a_purchase_then_its_refund_end_in_a_refunded_entitlement() {
    let apple = Apple::new();
    let world = apple.world().await;
    let bought = apple.transaction(json!({}));
    assert_eq!(processed(&world.broker_url, &apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &bought)).await, 1);
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Active { until: at(apple.day(20)) });
    let refunded = apple.transaction(json!({ "revocationDate": apple.day(-1), "revocationReason": 0 }));
    assert_eq!(processed(&world.broker_url, &apple.notification("REFUND", None, &refunded)).await, 1);
    let entitlement = world.entitlement().await;
    assert_eq!(standing(&entitlement, &apple), Standing::Closed(Closed::Refunded { at: at(apple.day(-1)) }));
    let reversed = apple.notification("REFUND_REVERSED", None, &bought);
    assert_eq!(processed(&world.broker_url, &reversed).await, 1);
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Active { until: at(apple.day(20)) });
    assert_eq!(world.state_keys("notifications").len(), 3);
}

#[tokio::test]
async fn a_repetition_changes_nothing_and_is_answered_with_200() {
    let apple = Apple::new();
    let world = apple.world().await;
    let told = apple.notification("DID_RENEW", None, &apple.transaction(json!({})));
    assert_eq!(processed(&world.broker_url, &told).await, 1);
    let before = (world.entitlement().await, world.stored(&world.state_keys("notifications")[0]).await);
    for _ in 0..3 {
        assert_eq!(processed(&world.broker_url, &told).await, 0);
    }
    assert_eq!((world.entitlement().await, world.stored(&world.state_keys("notifications")[0]).await), before);
}

#[tokio::test]
async fn an_old_notification_that_comes_late_does_not_undo_a_newer_one() {
    let apple = Apple::new();
    let world = apple.world().await;
    let renewed = apple.transaction(json!({ "transactionId": "2000000000000002" }));
    let earlier = apple.transaction(json!({ "purchaseDate": apple.day(-40), "expiresDate": apple.day(-10) }));
    processed(&world.broker_url, &apple.notification("DID_RENEW", None, &renewed)).await;
    processed(&world.broker_url, &apple.notification("EXPIRED", Some("VOLUNTARY"), &earlier)).await;
    let entitlement = world.entitlement().await;
    assert_eq!(standing(&entitlement, &apple), Standing::Active { until: at(apple.day(20)) });
    // A refund of the earlier period, and one of the current, whichever comes first.
    let refund = apple.transaction(json!({ "transactionId": "2000000000000002", "revocationDate": apple.day(-2) }));
    processed(&world.broker_url, &apple.notification("REFUND", None, &refund)).await;
    processed(&world.broker_url, &apple.notification("DID_CHANGE_RENEWAL_STATUS", Some("AUTO_RENEW_ENABLED"), &renewed)).await;
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Closed(Closed::Refunded { at: at(apple.day(-2)) }));
}

#[tokio::test]
async fn a_hundred_deliveries_of_one_at_two_replicas_count_once() {
    let apple = Apple::new();
    let world = apple.world().await;
    let other = replica(world.config().clone()).await;
    let told = apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &apple.transaction(json!({})));
    let brokers = [world.broker_url.as_str(), other.broker_url.as_str()];
    let counts = join_all((0..100).map(|n| processed(brokers[n % 2], &told))).await;
    assert_eq!(counts.iter().sum::<i64>(), 1);
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Active { until: at(apple.day(20)) });
    assert_eq!(world.state_keys("notifications").len(), 1);
    other.shutdown().await;
}

#[tokio::test]
async fn of_many_notifications_that_race_at_two_replicas_none_is_lost() {
    let apple = Apple::new();
    let world = apple.world().await;
    let other = replica(world.config().clone()).await;
    let brokers = [world.broker_url.as_str(), other.broker_url.as_str()];
    let refunds: Vec<String> = (0..24)
        .map(|n| {
            let transaction =
                apple.transaction(json!({ "transactionId": format!("30000000000000{n:02}"), "revocationDate": apple.day(-1) }));
            apple.notification("REFUND", None, &transaction)
        })
        .collect();
    let counts = join_all(refunds.iter().enumerate().map(|(n, told)| processed(brokers[n % 2], told))).await;
    assert_eq!(counts.iter().sum::<i64>(), 24);
    let entitlement = world.entitlement().await;
    for n in 0..24 {
        assert!(entitlement.verdict(&format!("30000000000000{n:02}")).is_some(), "refund {n} is lost");
    }
    other.shutdown().await;
}

#[tokio::test]
async fn a_notification_about_nothing_that_is_known_is_noted_and_answered_with_200() {
    let apple = Apple::new();
    let world = apple.world().await;
    let mut test = apple.payload("TEST", None, &apple.transaction(json!({})));
    test["data"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("signed"));
    assert_eq!(processed(&world.broker_url, &apple.ca.sign(&test)).await, 1);
    assert!(world.state_keys("entitlements").is_empty());
    let unheard_of = apple.notification("SOMETHING_NEW", Some("OR_OTHER"), &apple.transaction(json!({})));
    assert_eq!(processed(&world.broker_url, &unheard_of).await, 1);
    let entitlement = world.entitlement().await;
    assert_eq!(standing(&entitlement, &apple), Standing::Active { until: at(apple.day(20)) });
    let last = entitlement.last_notification().unwrap();
    assert_eq!(last.kind, NotificationType::Unknown("SOMETHING_NEW".to_owned()));
    assert_eq!(last.subtype, Some(Subtype::Unknown("OR_OTHER".to_owned())));
    assert_eq!(world.state_keys("notifications").len(), 2);
}

async fn assert_refused(world: &World, signed_payload: &str, code: &str) {
    assert_eq!(deliver(&world.broker_url, signed_payload).await.code(), code);
    assert!(
        world.state_keys("entitlements").is_empty() && world.state_keys("notifications").is_empty(),
        "{code}: something was stored"
    );
}

#[tokio::test]
async fn what_apple_did_not_sign_for_this_app_leaves_no_trace() {
    let apple = Apple::new();
    let world = apple.world().await;
    let bought = apple.transaction(json!({}));
    let stranger = TestCa::new();
    let payload = apple.payload("REFUND", None, &bought);
    assert_refused(&world, &stranger.sign(&payload), "app-store-root-untrusted").await;

    let with = |change: &dyn Fn(&mut Value)| {
        let mut payload = payload.clone();
        change(&mut payload["data"]);
        apple.ca.sign(&payload)
    };
    // Signed inside by somebody else.
    let inner = with(&|data| data["signedTransactionInfo"] = json!(stranger.sign(&bought)));
    assert_refused(&world, &inner, "app-store-root-untrusted").await;
    let renewal = apple.renewal_info(json!({}));
    let inner = with(&|data| data["signedRenewalInfo"] = json!(stranger.sign(&renewal)));
    assert_refused(&world, &inner, "app-store-root-untrusted").await;
    // Another app's, outside and inside.
    assert_refused(&world, &with(&|data| data["bundleId"] = json!("org.example.other")), "app-store-wrong-bundle").await;
    assert_refused(&world, &with(&|data| data["appAppleId"] = json!(1)), "app-store-wrong-app").await;
    let foreign = apple.transaction(json!({ "bundleId": "org.example.other" }));
    let inner = with(&|data| data["signedTransactionInfo"] = json!(apple.ca.sign(&foreign)));
    assert_refused(&world, &inner, "app-store-wrong-bundle").await;
    // A purchase in the sandbox within a notification of production, which would cost nothing and count.
    let sandbox = apple.transaction(json!({ "environment": "Sandbox" }));
    let inner = with(&|data| data["signedTransactionInfo"] = json!(apple.ca.sign(&sandbox)));
    assert_refused(&world, &inner, "app-store-nested-mismatch").await;
    // Renewal information of another subscription, with a grace period of its own.
    let other = apple.renewal_info(json!({ "originalTransactionId": "9", "gracePeriodExpiresDate": apple.day(300) }));
    let inner = with(&|data| data["signedRenewalInfo"] = json!(apple.ca.sign(&other)));
    assert_refused(&world, &inner, "app-store-nested-mismatch").await;
    // A transaction is no notification, and an environment that is not accepted is none of ours.
    assert_refused(&world, &apple.ca.sign(&bought), "app-store-payload-invalid").await;
    assert_refused(&world, &with(&|data| data["environment"] = json!("Xcode")), "app-store-wrong-environment").await;
    assert_refused(&world, "not.a.jws", "app-store-jws-malformed").await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_is_refused_before_it_is_read() {
    let apple = Apple::new();
    let world = apple.world().await;
    let url = format!("{}/v1/app-store/notifications", world.broker_url);
    let json = [("content-type", "application/json")];
    let huge = json!({ "signedPayload": "x".repeat(200 << 10) }).to_string().into_bytes();
    assert_eq!(send(reqwest::Method::POST, &url, &json, huge).await.code(), "body-too-large");
    assert_eq!(send(reqwest::Method::POST, &url, &json, b"{}".to_vec()).await.code(), "invalid-json");
    assert_eq!(send(reqwest::Method::POST, &url, &[], b"{}".to_vec()).await.code(), "unsupported-media-type");
}

#[tokio::test]
async fn without_hosted_mode_there_is_no_such_route() {
    let apple = Apple::new();
    let world = World::new().await;
    let told = apple.notification("SUBSCRIBED", None, &apple.transaction(json!({})));
    assert_refused(&world, &told, "not-found").await;
}

#[tokio::test]
async fn sandbox_and_production_are_two_subscriptions_whatever_their_ids() {
    let apple = Apple::new();
    let world = apple.world().await;
    for environment in ["Production", "Sandbox"] {
        let bought = apple.transaction(json!({ "environment": environment }));
        processed(&world.broker_url, &apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &bought)).await;
    }
    assert_eq!(world.state_keys("entitlements").len(), 2);
    let names = world.state_keys("entitlements").join(" ");
    assert!(!names.contains("2000000000000001"), "the bucket's keys do not name Apple's ids");
}

#[tokio::test]
async fn while_the_store_fails_apple_is_asked_to_repeat_and_then_everything_counts_once() {
    let apple = Apple::new();
    let world = apple.world().await;
    let proxy = StoreProxy::start(&world.config().store.endpoint_internal).await;
    let broker = proxy.replica(world.config()).await;
    let told = apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &apple.transaction(json!({})));

    proxy.set(Some(Trouble::RefusesPut("_tidegate/entitlements/")));
    assert_eq!(deliver(&broker.broker_url, &told).await.status, 503);
    assert!(world.state_keys("entitlements").is_empty() && world.state_keys("notifications").is_empty());

    // Between the two writes: the state stands, the marker does not.
    proxy.set(Some(Trouble::RefusesPut("_tidegate/notifications/")));
    assert_eq!(deliver(&broker.broker_url, &told).await.code(), "store-unavailable");
    assert_eq!((world.state_keys("entitlements").len(), world.state_keys("notifications").len()), (1, 0));
    let between = world.entitlement().await;

    proxy.set(None);
    assert_eq!(processed(&broker.broker_url, &told).await, 1);
    assert_eq!(world.entitlement().await, between);
    assert_eq!(processed(&broker.broker_url, &told).await, 0);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_write_whose_reply_was_lost_counts() {
    let apple = Apple::new();
    let world = apple.world().await;
    let proxy = StoreProxy::start(&world.config().store.endpoint_internal).await;
    let broker = proxy.replica(world.config()).await;
    let bought = apple.transaction(json!({}));
    proxy.set(Some(Trouble::LosesReply("_tidegate/entitlements/")));
    let told = apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &bought);
    // Not known to be stored, so it is not said; the repetition finds it.
    assert_eq!(deliver(&broker.broker_url, &told).await.status, 503);
    proxy.set(None);
    assert_eq!(processed(&broker.broker_url, &told).await, 1);
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Active { until: at(apple.day(20)) });
    broker.shutdown().await;
}

#[tokio::test]
async fn an_id_that_is_used_twice_hides_nothing() {
    let apple = Apple::new();
    let world = apple.world().await;
    let bought = apple.transaction(json!({}));
    let first = apple.payload("SUBSCRIBED", Some("INITIAL_BUY"), &bought);
    let refunded = apple.transaction(json!({ "revocationDate": apple.day(-1) }));
    let mut second = apple.payload("REFUND", None, &refunded);
    second["notificationUUID"] = first["notificationUUID"].clone();
    assert_eq!(processed(&world.broker_url, &apple.ca.sign(&first)).await, 1);
    assert_eq!(processed(&world.broker_url, &apple.ca.sign(&second)).await, 0);
    assert_eq!(standing(&world.entitlement().await, &apple), Standing::Closed(Closed::Refunded { at: at(apple.day(-1)) }));
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_not_written_over() {
    let apple = Apple::new();
    let world = apple.world().await;
    let told = apple.notification("SUBSCRIBED", Some("INITIAL_BUY"), &apple.transaction(json!({})));
    processed(&world.broker_url, &told).await;
    let key = world.state_keys("entitlements").remove(0);
    const NEWER: &[u8] = br#"{"format":"tidegate/entitlement/v2","verdicts":{}}"#;
    world.plant(&key, NEWER).await;
    let refund = apple.notification("REFUND", None, &apple.transaction(json!({ "revocationDate": apple.day(-1) })));
    assert_eq!(deliver(&world.broker_url, &refund).await.status, 503);
    assert_eq!(world.stored(&key).await, NEWER);
}
