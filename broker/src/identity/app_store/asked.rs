//! Tests: what the App Store is asked about a subscription, and what becomes of its answers.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::sync::{Arc, Mutex};
use std::time::{Duration as StdDuration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_app_store::{Closed, Entitlement, EntitlementPolicy, Event, Roots, Standing, VerifiedTransaction};
use tidegate_protocol::Sha256;
use tidegate_testkit::apple::{BUNDLE_ID, Fault, ISSUER_ID, KEY_ID, PRODUCT_ID, ServerApi, TestCa, renewal_info, transaction};
use time::{Duration, OffsetDateTime};

use super::entitlement_store::{current, entitlement_of, fold, subscription_name};
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{AppStoreSettings, OcspPolicy, ServerApiKey, ServerApiSettings};
use crate::dev::{DevOptions, DevServer};

const ID: &str = "2000000000000001";

#[derive(Clone)]
struct TurnedClock(Arc<Mutex<OffsetDateTime>>);

impl Clock for TurnedClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

impl TurnedClock {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

struct Stand {
    ca: TestCa,
    api: ServerApi,
    clock: TurnedClock,
    start: OffsetDateTime,
    server: DevServer,
    broker: Broker,
    _folder: TempDir,
}

impl Stand {
    async fn new() -> Self {
        let (ca, api, folder) = (TestCa::new(), ServerApi::start(BUNDLE_ID).await, tempfile::tempdir().unwrap());
        let start = OffsetDateTime::now_utc();
        let clock = TurnedClock(Arc::new(Mutex::new(start)));
        let key = ServerApiKey::from_pem(api.private_key_pem()).unwrap();
        let server_api = ServerApiSettings {
            production_url: api.url.parse().unwrap(),
            sandbox_url: api.url.parse().unwrap(),
            ..ServerApiSettings::new(ISSUER_ID, KEY_ID, key)
        };
        let settings = AppStoreSettings {
            roots: Roots::from_der([ca.root_der()]).unwrap(),
            ocsp: OcspPolicy::Off,
            server_api: Some(server_api),
            ..AppStoreSettings::new(BUNDLE_ID, 6_400_000_001)
        };
        let options = DevOptions { app_store: Some(settings), ..DevOptions::new(folder.path()) };
        let server = crate::dev::start(options).await.unwrap();
        let broker = Broker::new(server.config(), Arc::new(clock.clone())).unwrap();
        Self { ca, api, clock, start, server, broker, _folder: folder }
    }

    /// Another process at the same store.
    fn replica(&self) -> Broker {
        Broker::new(self.server.config(), Arc::new(self.clock.clone())).unwrap()
    }

    fn millis(&self, from_now: Duration) -> i64 {
        i64::try_from((self.start + from_now).unix_timestamp_nanos() / 1_000_000).unwrap()
    }

    /// Bought ten days ago, paid for 20 more, signed when it was bought.
    fn bought(&self, overrides: &[(&str, Value)]) -> String {
        let mut fields = json!({
            "purchaseDate": self.millis(Duration::days(-10)),
            "signedDate": self.millis(Duration::days(-10)),
            "expiresDate": self.millis(Duration::days(20)),
        });
        for (name, value) in overrides {
            fields[*name] = value.clone();
        }
        self.ca.sign(&transaction(fields))
    }

    fn refunded(&self) -> String {
        let revoked = json!(self.millis(Duration::days(-1)));
        self.bought(&[("revocationDate", revoked.clone()), ("signedDate", revoked)])
    }

    async fn verified(&self, jws: &str) -> VerifiedTransaction {
        let app_store = self.broker.app_store.as_ref().unwrap();
        app_store.verifier.transaction(jws, self.clock.now()).await.unwrap()
    }

    async fn entitled(&self, jws: &str) -> Entitlement {
        entitlement_of(&self.broker, &self.verified(jws).await).await.unwrap()
    }

    fn standing(&self, entitlement: &Entitlement) -> Standing {
        entitlement.standing(self.clock.now(), &EntitlementPolicy::new([PRODUCT_ID]))
    }

    async fn name(&self) -> Sha256 {
        let bought = self.verified(&self.bought(&[])).await;
        subscription_name(&self.broker.server_id_key, &bought)
    }
}

fn is_refunded(standing: Standing) -> bool {
    matches!(standing, Standing::Closed(Closed::Refunded { .. }))
}

#[tokio::test]
async fn a_subscription_seen_for_the_first_time_is_asked_about() {
    let stand = Stand::new().await;
    stand.api.set_subscriptions(ID, &[(stand.refunded(), None)]);
    // What the device presents was signed before the refund.
    assert!(is_refunded(stand.standing(&stand.entitled(&stand.bought(&[])).await)));
    assert_eq!(stand.api.requests(), [format!("GET /inApps/v1/subscriptions/{ID}")]);
    // The second time it is known, and fresh.
    assert!(is_refunded(stand.standing(&stand.entitled(&stand.bought(&[])).await)));
    assert_eq!(stand.api.requests().len(), 1);
    assert!(stand.api.refused_tokens().is_empty());
}

#[tokio::test]
async fn what_was_not_heard_of_for_72_hours_is_asked_about_again_at_a_renewal() {
    let stand = Stand::new().await;
    let fresh = stand.bought(&[("signedDate", json!(stand.millis(Duration::ZERO)))]);
    stand.api.set_subscriptions(ID, &[(fresh.clone(), None)]);
    stand.entitled(&fresh).await;
    let name = stand.name().await;
    stand.clock.advance(Duration::hours(71));
    let other = stand.replica();
    assert!(!is_refunded(stand.standing(&current(&other, name).await.unwrap().unwrap())));
    assert_eq!(stand.api.requests().len(), 1);
    stand.clock.advance(Duration::hours(2));
    stand.api.set_subscriptions(ID, &[(stand.refunded(), None)]);
    assert!(is_refunded(stand.standing(&current(&other, name).await.unwrap().unwrap())));
    assert_eq!(stand.api.requests().len(), 2);
}

#[tokio::test]
async fn while_the_app_store_does_not_answer_what_was_signed_counts_and_it_is_not_asked_again_at_once() {
    let faults = [Fault::Html, Fault::Garbage, Fault::Huge(5 << 20), Fault::Redirect("http://127.0.0.1:1/".to_owned())];
    for fault in faults {
        let stand = Stand::new().await;
        stand.api.set_subscriptions(ID, &[(stand.refunded(), None)]);
        stand.api.fail_next([fault.clone()]);
        let entitlement = stand.entitled(&stand.bought(&[])).await;
        assert!(matches!(stand.standing(&entitlement), Standing::Active { .. }), "{fault:?}");
        stand.entitled(&stand.bought(&[])).await;
        assert_eq!(stand.api.requests().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn nobody_waits_long_for_an_answer() {
    let stand = Stand::new().await;
    stand.api.fail_next([Fault::Slow(StdDuration::from_secs(60)), Fault::Slow(StdDuration::from_secs(60))]);
    let began = Instant::now();
    stand.entitled(&stand.bought(&[])).await;
    assert!(began.elapsed() < StdDuration::from_secs(30));
}

#[tokio::test]
async fn of_an_answer_only_what_apple_signed_about_this_subscription_counts() {
    let stand = Stand::new().await;
    let stranger = TestCa::new();
    let forged = stranger.sign(&transaction(json!({ "expiresDate": stand.millis(Duration::days(900)) })));
    let of_another =
        stand.bought(&[("originalTransactionId", json!("9")), ("expiresDate", json!(stand.millis(Duration::days(900))))]);
    let in_sandbox =
        stand.bought(&[("environment", json!("Sandbox")), ("expiresDate", json!(stand.millis(Duration::days(900))))]);
    let grace = renewal_info(json!({
        "originalTransactionId": "9",
        "gracePeriodExpiresDate": stand.millis(Duration::days(900)),
        "signedDate": stand.millis(Duration::ZERO),
    }));
    let last = [(forged, None), (of_another, None), (in_sandbox, None), (stand.bought(&[]), Some(stand.ca.sign(&grace)))];
    stand.api.set_subscriptions(ID, &last);
    let entitlement = stand.entitled(&stand.bought(&[])).await;
    assert_eq!(entitlement.renewal(), None);
    let Standing::Active { until } = stand.standing(&entitlement) else { panic!("{entitlement:?}") };
    assert_eq!((until - stand.start).whole_days(), 19);
}

#[tokio::test]
async fn a_refund_heard_at_one_replica_counts_at_another_within_a_minute() {
    let stand = Stand::new().await;
    let fresh = stand.bought(&[("signedDate", json!(stand.millis(Duration::ZERO)))]);
    stand.entitled(&fresh).await;
    let (name, other) = (stand.name().await, stand.replica());
    assert!(!is_refunded(stand.standing(&current(&other, name).await.unwrap().unwrap())));
    let refunded = stand.verified(&stand.refunded()).await;
    fold(&stand.broker, name, &[Event::presented(&refunded)]).await.unwrap();
    // At once where it was heard, and elsewhere when the reading is a minute old.
    assert!(is_refunded(stand.standing(&current(&stand.broker, name).await.unwrap().unwrap())));
    assert!(!is_refunded(stand.standing(&current(&other, name).await.unwrap().unwrap())));
    stand.clock.advance(Duration::seconds(60));
    assert!(is_refunded(stand.standing(&current(&other, name).await.unwrap().unwrap())));
}

#[tokio::test]
async fn nothing_is_known_of_what_was_never_presented() {
    let stand = Stand::new().await;
    assert_eq!(current(&stand.broker, stand.name().await).await.unwrap(), None);
    assert!(stand.api.requests().is_empty());
}
