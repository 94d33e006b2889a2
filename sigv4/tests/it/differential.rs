//! Random requests are signed as the `aws-sigv4` crate signs them.

use aws_sigv4::http_request::SignableBody;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner, sign_form};
use time::OffsetDateTime;

use crate::reference::{self, Identity, Request, path_encoded};

type Pairs = Vec<(String, String)>;

/// An address as configured, as it is shown in URLs, and whether it has a domain name.
const ADDRESSES: [(&str, &str, bool); 9] = [
    ("https://s3.amazonaws.com", "https://s3.amazonaws.com", true),
    ("https://store.example:443/", "https://store.example", true),
    ("http://store.example:80", "http://store.example", true),
    ("http://store.example:443", "http://store.example:443", true),
    ("https://store.example:9000", "https://store.example:9000", true),
    ("http://localhost:8333/base/v1", "http://localhost:8333/base/v1", true),
    ("http://127.0.0.1:9000", "http://127.0.0.1:9000", false),
    ("http://[::1]:9000", "http://[::1]:9000", false),
    ("https://10.0.0.1/s3/", "https://10.0.0.1/s3", false),
];

/// Headers that only one of the two treats apart: set by a signer, or left unsigned by `aws-sigv4`.
const APART: [&str; 10] = [
    "authorization",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amzn-trace-id",
];

#[derive(Clone, Debug)]
struct Case {
    identity: Identity,
    address: (&'static str, &'static str, bool),
    style: AddressingStyle,
    bucket: String,
    method: Method,
    key: String,
    query: Pairs,
    headers: Pairs,
}

impl Case {
    fn signer(&self) -> Presigner {
        let Identity { access_key_id, secret, session_token, region, .. } = &self.identity;
        let credentials = Credentials::new(access_key_id, secret, session_token.clone());
        Presigner::new(credentials, region, Endpoint::new(self.address.0, &self.bucket, self.style).unwrap())
    }

    /// The URL without a query, from `address` and parts that know nothing of the crate under test.
    fn url(&self, address: &str) -> String {
        let key = path_encoded(&self.key);
        match self.style {
            AddressingStyle::Path => format!("{address}/{}/{key}", self.bucket),
            AddressingStyle::VirtualHost => {
                let (scheme, rest) = address.split_once("://").unwrap();
                format!("{scheme}://{}.{rest}/{key}", self.bucket)
            }
        }
    }
}

fn borrowed(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn identity() -> impl Strategy<Value = Identity> {
    let access_key_id = "[A-Z0-9]{16,20}|[a-f0-9]{32}|[ -~&&[^/ ]]{1,12}";
    let token = option::of("[A-Za-z0-9+/=]{1,400}");
    let region = "[a-z]{2}-[a-z]{4,9}-[0-9]|auto|garage";
    let end_of_year_9999 = 253_402_300_799i64;
    (access_key_id, "[ -~é€]{1,80}", token, region, 0..=end_of_year_9999, 0..1_000_000_000i64).prop_map(
        |(access_key_id, secret, session_token, region, seconds, nanoseconds)| {
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let now = now.replace_nanosecond(u32::try_from(nanoseconds).unwrap()).unwrap();
            Identity { access_key_id, secret, session_token, region, now }
        },
    )
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~éß€日😀]{1,80}",
        2 => "[a-z0-9/+%~ .]{1,80}",
        2 => "users/[a-f0-9-]{36}/family-members/[a-f0-9-]{36}/records/[a-f0-9-]{36}\\.v[0-9]\\.[a-f0-9]{32}\\.blob",
        1 => any::<String>(),
        1 => "[a-zé/]{300,700}",
        1 => Just(String::new()),
        1 => Just("/a//b///".to_owned()),
    ]
}

fn query() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![
        4 => select(vec!["list-type", "prefix", "partNumber", "uploadId", "Attribute", "X-Alpha", "X-Zulu", "acl"])
            .prop_map(str::to_owned),
        2 => "[ -~é]{1,8}",
        1 => "[a-c ]{1,2}",
    ]
    .prop_filter("belongs to the signature", |name| !name.to_ascii_lowercase().starts_with("x-amz-"));
    vec((name, prop_oneof!["[ -~é€]{0,20}", "[a-b+%/]{0,2}"]), 0..7)
}

fn headers() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![
        3 => select(vec!["content-length", "content-type", "if-none-match", "x-amz-checksum-sha256", "range"])
            .prop_map(str::to_owned),
        2 => "[a-z][a-z0-9-]{0,20}",
        1 => "[!#$%&'*+.^_`|~a-z]{1,4}",
        1 => "[a-i]",
    ]
    .prop_filter("treated apart", |name| !APART.contains(&name.as_str()));
    vec((name, prop_oneof!["[ -~\t]{0,40}", "[ a]{0,12}", "[a-z]{200,500}"]), 0..7)
}

fn case() -> impl Strategy<Value = Case> {
    let method = select(vec![Method::Get, Method::Head, Method::Put, Method::Post, Method::Delete]);
    let bucket = "[a-z0-9][a-z0-9-]{1,20}[a-z0-9]";
    (identity(), select(&ADDRESSES[..]), any::<bool>(), bucket, method, key(), query(), headers()).prop_map(
        |(identity, address, virtual_host, bucket, method, key, query, headers)| {
            let style = if virtual_host && address.2 { AddressingStyle::VirtualHost } else { AddressingStyle::Path };
            Case { identity, address, style, bucket, method, key, query, headers }
        },
    )
}

