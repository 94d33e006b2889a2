//! Whom the operator lets in, and what every renewal looks at again.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidegate_protocol::wire::timestamp;
use time::Duration;

use super::{Login, open};
use crate::cli::run;
use crate::device::Account;

fn set(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[tokio::test]
async fn only_verified_addresses_of_a_listed_domain_come_in() {
    let login = Login::with(|settings| settings.admission.domains = set(&["example.org"])).await;
    let device = login.world.device().await;
    for (person, code) in [
        (json!({ "email": "ada@example.org", "email_verified": true }), "account-not-found"),
        (json!({ "email": "ada@EXAMPLE.org", "email_verified": "true" }), "account-not-found"),
        (json!({ "email": "ada@example.org", "email_verified": false }), "identity-not-allowed"),
        (json!({ "email": "ada@example.org" }), "identity-not-allowed"),
        (json!({ "email": "ada@example.org", "email_verified": 1 }), "identity-not-allowed"),
        (json!({ "email": "ada@sub.example.org", "email_verified": true }), "identity-not-allowed"),
        (json!({ "email": "ada@example.org@evil.org", "email_verified": true }), "identity-not-allowed"),
        (json!({ "email": "ada@evil.org\u{0}@example.org ", "email_verified": true }), "identity-not-allowed"),
        (json!({ "email": "@example.org", "email_verified": true }), "identity-not-allowed"),
        (json!({ "email": ["ada@example.org"], "email_verified": true }), "identity-not-allowed"),
        (json!({ "email_verified": true }), "identity-not-allowed"),
    ] {
        assert_eq!(open(&device, &login.token(&device, "ada", &person), None).await.code(), code, "{person}");
    }
}

#[tokio::test]
async fn only_members_of_a_listed_group_come_in_wherever_the_issuer_writes_them() {
    let login = Login::with(|settings| {
        settings.admission.groups = set(&["family"]);
        settings.claims.groups = "/realm_access/roles".parse().unwrap();
    })
    .await;
    let device = login.world.device().await;
    for (person, code) in [
        (json!({ "realm_access": { "roles": ["x", "family"] } }), "account-not-found"),
        (json!({ "realm_access": { "roles": "family" } }), "account-not-found"),
        (json!({ "realm_access": { "roles": ["Family"] } }), "identity-not-allowed"),
        (json!({ "realm_access": { "roles": { "family": true } } }), "identity-not-allowed"),
        (json!({ "groups": ["family"], "/realm_access/roles": ["family"] }), "identity-not-allowed"),
    ] {
        assert_eq!(open(&device, &login.token(&device, "ada", &person), None).await.code(), code, "{person}");
    }
}

#[tokio::test]
async fn only_listed_people_come_in_and_blocked_ones_do_not() {
    let login = Login::with(|settings| {
        settings.allowed_subjects = Some(vec!["ada".to_owned(), "bob".to_owned()]);
        settings.blocked_subjects = vec!["bob".to_owned()];
    })
    .await;
    let device = login.world.device().await;
    for (subject, code) in [
        ("ada", "account-not-found"),
        ("Ada", "identity-not-allowed"),
        ("eve", "identity-not-allowed"),
        ("bob", "identity-revoked"),
    ] {
        assert_eq!(open(&device, &login.token(&device, subject, &Value::Null), None).await.code(), code, "{subject}");
    }
}

#[tokio::test]
async fn a_renewal_looks_at_the_lists_as_they_stand_then() {
    let login = Login::with(|settings| {
        settings.admission.domains = set(&["example.org"]);
        settings.admission.groups = set(&["family", "staff"]);
    })
    .await;
    let mut device = login.world.device().await;
    let person = json!({ "email": "ada@example.org", "email_verified": true, "groups": ["family", "other"] });
    let session = login.create(&device, "ada", &Account::new(1), &person).await.session();
    let renewal = session.renewal_token.unwrap();
    let mut login = login;
    for (what, code) in [
        ("the same", "ok"),
        ("another group as well", "ok"),
        ("another domain", "identity-not-allowed"),
        ("without the group", "identity-not-allowed"),
        ("only others", "identity-not-allowed"),
        ("blocked", "identity-revoked"),
        ("no longer an issuer", "identity-not-offered"),
        ("everybody", "ok"),
    ] {
        login = login
            .changed(|settings| {
                settings.admission.domains = set(&["example.org"]);
                settings.admission.groups = set(&["family", "staff"]);
                match what {
                    "another group as well" => settings.admission.groups = set(&["family", "more"]),
                    "another domain" => settings.admission.domains = set(&["example.com"]),
                    "without the group" => settings.admission.groups = set(&["staff"]),
                    "only others" => settings.allowed_subjects = Some(vec!["bob".to_owned()]),
                    "blocked" => settings.blocked_subjects = vec!["ada".to_owned()],
                    "no longer an issuer" => settings.issuer = "https://id.example.org".to_owned(),
                    "everybody" => settings.admission = tidegate_oidc::Admission::default(),
                    _ => {}
                }
            })
            .await;
        device.fresh_nonce().await;
        assert_eq!(device.renew(&renewal).await.code(), code, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_the_operator_shuts_out_gets_nothing_any_more() {
    let login = Login::new().await;
    let (device, other) = (login.world.device().await, login.world.device().await);
    let session = login.create(&device, "ada", &Account::new(1), &Value::Null).await.session();
    let others = login.create(&other, "bob", &Account::new(2), &Value::Null).await.session();
    let more = format!("[oidc.home]\nissuer = {:?}\nclient_id = \"x\"\nallow_everyone = true\n", login.issuer.url);
    let config = login.world.config_file(&more);
    let revoke = |issuer: &str| {
        let arguments = ["oidc", "revoke", "--config", config.to_str().unwrap(), "--issuer", issuer, "--subject", "ada"];
        tokio::task::block_in_place(|| run(&arguments))
    };
    let (status, answer) = revoke("elsewhere");
    assert_eq!((status, &answer["error"]["code"]), (10, &"issuer-unknown".into()), "{answer}");
    let (status, answer) = revoke("home");
    assert_eq!(status, 0, "{answer}");
    assert_eq!(answer["identity"].as_str().unwrap().len(), 64);

    assert_eq!(device.renew(session.renewal_token.as_deref().unwrap()).await.code(), "identity-revoked");
    for account in [None, Some(&Account::new(1))] {
        assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), account).await.code(), "identity-revoked");
    }
    assert_eq!(other.renew(others.renewal_token.as_deref().unwrap()).await.code(), "ok");
}

#[tokio::test]
async fn however_often_a_session_is_renewed_the_login_ends() {
    let login = Login::with(|settings| settings.session_lives = Duration::days(3)).await;
    let mut device = login.world.device().await;
    let begun = login.now();
    let session = login.create(&device, "ada", &Account::new(1), &Value::Null).await.session();
    // No token outlives the login.
    assert_eq!(session.renewal_expires_at.unwrap().unix_timestamp(), begun + 3 * 86_400);
    let mut renewal = session.renewal_token.unwrap();
    for day in 1..=2 {
        login.world.clock.advance(Duration::days(1) + Duration::minutes(1));
        device.fresh_nonce().await;
        let renewed = device.renew(&renewal).await.session();
        renewal = renewed.renewal_token.unwrap_or_else(|| panic!("day {day}: rotated"));
        assert_eq!(renewed.renewal_expires_at.unwrap().unix_timestamp(), begun + 3 * 86_400);
    }
    login.world.clock.advance(Duration::hours(23) + Duration::minutes(50));
    device.fresh_nonce().await;
    let last = device.renew(&renewal).await.session();
    assert_eq!(
        last.access_expires_at.unix_timestamp(),
        begun + 3 * 86_400,
        "{}",
        timestamp::format(last.access_expires_at).unwrap()
    );
    login.world.clock.advance(Duration::minutes(9));
    device.fresh_nonce().await;
    assert_eq!(device.renew(&renewal).await.code(), "login-expired");
    // A new login goes on with the account and the device.
    let again = open(&device, &login.token(&device, "ada", &Value::Null), Some(&Account::new(1))).await.session();
    assert_eq!((again.user_id, again.device_id), (session.user_id, session.device_id));
}
