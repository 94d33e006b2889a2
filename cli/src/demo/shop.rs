//! The demo's own App Store: a certificate authority of Apple's shape, whose root only the demo's broker trusts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use tidegate_app_store::Roots;
use tidegate_broker::clock::Clock;
use tidegate_broker::config::{AppStoreSettings, OcspPolicy};
use tidegate_sync_client::{Purchase, SecretString, Ticket};
use tidegate_testkit::apple::{BUNDLE_ID, PRODUCT_ID, TestCa, notification, transaction};
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;

/// The app's number in that store.
const APP_APPLE_ID: i64 = 6_400_000_001;

/// The broker's clock, which the demo turns ahead of the machine's.
#[derive(Debug, Default)]
pub(crate) struct DemoClock(AtomicI64);

impl DemoClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.whole_seconds(), Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Sells one subscription.
pub(crate) struct Shop {
    ca: TestCa,
    clock: Arc<DemoClock>,
}

impl Shop {
    /// What the first purchase has left when the demo begins. Short of the 15 minutes by which a store lets clocks differ.
    pub(crate) const FIRST_PERIOD: Duration = Duration::minutes(10);

    pub(crate) fn new() -> Self {
        Self { ca: TestCa::new(), clock: Arc::default() }
    }

    pub(crate) fn clock(&self) -> &Arc<DemoClock> {
        &self.clock
    }

    /// What the broker has to know of this store.
    pub(crate) fn settings(&self) -> Result<AppStoreSettings, Failure> {
        let mut settings = AppStoreSettings::new(BUNDLE_ID, APP_APPLE_ID);
        let roots = Roots::from_der([self.ca.root_der()]);
        settings.roots = roots.map_err(|error| Failure::bug(format!("the demo's root certificate: {error}")))?;
        // Nobody can be asked about certificates that were made a moment ago.
        settings.ocsp = OcspPolicy::Off;
        settings.entitlement.products.insert(PRODUCT_ID.to_owned());
        Ok(settings)
    }

    /// A month that was bought a while ago and ends soon.
    pub(crate) fn sell_first(&self) -> Ticket {
        self.ticket(&transaction(self.period(Self::FIRST_PERIOD - Duration::days(30), "2000000000000001")))
    }

    /// The month after it, bought now.
    pub(crate) fn sell_renewal(&self) -> Ticket {
        self.ticket(&self.renewal())
    }

    /// Refunds the same month, and tells the broker as the App Store does: by a notification (App Store Server Notifications V2).
    pub(crate) async fn refund(&self, broker: &str) -> Result<(), Failure> {
        let mut refunded = self.renewal();
        refunded["revocationDate"] = self.millis(Duration::ZERO).into();
        refunded["revocationReason"] = 0.into();
        let mut told = notification("REFUND", None, json!({"signedTransactionInfo": self.ca.sign(&refunded)}));
        told["signedDate"] = self.millis(Duration::ZERO).into();
        let request = reqwest::Client::new().post(format!("{broker}/v1/app-store/notifications"));
        let answer = request.json(&json!({"signedPayload": self.ca.sign(&told)})).send().await;
        match answer.and_then(reqwest::Response::error_for_status) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::bug(format!("the demo's broker did not take the refund: {error}"))),
        }
    }

    fn renewal(&self) -> Value {
        transaction(self.period(Duration::ZERO, "2000000000000002"))
    }

    /// A paid month that began so long after now, signed now.
    fn period(&self, begins: Duration, transaction_id: &str) -> Value {
        json!({
            "transactionId": transaction_id,
            "purchaseDate": self.millis(begins),
            "expiresDate": self.millis(begins + Duration::days(30)),
            "signedDate": self.millis(Duration::ZERO),
        })
    }

    fn ticket(&self, transaction: &Value) -> Ticket {
        let signed_transaction_info = SecretString::from(self.ca.sign(transaction));
        Ticket::Purchase(Purchase { signed_transaction_info, device_verification_id: None })
    }

    fn millis(&self, after: Duration) -> i64 {
        i64::try_from((self.clock.now() + after).unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }
}