type Borrowed<'a> = &'a [(&'a str, &'a str)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn presigned_url_equals_that_of_aws_sigv4(case in case(), expires_seconds in 1u32..=604_800) {
        let (query, headers) = (borrowed(&case.query), borrowed(&case.headers));
        let signer = case.signer();
        let url = signer.at(case.identity.now)
            .presign(case.method, &case.key, &query, &headers, expires_seconds)
            .unwrap();
        let request = Request {
            method: case.method.as_str(),
            url: case.url(case.address.0.trim_end_matches('/')),
            query: &query,
            headers: &headers,
        };

        let (base, parameters) = url.split_once('?').unwrap();
        let mut parameters: Vec<_> = parameters.split('&').map(str::to_owned).collect();
        parameters.sort();
        prop_assert_eq!(base, case.url(case.address.1));
        prop_assert_eq!(parameters, reference::presign(&case.identity, &request, expires_seconds));
        prop_assert_eq!(url.len(), url.capacity());
    }

    /// `UploadPart` as a broker signs it, with the ids that stores give: opaque, some of them base64 or longer than a header line.
    #[test]
    fn the_url_of_a_part_equals_that_of_aws_sigv4(
        case in case(),
        number in 1u32..=10_000,
        upload in "[!-~]{1,80}|[A-Za-z0-9+/=_.-]{1,300}",
        length in 1u64..=16_777_216,
        checksum in "[A-Za-z0-9+/]{43}=",
        expires_seconds in 1u32..=900,
    ) {
        let (number, length) = (number.to_string(), length.to_string());
        let query = [("partNumber", number.as_str()), ("uploadId", upload.as_str())];
        let headers = [
            ("content-length", length.as_str()),
            ("content-type", "application/octet-stream"),
            ("x-amz-checksum-sha256", checksum.as_str()),
        ];
        let signer = case.signer();
        let url = signer.at(case.identity.now).presign(Method::Put, &case.key, &query, &headers, expires_seconds).unwrap();
        let request =
            Request { method: "PUT", url: case.url(case.address.0.trim_end_matches('/')), query: &query, headers: &headers };

        let (base, parameters) = url.split_once('?').unwrap();
        // In canonical order as they stand, and in one allocation.
        prop_assert!(parameters.contains("&partNumber=") && parameters.contains("&uploadId="));
        let mut parameters: Vec<_> = parameters.split('&').map(str::to_owned).collect();
        parameters.sort();
        prop_assert_eq!(base, case.url(case.address.1));
        prop_assert_eq!(parameters, reference::presign(&case.identity, &request, expires_seconds));
        prop_assert_eq!(url.len(), url.capacity());
    }

    /// What begins, lists, completes and aborts an upload, signed in its headers.
    #[test]
    fn the_calls_around_an_upload_equal_those_of_aws_sigv4(case in case(), upload in "[!-~]{1,80}", body in vec(any::<u8>(), 0..100)) {
        let id = [("uploadId", upload.as_str())];
        let page = [("part-number-marker", "1000"), ("uploadId", upload.as_str())];
        let calls: [(Method, Borrowed<'_>, Borrowed<'_>); 4] = [
            (Method::Post, &[("uploads", "")], &[("content-type", "application/octet-stream"), ("x-amz-checksum-algorithm", "SHA256")]),
            (Method::Get, &page, &[]),
            (Method::Post, &id, &[("if-none-match", "*"), ("x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=-5")]),
            (Method::Delete, &id, &[]),
        ];
        let signer = case.signer();
        for (method, query, headers) in calls {
            let signed =
                signer.at(case.identity.now).sign_headers(method, &case.key, query, headers, PayloadHash::of(&body)).unwrap();
            let request =
                Request { method: method.as_str(), url: case.url(case.address.0.trim_end_matches('/')), query, headers };
            let mut own = signed.headers;
            own.sort();
            prop_assert_eq!(own, reference::sign_headers(&case.identity, &request, SignableBody::Bytes(&body)));
        }
    }

    #[test]
    fn a_signed_form_equals_that_of_aws_sigv4(
        identity in identity(),
        service in select(vec!["sts", "iam"]),
        address in select(vec!["https://sts.eu-central-1.amazonaws.com", "http://127.0.0.1:9000/", "http://[::1]:9000"]),
        form in "[ -~]{0,300}",
    ) {
        let credentials =
            Credentials::new(&identity.access_key_id, &identity.secret, identity.session_token.clone());
        let signed = sign_form(&credentials, &identity.region, service, address, &form, identity.now).unwrap();
        prop_assert_eq!(&signed.url, &format!("{}/", address.trim_end_matches('/')));
        let mut own: Vec<_> = signed.headers.into_iter().filter(|(name, _)| name != "content-type").collect();
        own.sort();
        prop_assert_eq!(own, reference::sign_form(&identity, service, &signed.url, &form));
    }

    #[test]
    fn signed_headers_equal_those_of_aws_sigv4(case in case(), body in option::of(vec(any::<u8>(), 0..100))) {
        let (query, headers) = (borrowed(&case.query), borrowed(&case.headers));
        let payload = body.as_deref().map_or(PayloadHash::Unsigned, PayloadHash::of);
        let signer = case.signer();
        let signed = signer.at(case.identity.now)
            .sign_headers(case.method, &case.key, &query, &headers, payload)
            .unwrap();
        let request = Request {
            method: case.method.as_str(),
            url: case.url(case.address.0.trim_end_matches('/')),
            query: &query,
            headers: &headers,
        };
        let signable = body.as_deref().map_or(SignableBody::UnsignedPayload, SignableBody::Bytes);

        let mut own = signed.headers;
        own.sort();
        prop_assert_eq!(own, reference::sign_headers(&case.identity, &request, signable));
        prop_assert_eq!(signed.url.split('?').next().unwrap(), case.url(case.address.1));
    }
}
