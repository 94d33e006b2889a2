//! Whoever finds an ID token opens nothing with it: it belongs to the device that the login was made on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tidegate_broker::config::NoncePolicy;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::capability::StoreProfile;
use tidegate_testkit::oidc::SigningKey;

use super::{Login, SALT, open, open_at};
use crate::device::Account;

const PATH: &str = "/v1/oidc/session";

#[tokio::test]
async fn a_stolen_token_opens_nothing_for_another_key() {
    for nonce in [NoncePolicy::Required, NoncePolicy::FirstUse] {
        let login = Login::with(|settings| settings.nonce = nonce).await;
        let (device, thief) = (login.world.device().await, login.world.device().await);
        let account = Account::new(1);
        login.create(&device, "ada", &account, &Value::Null).await.session();
        let token = login.token(&device, "ada", &Value::Null);
        // Before the device itself, with the salt and without it, to read and to take the account over.
        for salt in [Some(SALT.as_slice()), Some(&[8; 16]), Some(&[7; 15]), Some(&[7; 65]), Some(&[]), None] {
            for account in [None, Some(&Account::new(2)), Some(&account)] {
                assert_eq!(open_at(&thief, PATH, &token, salt, account).await.code(), "id-token-nonce");
            }
        }
        assert_eq!(open(&device, &token, None).await.code(), "ok");
    }
}

#[tokio::test]
async fn a_salt_belongs_to_one_broker() {
    let login = Login::new().await;
    let device = login.world.device().await;
    let nonce = tidegate_protocol::oidc::nonce("https://another.example.org", &device.thumbprint(), &SALT);
    let token = login.token(&device, "ada", &json!({ "nonce": nonce }));
    assert_eq!(open(&device, &token, None).await.code(), "id-token-nonce");
}

#[tokio::test]
async fn a_token_without_nonce_is_the_first_devices_where_that_is_set() {
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let options = |options: &mut DevOptions| options.profile = profile.clone();
        let login = Login::on(SigningKey::es256("first"), |settings| settings.nonce = NoncePolicy::FirstUse, options).await;
        let (device, thief) = (login.world.device().await, login.world.device().await);
        let account = Account::new(1);
        let token = login.token(&device, "ada", &json!({ "nonce": null }));
        let create = open_at(&device, PATH, &token, None, Some(&account)).await.session().access_token;
        device.put_account_objects(&create, &account).await;
        device.call("POST", "/v1/account/link", &json!({}), Some(&create)).await.session();
        assert_eq!(open_at(&thief, PATH, &token, None, None).await.code(), "id-token-replayed");
        assert_eq!(open_at(&thief, PATH, &malleated(&token), None, None).await.code(), "id-token-replayed");
        // The device itself may repeat it, on every replica and after a restart.
        let Login { issuer, world, .. } = login;
        let oidc = world.config().oidc.clone();
        let world = world
            .restart_with(|options| {
                options.profile = profile.clone();
                options.oidc = oidc;
            })
            .await;
        let (mut device, mut thief) = (device, thief);
        device.fresh_nonce().await;
        thief.fresh_nonce().await;
        assert_eq!(open_at(&device, PATH, &token, None, None).await.code(), "ok");
        assert_eq!(open_at(&thief, PATH, &token, None, None).await.code(), "id-token-replayed");
        drop((issuer, world));
    }
}

#[tokio::test]
async fn of_two_devices_that_race_with_one_token_at_most_one_comes_in() {
    let login = Login::with(|settings| settings.nonce = NoncePolicy::FirstUse).await;
    let (a, b) = (login.world.device().await, login.world.device().await);
    let account = Account::new(1);
    login.create(&a, "ada", &account, &Value::Null).await.session();
    for round in 0..5 {
        let token = login.token(&a, "ada", &json!({ "nonce": null, "round": round }));
        let replies = tokio::join!(open_at(&a, PATH, &token, None, None), open_at(&b, PATH, &token, None, None));
        let codes = [replies.0.code(), replies.1.code()];
        let opened = codes.iter().filter(|code| *code == "ok").count();
        assert!(opened <= 1, "{codes:?}");
        assert!(codes.iter().all(|code| code == "ok" || code == "id-token-replayed"), "{codes:?}");
    }
}

/// The same token with the other signature that holds: (r, n - s) beside (r, s).
fn malleated(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for index in (0..32).rev() {
        let difference = i16::from(ORDER[index]) - i16::from(signature[32 + index]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let other = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_ne!(other, token);
    other
}
