//! The ID token of a login: whose account it is. It is believed only if the accounts service signed it, for this client, now
//! (OpenID Connect Core 1.0, section 3.1.3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;

use super::error::IdTokenFault;

/// By how much the service's clock and this machine's may differ, in seconds.
const LEEWAY: i64 = 60;
/// The longest token that is looked at, in bytes.
const MOST_BYTES: usize = 16 * 1024;
/// The longest identifier of a person or an account.
const MOST_ID_BYTES: usize = 64;

/// The signing keys of the accounts service (RFC 7517).
#[derive(Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

/// One of them. Members that this does not use are passed over.
#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// Whose account a login is to.
pub(super) struct Person {
    pub(super) pumper_id: String,
    pub(super) account_id: String,
}

/// What a token must say to be believed.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) now: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Rules of its own that a reader must know (RFC 7515, section 4.1.11); none are known here.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    pumper_id: String,
    account_id: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Whose account it is, if the token is to be believed.
///
/// # Errors
/// If it is not.
pub(super) fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Person, IdTokenFault> {
    let signature_holds = signed_by_one_of(token, keys)?;
    if !signature_holds {
        return Err(IdTokenFault::Signature);
    }
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims: Claims = decoded(payload).ok_or(IdTokenFault::Claims)?;
    if claims.iss != expected.issuer {
        return Err(IdTokenFault::Issuer);
    }
    if !claims.is_for(expected.client_id) {
        return Err(IdTokenFault::Audience);
    }
    let now = expected.now.as_second();
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(IdTokenFault::Expired);
    }
    if claims.iat.max(claims.nbf.unwrap_or(i64::MIN)) > now.saturating_add(LEEWAY) {
        return Err(IdTokenFault::Future);
    }
    if !is_identifier(&claims.pumper_id) || !is_identifier(&claims.account_id) {
        return Err(IdTokenFault::Claims);
    }
    Ok(Person { pumper_id: claims.pumper_id, account_id: claims.account_id })
}

/// Whether a key of the token's name made its signature. The algorithm is this function's choice, never the token's.
fn signed_by_one_of(token: &str, keys: &KeySet) -> Result<bool, IdTokenFault> {
    if token.len() > MOST_BYTES || token.split('.').count() != 3 {
        return Err(IdTokenFault::Algorithm);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(IdTokenFault::Algorithm)?;
    let header: Header = token.split('.').next().and_then(decoded).ok_or(IdTokenFault::Algorithm)?;
    if header.alg != "RS256" || header.crit.is_some() {
        return Err(IdTokenFault::Algorithm);
    }
    let name = header.kid.ok_or(IdTokenFault::Key)?;
    let mut named = keys.keys.iter().filter(|key| key.kid.as_deref() == Some(&name)).filter_map(Key::decoding).peekable();
    if named.peek().is_none() {
        return Err(IdTokenFault::Key);
    }
    Ok(named.any(|key| crypto::verify(signature, message.as_bytes(), &key, Algorithm::RS256).unwrap_or(false)))
}

impl Key {
    /// The key, if it is one for such signatures.
    fn decoding(&self) -> Option<DecodingKey> {
        let signs =
            self.usage.as_deref().is_none_or(|usage| usage == "sig") && self.alg.as_deref().is_none_or(|alg| alg == "RS256");
        if self.kty != "RSA" || !signs {
            return None;
        }
        DecodingKey::from_rsa_components(self.n.as_deref()?, self.e.as_deref()?).ok()
    }
}

impl Claims {
    /// Whether it is addressed to this client, and given to no other one.
    fn is_for(&self, client_id: &str) -> bool {
        let (addressed, others) = match &self.aud {
            Audience::One(one) => (one == client_id, false),
            Audience::Many(many) => (many.iter().any(|one| one == client_id), many.len() > 1),
        };
        addressed && self.azp.as_deref().map_or(!others, |party| party == client_id)
    }
}

/// Identifiers become parts of addresses.
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=MOST_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
