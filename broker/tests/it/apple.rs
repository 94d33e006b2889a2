//! The App Store as a broker under test hears it: the test authority signs what Apple would.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_app_store::{Entitlement, Roots};
use tidegate_broker::config::{AppStoreSettings, OcspPolicy};
use tidegate_testkit::apple::{BUNDLE_ID, TestCa, notification, renewal_info, transaction};
use time::{Duration, OffsetDateTime};

use crate::device::{Reply, send};
use crate::world::World;

/// The app's number in the payloads.
pub(crate) const APP_APPLE_ID: i64 = 6_400_000_001;

/// An authority and the time at which it signs.
pub(crate) struct Apple {
    pub(crate) ca: TestCa,
    pub(crate) now: OffsetDateTime,
}

pub(crate) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap()
}

fn merged(mut fields: Value, overrides: Value) -> Value {
    let Value::Object(overrides) = overrides else { panic!("overrides are an object") };
    fields.as_object_mut().unwrap().extend(overrides);
    fields
}

impl Apple {
    pub(crate) fn new() -> Self {
        Self { ca: TestCa::new(), now: OffsetDateTime::now_utc() }
    }

    pub(crate) fn settings(&self) -> AppStoreSettings {
        AppStoreSettings {
            roots: Roots::from_der([self.ca.root_der()]).unwrap(),
            ocsp: OcspPolicy::Off,
            ..AppStoreSettings::new(BUNDLE_ID, APP_APPLE_ID)
        }
    }

    /// A broker that trusts this authority.
    pub(crate) async fn world(&self) -> World {
        World::with(|options| options.app_store = Some(self.settings())).await
    }

    /// So many days from now, in milliseconds.
    pub(crate) fn day(&self, days: i64) -> i64 {
        millis(self.now + Duration::days(days))
    }

    /// A transaction bought 10 days ago and paid for 20 more, signed an hour ago.
    pub(crate) fn transaction(&self, overrides: Value) -> Value {
        let dates = json!({
            "purchaseDate": self.day(-10),
            "expiresDate": self.day(20),
            "signedDate": millis(self.now - Duration::hours(1)),
        });
        transaction(merged(dates, overrides))
    }

    pub(crate) fn renewal_info(&self, overrides: Value) -> Value {
        renewal_info(merged(json!({ "signedDate": millis(self.now - Duration::hours(1)) }), overrides))
    }

    /// A notification payload about this transaction and the renewal information of its subscription.
    pub(crate) fn payload(&self, kind: &str, subtype: Option<&str>, transaction: &Value) -> Value {
        let renewal = self.renewal_info(json!({
            "originalTransactionId": transaction["originalTransactionId"],
            "environment": transaction["environment"],
        }));
        let mut payload = notification(
            kind,
            subtype,
            json!({
                "environment": transaction["environment"],
                "signedTransactionInfo": self.ca.sign(transaction),
                "signedRenewalInfo": self.ca.sign(&renewal),
            }),
        );
        payload["signedDate"] = json!(millis(self.now));
        payload
    }

    /// The same, signed.
    pub(crate) fn notification(&self, kind: &str, subtype: Option<&str>, transaction: &Value) -> String {
        self.ca.sign(&self.payload(kind, subtype, transaction))
    }
}

/// A certificate as configurations name it.
pub(crate) fn pem_of(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

/// Delivers as Apple does.
pub(crate) async fn deliver(broker: &str, signed_payload: &str) -> Reply {
    let body = json!({ "signedPayload": signed_payload }).to_string().into_bytes();
    let url = format!("{broker}/v1/app-store/notifications");
    send(reqwest::Method::POST, &url, &[("content-type", "application/json")], body).await
}

/// Delivers, and says how many events were new.
pub(crate) async fn processed(broker: &str, signed_payload: &str) -> i64 {
    let reply = deliver(broker, signed_payload).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["processedEvents"].as_i64().unwrap()
}

impl World {
    /// Keys below a folder of the broker's own state.
    pub(crate) fn state_keys(&self, folder: &str) -> Vec<String> {
        let prefix = format!("_tidegate/{folder}/");
        self.keys().into_iter().filter(|key| key.starts_with(&prefix)).collect()
    }

    /// The only entitlement that there is.
    pub(crate) async fn entitlement(&self) -> Entitlement {
        let keys = self.state_keys("entitlements");
        assert_eq!(keys.len(), 1, "{keys:?}");
        serde_json::from_slice(&self.stored(&keys[0]).await).unwrap()
    }

    /// An object's bytes, read behind the broker's back.
    pub(crate) async fn stored(&self, key: &str) -> Vec<u8> {
        let store = &self.config().store;
        let reply = crate::world::client_of(store, &store.state).get_object().bucket(&self.bucket).key(key).send().await.unwrap();
        reply.body.collect().await.unwrap().to_vec()
    }
}
