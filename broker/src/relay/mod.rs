//! The relay between an app and Tandem's service, for apps that cannot talk to it themselves. Off by default.
//!
//! It lives within a request: credentials, token and samples are in memory while the request is answered, and nowhere afterwards. It
//! writes no object, and no log line has any of them. What outlives the request is how often a caller came within an hour.

mod handler;
mod limit;
mod refusal;
mod request;
mod samples;

use std::time::Duration;

use tidegate_tandem::source::{Client, Endpoints, Limits, Region, SourceError};
use tokio::sync::Semaphore;

pub(crate) use self::handler::{__path_sync, __path_validate, sync, validate};
use self::limit::HourlyLimit;
use self::request::Credentials;

/// Syncs under way at once: a window of a log takes some tens of megabytes.
const PLACES: usize = 8;
/// Logins that Tandem refused, for each Tandem account and hour: a few more, and Tandem locks it.
const REFUSED_LOGINS: u32 = 3;

/// How the relay is set up.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Syncs that a user and a Tandem account may ask for in an hour; as many validations of credentials.
    pub per_hour: u32,
    /// The service of the United States.
    pub us: Endpoints,
    /// The service of Europe.
    pub eu: Endpoints,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self { per_hour: 12, us: Endpoints::of(Region::Us), eu: Endpoints::of(Region::Eu) }
    }
}

/// The relay, where it is set up.
pub(crate) struct Relay {
    us: Client,
    eu: Client,
    syncs: HourlyLimit,
    validations: HourlyLimit,
    refused: HourlyLimit,
    places: Semaphore,
}

impl Relay {
    /// # Errors
    /// If TLS cannot be set up.
    pub(crate) fn new(settings: &RelaySettings, request_seconds: u64) -> Result<Self, SourceError> {
        // A request that Tandem does not answer is refused as that, and not as one that took the broker too long.
        let answer_time = Duration::from_secs(request_seconds.saturating_sub(2).max(1));
        let limits = Limits { answer_time, tries: 2, first_pause: Duration::from_secs(1) };
        Ok(Self {
            us: Client::with_limits(settings.us.clone(), limits)?,
            eu: Client::with_limits(settings.eu.clone(), limits)?,
            syncs: HourlyLimit::new(settings.per_hour),
            validations: HourlyLimit::new(settings.per_hour),
            refused: HourlyLimit::new(REFUSED_LOGINS),
            places: Semaphore::new(PLACES),
        })
    }

    fn client(&self, credentials: &Credentials) -> &Client {
        match credentials.region {
            Region::Us => &self.us,
            Region::Eu => &self.eu,
        }
    }
}

impl Credentials {
    /// What stands for the Tandem account in limits.
    fn account(&self) -> [&[u8]; 2] {
        [self.region.name().as_bytes(), self.login.username.as_bytes()]
    }
}
