//! Form posts to a service beside S3: what STS takes.
//!
//! See <https://docs.aws.amazon.com/STS/latest/APIReference/CommonParameters.html>.

use time::OffsetDateTime;
use url::Url;

use crate::canonical::hash_request;
use crate::credentials::Credentials;
use crate::encode::Hex;
use crate::endpoint::EndpointError;
use crate::error::SignError;
use crate::header::{PayloadHash, SignedRequest};
use crate::method::Method;
use crate::signed_headers::{SignedHeaders, is_header_value};
use crate::signing_key::SigningKey;
use crate::timestamp::{Timestamp, push_date};

const FORM: &str = "application/x-www-form-urlencoded";

/// Signs a POST of `form` (encoded already) to the root of `address`, by headers, for `service` (such as `sts`).
///
/// The headers of the result are to be sent as they are, beside `host`.
///
/// # Errors
/// [`SignError`] if the address is no bare http or https URL, or the access key cannot stand in a header.
pub fn sign_form(
    credentials: &Credentials,
    region: &str,
    service: &str,
    address: &str,
    form: &str,
    now: OffsetDateTime,
) -> Result<SignedRequest, SignError> {
    let (url, host) = root(address)?;
    let timestamp = Timestamp::new(now);
    let mut date_time = String::with_capacity(16);
    timestamp.push_date_time(&mut date_time);
    let mut scope = String::new();
    push_date(timestamp.date(), &mut scope);
    scope.push_str(&format!("/{region}/{service}/aws4_request"));

    let mut headers = vec![("content-type", FORM), ("x-amz-date", date_time.as_str())];
    headers.extend(credentials.session_token.as_ref().map(|token| ("x-amz-security-token", token.as_str())));
    let signed = SignedHeaders::new(&headers, &host)?;
    if !is_header_value(&credentials.access_key_id) {
        return Err(SignError::HeaderValue { name: "authorization".to_owned() });
    }
    let hash = hash_request(Method::Post, "/", "", &signed, &PayloadHash::of(form.as_bytes()).to_string());
    let key = SigningKey::derive_for(credentials, timestamp.date(), region, service);
    let mac = key.begin(&format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n"));
    let mut authorization = format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=", credentials.access_key_id);
    signed.push_names(&mut authorization);
    authorization.push_str(", Signature=");
    authorization.push_str(Hex::new(&mac.finish(hash.as_str().as_bytes())).as_str());

    let mut all = vec![("authorization".to_owned(), authorization)];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Ok(SignedRequest { url, headers: all })
}

/// The address with the path `/`, and its Host header. Another path would have to be normalised before it is signed.
fn root(address: &str) -> Result<(String, String), SignError> {
    let url = Url::parse(address).map_err(|error| SignError::Address(error.into()))?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SignError::Address(EndpointError::Scheme { scheme: url.scheme().to_owned() }));
    }
    if !is_bare || url.path() != "/" {
        return Err(SignError::Address(EndpointError::NotABase));
    }
    let host = url.host_str().ok_or(url::ParseError::EmptyHost).map_err(|error| SignError::Address(error.into()))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok((url.to_string(), format!("{host}{port}")))
}
