//! Why a probe has no result.

use tidegate_sigv4::{EndpointError, SignError};

/// Why nothing can be said about a store. It is no verdict: nothing may be concluded from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The address or the bucket's name cannot be used.
    #[error("the store's address cannot be used")]
    Endpoint(#[from] EndpointError),
    /// A credential cannot stand in a request.
    #[error("a request to the store cannot be signed")]
    Sign(#[from] SignError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// Nobody answers.
    #[error("the store at {host} does not answer at {step}: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What was tried.
        step: &'static str,
        /// What the connection failed by.
        reason: String,
    },
    /// The store refuses what Tidegate cannot do without.
    #[error("the store refuses {step} by the credential `{credential}`: {status} {code}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// `read`, `write` or `state`.
        credential: &'static str,
        /// HTTP status.
        status: u16,
        /// The store's error code, or nothing.
        code: String,
    },
    /// The store says yes and does something else.
    #[error("the store does not do what it says at {step}: {fault}")]
    Unsound {
        /// What was tried.
        step: &'static str,
        /// What is wrong.
        fault: String,
    },
}

impl ProbeError {
    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            Self::Endpoint(_) | Self::Sign(_) | Self::Client(_) | Self::Unsound { .. } => false,
        }
    }
}
