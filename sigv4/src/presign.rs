//! Presigned URLs: the signature stands in the query.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use time::{Date, OffsetDateTime};

use crate::canonical::{CanonicalQuery, hash_request, pairs_len, push_pair};
use crate::credentials::Credentials;
use crate::encode::{Hex, Path, Query, encoded_len, push_encoded};
use crate::endpoint::Endpoint;
use crate::error::SignError;
use crate::hmac::BegunMac;
use crate::method::Method;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::timestamp::{Timestamp, push_date};

/// The longest life of a presigned URL in seconds: 7 days.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

const RESERVED_PREFIX: &str = "X-Amz-";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const SIGNATURE: &str = "&X-Amz-Signature=";

/// Signs requests to one bucket with one access key; keeps the signing key of the day.
pub struct Presigner {
    pub(crate) credentials: Credentials,
    pub(crate) endpoint: Endpoint,
    region: String,
    key_of_the_day: Mutex<Option<SigningKey>>,
}

impl Presigner {
    /// Joins an access key, a region (`us-east-1`, R2: `auto`) and a bucket's address.
    #[must_use]
    pub fn new(credentials: Credentials, region: impl Into<String>, endpoint: Endpoint) -> Self {
        Self { credentials, endpoint, region: region.into(), key_of_the_day: Mutex::new(None) }
    }

    /// Prepares what all requests signed at `now` share.
    #[must_use]
    pub fn at(&self, now: OffsetDateTime) -> BatchSigner<'_> {
        BatchSigner::new(self, Timestamp::new(now))
    }

    /// The bucket's address.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn signing_key(&self, date: Date) -> SigningKey {
        // A panic elsewhere cannot leave a wrong key behind: the slot changes in one assignment.
        let mut slot = self.key_of_the_day.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(key) if key.date() == date => key.clone(),
            Some(_) | None => slot.insert(SigningKey::derive(&self.credentials, date, &self.region)).clone(),
        }
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Presigner")
            .field("credentials", &self.credentials)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Signs any number of requests of one moment.
pub struct BatchSigner<'a> {
    pub(crate) signer: &'a Presigner,
    /// `YYYYMMDDTHHMMSSZ`.
    pub(crate) date_time: String,
    /// Date, region, service and terminator: what the signing key is good for.
    pub(crate) scope: String,
    mac: BegunMac,
    query_until_expires: String,
    query_after_expires: String,
}

