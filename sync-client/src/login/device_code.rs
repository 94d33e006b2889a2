//! By device code (RFC 8628): a short code that is typed in on any device with a browser.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};
use url::Url;

use super::error::LoginError;
use super::provider::plain;
use super::{Login, Ticket};
use crate::error::Error;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Section 3.2: where the issuer names none.
const USUAL_INTERVAL: u64 = 5;
/// Section 3.5: what `slow_down` adds.
const SLOWER: Duration = Duration::from_secs(5);
/// Longest that is waited for a person, whatever the issuer says.
const LONGEST: Duration = Duration::from_secs(30 * 60);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// What a person has to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePrompt {
    /// Where to go.
    pub verification_uri: Url,
    /// The same with the code in it.
    pub verification_uri_complete: Option<Url>,
    /// The code to type in.
    pub user_code: String,
    /// How long there is, in seconds.
    pub expires_in: u64,
}

#[derive(Deserialize)]
struct DeviceReply {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

impl Login {
    /// Logs in by device code. `show` is told once what the person has to be shown; then this waits.
    ///
    /// # Errors
    /// Among others `login-declined`, `login-timed-out`, `login-refused`, `login-issuer-unavailable`.
    pub async fn by_device_code(&self, show: impl FnOnce(&DevicePrompt)) -> Result<Ticket, Error> {
        let provider = &self.provider;
        let endpoint = provider.discovery.device_authorization_endpoint.as_ref().ok_or_else(|| provider.flow_missing())?;
        let (client, scope) = (self.client()?, self.scope());
        // RFC 8628 knows no nonce; providers that take OpenID parameters here put it into the ID token.
        let form = BTreeMap::from([("client_id", client), ("scope", scope.as_str()), ("nonce", self.nonce.as_str())]);
        let begun: DeviceReply = provider.post(endpoint, &form).await?;
        let verification_uri = web_address(&begun.verification_uri)
            .ok_or_else(|| provider.unavailable("its address for the code is none of the web"))?;
        let lives = Duration::from_secs(begun.expires_in).min(LONGEST);
        show(&DevicePrompt {
            verification_uri,
            verification_uri_complete: begun.verification_uri_complete.as_deref().and_then(web_address),
            user_code: plain(&begun.user_code),
            expires_in: lives.as_secs(),
        });
        let form = BTreeMap::from([("grant_type", GRANT), ("device_code", begun.device_code.as_str()), ("client_id", client)]);
        let until = Instant::now() + lives;
        let mut interval = Duration::from_secs(begun.interval.unwrap_or(USUAL_INTERVAL).max(1)).min(LONGEST_INTERVAL);
        while Instant::now() < until {
            sleep(interval).await;
            match provider.id_token(&form).await {
                Ok(id_token) => return Ok(self.ticket(id_token)),
                Err(LoginError::Refused { code, issuer }) => match code.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => interval = (interval + SLOWER).min(LONGEST_INTERVAL),
                    "access_denied" => return Err(LoginError::Declined.into()),
                    "expired_token" => return Err(LoginError::TimedOut.into()),
                    _ => return Err(LoginError::Refused { issuer, code }.into()),
                },
                // A network that is away for a moment: section 3.5 asks for longer pauses.
                Err(LoginError::Unavailable { .. }) => interval = (interval * 2).min(LONGEST_INTERVAL),
                Err(other) => return Err(other.into()),
            }
        }
        Err(LoginError::TimedOut.into())
    }
}

/// What may be shown to a person as an address to open.
fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))
}
