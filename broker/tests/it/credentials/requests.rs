//! Asking for credentials: who gets them, for what, until when.

use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tidegate_broker::clock::Clock as _;
use tidegate_broker::config::{CredentialSource, R2Settings, StsSettings};
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::wire::timestamp;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::token_service::TokenService;
use crate::device::{Account, Device, Reply};
use crate::token::Forge;
use crate::world::World;

const PATH: &str = "/v1/credentials";
const ROLE: &str = "arn:aws-cn:iam::123456789012:role/reader";

async fn ask(device: &Device, token: &str, prefixes: &[&str]) -> Reply {
    device.call("POST", PATH, &json!({ "prefixes": prefixes }), Some(token)).await
}

fn sts(service: &TokenService, bounds_time: bool) -> CredentialSource {
    CredentialSource::Sts(StsSettings {
        endpoint: service.url.clone(),
        region: "cn-north-1".to_owned(),
        role_arn: Some(ROLE.to_owned()),
        bounds_time,
    })
}

/// A broker whose store's token service is a stand-in, and a device with a full session.
async fn world(bounds_time: bool) -> (TokenService, World, Device, SessionReply) {
    let service = TokenService::start().await;
    let source = sts(&service, bounds_time);
    let world = World::with(move |options: &mut DevOptions| options.credentials = Some(source)).await;
    service.gives_until(OffsetDateTime::now_utc() + Duration::seconds(900));
    let (device, session) = world.enrolled().await;
    (service, world, device, session)
}

#[tokio::test]
async fn where_the_store_makes_none_the_broker_says_so() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let reply = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await;
    assert_eq!((reply.code().as_str(), reply.status), ("credentials-not-available", 404));
}

#[tokio::test]
async fn the_token_service_is_asked_for_reading_under_the_prefix_alone() {
    let (service, world, device, session) = world(true).await;
    let prefix = format!("users/{}/", session.user_id);
    let reply = ask(&device, &session.access_token, &[&prefix, &prefix]).await;
    assert_eq!(reply.code(), "ok");
    let body = reply.json();
    let store = &world.config().store;
    assert_eq!(body["accessKeyId"], "ASIA");
    assert_eq!((body["secretAccessKey"].as_str(), body["sessionToken"].as_str()), (Some("made-secret"), Some("made-token")));
    assert_eq!(body["endpoint"], store.endpoint_public.as_str());
    assert_eq!((body["bucket"].as_str(), body["region"].as_str()), (Some("tidegate"), Some("us-east-1")));
    assert_eq!(body["prefixes"], json!([prefix]));

    // Two trials, with and without listing, then what was asked for: this store knows none of these keys, so nothing lists.
    let [trial, _, call] = service.calls().try_into().unwrap();
    assert_eq!(body["canList"], false);
    assert_eq!((call.form["Action"].as_str(), call.form["DurationSeconds"].as_str()), ("AssumeRole", "900"));
    assert_eq!(call.form["RoleArn"], ROLE);
    assert_eq!(call.form["RoleSessionName"], session.device_id.to_string());
    // By the key that reads, never by the broker's own.
    assert!(call.authorization.contains(&format!("Credential={}/", store.read.access_key_id)), "{}", call.authorization);
    assert!(call.authorization.contains("/cn-north-1/sts/aws4_request"), "{}", call.authorization);
    let policy: Value = serde_json::from_str(&call.form["Policy"]).unwrap();
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(policy["Statement"][0]["Action"], "s3:GetObject");
    assert_eq!(policy["Statement"][0]["Resource"], json!([format!("arn:aws-cn:s3:::tidegate/{prefix}*")]));
    let policy: Value = serde_json::from_str(&trial.form["Policy"]).unwrap();
    assert_eq!(policy["Statement"][1]["Action"], "s3:ListBucket");

    assert_eq!(ask(&device, &session.access_token, &[&prefix]).await.code(), "ok");
    assert_eq!(service.calls().len(), 4, "a store is tried once");
}

/// A token service that makes nothing of the session policy: its credentials are those of the reading key.
#[tokio::test]
async fn credentials_that_reach_a_sibling_are_found_out_and_never_handed_out() {
    let (service, world, device, session) = world(true).await;
    let store = &world.config().store;
    let secret = store.read.secret_access_key.expose_secret();
    service.gives(&store.read.access_key_id, secret, OffsetDateTime::now_utc() + Duration::seconds(900));
    for _ in 0..2 {
        let reply = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await;
        assert_eq!(reply.code(), "credentials-not-available");
        assert!(!String::from_utf8(reply.body).unwrap().contains(secret));
    }
    assert_eq!(service.calls().len(), 1);
}