impl<'a> BatchSigner<'a> {
    fn new(signer: &'a Presigner, timestamp: Timestamp) -> Self {
        let mut date_time = String::with_capacity(16);
        timestamp.push_date_time(&mut date_time);
        let mut scope = String::with_capacity(32 + signer.region.len());
        push_date(timestamp.date(), &mut scope);
        scope.push('/');
        scope.push_str(&signer.region);
        scope.push_str("/s3/aws4_request");
        let key = signer.signing_key(timestamp.date());
        let mac = key.begin(&format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n"));
        let query_until_expires = query_until_expires(&signer.credentials.access_key_id, &scope, &date_time);
        let query_after_expires = query_after_expires(signer.credentials.session_token.as_deref());
        Self { signer, date_time, scope, mac, query_until_expires, query_after_expires }
    }

    /// The URL that allows `method` on the object `key` for `expires_seconds` from the batch's time.
    ///
    /// Exactly `headers` (lower-case names) and `host` are signed: whoever uses the URL must send them with these values.
    /// One heap allocation if headers and query are in order, one more for each that is not.
    ///
    /// # Errors
    /// [`SignError`] if the expiry is outside 1 to 604,800 s, a header cannot be signed, or a query name begins with `X-Amz-`.
    pub fn presign(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        expires_seconds: u32,
    ) -> Result<String, SignError> {
        if !(1..=MAX_EXPIRES_SECONDS).contains(&expires_seconds) {
            return Err(SignError::Expiry { seconds: expires_seconds });
        }
        check_query(query)?;
        let endpoint = &self.signer.endpoint;
        let headers = SignedHeaders::new(headers, endpoint.host())?;
        let query = CanonicalQuery::new(query);
        // The signer's own names all begin with the prefix and no other does, so they stand together.
        let (before, after) = query.split_at_name(RESERVED_PREFIX);

        let key_len = encoded_len::<Path>(key);
        let query_len = self.own_query_len(&headers, expires_seconds) + pairs_len(query.pairs());
        let capacity = endpoint.base_len() + key_len + "?".len() + query_len + SIGNATURE.len() + 64;
        let mut url = String::with_capacity(capacity);
        endpoint.push_url(key, key_len, &mut url);
        let path_end = url.len();
        url.push('?');
        for pair in before {
            push_pair(*pair, &mut url);
            url.push('&');
        }
        self.push_own_query(&headers, expires_seconds, &mut url);
        for pair in after {
            url.push('&');
            push_pair(*pair, &mut url);
        }

        let path = &url[endpoint.origin().len()..path_end];
        let hash = hash_request(method, path, &url[path_end + 1..], &headers, UNSIGNED_PAYLOAD);
        url.push_str(SIGNATURE);
        url.push_str(self.signature(&hash).as_str());
        Ok(url)
    }

    /// The URL that allows a GET of the bucket itself: a list.
    ///
    /// # Errors
    /// As [`BatchSigner::presign`].
    pub fn presign_list(&self, query: &[(&str, &str)], expires_seconds: u32) -> Result<String, SignError> {
        self.presign(Method::Get, "", query, &[], expires_seconds)
    }

    pub(crate) fn signature(&self, request_hash: &Hex) -> Hex {
        Hex::new(&self.mac.finish(request_hash.as_str().as_bytes()))
    }

    fn push_own_query(&self, headers: &SignedHeaders<'_>, expires_seconds: u32, url: &mut String) {
        url.push_str(&self.query_until_expires);
        push_decimal(expires_seconds, url);
        url.push_str(&self.query_after_expires);
        headers.push_names_to_url(url);
    }

    fn own_query_len(&self, headers: &SignedHeaders<'_>, expires_seconds: u32) -> usize {
        let digits = expires_seconds.ilog10() as usize + 1;
        self.query_until_expires.len() + digits + self.query_after_expires.len() + headers.names_len_in_url()
    }
}

impl fmt::Debug for BatchSigner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BatchSigner")
            .field("signer", &self.signer)
            .field("date_time", &self.date_time)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Stores read `X-Amz-*` parameters as signature or as headers, whatever their case: none comes from a caller.
fn check_query(query: &[(&str, &str)]) -> Result<(), SignError> {
    let is_reserved = |name: &str| {
        name.as_bytes().get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX.as_bytes()))
    };
    match query.iter().find(|(name, _)| is_reserved(name)) {
        Some((name, _)) => Err(SignError::ReservedQuery { name: (*name).to_owned() }),
        None => Ok(()),
    }
}

fn query_until_expires(access_key_id: &str, scope: &str, date_time: &str) -> String {
    let mut query = String::from("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    push_encoded::<Query>(access_key_id, &mut query);
    query.push_str("%2F");
    push_encoded::<Query>(scope, &mut query);
    query.push_str("&X-Amz-Date=");
    query.push_str(date_time);
    query.push_str("&X-Amz-Expires=");
    query
}

fn query_after_expires(session_token: Option<&str>) -> String {
    let mut query = String::new();
    if let Some(token) = session_token {
        query.push_str("&X-Amz-Security-Token=");
        push_encoded::<Query>(token, &mut query);
    }
    query.push_str("&X-Amz-SignedHeaders=");
    query
}

/// Appends a number, without the cost of the formatting machinery.
fn push_decimal(number: u32, out: &mut String) {
    let mut divisor = 10u32.pow(number.checked_ilog10().unwrap_or(0));
    while divisor > 0 {
        let digit = u8::try_from(number / divisor % 10).expect("a digit fits");
        out.push(char::from(b'0' + digit));
        divisor /= 10;
    }
}
