//! Tokens by which the App Store Server API knows its callers.
//!
//! <https://developer.apple.com/documentation/appstoreserverapi/generating-json-web-tokens-for-api-requests>

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::config::ServerApiSettings;

/// Apple refuses more than 60 minutes. Each request has a token of its own, so minutes are enough.
const LIVES: Duration = Duration::minutes(5);
const AUDIENCE: &str = "appstoreconnect-v1";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    bid: &'a str,
}

/// Signs requests in the operator's name.
pub(super) struct RequestTokens {
    issuer: String,
    header: Header,
    key: EncodingKey,
}

impl RequestTokens {
    pub(super) fn new(settings: &ServerApiSettings) -> Self {
        let header = Header { kid: Some(settings.key_id.clone()), ..Header::new(Algorithm::ES256) };
        Self { issuer: settings.issuer_id.clone(), header, key: settings.private_key.encoding_key().clone() }
    }

    pub(super) fn sign(&self, bundle_id: &str, now: OffsetDateTime) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: &self.issuer,
            iat: now.unix_timestamp(),
            exp: (now + LIVES).unix_timestamp(),
            aud: AUDIENCE,
            bid: bundle_id,
        };
        encode(&self.header, &claims, &self.key)
    }
}
