//! A device as the broker sees it: a P-256 key that signs DPoP proofs, an account key, and a client that sends requests.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_protocol::account::{ProofPurpose, account_proof_message, user_id};
use tidegate_protocol::genesis::Genesis;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::{ObjectKey, Sha256, UserId};
use uuid::Uuid;

/// The status, headers and body of a reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The problem code, or `ok`.
    pub(crate) fn code(&self) -> String {
        if self.status < 400 {
            return "ok".to_owned();
        }
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["correlationId"], self.headers["x-request-id"].as_str());
        problem["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn session(&self) -> SessionReply {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request as it is.
pub(crate) async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
    let mut request = reqwest::Client::new().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request.body(body).send().await.unwrap();
    let status = reply.status().as_u16();
    let headers = reply.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Reply { status, headers, body: reply.bytes().await.unwrap().to_vec() }
}

/// An account as its first device makes it.
pub(crate) struct Account {
    pub(crate) key: SigningKey,
    pub(crate) genesis: Vec<u8>,
}

impl Account {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let genesis = Genesis {
            retention_days: 90,
            recovery_public_key: SigningKey::from_bytes(&[seed ^ 0x80; 32]).verifying_key().to_bytes(),
            account_ed25519_public_key: key.verifying_key().to_bytes(),
            account_xwing_public_key: Box::new([seed; 1216]),
        };
        Self { key, genesis: genesis.to_bytes() }
    }

    pub(crate) fn user(&self) -> UserId {
        user_id(&self.genesis)
    }

    /// The key that signs statements which replace the account's keys.
    pub(crate) fn recovery(&self) -> SigningKey {
        SigningKey::from_bytes(&self.key.to_bytes().map(|byte| byte ^ 0x80))
    }

    /// The same account under other keys.
    pub(crate) fn with_key(&self, seed: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[seed; 32]), genesis: self.genesis.clone() }
    }

    /// The `account` member of a session request.
    pub(crate) fn proof(&self, public_url: &str, thumbprint: &Sha256, nonce: &str) -> Value {
        self.proof_for(ProofPurpose::Session, public_url, thumbprint, nonce)
    }

    /// The same for another purpose.
    pub(crate) fn proof_for(&self, purpose: ProofPurpose, public_url: &str, thumbprint: &Sha256, nonce: &str) -> Value {
        let message = account_proof_message(purpose, public_url, self.user(), thumbprint, nonce);
        json!({
            "genesis": URL_SAFE_NO_PAD.encode(&self.genesis),
            "purpose": purpose.as_str(),
            "signature": URL_SAFE_NO_PAD.encode(self.key.sign(&message).to_bytes()),
        })
    }
}

/// A DPoP proof under construction: every part can be made wrong.
#[derive(Clone)]
pub(crate) struct Proof {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

/// A device.
pub(crate) struct Device {
    key: EcdsaKeyPair,
    pub(crate) broker: String,
    /// Where its calls go: the broker's public URL, or one replica behind it.
    pub(crate) reaches: String,
    pub(crate) nonce: String,
}

impl Device {
    /// A new key, and a first nonce as every client gets it: by a refusal.
    pub(crate) async fn new(broker: &str) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let mut device = Self { key, broker: broker.to_owned(), reaches: broker.to_owned(), nonce: String::new() };
        device.fresh_nonce().await;
        device
    }

