//! Logins.

use tidegate_tandem::source::{Class, Endpoints, Login, Region, SourceError};
use tidegate_testkit::tandem::{Fault, Forgery, Stage};

use super::{assert_nothing_personal, client, login, shown, signed_in, stand_in};

#[tokio::test]
async fn a_login_gives_a_token_that_reads_the_account() {
    let server = stand_in().await;
    let (client, token) = signed_in(&server).await;
    assert_eq!(token.pumper_id, server.plan().pumper_id);
    assert_eq!(token.account_id, server.plan().account_id);
    assert!(token.is_usable(jiff::Timestamp::now()));
    assert_eq!(client.account(&token).await.unwrap().pumps.len(), 1);
}

#[tokio::test]
async fn wrong_credentials_are_tried_once() {
    let server = stand_in().await;
    let login = Login::new(server.plan().username, "wrong");
    let error = client(&server).login(&login).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused), "{error:?}");
    assert_eq!(error.class(), Class::Credentials);
    assert_eq!(server.count(Stage::Login), 1);
    assert_eq!(server.count(Stage::Authorize), 0);
}

#[tokio::test]
async fn a_locked_account_is_told_from_wrong_credentials() {
    let server = stand_in().await;
    let wrong = Login::new(server.plan().username, "wrong");
    for _ in 0..server.plan().lock_after {
        client(&server).login(&wrong).await.unwrap_err();
    }
    let error = client(&server).login(&login(&server)).await.unwrap_err();
    assert!(matches!(error.class(), Class::Locked { until } if until > jiff::Timestamp::now()), "{error:?}");
}

#[tokio::test]
async fn credentials_are_refused_whatever_the_status() {
    for status in [400, 403, 422] {
        let server = stand_in().await;
        server.fail(Stage::Login, [Fault::Json(status, serde_json::json!({ "code": "account/invalid_credentials" }))]);
        assert!(matches!(client(&server).login(&login(&server)).await, Err(SourceError::Refused)), "{status}");
    }
}

#[tokio::test]
async fn a_login_that_asks_something_says_so() {
    let server = stand_in().await;
    server
        .fail(Stage::Login, [Fault::Json(200, serde_json::json!({ "status": "MFA_REQUIRED", "user": server.plan().username }))]);
    let error = client(&server).login(&login(&server)).await.unwrap_err();
    assert!(matches!(error, SourceError::LoginNeedsAttention(_)), "{error:?}");
    assert_nothing_personal(&server, &shown(&error));
}

#[tokio::test]
async fn keys_may_change_between_logins() {
    let server = stand_in().await;
    signed_in(&server).await;
    server.rotate_keys();
    signed_in(&server).await;
}

#[tokio::test]
async fn a_clock_that_differs_by_less_than_a_minute_does_not_matter() {
    let server = stand_in().await;
    server.forge(Some(Forgery::Ahead(50)));
    signed_in(&server).await;
}

#[tokio::test]
async fn a_login_that_the_service_fails_at_is_not_repeated() {
    for stage in [Stage::Login, Stage::Token] {
        let server = stand_in().await;
        server.fail(stage, [Fault::Status(503)]);
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert!(matches!(error, SourceError::Failing { status: 503 }), "{error:?}");
        assert_eq!(error.class(), Class::Retry);
        assert_eq!(server.count(stage), 1);
    }
}

#[tokio::test]
async fn the_steps_that_only_read_are_repeated_a_few_times() {
    for stage in [Stage::Authorize, Stage::Keys] {
        let server = stand_in().await;
        server.fail(stage, [Fault::Status(502), Fault::Status(500)]);
        signed_in(&server).await;
        assert_eq!(server.count(stage), 3);
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_at_any_step_is_a_changed_service() {
    for stage in [Stage::Login, Stage::Authorize, Stage::Token, Stage::Keys] {
        for fault in
            [Fault::Html(200), Fault::Status(404), Fault::Json(200, serde_json::json!({ "name": "Erika Musterfrau", "keys": 7 }))]
        {
            let server = stand_in().await;
            server.fail(stage, [fault.clone()]);
            let error = client(&server).login(&login(&server)).await.unwrap_err();
            assert_eq!(error.class(), Class::Changed, "{stage:?} {fault:?} {error:?}");
            assert!(error.report().is_some(), "{stage:?} {fault:?}");
            assert_nothing_personal(&server, &shown(&error));
        }
    }
}

#[tokio::test]
async fn a_refusal_after_the_password_was_accepted_is_none_of_the_password() {
    for stage in [Stage::Authorize, Stage::Token, Stage::Keys] {
        let server = stand_in().await;
        server.fail(stage, [Fault::Status(401)]);
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert_eq!(error.class(), Class::Changed, "{stage:?} {error:?}");
    }
}

#[tokio::test]
async fn a_firewall_is_told_from_wrong_credentials() {
    for stage in [Stage::Begin, Stage::Login] {
        let server = stand_in().await;
        server.fail(stage, [Fault::Firewall]);
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert_eq!(error.class(), Class::Blocked, "{stage:?} {error:?}");
    }
}

#[test]
fn login_and_token_are_not_shown() {
    let login = Login::new("erika@example.org", "hunter2-hunter2");
    assert_eq!(format!("{login:?}"), "Login { .. }");
    let token: tidegate_tandem::source::Token = serde_json::from_value(serde_json::json!({
        "access_token": "planted-token", "pumper_id": "planted-person", "account_id": "planted-account", "expires_at": "2026-11-01T00:00:00Z"
    }))
    .unwrap();
    assert_eq!(format!("{token:?}"), "Token { expires_at: 2026-11-01T00:00:00Z, .. }");
}

#[test]
fn the_sealed_forms_of_login_and_token_come_back_the_same() {
    let login = serde_json::json!({ "username": "erika@example.org", "password": "hunter2" });
    let read: Login = serde_json::from_value(login.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), login);
    let token = serde_json::json!({
        "access_token": "t", "pumper_id": "p", "account_id": "a", "expires_at": "2026-11-01T00:00:00Z"
    });
    let read: tidegate_tandem::source::Token = serde_json::from_value(token.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), token);
}

#[test]
fn each_region_has_its_own_addresses() {
    let (us, eu) = (Endpoints::of(Region::Us), Endpoints::of(Region::Eu));
    assert_eq!(us.accounts.as_str(), "https://tdcservices.tandemdiabetes.com/accounts/api");
    assert_eq!(eu.accounts.as_str(), "https://tdcservices.eu.tandemdiabetes.com/accounts/api");
    assert_eq!((us.issuer.as_str(), eu.issuer.as_str()), (us.accounts.as_str(), eu.accounts.as_str()));
    assert_ne!(us.client_id, eu.client_id);
    assert_eq!("EU".parse(), Ok(Region::Eu));
    assert!("ca".parse::<Region>().is_err());
}
