//! The issuer's keys: fetched when they are needed, again when they change, and believed no longer than they may be.

use serde_json::{Value, json};
use tidegate_testkit::oidc::{Answer, SigningKey};
use time::Duration;

use super::{Login, open};
use crate::device::{Account, Device};

async fn fresh(login: &Login) -> Device {
    login.world.device().await
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_logins() {
    let login = Login::new().await;
    for _ in 0..5 {
        let device = fresh(&login).await;
        assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    }
    assert_eq!(login.issuer.requests("/jwks"), 1);
    login.world.clock.advance(Duration::seconds(601));
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    assert_eq!(login.issuer.requests("/jwks"), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_strangers_cannot_have_it_looked_for_again_and_again() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    let second = SigningKey::rs256("second");
    login.issuer.set_keys(&[second.clone(), login.key.clone()]);
    login.world.clock.advance(Duration::seconds(61));
    let device = fresh(&login).await;
    assert_eq!(open(&device, &second.token(&login.claims(&device, "ada")), None).await.code(), "account-not-found");
    assert_eq!(login.issuer.requests("/jwks"), 2);
    // Keys that nobody has, in all their variety, a minute long: one look.
    for round in 0..30 {
        let stranger = SigningKey::es256(&format!("nobody-{round}"));
        assert_eq!(open(&device, &stranger.token(&login.claims(&device, "ada")), None).await.code(), "id-token-key");
    }
    assert_eq!(login.issuer.requests("/jwks"), 2);
    login.world.clock.advance(Duration::seconds(61));
    let device = fresh(&login).await;
    let forged = || SigningKey::es256("nobody").token(&login.claims(&device, "ada"));
    let (one, other) = (forged(), forged());
    let replies = tokio::join!(open(&device, &one, None), open(&device, &other, None));
    assert_eq!([replies.0.code(), replies.1.code()], ["id-token-key", "id-token-key"]);
    assert_eq!(login.issuer.requests("/jwks"), 3);
    // Both keys still count.
    for key in [&login.key, &second] {
        assert_eq!(open(&device, &key.token(&login.claims(&device, "ada")), None).await.code(), "account-not-found");
    }
}

#[tokio::test]
async fn a_key_that_the_issuer_withdrew_is_not_believed_after_the_keys_age() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    let token = login.token(&device, "ada", &Value::Null);
    assert_eq!(open(&device, &token, None).await.code(), "account-not-found");
    login.issuer.set_keys(&[SigningKey::es256("second")]);
    login.world.clock.advance(Duration::seconds(599));
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    login.world.clock.advance(Duration::seconds(2));
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "id-token-key");
    // Under its own name again, with another key behind it.
    login.issuer.set_keys(&[SigningKey::es256("first")]);
    login.world.clock.advance(Duration::seconds(61));
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "id-token-signature");
}

#[tokio::test]
async fn while_the_issuer_is_down_its_keys_count_for_an_hour_more_and_sessions_are_renewed() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    let session = login.create(&device, "ada", &Account::new(1), &Value::Null).await.session();
    login.issuer.answer_discovery(Some(Answer::Body(503, Vec::new())));
    login.world.clock.advance(Duration::seconds(600 + 3_600));
    let mut device = device;
    device.fresh_nonce().await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "ok");
    login.world.clock.advance(Duration::seconds(11));
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "issuer-unavailable");
    let asked = login.issuer.requests("/.well-known/openid-configuration");
    // It is left alone for a while.
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "issuer-unavailable");
    assert_eq!(login.issuer.requests("/.well-known/openid-configuration"), asked);
    // Renewals do not need it.
    assert_eq!(device.renew(&session.renewal_token.unwrap()).await.code(), "ok");
    login.issuer.answer_discovery(None);
    login.world.clock.advance(Duration::seconds(11));
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "ok");
}

