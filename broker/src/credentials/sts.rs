//! AssumeRole: one signed form post.
//!
//! See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

use std::time::Duration;

use http::StatusCode;
use reqwest::{Client, Response};
use tidegate_sigv4::{Credentials, SignError, sign_form};
use url::form_urlencoded;

use super::issuer::{Issued, Order};
use super::policy::{PolicyError, session_policy};
use super::sts_reply::{credentials_of, error_of};
use crate::config::StsSettings;
use crate::store::StoreCredential;

const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(8);
const MAX_REPLY_BYTES: usize = 64 << 10;
/// The shortest life that STS gives.
const SECONDS: &str = "900";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StsError {
    #[error("no session policy can be written")]
    Policy(#[from] PolicyError),
    #[error("the request to the token service cannot be signed")]
    Sign(#[from] SignError),
    #[error("the token service cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the token service refuses ({status}, {code}: {message})")]
    Refused { status: StatusCode, code: String, message: String },
    #[error("the token service's answer ({status}) is not understood")]
    NotUnderstood { status: StatusCode },
}

/// Calls AssumeRole by the `read` credential: whatever a store makes of the policy, its credentials can do no more than that one.
pub(crate) struct StsClient {
    http: Client,
    settings: StsSettings,
    key: Credentials,
    bucket: String,
}

impl StsClient {
    pub(crate) fn new(settings: &StsSettings, read: &StoreCredential, bucket: &str) -> Self {
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("the TLS backend is built in");
        Self { http, settings: settings.clone(), key: read.for_signing(), bucket: bucket.to_owned() }
    }

    /// Credentials that read under the prefixes, with their true end: the service's, or `until` where the policy says so.
    pub(crate) async fn assume_role(&self, order: Order<'_>) -> Result<Issued, StsError> {
        let until = self.settings.bounds_time.then_some(order.until);
        let policy = session_policy(self.partition(), &self.bucket, order.prefixes, order.listing, until)?;
        let form = self.form(&policy, order.holder);
        let signed = sign_form(&self.key, &self.settings.region, "sts", self.settings.endpoint.as_str(), &form, order.now)?;
        let request = self.http.post(&signed.url).body(form);
        let request = signed.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send().await.map_err(StsError::Unreachable)?;
        let mut issued = understand(response).await?;
        if let Some(until) = until {
            issued.expires_at = issued.expires_at.min(until);
        }
        Ok(issued)
    }

    fn form(&self, policy: &str, holder: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "AssumeRole").append_pair("Version", "2011-06-15");
        form.append_pair("DurationSeconds", SECONDS).append_pair("Policy", policy);
        if let Some(role) = &self.settings.role_arn {
            form.append_pair("RoleArn", role);
        }
        form.append_pair("RoleSessionName", holder).finish()
    }

    /// A role's ARN and a bucket's are of one partition.
    fn partition(&self) -> &str {
        self.settings.role_arn.as_deref().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws")
    }
}

async fn understand(response: Response) -> Result<Issued, StsError> {
    let status = response.status();
    let body = bounded(response).await?.ok_or(StsError::NotUnderstood { status })?;
    if status.is_success() {
        return credentials_of(&body).ok_or(StsError::NotUnderstood { status });
    }
    match error_of(&body) {
        Some((code, message)) => Err(StsError::Refused { status, code, message }),
        None => Err(StsError::NotUnderstood { status }),
    }
}

/// The body, unless it is longer than any answer of STS or not text.
async fn bounded(mut response: Response) -> Result<Option<String>, StsError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(StsError::Unreachable)? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(body).ok())
}
