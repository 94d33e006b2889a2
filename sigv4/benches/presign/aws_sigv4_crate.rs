//! The `aws-sigv4` crate with its settings for S3; the key is encoded as the caller of that crate must.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ACCESS_KEY_ID, BUCKET, ENDPOINT, EXPIRES_SECONDS, NOW, REGION, SECRET};

const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

pub(crate) struct Signer {
    credentials: Credentials,
}

impl Signer {
    pub(crate) fn new() -> Self {
        Self { credentials: Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "bench") }
    }

    pub(crate) fn presign(&self, method: &str, key: &str, headers: &[(&str, &str)]) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(EXPIRES_SECONDS.into()));
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(SystemTime::from(NOW))
            .settings(settings)
            .build()
            .expect("all parameters are set")
            .into();
        let mut url = format!("{ENDPOINT}/{BUCKET}/{}", utf8_percent_encode(key, IN_PATH));
        let request = SignableRequest::new(method, url.as_str(), headers.iter().copied(), SignableBody::UnsignedPayload)
            .expect("a valid request");
        let (instructions, _) = sign(request, &parameters).expect("a valid request").into_parts();
        for (index, (name, value)) in instructions.params().iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, IN_QUERY));
        }
        url
    }
}
