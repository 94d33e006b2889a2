//! Access tokens: forged, foreign, ended, or made for another use.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::Duration;

use crate::device::{Device, Reply};
use crate::world::World;

/// A call with this token and an otherwise right proof.
async fn code_of(device: &Device, token: &str) -> String {
    reply_to(device, token).await.code()
}

async fn reply_to(device: &Device, token: &str) -> Reply {
    let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
    device.call("POST", "/v1/presign", &body, Some(token)).await
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(json).unwrap())
}

/// Signs with the broker's own key, whatever header and claims say.
pub(crate) struct Forge {
    key: EncodingKey,
    header: Value,
    claims: Value,
}

impl Forge {
    pub(crate) fn new(world: &World, token: &str) -> Self {
        let key = EncodingKey::from_ec_pem(world.signing_key().1.as_bytes()).unwrap();
        Self { key, header: part(token, 0), claims: part(token, 1) }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        // jsonwebtoken makes the signature; header and claims are ours to the letter.
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }

    fn with_header(&self, member: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[member] = value;
        self.sign(&header, &self.claims)
    }

    pub(crate) fn with_claim(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[claim] = value;
        self.sign(&self.header, &claims)
    }
}

#[tokio::test]
async fn access_tokens_are_what_the_design_says() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let (header, claims) = (part(&session.access_token, 0), part(&session.access_token, 1));
    let (kid, _) = world.signing_key();
    assert_eq!(header, json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }));
    assert_eq!(claims["iss"], world.broker_url.as_str());
    assert_eq!(claims["aud"], world.broker_url.as_str());
    assert_eq!(claims["sub"], session.user_id.to_string());
    assert_eq!(claims["did"], session.device_id.to_string());
    assert_eq!(claims["scope"], "full");
    assert_eq!(claims["cnf"]["jkt"], URL_SAFE_NO_PAD.encode(device.thumbprint().as_bytes()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert!(claims.get("lnk").is_none() && claims.get("inv").is_none());
    let renewal = session.renewal_token.unwrap();
    assert_eq!(part(&renewal, 0)["typ"], "renewal+jwt");
}

#[tokio::test]
async fn tokens_with_another_header_are_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let forge = Forge::new(&world, &session.access_token);
    assert_eq!(code_of(&device, &forge.sign(&forge.header, &forge.claims)).await, "ok");
    for (member, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("typ", json!("JWT")),
        ("typ", json!("renewal+jwt")),
        ("typ", json!("tidegate-invite+jwt")),
        ("kid", json!("another")),
        ("kid", json!("")),
        ("crit", json!(["exp"])),
        ("jwk", device.jwk()),
        ("jku", json!("https://elsewhere.example/keys")),
        ("b64", json!(false)),
    ] {
        assert_eq!(code_of(&device, &forge.with_header(member, value.clone())).await, "token-invalid", "{member} {value}");
    }
}

#[tokio::test]
async fn tokens_with_other_claims_are_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let forge = Forge::new(&world, &session.access_token);
    let stranger = world.device().await;
    for (claim, value) in [
        ("iss", json!("https://elsewhere.example")),
        ("iss", Value::Null),
        ("aud", json!("https://elsewhere.example")),
        ("aud", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("scope", json!("everything")),
        ("sub", json!("nobody")),
        ("cnf", json!({})),
        ("cnf", json!({ "jkt": URL_SAFE_NO_PAD.encode(stranger.thumbprint().as_bytes()) })),
    ] {
        assert_eq!(code_of(&device, &forge.with_claim(claim, value.clone())).await, "token-invalid", "{claim} {value}");
    }
    assert_eq!(code_of(&device, &forge.with_claim("exp", json!(1))).await, "token-expired");
}

#[tokio::test]
async fn unsigned_and_misused_algorithms_are_refused() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let (header, claims) = (part(&session.access_token, 0), part(&session.access_token, 1));
    let kid = header["kid"].clone();

    let none = json!({ "alg": "none", "typ": "at+jwt", "kid": kid });
    assert_eq!(code_of(&device, &format!("{}.{}.", encode(&none), encode(&claims))).await, "token-invalid");

    // HS256 with the public key as secret, in every form in which it is published or could be.
    let keys = crate::device::send(reqwest::Method::GET, &format!("{}/.well-known/jwks.json", world.broker_url), &[], vec![])
        .await
        .json();
    let jwk = &keys["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let hs256 = json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid });
    let signed = format!("{}.{}", encode(&hs256), encode(&claims));
    for secret in [point, serde_json::to_vec(jwk).unwrap(), jwk["x"].as_str().unwrap().as_bytes().to_vec()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        assert_eq!(code_of(&device, &token).await, "token-invalid");
    }

    // Signed by the device's key instead of the broker's.
    assert_eq!(code_of(&device, &device.sign_jwt(&header, &claims)).await, "token-invalid");
    for nonsense in ["", "a", "a.b", "a.b.c", "a.b.c.d", "..", &"a".repeat(20_000)] {
        let reply = reply_to(&device, nonsense).await;
        assert!(matches!(reply.status, 401 | 431), "{nonsense:.10}");
    }
}

#[tokio::test]
async fn no_token_passes_for_another() {
    let world = World::new().await;
    let account = crate::device::Account::new(1);
    let invite = world.invite_for(2);
    let device = world.device().await;
    let session = device.create_account(&invite, &account).await;
    let renewal = session.renewal_token.unwrap();
    assert_eq!(code_of(&device, &renewal).await, "token-invalid");
    assert_eq!(code_of(&device, &invite).await, "token-invalid");
    assert_eq!(device.renew(&session.access_token).await.code(), "token-invalid");
    assert_eq!(device.renew(&invite).await.code(), "token-invalid");
    assert_eq!(device.session(&session.access_token, Some(&account)).await.code(), "invite-invalid");
    assert_eq!(device.session(&renewal, Some(&account)).await.code(), "invite-invalid");
}

#[tokio::test]
async fn access_tokens_end_after_15_minutes_also_from_the_cache() {
    let world = World::new().await;
    let (mut device, session) = world.enrolled().await;
    assert_eq!(code_of(&device, &session.access_token).await, "ok");
    world.clock.advance(Duration::seconds(839));
    device.fresh_nonce().await;
    assert_eq!(code_of(&device, &session.access_token).await, "ok");
    world.clock.advance(Duration::seconds(2));
    assert_eq!(code_of(&device, &session.access_token).await, "renew-first");
    world.clock.advance(Duration::seconds(60));
    assert_eq!(code_of(&device, &session.access_token).await, "token-expired");
}

#[tokio::test]
async fn tokens_of_another_broker_are_refused() {
    let (world, elsewhere) = (World::new().await, World::new().await);
    let (device, _) = world.enrolled().await;
    let (_, foreign) = elsewhere.enrolled().await;
    assert_eq!(code_of(&device, &foreign.access_token).await, "token-invalid");
    // Its key under our kid.
    let (kid, _) = world.signing_key();
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(kid);
    let key = EncodingKey::from_ec_pem(elsewhere.signing_key().1.as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&header, &part(&foreign.access_token, 1), &key).unwrap();
    assert_eq!(code_of(&device, &token).await, "token-invalid");
}