#[tokio::test]
async fn documents_that_are_not_the_issuers_own_are_not_used() {
    let evil = tidegate_testkit::oidc::StandInIssuer::start(&[SigningKey::es256("first")]).await;
    let description =
        |issuer: &str, jwks: &str| Answer::Body(200, json!({ "issuer": issuer, "jwks_uri": jwks }).to_string().into_bytes());
    let keys = |keys: Value| Answer::Body(200, json!({ "keys": keys }).to_string().into_bytes());
    let login = Login::new().await;
    let home = login.issuer.url.clone();
    let jwks = format!("{home}/jwks");
    let mut weak = login.key.jwk();
    weak["use"] = "enc".into();
    let mut other_alg = login.key.jwk();
    other_alg["alg"] = "RS256".into();
    let mut encrypts = login.key.jwk();
    encrypts["key_ops"] = json!(["encrypt"]);
    let short = json!({ "kty": "RSA", "kid": "first", "n": "AQAB".repeat(42), "e": "AQAB" });
    let secret = json!({ "kty": "oct", "kid": "first", "k": "AAAA" });
    for (what, path, answer) in [
        ("another issuer's description", "/.well-known/openid-configuration", description(&evil.url, &jwks)),
        ("its own with a slash", "/.well-known/openid-configuration", description(&format!("{home}/"), &jwks)),
        (
            "a redirect to another",
            "/.well-known/openid-configuration",
            Answer::Redirect(format!("{}/.well-known/openid-configuration", evil.url)),
        ),
        ("keys without TLS", "/.well-known/openid-configuration", description(&home, "http://id.example.org/jwks")),
        ("keys in a file", "/.well-known/openid-configuration", description(&home, "file:///etc/passwd")),
        ("no keys", "/.well-known/openid-configuration", description(&home, "")),
        ("HTML", "/.well-known/openid-configuration", Answer::Body(200, b"<html>".to_vec())),
        ("a huge description", "/.well-known/openid-configuration", Answer::Body(200, vec![b' '; 65 << 10])),
        ("keys by redirect", "/jwks", Answer::Redirect(format!("{}/jwks", evil.url))),
        ("keys that are not found", "/jwks", Answer::Body(404, b"{}".to_vec())),
        ("huge keys", "/jwks", Answer::Body(200, vec![b' '; 257 << 10])),
        ("keys of another shape", "/jwks", Answer::Body(200, b"[]".to_vec())),
        ("a hundred and one keys", "/jwks", keys(Value::Array(vec![login.key.jwk(); 101]))),
        ("no keys in the set", "/jwks", keys(json!([]))),
        ("a key for encryption", "/jwks", keys(json!([weak]))),
        ("a key of another algorithm than it says", "/jwks", keys(json!([other_alg]))),
        ("a key that only encrypts", "/jwks", keys(json!([encrypts]))),
        ("a short RSA key", "/jwks", keys(json!([short]))),
        ("a secret", "/jwks", keys(json!([secret]))),
    ] {
        login.issuer.answer(path, Some(answer));
        login.world.clock.advance(Duration::seconds(11));
        let device = fresh(&login).await;
        let reply = open(&device, &login.token(&device, "ada", &Value::Null), None).await;
        assert_eq!(reply.code(), "issuer-unavailable", "{what}");
        assert!(reply.headers.contains_key("retry-after"), "{what}");
        login.issuer.answer(path, None);
    }
    assert_eq!(evil.requests("/jwks") + evil.requests("/.well-known/openid-configuration"), 0);
    assert!(login.is_untouched());
}

#[tokio::test]
async fn a_set_of_one_key_needs_no_names_and_one_of_several_does() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    let nameless = || login.key.token_with(&json!({ "alg": "ES256" }), &login.claims(&device, "ada"));
    // An RSA key beside it is of another algorithm.
    login.issuer.set_keys(&[login.key.clone(), SigningKey::rs256("other")]);
    assert_eq!(open(&device, &nameless(), None).await.code(), "account-not-found");
    login.issuer.set_keys(&[login.key.clone(), SigningKey::es256("other")]);
    login.world.clock.advance(Duration::seconds(601));
    let device = fresh(&login).await;
    let nameless = login.key.token_with(&json!({ "alg": "ES256" }), &login.claims(&device, "ada"));
    assert_eq!(open(&device, &nameless, None).await.code(), "id-token-key");
}

/// Waits until the issuer was asked for a path so often. A test that waits in vain ends with the suite's own limit.
async fn until_asked(login: &Login, path: &str, times: usize) {
    while login.issuer.requests(path) < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_hangs_up_while_the_issuer_is_asked_keeps_nobody_from_its_new_keys() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    let second = SigningKey::es256("second");
    login.issuer.set_keys(std::slice::from_ref(&second));
    login.issuer.answer("/jwks", Some(Answer::Late));
    login.world.clock.advance(Duration::seconds(61));
    let (device, stranger) = (fresh(&login).await, fresh(&login).await);
    // The one look of this minute is a stranger's, who goes away before the issuer has answered.
    let forged = SigningKey::es256("nobody").token(&login.claims(&stranger, "ada"));
    tokio::select! {
        reply = open(&stranger, &forged, None) => panic!("answered before the issuer: {}", reply.code()),
        () = until_asked(&login, "/jwks", 2) => {}
    }
    login.issuer.answer("/jwks", None);
    assert_eq!(open(&device, &second.token(&login.claims(&device, "ada")), None).await.code(), "account-not-found");
    assert_eq!(login.issuer.requests("/jwks"), 2);
}

#[tokio::test]
async fn an_issuer_that_is_slow_holds_up_nobody_whose_keys_may_still_do() {
    let login = Login::new().await;
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "account-not-found");
    login.issuer.answer_discovery(Some(Answer::Late));
    login.world.clock.advance(Duration::seconds(601));
    let (first, second) = (fresh(&login).await, fresh(&login).await);
    let (token, other) = (login.token(&first, "ada", &Value::Null), login.token(&second, "ada", &Value::Null));
    let others = async {
        until_asked(&login, "/.well-known/openid-configuration", 2).await;
        let reply = open(&second, &other, None).await;
        login.issuer.answer_discovery(None);
        reply.code()
    };
    let (first, second) = tokio::join!(open(&first, &token, None), others);
    assert_eq!([first.code(), second], ["account-not-found", "account-not-found"]);
    assert_eq!(login.issuer.requests("/jwks"), 2);
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up() {
    let login = Login::new().await;
    login.issuer.answer_discovery(Some(Answer::Late));
    let device = fresh(&login).await;
    assert_eq!(open(&device, &login.token(&device, "ada", &Value::Null), None).await.code(), "issuer-unavailable");
}
