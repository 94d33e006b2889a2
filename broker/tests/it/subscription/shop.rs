//! A hosted broker, and the App Store that its customers buy in.

use std::ops::Deref;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_app_store::{Roots, device_verification};
use tidegate_broker::clock::Clock as _;
use tidegate_broker::config::{AppStoreSettings, OcspPolicy};
use tidegate_broker::dev::DevOptions;
use tidegate_broker::serve::Server;
use tidegate_protocol::account::app_account_token;
use tidegate_protocol::session::SessionReply;
use tidegate_testkit::apple::{BUNDLE_ID, PRODUCT_ID, TestCa, transaction};
use time::Duration;
use uuid::Uuid;

use crate::device::{Account, Device, Reply};
use crate::process::free_address;
use crate::world::World;

pub(super) const NONCE: Uuid = Uuid::from_u128(0x6F1C_2D3E_0000_4000_8000_0000_0000_0001);
pub(super) const THIS_DEVICE: Uuid = Uuid::from_u128(0xA0B1_C2D3_0000_4000_8000_0000_0000_0002);
pub(super) const OTHER_DEVICE: Uuid = Uuid::from_u128(0xA0B1_C2D3_0000_4000_8000_0000_0000_0003);

pub(super) struct Shop {
    world: World,
    pub(super) ca: TestCa,
}

impl Deref for Shop {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::with(|_, _| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut DevOptions, &mut AppStoreSettings)) -> Self {
        let ca = TestCa::new();
        let mut settings = AppStoreSettings::new(BUNDLE_ID, 6_400_000_001);
        settings.roots = Roots::from_der([ca.root_der()]).unwrap();
        settings.ocsp = OcspPolicy::Off;
        settings.entitlement.products.insert(PRODUCT_ID.to_owned());
        let world = World::with(|options| {
            change(options, &mut settings);
            options.app_store = Some(settings);
        });
        Self { world: world.await, ca }
    }

    /// Milliseconds since 1970, so long after the shop's now.
    pub(super) fn millis(&self, after: Duration) -> i64 {
        i64::try_from((self.clock.now() + after).unix_timestamp_nanos() / 1_000_000).unwrap()
    }

    /// A transaction of now, paid for 30 days.
    pub(super) fn sell(&self, overrides: Value) -> String {
        let mut fields = json!({
            "purchaseDate": self.millis(Duration::ZERO),
            "originalPurchaseDate": self.millis(Duration::ZERO),
            "signedDate": self.millis(Duration::ZERO),
            "expiresDate": self.millis(Duration::days(30)),
        });
        for (name, value) in overrides.as_object().unwrap() {
            fields[name] = value.clone();
        }
        self.ca.sign(&transaction(fields))
    }

    /// The same as StoreKit gives it to the device of [`THIS_DEVICE`].
    pub(super) fn sell_to_this_device(&self, mut overrides: Value) -> String {
        overrides["deviceVerification"] = STANDARD.encode(device_verification(NONCE, THIS_DEVICE)).into();
        overrides["deviceVerificationNonce"] = NONCE.to_string().into();
        self.sell(overrides)
    }

    /// Another broker over the same store, and where it listens.
    pub(super) async fn replica(&self) -> (Server, String) {
        let listen = free_address();
        let mut config = self.config().clone();
        config.listen = listen;
        config.admin_listen = "127.0.0.1:0".parse().unwrap();
        let server = Server::start_with(&config, Arc::new(self.clock.clone())).await.unwrap();
        (server, format!("http://{listen}"))
    }
}

/// The `appAccountToken` of a purchase for this account.
pub(super) fn token_of(account: &Account) -> Value {
    json!({ "appAccountToken": app_account_token(account.user()) })
}

/// Everything that a first device does until its session is full.
pub(crate) async fn create_account(device: &Device, jws: &str, account: &Account) -> SessionReply {
    let create = open(device, jws, Some(account), None).await.session();
    device.put_account_objects(&create.access_token, account).await;
    link(device, &create).await.session()
}

/// `POST /v1/subscription/session`.
pub(super) async fn open(device: &Device, jws: &str, account: Option<&Account>, this: Option<Uuid>) -> Reply {
    let mut body = json!({ "signedTransactionInfo": jws });
    if let Some(account) = account {
        body["account"] = account.proof(&device.broker, &device.thumbprint(), &device.nonce);
    }
    if let Some(this) = this {
        body["deviceVerificationId"] = this.to_string().into();
    }
    device.call("POST", "/v1/subscription/session", &body, None).await
}

/// `POST /v1/account/link`.
pub(super) async fn link(device: &Device, session: &SessionReply) -> Reply {
    device.call("POST", "/v1/account/link", &json!({}), Some(&session.access_token)).await
}
