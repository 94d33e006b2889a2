//! A device with a session: an access token as the broker mints it, and a DPoP proof for every request, made beforehand.

use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tidegate_protocol::account::device_id;
use tidegate_protocol::{Sha256, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Fallible;
use crate::connection::Connection;
use crate::server::Server;
use crate::wrk::Load;

pub(crate) const ROUTE: &str = "/v1/presign";
const MEMBER: &str = "0b7e6a52-91d4-4f0e-8a3c-5e2d1f4b6a90";
/// More requests in a second than any server here answers.
const MOST_PER_SECOND: [u64; 2] = [40_000, 16_000];

/// What is asked for in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Batch {
    OneGet,
    HundredGets,
    HundredPuts,
}

impl Batch {
    pub(crate) const ALL: [Self; 3] = [Self::OneGet, Self::HundredGets, Self::HundredPuts];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneGet => "1 URL (GET)",
            Self::HundredGets => "100 URLs (GET)",
            Self::HundredPuts => "100 URLs (PUT)",
        }
    }

    const fn items(self) -> usize {
        match self {
            Self::OneGet => 1,
            Self::HundredGets | Self::HundredPuts => 100,
        }
    }

    /// The body of the request, for records of this account.
    pub(crate) fn body(self, user: UserId) -> String {
        let items: Vec<_> = (0..self.items())
            .map(|at| {
                let sha256 = Sha256::of(&at.to_be_bytes()).to_string();
                let record = Uuid::from_u128(u128::from_be_bytes([7; 16]) ^ at as u128);
                let key = format!("users/{user}/family-members/{MEMBER}/records/{record}.v1.{}.blob", &sha256[..32]);
                match self {
                    Self::OneGet | Self::HundredGets => json!({ "method": "GET", "key": key }),
                    Self::HundredPuts => json!({ "method": "PUT", "key": key, "length": 1200, "sha256": sha256 }),
                }
            })
            .collect();
        json!({ "items": items }).to_string()
    }
}

pub(crate) struct Client {
    key: EcdsaKeyPair,
    jwk: String,
    user: UserId,
    token: String,
    url: String,
    address: SocketAddr,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Fallible<Self> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())?;
        let point = key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = Sha256::of(jwk.as_bytes());
        let url = format!("http://{}", server.address);
        let user = UserId::new(Uuid::new_v8(*b"tidegate's bench"));
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "iss": url, "aud": url, "sub": user, "did": device_id(user, &thumbprint), "scope": "full",
            "cnf": { "jkt": URL_SAFE_NO_PAD.encode(thumbprint.as_bytes()) },
            "jti": Uuid::new_v4(), "iat": now, "exp": now + 3 * 3600,
        });
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(server.signing_key.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_pem(server.signing_key.pem.as_bytes())?)?;
        Ok(Self { key, jwk, user, token, url, address: server.address })
    }

    /// A request of this batch for every proof that a server could take in so many seconds.
    pub(crate) fn load(&self, batch: Batch, seconds: u64) -> Fallible<Load> {
        let body = batch.body(self.user);
        let most = if batch.items() == 1 { MOST_PER_SECOND[0] } else { MOST_PER_SECOND[1] };
        let nonce = Connection::open(self.address)?.nonce()?;
        let proofs = tempfile::NamedTempFile::new()?;
        let mut lines = BufWriter::new(proofs.as_file());
        for _ in 0..most * seconds {
            writeln!(lines, "{}", self.proof(&body, &nonce)?)?;
        }
        lines.flush()?;
        drop(lines);
        Ok(Load { address: self.address, token: Some(self.token.clone()), body, proofs: Some(proofs) })
    }

    /// A DPoP proof (RFC 9449) for `POST /v1/presign` with this body.
    pub(crate) fn proof(&self, body: &str, nonce: &str) -> Fallible<String> {
        let hash = |text: &str| URL_SAFE_NO_PAD.encode(Sha256::of(text.as_bytes()).as_bytes());
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{}}}"#, self.jwk);
        let claims = json!({
            "jti": Uuid::new_v4(), "htm": "POST", "htu": format!("{}{ROUTE}", self.url), "iat": 1, "nonce": nonce,
            "bh": hash(body), "ath": hash(&self.token),
        });
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The whole request.
    pub(crate) fn request(&self, body: &str, nonce: &str) -> Fallible<String> {
        let (proof, length) = (self.proof(body, nonce)?, body.len());
        Ok(format!(
            "POST {ROUTE} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             authorization: DPoP {}\r\ndpop: {proof}\r\n\r\n{body}",
            self.token
        ))
    }

    pub(crate) const fn user(&self) -> UserId {
        self.user
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}