#[tokio::test]
async fn credentials_end_with_the_session_where_the_policy_can_say_so() {
    let (service, world, mut device, session) = world(true).await;
    world.clock.advance(Duration::minutes(10));
    device.fresh_nonce().await;
    let body = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await.json();
    assert_eq!(timestamp::parse(body["expiresAt"].as_str().unwrap()).unwrap(), session.access_expires_at);
    let policy: Value = serde_json::from_str(&service.calls().last().unwrap().form["Policy"]).unwrap();
    let said = policy["Statement"][0]["Condition"]["DateLessThan"]["aws:CurrentTime"].as_str().unwrap();
    assert_eq!(timestamp::parse(said).unwrap(), session.access_expires_at);

    world.clock.advance(Duration::seconds(245));
    device.fresh_nonce().await;
    let reply = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await;
    assert_eq!(reply.code(), "renew-first");
}

#[tokio::test]
async fn what_the_service_says_of_the_end_is_told_and_never_more() {
    let (service, _world, device, session) = world(false).await;
    let prefix = format!("users/{}/", session.user_id);
    for seconds in [120, 900, 3_600] {
        let end = (OffsetDateTime::now_utc() + Duration::seconds(seconds)).replace_millisecond(0).unwrap();
        service.gives_until(end);
        let body = ask(&device, &session.access_token, &[&prefix]).await.json();
        let told = timestamp::parse(body["expiresAt"].as_str().unwrap()).unwrap();
        assert_eq!(told.unix_timestamp(), end.unix_timestamp());
    }
    assert!(!service.calls()[0].form["Policy"].contains("DateLessThan"));
    let (_service, _world, device, session) = world_until(true, Duration::seconds(120)).await;
    let prefix = format!("users/{}/", session.user_id);
    let body = ask(&device, &session.access_token, &[&prefix]).await.json();
    let told = timestamp::parse(body["expiresAt"].as_str().unwrap()).unwrap();
    assert!(told < session.access_expires_at - Duration::minutes(10), "the service's own end was the earlier one");
}

async fn world_until(bounds_time: bool, life: Duration) -> (TokenService, World, Device, SessionReply) {
    let (service, world, device, session) = world(bounds_time).await;
    service.gives_until(OffsetDateTime::now_utc() + life);
    (service, world, device, session)
}

#[tokio::test]
async fn prefixes_that_are_not_the_callers_or_not_exact_reach_no_token_service() {
    let (service, _world, device, session) = world(true).await;
    let (user, token) = (session.user_id, session.access_token.as_str());
    let other = Uuid::from_u128(9);
    for prefix in [format!("users/{other}/"), format!("users/{other}/family-members/{other}/"), format!("users/{other}/devices/")]
    {
        assert_eq!(ask(&device, token, &[&prefix]).await.code(), "not-allowed", "{prefix}");
        assert_eq!(ask(&device, token, &[&format!("users/{user}/"), &prefix]).await.code(), "not-allowed", "{prefix}");
    }
    for prefix in [
        String::new(),
        "users/".to_owned(),
        "users/*/".to_owned(),
        "_tidegate/".to_owned(),
        format!("users/{user}"),
        format!("users/{user}*/"),
        format!("users/{user}/*"),
        format!("users/{user}/?/"),
        format!("users/{user}/${{aws:username}}/"),
        format!("users/{user}/../{other}/"),
        format!("users/{user}//"),
        format!("/users/{user}/"),
        format!("users/{user}/genesis.json"),
        format!("users/{user}/family-members/*/"),
        format!("users/{}/", user.to_string().to_uppercase()),
    ] {
        assert_eq!(ask(&device, token, &[&prefix]).await.code(), "credentials-prefix-invalid", "{prefix}");
    }
    assert_eq!(ask(&device, token, &[]).await.code(), "invalid-request");
    let own = format!("users/{user}/");
    assert_eq!(ask(&device, token, &[own.as_str(); 5]).await.code(), "invalid-request");
    let reply = device.call("POST", PATH, &json!({ "prefixes": [own], "actions": ["s3:PutObject"] }), Some(token)).await;
    assert_eq!(reply.code(), "invalid-json");
    assert!(service.calls().is_empty());
}

