//! DPoP proofs: each way to be wrong, and its code.

use serde_json::{Value, json};
use tidegate_broker::dev::DevOptions;
use time::Duration;

use crate::device::{Device, Proof, Reply, hash};
use crate::world::World;

const PATH: &str = "/v1/presign";

fn body() -> Vec<u8> {
    serde_json::to_vec(&json!({ "items": [{ "method": "GET", "key": "nonsense" }] })).unwrap()
}

async fn call(device: &Device, token: &str, change: impl FnOnce(&mut Proof)) -> Reply {
    let mut proof = device.proof("POST", PATH, &body(), Some(token));
    change(&mut proof);
    device.call_with("POST", PATH, body(), Some(token), &device.sign(&proof)).await
}

#[tokio::test]
async fn a_proof_of_anything_else_is_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    assert_eq!(call(&device, token, |_| {}).await.code(), "ok");

    let other_url = format!("{}/v1/delete", world.broker_url);
    let elsewhere = format!("https://elsewhere.example{PATH}");
    let with_query = format!("{}{PATH}?a=b", world.broker_url);
    let claims: Vec<(&str, &str, Value)> = vec![
        ("wrong method", "htm", "GET".into()),
        ("lower-case method", "htm", "post".into()),
        ("another route", "htu", other_url.into()),
        ("another broker", "htu", elsewhere.into()),
        ("a query", "htu", with_query.into()),
        ("another body", "bh", hash(b"another").into()),
        ("another token", "ath", hash(b"another").into()),
        ("an empty jti", "jti", "".into()),
        ("a huge jti", "jti", "j".repeat(129).into()),
        ("iat as text", "iat", "now".into()),
    ];
    for (what, claim, value) in claims {
        let reply = call(&device, token, |proof| proof.claims[claim] = value).await;
        assert_eq!(reply.code(), "proof-invalid", "{what}");
        assert!(reply.headers["www-authenticate"].contains("invalid_dpop_proof"));
    }
    for claim in ["jti", "htm", "htu", "iat", "bh", "ath"] {
        let reply = call(&device, token, |proof| drop(proof.claims.as_object_mut().unwrap().remove(claim))).await;
        assert_eq!(reply.code(), "proof-invalid", "without {claim}");
    }
}

#[tokio::test]
async fn a_proof_with_another_header_is_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let headers: Vec<(&str, &str, Value)> = vec![
        ("typ JWT", "typ", "JWT".into()),
        ("alg none", "alg", "none".into()),
        ("alg HS256", "alg", "HS256".into()),
        ("crit", "crit", json!(["exp"])),
        ("jku", "jku", "https://elsewhere.example/keys".into()),
        ("x5c", "x5c", json!([])),
        ("kid", "kid", "1".into()),
    ];
    for (what, member, value) in headers {
        assert_eq!(call(&device, token, |proof| proof.header[member] = value).await.code(), "proof-invalid", "{what}");
    }
    for (member, value) in [("d", "AAAA"), ("crv", "P-384"), ("kty", "RSA"), ("x", "AAAA"), ("use", "sig")] {
        let reply = call(&device, token, |proof| proof.header["jwk"][member] = value.into()).await;
        assert_eq!(reply.code(), "proof-invalid", "jwk {member}");
    }
    // The right length, but not on the curve.
    let off_curve = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";
    assert_eq!(call(&device, token, |proof| proof.header["jwk"]["x"] = off_curve.into()).await.code(), "proof-invalid");
}

#[tokio::test]
async fn a_forged_proof_is_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let thief = world.device().await;

    // The thief's own key: right by itself, but not the token's.
    let own = thief.proof("POST", PATH, &body(), Some(token));
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &thief.sign(&own)).await.code(), "token-invalid");
    // The device's key in the header, the thief's signature.
    let swapped = device.proof("POST", PATH, &body(), Some(token));
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &thief.sign(&swapped)).await.code(), "proof-invalid");
    // No signature.
    let text = device.sign(&device.proof("POST", PATH, &body(), Some(token)));
    let unsigned = format!("{}.", text.rsplit_once('.').unwrap().0);
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &unsigned).await.code(), "proof-invalid");
    // Another body under a right proof.
    let proof = device.sign(&device.proof("POST", PATH, &body(), Some(token)));
    assert_eq!(device.call_with("POST", PATH, b"{}".to_vec(), Some(token), &proof).await.code(), "proof-invalid");
    for nonsense in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", &"a".repeat(5_000)] {
        let reply = device.call_with("POST", PATH, body(), Some(token), nonsense).await;
        assert_eq!(reply.code(), "proof-invalid", "{nonsense:.20}");
    }
}