    pub(crate) async fn fresh_nonce(&mut self) {
        let reply = send(Method::POST, &format!("{}/v1/presign", self.reaches), &[], Vec::new()).await;
        assert_eq!(reply.code(), "proof-missing");
        self.nonce = reply.headers["dpop-nonce"].clone();
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) })
    }

    pub(crate) fn thumbprint(&self) -> Sha256 {
        let jwk = self.jwk();
        let (x, y) = (jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
        Sha256::of(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes())
    }

    /// A right proof for this request; `token` is what `ath` names.
    pub(crate) fn proof(&self, method: &str, path: &str, body: &[u8], token: Option<&str>) -> Proof {
        let mut claims = json!({
            "jti": Uuid::new_v4(),
            "htm": method,
            "htu": format!("{}{path}", self.broker),
            "iat": 1,
            "nonce": self.nonce,
            "bh": hash(body),
        });
        if let Some(token) = token {
            claims["ath"] = hash(token.as_bytes()).into();
        }
        Proof { header: json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() }), claims }
    }

    /// Signs a proof with this device's key, whatever it says.
    pub(crate) fn sign(&self, proof: &Proof) -> String {
        self.sign_jwt(&proof.header, &proof.claims)
    }

    pub(crate) fn sign_jwt(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A call with a right proof.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value, token: Option<&str>) -> Reply {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let proof = self.proof(method, path, &body, token);
        self.call_with(method, path, body, token, &self.sign(&proof)).await
    }

    /// A call with this proof.
    pub(crate) async fn call_with(&self, method: &str, path: &str, body: Vec<u8>, token: Option<&str>, proof: &str) -> Reply {
        let authorization = token.map(|token| format!("DPoP {token}"));
        let mut headers = vec![("content-type", "application/json"), ("dpop", proof)];
        if let Some(authorization) = &authorization {
            headers.push(("authorization", authorization));
        }
        send(method.parse().unwrap(), &format!("{}{path}", self.reaches), &headers, body).await
    }

    /// `POST /v1/self-host/session`, with or without the account's proof.
    pub(crate) async fn session(&self, invite: &str, account: Option<&Account>) -> Reply {
        let mut body = json!({ "invite": invite });
        if let Some(account) = account {
            body["account"] = account.proof(&self.broker, &self.thumbprint(), &self.nonce);
        }
        self.call("POST", "/v1/self-host/session", &body, None).await
    }

    /// `POST /v1/session/renew`.
    pub(crate) async fn renew(&self, renewal_token: &str) -> Reply {
        let body = serde_json::to_vec(&json!({ "renewalToken": renewal_token })).unwrap();
        let proof = self.proof("POST", "/v1/session/renew", &body, Some(renewal_token));
        self.call_with("POST", "/v1/session/renew", body, None, &self.sign(&proof)).await
    }

    /// `POST /v1/presign` of one item; the result.
    pub(crate) async fn presign(&self, token: &str, item: Value) -> Value {
        let reply = self.call("POST", "/v1/presign", &json!({ "items": [item] }), Some(token)).await;
        assert_eq!(reply.code(), "ok");
        reply.json()["results"][0].clone()
    }

    /// Signs and sends a PUT to the store.
    pub(crate) async fn put(&self, token: &str, key: &ObjectKey, bytes: &[u8]) -> Reply {
        let signed = self.presign(token, put_item(key, bytes)).await;
        assert_eq!(signed["outcome"], "signed", "{signed}");
        use_url(&signed, bytes.to_vec()).await
    }

    /// Everything that a first device does until its session is full.
    pub(crate) async fn create_account(&self, invite: &str, account: &Account) -> SessionReply {
        let create = self.session(invite, Some(account)).await.session();
        self.put_account_objects(&create.access_token, account).await;
        self.call("POST", "/v1/account/link", &json!({}), Some(&create.access_token)).await.session()
    }

    /// Genesis and a master-key blob.
    pub(crate) async fn put_account_objects(&self, token: &str, account: &Account) {
        let user = account.user();
        assert_eq!(self.put(token, &ObjectKey::Genesis { user }, &account.genesis).await.status, 200);
        assert_eq!(self.put(token, &master_key(user), MASTER_KEY).await.status, 200);
    }
}

pub(crate) const MASTER_KEY: &[u8] = b"sealed master key";

pub(crate) fn master_key(user: UserId) -> ObjectKey {
    ObjectKey::MasterKeys { user, generation: 0, digest: Sha256::of(MASTER_KEY).digest() }
}

pub(crate) fn put_item(key: &ObjectKey, bytes: &[u8]) -> Value {
    json!({ "method": "PUT", "key": key.to_string(), "length": bytes.len(), "sha256": Sha256::of(bytes) })
}

/// Sends what a signed URL allows.
pub(crate) async fn use_url(signed: &Value, body: Vec<u8>) -> Reply {
    let headers: Vec<(&str, &str)> =
        signed["headers"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let method = signed["method"].as_str().unwrap().parse().unwrap();
    send(method, signed["url"].as_str().unwrap(), &headers, body).await
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::of(bytes).as_bytes())
}

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(json).unwrap())
}
