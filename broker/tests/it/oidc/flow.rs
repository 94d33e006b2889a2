//! From a login to a session.

use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::scope::AccountScope;
use tidegate_testkit::oidc::SigningKey;
use time::Duration;

use super::{Login, SALT, open, open_at};
use crate::device::{Account, Device, send};
use crate::world::World;

#[tokio::test]
async fn a_login_opens_an_account_and_its_further_devices_by_every_algorithm() {
    for (key, profile) in [
        (SigningKey::rs256("r"), StoreProfile::ATOMIC),
        (SigningKey::es256("e"), StoreProfile::IGNORING),
        (SigningKey::eddsa("d"), StoreProfile::ATOMIC),
    ] {
        let login = Login::on(key, |_| {}, |options: &mut DevOptions| options.profile = profile).await;
        let account = Account::new(1);
        let first = login.world.device().await;
        let full = login.create(&first, "ada", &account, &Value::Null).await.session();
        assert_eq!((full.scope, full.user_id), (AccountScope::Full, account.user()), "{}", login.key.alg());

        let second = login.world.device().await;
        let token = login.token(&second, "ada", &Value::Null);
        let bootstrap = open(&second, &token, None).await.session();
        assert_eq!((bootstrap.scope, bootstrap.user_id), (AccountScope::Bootstrap, account.user()));
        assert_eq!(bootstrap.renewal_token, None);
        // The same token once more: a join asks twice, first without the account's key and then with it.
        let joined = open(&second, &token, Some(&account)).await.session();
        assert_eq!((joined.scope, joined.user_id), (AccountScope::Full, account.user()));
        assert_eq!(second.renew(&joined.renewal_token.unwrap()).await.session().user_id, account.user());
    }
}

#[tokio::test]
async fn two_people_of_an_issuer_have_two_accounts_and_neither_opens_the_others() {
    let login = Login::new().await;
    let (ada, bob) = (Account::new(1), Account::new(2));
    let (device_a, device_b) = (login.world.device().await, login.world.device().await);
    login.create(&device_a, "ada", &ada, &Value::Null).await.session();
    login.create(&device_b, "bob", &bob, &Value::Null).await.session();
    let thief = login.world.device().await;
    assert_eq!(open(&thief, &login.token(&thief, "bob", &Value::Null), Some(&ada)).await.code(), "already-linked");
    assert_eq!(open(&thief, &login.token(&thief, "bob", &Value::Null), None).await.session().user_id, bob.user());
}

#[tokio::test]
async fn a_login_without_an_account_needs_a_genesis() {
    let login = Login::new().await;
    let device = login.world.device().await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    assert!(login.is_untouched());
}

#[tokio::test]
async fn auth_login_is_the_same_route() {
    let login = Login::new().await;
    let device = login.world.device().await;
    let token = login.token(&device, "ada", &Value::Null);
    let reply = open_at(&device, "/auth/login", &token, Some(&SALT), Some(&Account::new(1))).await;
    assert_eq!(reply.session().scope, AccountScope::Create);
}

#[tokio::test]
async fn capabilities_say_all_that_a_client_needs_to_log_in() {
    let login = Login::with(|settings| settings.scopes = vec!["openid".to_owned(), "email".to_owned()]).await;
    let url = format!("{}/v1/capabilities", login.world.broker_url);
    let capabilities = send(reqwest::Method::GET, &url, &[], Vec::new()).await.json();
    assert_eq!(capabilities["identities"], json!(["self-host", "oidc"]));
    let expected = json!([{
        "name": "home",
        "issuer": login.issuer.url,
        "clientId": "tidegate-cli",
        "scopes": ["openid", "email"],
        "nonceRequired": true,
    }]);
    assert_eq!(capabilities["oidc"], expected);
    // A session's reply goes over the wire often, and says it not again.
    let device = login.world.device().await;
    let session = login.create(&device, "ada", &Account::new(1), &Value::Null).await.json();
    assert_eq!(session["capabilities"].get("oidc"), None);
}

#[tokio::test]
async fn a_broker_without_issuers_takes_no_login_and_asks_nobody() {
    let login = Login::new().await;
    let world = World::new().await;
    let device = world.device().await;
    let token = login.token(&device, "ada", &Value::Null);
    assert_eq!(open(&device, &token, None).await.code(), "identity-not-offered");
    assert_eq!(login.issuer.requests("/jwks"), 0);
}

#[tokio::test]
async fn a_login_needs_a_proof_of_the_device() {
    let login = Login::new().await;
    let device = login.world.device().await;
    let body = serde_json::to_vec(&json!({ "idToken": login.token(&device, "ada", &Value::Null) })).unwrap();
    for path in ["/v1/oidc/session", "/auth/login"] {
        let url = format!("{}{path}", login.world.broker_url);
        let headers = [("content-type", "application/json")];
        assert_eq!(send(reqwest::Method::POST, &url, &headers, body.clone()).await.code(), "proof-missing");
    }
}

#[tokio::test]
async fn neither_name_nor_address_of_a_person_reaches_the_bucket() {
    let login = Login::with(|settings| {
        settings.admission.domains = Some(["example.org".to_owned()].into());
    })
    .await;
    let device = login.world.device().await;
    let person = json!({ "email": "ada.lovelace@example.org", "email_verified": true });
    login.create(&device, "subject-of-ada", &Account::new(1), &person).await.session();
    for bytes in login.world.written() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("subject-of-ada") && !text.contains("lovelace"));
    }
}

/// Asks, with a session as a device without any account's key has it, that ada's login lead to this account.
async fn reset(login: &Login, device: &Device, account: &Account) -> Value {
    let bootstrap = open(device, &login.token(device, "ada", &Value::Null), None).await.session().access_token;
    let proof = account.proof_for(ProofPurpose::ResetAccount, &device.broker, &device.thumbprint(), &device.nonce);
    device.call("POST", "/v1/account/reset", &json!({ "account": proof }), Some(&bootstrap)).await.json()
}

#[tokio::test]
async fn a_login_whose_account_is_lost_leads_to_another_after_a_week_and_back_by_a_proof() {
    let login = Login::new().await;
    let (old, new) = (Account::new(1), Account::new(2));
    let (mut owner, mut asker) = (login.world.device().await, login.world.device().await);
    login.create(&owner, "ada", &old, &Value::Null).await.session();
    let asked = reset(&login, &asker, &new).await;
    assert_eq!(asked["state"], "pending", "{asked}");
    asker.put_account_objects(asked["session"]["accessToken"].as_str().unwrap(), &new).await;
    login.world.clock.advance(Duration::hours(7 * 24 + 1));
    asker.fresh_nonce().await;
    owner.fresh_nonce().await;
    assert_eq!(reset(&login, &asker, &new).await["state"], "moved");
    let by =
        async |device: &Device, account: &Account| open(device, &login.token(device, "ada", &Value::Null), Some(account)).await;
    assert_eq!(by(&asker, &new).await.session().user_id, new.user());
    let back = by(&owner, &old).await.session();
    assert_eq!((back.scope, back.user_id), (AccountScope::Full, old.user()));
    assert_eq!(by(&asker, &new).await.code(), "already-linked");
}
