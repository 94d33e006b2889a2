//! What is probed: a bucket, its two addresses and the credentials that will be used on it.

use std::fmt;
use std::sync::Arc;

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, EndpointError, Presigner};
use time::OffsetDateTime;

/// Which part of the bucket the credentials are meant to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A broker's three: `read` and `write` below `users/`, `state` everywhere.
    Broker,
    /// One key for everything below `users/`, as somebody without a broker has it. What it could do to its owner is no attack.
    Users,
}

/// A bucket and the credentials that will be used on it.
#[derive(Debug, Clone)]
pub struct Target {
    /// How the prober reaches the store itself.
    pub endpoint_internal: String,
    /// How whoever holds a URL reaches it; may be the same.
    pub endpoint_public: String,
    /// Region that signatures name.
    pub region: String,
    /// Name of the bucket.
    pub bucket: String,
    /// How URLs name the bucket.
    pub addressing: AddressingStyle,
    /// Signs GET, HEAD and LIST.
    pub read: Credentials,
    /// Signs PUT.
    pub write: Credentials,
    /// The prober's own: plants, verifies and cleans up.
    pub state: Credentials,
    /// What the credentials are meant to reach.
    pub reach: Reach,
    /// Web origins whose pages are to use presigned URLs.
    pub cors_origins: Vec<String>,
}

/// One run of a probe: a name that is nobody else's, and the clock that signs.
#[derive(Clone)]
pub struct Run {
    pub(crate) name: String,
    pub(crate) clock: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
}

impl Run {
    /// A run under a random name, by this clock.
    #[must_use]
    pub fn new(random: [u8; 8], clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self { name: hex::encode(random), clock: Arc::new(clock) }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whose signature a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Read,
    Write,
    State,
}

/// The signers of all credentials at one address.
#[derive(Debug)]
pub(crate) struct Signers {
    read: Presigner,
    write: Presigner,
    state: Presigner,
}

impl Signers {
    pub(crate) fn new(target: &Target, endpoint: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::new(endpoint, &target.bucket, target.addressing)?;
        let signer = |credentials: &Credentials| Presigner::new(credentials.clone(), target.region.as_str(), endpoint.clone());
        Ok(Self { read: signer(&target.read), write: signer(&target.write), state: signer(&target.state) })
    }

    pub(crate) const fn of(&self, who: Who) -> &Presigner {
        match who {
            Who::Read => &self.read,
            Who::Write => &self.write,
            Who::State => &self.state,
        }
    }

    /// The address and bucket.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.state.endpoint()
    }
}
