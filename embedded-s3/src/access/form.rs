//! The form of a signed request: everything that can be decided without the secret.
//!
//! `s3s` checks that the signature fits the headers that it names; it does not ask which headers it should have named. Here every
//! header that could change what the request means must be signed, once, and be there.

use std::collections::HashSet;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Method};
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::refusal::Refusal;

/// Longest life of a presigned URL: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.
const LONGEST_LIFE_SECONDS: u32 = 7 * 24 * 3600;

/// How far the clock of a signer may be off.
const MOST_SKEW: Duration = Duration::minutes(15);

/// Headers without the vendor's prefix that change what a request means: two of one would be read differently by different readers.
const SINGLE: [&str; 12] = [
    "authorization",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "transfer-encoding",
];

/// Refuses what must never reach the signature check; see [`Refusal`] for the rules.
pub(crate) fn check_form(request: &Parts, region: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    if request.uri.path().contains("%00") {
        return Err(Refusal::Nul);
    }
    let query = Query::parse(request.uri.query().unwrap_or_default())?;
    if request.headers.contains_key(CONTENT_LENGTH) && request.headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::TwoLengths);
    }
    if is_form_upload(&request.headers) {
        return check_form_upload(request, &query);
    }
    let authorization = text(&request.headers, AUTHORIZATION.as_str())?;
    let signed = match (query.has("X-Amz-Signature"), authorization) {
        _ if query.has("Signature") || query.has("AWSAccessKeyId") => return Err(Refusal::SignatureVersion2),
        (true, Some(_)) => return Err(Refusal::SignedTwice),
        (true, None) => check_query(&query, region, now)?,
        (false, Some(authorization)) => check_authorization(authorization, &request.headers, region, now)?,
        (false, None) => return Err(Refusal::Anonymous),
    };
    check_headers(&request.headers, &SignedHeaders::parse(&signed)?)
}

fn is_form_upload(headers: &HeaderMap) -> bool {
    let content_types = headers.get_all(CONTENT_TYPE);
    content_types.iter().any(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"))
}

/// A form carries its signature in itself, and nothing else may: what a field says, its policy covers; what a header says, nobody.
fn check_form_upload(request: &Parts, query: &Query) -> Result<(), Refusal> {
    let signed_elsewhere = request.headers.contains_key(AUTHORIZATION) || !query.0.is_empty();
    if request.method != Method::POST || signed_elsewhere {
        return Err(Refusal::FormUpload);
    }
    if !request.headers.contains_key(CONTENT_LENGTH) {
        return Err(Refusal::FormLength);
    }
    check_headers(&request.headers, &SignedHeaders(HashSet::new()))
}

/// A query signature: its scope, its age and its life. Returns the list of signed headers.
fn check_query(query: &Query, region: &str, now: OffsetDateTime) -> Result<String, Refusal> {
    check_scope(query.get("X-Amz-Credential").ok_or(Refusal::Malformed("X-Amz-Credential"))?, region)?;
    let signed_at = query.get("X-Amz-Date").and_then(parse_date).ok_or(Refusal::Malformed("X-Amz-Date"))?;
    let life = query.get("X-Amz-Expires").and_then(parse_life).ok_or(Refusal::Expires)?;
    if signed_at > now + MOST_SKEW {
        return Err(Refusal::Skewed);
    }
    if now > signed_at + life {
        return Err(Refusal::Expired);
    }
    query.get("X-Amz-SignedHeaders").map(str::to_owned).ok_or(Refusal::Malformed("X-Amz-SignedHeaders"))
}

/// A header signature: its scope and its age. Returns the list of signed headers.
fn check_authorization(authorization: &str, headers: &HeaderMap, region: &str, now: OffsetDateTime) -> Result<String, Refusal> {
    if authorization.starts_with("AWS ") {
        return Err(Refusal::SignatureVersion2);
    }
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256").ok_or(Refusal::Malformed("Authorization"))?;
    let field = |name: &'static str| {
        let mut values = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        values.next().filter(|_| values.next().is_none()).ok_or(Refusal::Malformed(name))
    };
    check_scope(field("Credential")?, region)?;
    let date = text(headers, "x-amz-date")?.ok_or(Refusal::Malformed("x-amz-date"))?;
    let signed_at = parse_date(date).ok_or(Refusal::Malformed("x-amz-date"))?;
    if (now - signed_at).abs() > MOST_SKEW {
        return Err(Refusal::Skewed);
    }
    field("SignedHeaders").map(str::to_owned)
}

