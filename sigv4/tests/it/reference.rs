//! The `aws-sigv4` crate with its settings for S3, as the model to hold equal to.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;

const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

pub(crate) fn path_encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_PATH).to_string()
}

pub(crate) fn query_encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_QUERY).to_string()
}

/// Who signs, where and when.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) session_token: Option<String>,
    pub(crate) region: String,
    pub(crate) now: OffsetDateTime,
}

/// A request whose URL has no query yet.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: String,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

/// The query parameters of the presigned URL, encoded and sorted.
pub(crate) fn presign(identity: &Identity, request: &Request<'_>, expires_seconds: u32) -> Vec<String> {
    let mut settings = s3_settings(SignatureLocation::QueryParams);
    settings.expires_in = Some(Duration::from_secs(expires_seconds.into()));
    let (_, own) = run(identity, request, settings, SignableBody::UnsignedPayload).into_parts();
    let own = own.iter().map(|(name, value)| (*name, value.as_ref()));
    let mut parameters: Vec<String> =
        request.query.iter().copied().chain(own).map(|(name, value)| encoded_pair(name, value)).collect();
    parameters.sort();
    parameters
}

/// The headers that carry the signature, sorted by name.
pub(crate) fn sign_headers(identity: &Identity, request: &Request<'_>, body: SignableBody<'_>) -> Vec<(String, String)> {
    let instructions = run(identity, request, s3_settings(SignatureLocation::Headers), body);
    let mut headers: Vec<_> = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.sort();
    headers
}

/// The same for a form post to another service.
pub(crate) fn sign_form(identity: &Identity, service: &str, url: &str, form: &str) -> Vec<(String, String)> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let request = Request { method: "POST", url: url.to_owned(), query: &[], headers: &headers };
    let body = SignableBody::Bytes(form.as_bytes());
    let instructions = run_for(service, identity, &request, SigningSettings::default(), body);
    let mut headers: Vec<_> = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.sort();
    headers
}

fn s3_settings(location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = location;
    settings
}

fn run(identity: &Identity, request: &Request<'_>, settings: SigningSettings, body: SignableBody<'_>) -> SigningInstructions {
    run_for("s3", identity, request, settings, body)
}

fn run_for(
    service: &str,
    identity: &Identity,
    request: &Request<'_>,
    settings: SigningSettings,
    body: SignableBody<'_>,
) -> SigningInstructions {
    let credentials = aws_credential_types::Credentials::new(
        &identity.access_key_id,
        &identity.secret,
        identity.session_token.clone(),
        None,
        "test",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&credentials)
        .region(&identity.region)
        .name(service)
        .time(SystemTime::from(identity.now))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let query: Vec<_> = request.query.iter().map(|(name, value)| encoded_pair(name, value)).collect();
    let url = if query.is_empty() { request.url.clone() } else { format!("{}?{}", request.url, query.join("&")) };
    let signable = SignableRequest::new(request.method, url, request.headers.iter().copied(), body).unwrap();
    sign(signable, &parameters).unwrap().into_parts().0
}

fn encoded_pair(name: &str, value: &str) -> String {
    format!("{}={}", query_encoded(name), query_encoded(value))
}
