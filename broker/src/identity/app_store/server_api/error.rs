//! How asking the App Store Server API fails, and whether asking again may help.

use std::time::Duration;

use http::StatusCode;

/// No answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerApiError {
    /// It could not be reached, or not in time.
    #[error("the App Store Server API cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It answered with something else than its JSON.
    #[error("the App Store Server API answered with status {status} and something that is not its JSON")]
    NotUnderstood {
        /// The HTTP status.
        status: StatusCode,
    },
    /// It answered with more than any answer has.
    #[error("the App Store Server API answered with more than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// It does not accept the key.
    #[error("the App Store Server API does not accept the key: check issuer id, key id and private key")]
    Unauthorized,
    /// It asks for patience.
    #[error("the App Store Server API asks to wait")]
    RateLimited {
        /// For how long, where it says so.
        wait: Option<Duration>,
    },
    /// It refused.
    #[error("the App Store Server API refused with {code}: {message}")]
    Refused {
        /// Apple's error code.
        code: i64,
        /// Apple's words.
        message: String,
    },
    /// The token could not be signed.
    #[error("the request could not be signed")]
    Token(#[source] jsonwebtoken::errors::Error),
}

/// Apple's codes that ask for a repetition: the account, the app or the transaction could not be found just now; a passing failure.
const AGAIN: [i64; 4] = [4_040_002, 4_040_004, 4_040_006, 5_000_001];
/// The page of a history that is asked for is not one of that history, not any more.
const PAGE_INVALID: i64 = 4_000_014;

impl ServerApiError {
    /// Whether asking again may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::RateLimited { .. } => true,
            Self::NotUnderstood { status } => status.is_server_error(),
            Self::Refused { code, .. } => AGAIN.contains(code) || *code / 10_000 == 500,
            Self::TooLarge { .. } | Self::Unauthorized | Self::Token(_) => false,
        }
    }

    /// Whether the page token has to be given up.
    pub(crate) fn is_page_invalid(&self) -> bool {
        matches!(self, Self::Refused { code: PAGE_INVALID, .. })
    }
}
