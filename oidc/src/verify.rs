//! What an ID token must say to be believed (OpenID Connect Core 1.0, section 3.1.3.7).

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::claims::ClaimNames;
use crate::fault::IdTokenFault;
use crate::jws::UnverifiedIdToken;
use crate::keys::KeySet;

/// Longest subject, in bytes (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT_BYTES: usize = 255;
/// Longest e-mail address, in bytes (RFC 5321).
const MAX_EMAIL_BYTES: usize = 320;

/// By what an issuer tells its ID tokens from other tokens that the same keys sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// By nothing but audience and nonce.
    Any,
    /// Keycloak: the payload's `typ` is `ID`; access tokens have `Bearer`.
    Keycloak,
    /// Supabase: the tokens of signed-in people have `role` `authenticated`; those of anonymous ones `is_anonymous` besides.
    Supabase,
}

/// What a token has to fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer, letter by letter.
    pub issuer: &'a str,
    /// Clients whose tokens count: `aud` must name one, and `azp`, where it is there.
    pub audiences: &'a [String],
    /// Where the issuer writes what.
    pub claims: &'a ClaimNames,
    /// What kind of token it has to be.
    pub kind: TokenKind,
    /// How long ago it may have been issued.
    pub max_age: Duration,
    /// By how much the clocks may differ.
    pub skew: Duration,
    /// Now, by the verifier's clock.
    pub now: OffsetDateTime,
}

/// An ID token that its issuer signed, for one of these clients, and that counts now. Its nonce is left to
/// [`VerifiedIdToken::check_nonce`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedIdToken {
    /// The person's lasting name with the issuer.
    pub subject: String,
    /// The domain of the e-mail address, in lower case, where the issuer says that it has verified the address.
    pub verified_domain: Option<String>,
    /// The person's groups.
    pub groups: Vec<String>,
    nonce: Option<String>,
}

impl std::fmt::Debug for VerifiedIdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifiedIdToken(masked)")
    }
}

impl VerifiedIdToken {
    /// Verifies signature and claims. The signature comes first: of a forgery nothing else is said.
    ///
    /// # Errors
    /// [`IdTokenFault`].
    pub fn verify(token: &UnverifiedIdToken<'_>, keys: &KeySet, expected: &Expected<'_>) -> Result<Self, IdTokenFault> {
        keys.verify(token)?;
        let payload = &token.payload;
        if text(payload, "iss")? != expected.issuer {
            return Err(IdTokenFault::Issuer);
        }
        check_kind(payload, expected)?;
        check_audience(payload, expected.audiences)?;
        check_times(payload, expected)?;
        let subject = expected.claims.subject.text(payload).ok_or(IdTokenFault::Claim("sub"))?;
        let is_subject = (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && !subject.chars().any(char::is_control);
        if !is_subject {
            return Err(IdTokenFault::Claim("sub"));
        }
        Ok(Self {
            subject: subject.to_owned(),
            verified_domain: verified_domain(payload, expected.claims),
            groups: expected.claims.groups.texts(payload),
            nonce: optional_text(payload, "nonce")?.map(str::to_owned),
        })
    }

    /// Whether the token says which nonce it was asked for with.
    #[must_use]
    pub const fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    /// Whether it was asked for with this nonce, which both sides derive from the device's key.
    ///
    /// # Errors
    /// [`IdTokenFault::Nonce`].
    pub fn check_nonce(&self, expected: &str) -> Result<(), IdTokenFault> {
        if self.nonce.as_deref() == Some(expected) { Ok(()) } else { Err(IdTokenFault::Nonce) }
    }
}

fn check_kind(payload: &Value, expected: &Expected<'_>) -> Result<(), IdTokenFault> {
    let is_of_kind = match expected.kind {
        TokenKind::Any => true,
        TokenKind::Keycloak => payload.get("typ").and_then(Value::as_str) == Some("ID"),
        TokenKind::Supabase => {
            let is_anonymous = payload.get("is_anonymous").is_some_and(|claim| claim != &Value::Bool(false));
            // What was given to another application in somebody's name has the same audience, and says so here.
            let client = optional_text(payload, "client_id")?;
            let is_others = client.is_some_and(|client| !expected.audiences.iter().any(|ours| ours == client));
            payload.get("role").and_then(Value::as_str) == Some("authenticated") && !is_anonymous && !is_others
        }
    };
    if is_of_kind { Ok(()) } else { Err(IdTokenFault::Kind) }
}

/// One of the audiences must be ours; where there are several, or `azp` is there, that must be ours too: else a token that was given
/// to another client, which names us beside itself, would be good here.
fn check_audience(payload: &Value, ours: &[String]) -> Result<(), IdTokenFault> {
    let is_ours = |party: &str| ours.iter().any(|our| our == party);
    let audiences: Vec<&str> = match payload.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().ok_or(IdTokenFault::Claim("aud"))).collect::<Result<_, _>>()?
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            return Err(IdTokenFault::Claim("aud"));
        }
    };
    let authorized = optional_text(payload, "azp")?;
    let is_for_us = audiences.iter().any(|audience| is_ours(audience));
    let is_to_us = match authorized {
        Some(party) => is_ours(party),
        None => audiences.iter().all(|audience| is_ours(audience)),
    };
    if is_for_us && is_to_us { Ok(()) } else { Err(IdTokenFault::Audience) }
}