#[tokio::test]
async fn a_recipient_of_a_share_gets_that_members_space_to_read_and_nothing_else_of_its_owner() {
    let (service, world, device, session) = world(true).await;
    let (owner, member, other) = (Uuid::from_u128(0xa), Uuid::from_u128(0xb), Uuid::from_u128(0xc));
    let forge = Forge::new(&world, &session.access_token);
    let space = format!("users/{owner}/family-members/{member}/");
    for permission in ["read", "read-write"] {
        let token = forge.with_claim("scope", format!("full share:{owner}/{member}:{permission}").into());
        assert_eq!(ask(&device, &token, &[&space]).await.code(), "ok");
        assert_eq!(ask(&device, &token, &[&format!("{space}records/")]).await.code(), "ok");
        assert!(!service.calls().last().unwrap().form["Policy"].contains("Put"));
        for prefix in [
            format!("users/{owner}/"),
            format!("users/{owner}/family-members/"),
            format!("users/{owner}/family-members/{other}/"),
            format!("users/{owner}/devices/"),
            format!("users/{owner}/access-grants/"),
            format!("users/{owner}/master-keys/"),
        ] {
            assert_eq!(ask(&device, &token, &[&prefix]).await.code(), "not-allowed", "{prefix}");
        }
    }
    let unproven = forge.with_claim("scope", format!("bootstrap share:{owner}/{member}:read").into());
    assert_eq!(ask(&device, &unproven, &[&space]).await.code(), "scope-insufficient");
}

#[tokio::test]
async fn without_the_accounts_key_there_are_no_credentials() {
    let (service, world, _, _) = world(true).await;
    let account = Account::new(7);
    let device = world.device().await;
    let invite = world.invite("bert", 2, Duration::days(1)).unwrap().token;
    let create = device.session(&invite, Some(&account)).await.session();
    let prefix = format!("users/{}/", create.user_id);
    assert_eq!(ask(&device, &create.access_token, &[&prefix]).await.code(), "scope-insufficient");
    assert!(service.calls().is_empty());
}

#[tokio::test]
async fn a_revoked_device_gets_no_credentials_after_a_minute() {
    let (service, world, mut device, session) = world(true).await;
    // As another replica writes it down that revokes the device.
    let before = world.clock.now().unix_timestamp() + 1;
    world.plant(&format!("_tidegate/revocations/recent/{before}.device.{}.json", session.device_id), b"{}").await;
    world.clock.advance(Duration::seconds(61));
    device.fresh_nonce().await;
    let reply = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await;
    assert_eq!(reply.code(), "session-ended");
    assert!(service.calls().is_empty());
}

#[tokio::test]
async fn a_service_that_refuses_or_answers_nonsense_is_no_leak() {
    let (service, _world, device, session) = world(true).await;
    let prefix = format!("users/{}/", session.user_id);
    let refusal =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>role/reader of 123456789012</Message></Error></ErrorResponse>";
    for (status, body) in [
        (StatusCode::FORBIDDEN, refusal.to_owned()),
        (StatusCode::OK, "<html>made-secret</html>".to_owned()),
        (StatusCode::OK, "x".repeat(100_000)),
        (StatusCode::FOUND, String::new()),
    ] {
        service.answers(status, body);
        let reply = ask(&device, &session.access_token, &[&prefix]).await;
        assert_eq!(reply.code(), "store-unavailable");
        let text = String::from_utf8(reply.body).unwrap();
        assert!(!text.contains("123456789012") && !text.contains("made-secret"), "{text}");
    }
}

#[tokio::test]
async fn r2_credentials_are_made_without_asking_anybody() {
    let settings = R2Settings { account_id: "a".repeat(32), host: "example.r2.cloudflarestorage.com".to_owned() };
    let world = World::with(move |options: &mut DevOptions| options.credentials = Some(CredentialSource::R2(settings))).await;
    let (device, session) = world.enrolled().await;
    let body = ask(&device, &session.access_token, &[&format!("users/{}/", session.user_id)]).await.json();
    assert_eq!(body["accessKeyId"], world.config().store.read.access_key_id.as_str());
    assert_ne!(body["accessKeyId"], world.config().store.write.access_key_id.as_str());
    let told = timestamp::parse(body["expiresAt"].as_str().unwrap()).unwrap();
    assert!(told <= session.access_expires_at);
    assert_eq!(told - timestamp::parse(body["renewAfter"].as_str().unwrap()).unwrap(), Duration::minutes(1));
}
