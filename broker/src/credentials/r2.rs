//! Credentials that R2 verifies without having made them: a JWT signed by the secret of a lasting key.
//!
//! See <https://developers.cloudflare.com/r2/api/s3/temporary-credentials/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tidegate_protocol::Sha256;
use time::OffsetDateTime;

use super::issuer::{Issued, Order};
use crate::config::R2Settings;
use crate::store::StoreCredential;

/// What reading takes; everything else is refused, whatever the lasting key may do.
const READ: [&str; 2] = ["GetObject", "HeadObject"];
const READ_AND_LIST: [&str; 3] = ["GetObject", "HeadObject", "ListObjectsV2"];

/// The lasting key, and where its credentials are good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct R2Parent<'a> {
    /// The key whose secret signs.
    pub(crate) key: &'a StoreCredential,
    /// Account and host.
    pub(crate) settings: &'a R2Settings,
    /// The bucket.
    pub(crate) bucket: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    bucket: &'a str,
    scope: &'static str,
    actions: &'static [&'static str],
    paths: Paths<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paths<'a> {
    prefix_paths: &'a [String],
    object_paths: [&'a str; 0],
}

/// Makes credentials that read under the prefixes until the order's end.
///
/// # Errors
/// The JWT cannot be signed: a bug.
pub(crate) fn mint(parent: R2Parent<'_>, order: Order<'_>) -> Result<Issued, Error> {
    let claims = Claims {
        iss: &parent.key.access_key_id,
        sub: &parent.settings.account_id,
        aud: &parent.settings.host,
        iat: order.now.unix_timestamp(),
        exp: order.until.unix_timestamp(),
        bucket: parent.bucket,
        scope: "object-read-only",
        actions: if order.listing { &READ_AND_LIST } else { &READ },
        paths: Paths { prefix_paths: order.prefixes, object_paths: [] },
    };
    let secret = parent.key.secret_access_key.expose_secret();
    let jwt = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?;
    Ok(Issued {
        access_key_id: parent.key.access_key_id.clone(),
        secret_access_key: SecretString::from(Sha256::of(jwt.as_bytes()).to_string()),
        session_token: SecretString::from(STANDARD.encode(format!("jwt/{jwt}"))),
        expires_at: OffsetDateTime::from_unix_timestamp(claims.exp).unwrap_or(order.now),
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    /// R2 verifies what it never saw made: this reads the credentials as its documentation says they are read.
    #[test]
    fn r2_finds_in_the_session_token_who_may_read_what_until_when() {
        let settings = R2Settings { account_id: "a".repeat(32), host: "aa.r2.cloudflarestorage.com".to_owned() };
        let key = StoreCredential::new("parent", "parent-secret");
        let (now, prefixes) = (datetime!(2026-11-21 10:00 UTC), vec!["users/u/".to_owned()]);
        let until = now + Duration::seconds(613);
        let parent = R2Parent { key: &key, settings: &settings, bucket: "family" };
        let order = Order { prefixes: &prefixes, listing: true, holder: "nobody", now, until };
        let issued = mint(parent, order).unwrap();

        assert_eq!((issued.access_key_id.as_str(), issued.expires_at), ("parent", until));
        let token = STANDARD.decode(issued.session_token.expose_secret()).unwrap();
        let jwt = std::str::from_utf8(&token).unwrap().strip_prefix("jwt/").unwrap();
        assert_eq!(issued.secret_access_key.expose_secret(), Sha256::of(jwt.as_bytes()).to_string());
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, b"parent-secret");
        hmac::verify(&secret, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |index: usize| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(index).unwrap()).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "typ": "JWT", "alg": "HS256" }));
        let expected = json!({
            "iss": "parent", "sub": "a".repeat(32), "aud": "aa.r2.cloudflarestorage.com",
            "iat": now.unix_timestamp(), "exp": until.unix_timestamp(),
            "bucket": "family", "scope": "object-read-only",
            "actions": ["GetObject", "HeadObject", "ListObjectsV2"],
            "paths": { "prefixPaths": ["users/u/"], "objectPaths": [] },
        });
        assert_eq!(part(1), expected);
    }
}