fn check_times(payload: &Value, expected: &Expected<'_>) -> Result<(), IdTokenFault> {
    let (now, skew) = (expected.now.unix_timestamp(), expected.skew.whole_seconds());
    let exp = seconds(payload, "exp")?.ok_or(IdTokenFault::Claim("exp"))?;
    let iat = seconds(payload, "iat")?.ok_or(IdTokenFault::Claim("iat"))?;
    let nbf = seconds(payload, "nbf")?.unwrap_or(iat);
    if now >= exp.saturating_add(skew) {
        return Err(IdTokenFault::Expired);
    }
    if iat.max(nbf) > now.saturating_add(skew) {
        return Err(IdTokenFault::NotYetValid);
    }
    if now.saturating_sub(iat) > expected.max_age.whole_seconds().saturating_add(skew) {
        return Err(IdTokenFault::TooOld);
    }
    Ok(())
}

/// The domain after the last `@`, if the address is verified.
fn verified_domain(payload: &Value, names: &ClaimNames) -> Option<String> {
    if !names.email_verified.is_true(payload) {
        return None;
    }
    let email = names.email.text(payload).filter(|email| email.len() <= MAX_EMAIL_BYTES)?;
    let (local, domain) = email.rsplit_once('@')?;
    let is_plain = !local.is_empty()
        && !domain.is_empty()
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_plain.then(|| domain.to_ascii_lowercase())
}

fn text<'a>(payload: &'a Value, name: &'static str) -> Result<&'a str, IdTokenFault> {
    optional_text(payload, name)?.ok_or(IdTokenFault::Claim(name))
}

fn optional_text<'a>(payload: &'a Value, name: &'static str) -> Result<Option<&'a str>, IdTokenFault> {
    match payload.get(name) {
        None => Ok(None),
        Some(claim) => claim.as_str().map(Some).ok_or(IdTokenFault::Claim(name)),
    }
}

/// A `NumericDate` (RFC 7519, section 2), which may have a fraction.
fn seconds(payload: &Value, name: &'static str) -> Result<Option<i64>, IdTokenFault> {
    /// The year 9999: beyond it no date is meant.
    const LAST: f64 = 253_402_300_799.0;
    let Some(claim) = payload.get(name) else { return Ok(None) };
    if let Some(whole) = claim.as_i64() {
        return Ok(Some(whole));
    }
    let number = claim.as_f64().filter(|number| (0.0..=LAST).contains(number)).ok_or(IdTokenFault::Claim(name))?;
    #[expect(clippy::cast_possible_truncation, reason = "within the bounds above, and the fraction is meant to go")]
    Ok(Some(number as i64))
}