fn check_scope(credential: &str, expected: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [_key, _date, region, service, "aws4_request"] = parts[..] else {
        return Err(Refusal::Malformed("Credential"));
    };
    if service != "s3" {
        return Err(Refusal::Service);
    }
    if region != expected {
        return Err(Refusal::Region { found: region.to_owned(), expected: expected.to_owned() });
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap, signed: &SignedHeaders) -> Result<(), Refusal> {
    for name in headers.keys().map(http::HeaderName::as_str) {
        let is_vendors = name.starts_with("x-amz-") || name.starts_with("x-minio-");
        if is_vendors && !signed.has(name) {
            return Err(Refusal::UnsignedHeader(name.to_owned()));
        }
        if is_vendors || signed.has(name) || SINGLE.contains(&name) {
            text(headers, name)?;
        }
    }
    match signed.0.iter().find(|name| !headers.contains_key(name.as_str())) {
        Some(missing) => Err(Refusal::MissingHeader(missing.clone())),
        None => Ok(()),
    }
}

/// The one value of a header, if it is there.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::RepeatedHeader(name.to_owned()));
    }
    std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| Refusal::UnreadableHeader(name.to_owned()))
}

/// Names of the headers that a signature covers.
struct SignedHeaders(HashSet<String>);

impl SignedHeaders {
    /// An upper-case name is refused: `s3s` would not find the header that we would think signed.
    fn parse(list: &str) -> Result<Self, Refusal> {
        let names: HashSet<String> = list.split(';').map(str::to_owned).collect();
        let readable = names.iter().all(|name| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
        if readable && names.contains("host") { Ok(Self(names)) } else { Err(Refusal::SignedHeaders) }
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Query parameters, decoded, each at most once.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(raw: &str) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        let mut seen = HashSet::new();
        match pairs.iter().find(|(name, _)| !seen.insert(name.as_str())) {
            Some((repeated, _)) => Err(Refusal::RepeatedParameter(repeated.clone())),
            None => Ok(Self(pairs)),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

fn parse_date(date: &str) -> Option<OffsetDateTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    PrimitiveDateTime::parse(date, format).ok().map(PrimitiveDateTime::assume_utc)
}

fn parse_life(seconds: &str) -> Option<Duration> {
    let all_digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = all_digits.then(|| seconds.parse::<u32>().ok()).flatten()?;
    (1..=LONGEST_LIFE_SECONDS).contains(&seconds).then(|| Duration::seconds(seconds.into()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);
    const PRESIGNED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=id%2F20261121%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20261121T095900Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host%3Bx-amz-checksum-sha256&X-Amz-Signature=00";

    fn parts(query: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::put(format!("/bucket/key?{query}")).header("host", "127.0.0.1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn presigned(change: (&str, &str), headers: &[(&str, &str)]) -> Result<(), Refusal> {
        check_form(&parts(&PRESIGNED.replace(change.0, change.1), headers), "us-east-1", NOW)
    }

    /// What is changed in the query, the headers that come along, and the outcome.
    type Case = ((&'static str, &'static str), &'static [(&'static str, &'static str)], Result<(), Refusal>);

    const CHECKSUM: (&str, &str) = ("x-amz-checksum-sha256", "AAAA");
    const SAME: (&str, &str) = ("", "");

    #[test]
    fn a_well_formed_presigned_request_passes() {
        assert_eq!(check_form(&parts(PRESIGNED, &[CHECKSUM]), "us-east-1", NOW), Ok(()));
    }

    #[test]
    fn every_flaw_of_a_presigned_request_is_refused_by_name() {
        let unsigned = |name: &str| Err(Refusal::UnsignedHeader(name.to_owned()));
        let table: [Case; 19] = [
            (("Expires=900", "Expires=604801"), &[CHECKSUM], Err(Refusal::Expires)),
            (("Expires=900", "Expires=0"), &[CHECKSUM], Err(Refusal::Expires)),
            (("Expires=900", "Expires=%2B9"), &[CHECKSUM], Err(Refusal::Expires)),
            (("Expires=900", "Expires=59"), &[CHECKSUM], Err(Refusal::Expired)),
            (("095900Z", "101501Z"), &[CHECKSUM], Err(Refusal::Skewed)),
            (("095900Z", "0959"), &[CHECKSUM], Err(Refusal::Malformed("X-Amz-Date"))),
            (("host%3B", ""), &[CHECKSUM], Err(Refusal::SignedHeaders)),
            (("host%3Bx-amz", "host%3BX-Amz"), &[CHECKSUM], Err(Refusal::SignedHeaders)),
            (("%2Fs3%2F", "%2Fsts%2F"), &[CHECKSUM], Err(Refusal::Service)),
            (("us-east-1", "eu"), &[CHECKSUM], Err(Refusal::Region { found: "eu".to_owned(), expected: "us-east-1".to_owned() })),
            (("%2Faws4_request", ""), &[CHECKSUM], Err(Refusal::Malformed("Credential"))),
            (("X-Amz-Signature=00", "Signature=00"), &[CHECKSUM], Err(Refusal::SignatureVersion2)),
            (
                ("X-Amz-Expires=900", "X-Amz-Expires=900&X-Amz-Expires=900"),
                &[CHECKSUM],
                Err(Refusal::RepeatedParameter("X-Amz-Expires".to_owned())),
            ),
            (SAME, &[], Err(Refusal::MissingHeader("x-amz-checksum-sha256".to_owned()))),
            (SAME, &[CHECKSUM, CHECKSUM], Err(Refusal::RepeatedHeader("x-amz-checksum-sha256".to_owned()))),
            (SAME, &[CHECKSUM, ("x-amz-acl", "private")], unsigned("x-amz-acl")),
            (SAME, &[CHECKSUM, ("x-minio-force-delete", "true")], unsigned("x-minio-force-delete")),
            (SAME, &[CHECKSUM, ("authorization", "AWS4-HMAC-SHA256 x")], Err(Refusal::SignedTwice)),
            (SAME, &[CHECKSUM, ("content-type", "multipart/form-data; boundary=x")], Err(Refusal::FormUpload)),
        ];
        for (change, headers, outcome) in table {
            assert_eq!(presigned(change, headers), outcome, "{change:?} {headers:?}");
        }
    }

    #[test]
    fn a_request_without_a_signature_is_anonymous() {
        assert_eq!(check_form(&parts("x-amz-signature=00", &[]), "us-east-1", NOW), Err(Refusal::Anonymous));
    }

    #[test]
    fn header_signatures_are_held_to_the_same_rules() {
        let sign = |list: &str| {
            format!("AWS4-HMAC-SHA256 Credential=id/20261121/us-east-1/s3/aws4_request, SignedHeaders={list}, Signature=00")
        };
        let check = |authorization: &str, headers: &[(&str, &str)]| {
            let mut all = vec![("authorization", authorization)];
            all.extend_from_slice(headers);
            check_form(&parts("", &all), "us-east-1", NOW)
        };
        let date = ("x-amz-date", "20261121T100000Z");
        assert_eq!(check(&sign("host;x-amz-date"), &[date]), Ok(()));
        assert_eq!(check(&sign("host"), &[date]), Err(Refusal::UnsignedHeader("x-amz-date".to_owned())));
        assert_eq!(check(&sign("host;x-amz-date"), &[("x-amz-date", "20261121T094459Z")]), Err(Refusal::Skewed));
        assert_eq!(check("AWS id:signature", &[date]), Err(Refusal::SignatureVersion2));
        assert_eq!(check(&format!("{}, SignedHeaders=host", sign("host")), &[date]), Err(Refusal::Malformed("SignedHeaders")));
    }

    #[test]
    fn a_nul_in_the_key_and_two_lengths_are_refused() {
        let request = http::Request::get("/bucket/a%00b").body(()).unwrap().into_parts().0;
        assert_eq!(check_form(&request, "us-east-1", NOW), Err(Refusal::Nul));
        let both = [CHECKSUM, ("content-length", "3"), ("transfer-encoding", "chunked")];
        assert_eq!(presigned(SAME, &both), Err(Refusal::TwoLengths));
    }
}
