//! Logins of OpenID providers: a stand-in issuer over real HTTP, a broker that takes its logins.

mod device_binding;
mod flow;
mod forgeries;
mod issuer_keys;
mod lists;
mod settings;

use serde_json::{Value, json};
use tidegate_broker::config::OidcSettings;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::oidc::nonce;
use tidegate_testkit::oidc::{SigningKey, StandInIssuer};

use crate::device::{Account, Device, Reply};
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_broker::clock::Clock as _;

const CLIENT: &str = "tidegate-cli";
const SALT: [u8; 16] = [7; 16];

/// An issuer and a broker that takes its logins.
struct Login {
    issuer: StandInIssuer,
    key: SigningKey,
    world: World,
}

impl Login {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        Self::on(SigningKey::es256("first"), change, |_| {}).await
    }

    async fn on(key: SigningKey, change: impl FnOnce(&mut OidcSettings), options: impl FnOnce(&mut DevOptions)) -> Self {
        let issuer = StandInIssuer::start(std::slice::from_ref(&key)).await;
        let mut settings = OidcSettings::new("home", &issuer.url, CLIENT);
        change(&mut settings);
        let world = World::with(|dev: &mut DevOptions| {
            dev.oidc = vec![settings];
            options(dev);
        })
        .await;
        Self { issuer, key, world }
    }

    /// The same issuer and bucket, with other settings.
    async fn changed(self, change: impl FnOnce(&mut OidcSettings)) -> Self {
        let Self { issuer, key, world } = self;
        let mut settings = OidcSettings::new("home", &issuer.url, CLIENT);
        change(&mut settings);
        Self { world: world.restart_with(|dev: &mut DevOptions| dev.oidc = vec![settings]).await, issuer, key }
    }

    fn now(&self) -> i64 {
        self.world.clock.now().unix_timestamp()
    }

    /// The claims of a right token for a login that this device began.
    fn claims(&self, device: &Device, subject: &str) -> Value {
        let nonce = nonce(&device.broker, &device.thumbprint(), &SALT);
        self.issuer.claims(CLIENT, subject, Some(&nonce), self.now())
    }

    /// A right token for this device, with these claims besides.
    fn token(&self, device: &Device, subject: &str, more: &Value) -> String {
        self.key.token(&merged(self.claims(device, subject), more))
    }

    /// Everything that a first device does until its session is full.
    async fn create(&self, device: &Device, subject: &str, account: &Account, more: &Value) -> Reply {
        let token = self.token(device, subject, more);
        let reply = open(device, &token, Some(account)).await;
        if reply.status != 200 {
            return reply;
        }
        let create = reply.session().access_token;
        device.put_account_objects(&create, account).await;
        device.call("POST", "/v1/account/link", &json!({}), Some(&create)).await
    }

    /// Whether the broker has written anything for anybody.
    fn is_untouched(&self) -> bool {
        self.world.keys().is_empty()
    }
}

/// These claims, with others besides or in their place; null takes one away.
fn merged(mut claims: Value, more: &Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    for (name, value) in more.as_object().into_iter().flatten() {
        if value.is_null() { drop(all.remove(name)) } else { drop(all.insert(name.clone(), value.clone())) }
    }
    claims
}

/// `POST /v1/oidc/session` with the salt of the tests' logins.
async fn open(device: &Device, token: &str, account: Option<&Account>) -> Reply {
    open_at(device, "/v1/oidc/session", token, Some(&SALT), account).await
}

async fn open_at(device: &Device, path: &str, token: &str, salt: Option<&[u8]>, account: Option<&Account>) -> Reply {
    let mut body = json!({ "idToken": token });
    if let Some(salt) = salt {
        body["nonceSalt"] = URL_SAFE_NO_PAD.encode(salt).into();
    }
    if let Some(account) = account {
        body["account"] = account.proof(&device.broker, &device.thumbprint(), &device.nonce);
    }
    device.call("POST", path, &body, None).await
}