#[tokio::test]
async fn a_proof_opens_one_request() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let proof = device.sign(&device.proof("POST", PATH, &body(), Some(token)));
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &proof).await.code(), "ok");
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &proof).await.code(), "proof-replayed");
    world.clock.advance(Duration::seconds(299));
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &proof).await.code(), "proof-replayed");
    world.clock.advance(Duration::seconds(2));
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &proof).await.code(), "use-dpop-nonce");
}

#[tokio::test]
async fn a_refused_proof_is_not_remembered() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let proof = device.sign(&device.proof("POST", PATH, &body(), Some(token)));
    assert_eq!(device.call_with("POST", PATH, b"{}".to_vec(), Some(token), &proof).await.code(), "proof-invalid");
    assert_eq!(device.call_with("POST", PATH, body(), Some(token), &proof).await.code(), "ok");
}

#[tokio::test]
async fn a_missing_or_stale_nonce_is_answered_with_a_fresh_one() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let reply = call(&device, token, |proof| drop(proof.claims.as_object_mut().unwrap().remove("nonce"))).await;
    assert_eq!(reply.code(), "use-dpop-nonce");
    assert_eq!(reply.headers["www-authenticate"], r#"DPoP error="use_dpop_nonce", algs="ES256""#);
    assert_eq!(call(&device, token, |proof| proof.claims["nonce"] = "made-up".into()).await.code(), "use-dpop-nonce");

    world.clock.advance(Duration::seconds(301));
    let stale = call(&device, token, |_| {}).await;
    assert_eq!(stale.code(), "use-dpop-nonce");
    device.nonce = stale.headers["dpop-nonce"].clone();
    assert_eq!(call(&device, token, |_| {}).await.code(), "ok");
}

#[tokio::test]
async fn every_authenticated_reply_brings_a_nonce() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    for _ in 0..3 {
        let reply = call(&device, &session.access_token, |_| {}).await;
        assert_eq!(reply.code(), "ok");
        device.nonce = reply.headers["dpop-nonce"].clone();
    }
}

#[tokio::test]
async fn calls_without_proof_or_token_are_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let url = format!("{}{PATH}", world.broker_url);
    let authorization = format!("DPoP {token}");
    let json = ("content-type", "application/json");
    let post = async |headers: &[(&str, &str)]| crate::device::send(reqwest::Method::POST, &url, headers, body()).await.code();

    assert_eq!(post(&[json, ("authorization", &authorization)]).await, "proof-missing");
    let proof = || device.sign(&device.proof("POST", PATH, &body(), Some(token)));
    assert_eq!(post(&[json, ("dpop", &proof())]).await, "token-missing");
    let bearer = format!("Bearer {token}");
    assert_eq!(post(&[json, ("dpop", &proof()), ("authorization", &bearer)]).await, "token-missing");
    assert_eq!(post(&[json, ("dpop", &proof()), ("dpop", &proof()), ("authorization", &authorization)]).await, "proof-invalid");
    assert_eq!(post(&[json, ("dpop", &proof()), ("authorization", &authorization)]).await, "ok");
}

#[tokio::test]
async fn the_clients_clock_does_not_matter() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    for iat in [json!(0), json!(-5), json!(1.5), json!(99_999_999_999_u64)] {
        let reply = call(&device, &session.access_token, |proof| proof.claims["iat"] = iat.clone()).await;
        assert_eq!(reply.code(), "ok", "{iat}");
    }
}

#[tokio::test]
async fn a_full_replay_set_refuses_and_says_when_to_come_back() {
    let world = World::with(|options: &mut DevOptions| options.limits.replay_entries = 30).await;
    let (device, session) = world.enrolled().await;
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(call(&device, &session.access_token, |_| {}).await);
    }
    let last = codes.pop().unwrap();
    assert_eq!((last.code().as_str(), last.status), ("overloaded", 503));
    assert!(last.headers.contains_key("retry-after"));
}
