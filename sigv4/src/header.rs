//! Requests signed in their `Authorization` header.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::canonical::{CanonicalQuery, hash_request, pairs_len, push_pair};
use crate::encode::{Hex, Path, encoded_len};
use crate::error::SignError;
use crate::method::Method;
use crate::presign::BatchSigner;
use crate::signed_headers::{SignedHeaders, is_header_value};

const SIGNER_HEADERS: [&str; 4] = ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// What a signature says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadHash {
    /// The SHA-256 of the body: the store refuses any other body.
    Sha256([u8; 32]),
    /// Nothing; fit for TLS alone, or beside a signed checksum header.
    Unsigned,
    /// Nothing; the body comes in frames, with a checksum in the trailer behind them.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.
    UnsignedWithTrailer,
}

impl PayloadHash {
    /// The hash of a body at hand; of `b""` for a request without one.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(body).into())
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hash) => formatter.write_str(Hex::new(hash).as_str()),
            Self::Unsigned => formatter.write_str("UNSIGNED-PAYLOAD"),
            Self::UnsignedWithTrailer => formatter.write_str("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        }
    }
}

/// A URL, and the headers to send beside those that were given.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The URL to send to, its query in the order that was signed.
    pub url: String,
    /// `authorization`, `x-amz-content-sha256`, `x-amz-date` and, for a temporary key, `x-amz-security-token`.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter.debug_struct("SignedRequest").field("url", &self.url).field("headers", &names).finish()
    }
}

impl BatchSigner<'_> {
    /// Signs a request on the object `key`, or on the bucket if it is empty, by headers.
    ///
    /// All of `headers` (lower-case names) and `host` are signed.
    ///
    /// # Errors
    /// [`SignError`] if a header cannot be signed or is one that the signer sets.
    pub fn sign_headers(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        payload: PayloadHash,
    ) -> Result<SignedRequest, SignError> {
        if let Some((name, _)) = headers.iter().find(|(name, _)| SIGNER_HEADERS.contains(name)) {
            return Err(SignError::ReservedHeader { name: (*name).to_owned() });
        }
        let payload_hash = payload.to_string();
        let own = self.own_headers(&payload_hash)?;
        let all = [headers, own.as_slice()].concat();
        let signed = SignedHeaders::new(&all, self.signer.endpoint.host())?;
        let (url, path_end) = self.url(key, query);

        let path = &url[self.signer.endpoint.origin().len()..path_end];
        let query = url.get(path_end + 1..).unwrap_or("");
        let hash = hash_request(method, path, query, &signed, &payload_hash);
        let mut authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=", self.signer.credentials.access_key_id, self.scope);
        signed.push_names(&mut authorization);
        authorization.push_str(", Signature=");
        authorization.push_str(self.signature(&hash).as_str());
        let mut headers = vec![("authorization".to_owned(), authorization)];
        headers.extend(own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Ok(SignedRequest { url, headers })
    }

    fn own_headers<'a>(&'a self, payload_hash: &'a str) -> Result<Vec<(&'static str, &'a str)>, SignError> {
        let mut own = vec![("x-amz-content-sha256", payload_hash), ("x-amz-date", self.date_time.as_str())];
        if let Some(token) = &self.signer.credentials.session_token {
            own.push(("x-amz-security-token", token));
        }
        // The access key id stands in a header without being signed as one.
        if !is_header_value(&self.signer.credentials.access_key_id) {
            return Err(SignError::HeaderValue { name: "authorization".to_owned() });
        }
        Ok(own)
    }

    /// The URL with its query in canonical order, and where its path ends.
    fn url(&self, key: &str, query: &[(&str, &str)]) -> (String, usize) {
        let endpoint = &self.signer.endpoint;
        let query = CanonicalQuery::new(query);
        let key_len = encoded_len::<Path>(key);
        let mut url = String::with_capacity(endpoint.base_len() + key_len + pairs_len(query.pairs()));
        endpoint.push_url(key, key_len, &mut url);
        let path_end = url.len();
        for (index, pair) in query.pairs().iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            push_pair(*pair, &mut url);
        }
        (url, path_end)
    }
}
