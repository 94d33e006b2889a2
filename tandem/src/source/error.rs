//! What goes wrong with the vendor's service, and what to do about it. No message holds an answer, an address with a code, or a name.

use jiff::Timestamp;

use super::report::Report;

/// What to do about a [`SourceError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again later; it went wrong at the service.
    Retry,
    /// Nothing is tried until the person gives other credentials.
    Credentials,
    /// No login before this time: the account is locked, or would be by more attempts.
    Locked {
        /// The time.
        until: Timestamp,
    },
    /// No request before this time.
    RateLimited {
        /// The time.
        until: Timestamp,
    },
    /// The service has changed: a new version of this program is needed. The report helps to make it.
    Changed,
    /// Something refuses that neither time nor credentials change: a firewall, a question at login, this machine's clock.
    Blocked,
    /// The service was not reached.
    Unreachable,
}

/// Why the vendor's service gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no login to use.
    #[error("no login for the Tandem account is kept")]
    NoLogin,
    /// Name and password were refused.
    #[error("Tandem refuses name or password; an account of the other region looks like this, too")]
    Refused,
    /// Name and password were refused before, and are not tried again.
    #[error("Tandem refused this name and password before; they are not tried again, lest the account is locked")]
    RefusedBefore,
    /// Too many attempts.
    #[error("Tandem has locked the account after too many attempts; no attempt before {until}")]
    Locked {
        /// When a login is tried again.
        until: Timestamp,
    },
    /// An attempt now would add to those that failed.
    #[error("logins failed; no attempt before {until}, lest the account is locked")]
    TooSoon {
        /// When a login is tried again.
        until: Timestamp,
    },
    /// Too many requests.
    #[error("Tandem asks to wait until {until}")]
    RateLimited {
        /// When the next request may be made.
        until: Timestamp,
    },
    /// The token is refused.
    #[error("Tandem refuses the token of the login")]
    TokenRefused,
    /// The token of a login that has just succeeded is refused.
    #[error("Tandem refuses a token that it has just given; no login before {until}")]
    FreshTokenRefused {
        /// When a login is tried again.
        until: Timestamp,
    },
    /// The login succeeded in part: the service asks the person something.
    #[error("Tandem asks for something at login that only a person can answer: log in once in a browser")]
    LoginNeedsAttention(Box<Report>),
    /// The ID token of a login is not what it must be.
    #[error("the ID token of the login is not valid: {0}")]
    IdToken(#[from] IdTokenFault),
    /// A firewall refuses.
    #[error("a firewall before Tandem's service refuses the request")]
    Firewall(Box<Report>),
    /// An answer is not what it was.
    #[error("Tandem has changed its service: {0}")]
    Changed(Box<Report>),
    /// An answer is longer than any that is expected.
    #[error("an answer of Tandem's service has more than {limit} bytes")]
    TooLarge {
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// A login leads elsewhere.
    #[error("the login leads to another host than Tandem's; nothing was sent there")]
    LedElsewhere,
    /// It fails at the service.
    #[error("Tandem's service fails with status {status}")]
    Failing {
        /// The HTTP status.
        status: u16,
    },
    /// No answer, or not all of one.
    #[error("Tandem's service was not reached: {0}")]
    Unreachable(#[source] Box<reqwest::Error>),
    /// Not an address that credentials may go to.
    #[error("an address of the service is neither HTTPS nor on this machine")]
    NotPrivate,
    /// What keeps token and guard fails.
    #[error("the Tandem login cannot be read or kept: {0}")]
    Keeper(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why an ID token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// It is not a signed token, or not signed with RS256.
    #[error("it is not signed with RS256")]
    Algorithm,
    /// The service has no key of this name.
    #[error("no key of the service has its name")]
    Key,
    /// The signature is not the key's.
    #[error("its signature is not the service's")]
    Signature,
    /// Another issuer.
    #[error("another issuer made it")]
    Issuer,
    /// It is addressed to another client.
    #[error("it is made for another client")]
    Audience,
    /// It has ended.
    #[error("it has ended, by this machine's clock")]
    Expired,
    /// It is from the future.
    #[error("it is from the future, by this machine's clock")]
    Future,
    /// A claim that is needed is missing or is not what it must be.
    #[error("a claim is missing or is not what it must be")]
    Claims,
}

impl SourceError {
    /// What to do about it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::NoLogin | Self::Refused | Self::RefusedBefore => Class::Credentials,
            Self::Locked { until } | Self::TooSoon { until } | Self::FreshTokenRefused { until } => {
                Class::Locked { until: *until }
            }
            Self::RateLimited { until } => Class::RateLimited { until: *until },
            Self::Changed(_) | Self::TooLarge { .. } | Self::LedElsewhere => Class::Changed,
            Self::IdToken(fault) => match fault {
                IdTokenFault::Expired | IdTokenFault::Future => Class::Blocked,
                IdTokenFault::Algorithm
                | IdTokenFault::Key
                | IdTokenFault::Signature
                | IdTokenFault::Issuer
                | IdTokenFault::Audience
                | IdTokenFault::Claims => Class::Changed,
            },
            Self::LoginNeedsAttention(_) | Self::Firewall(_) | Self::NotPrivate => Class::Blocked,
            Self::Failing { .. } | Self::TokenRefused | Self::Keeper(_) => Class::Retry,
            Self::Unreachable(_) => Class::Unreachable,
        }
    }

    /// A name that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoLogin => "tandem-no-login",
            Self::Refused => "tandem-credentials-refused",
            Self::RefusedBefore => "tandem-credentials-refused-before",
            Self::Locked { .. } => "tandem-account-locked",
            Self::TooSoon { .. } => "tandem-login-too-soon",
            Self::RateLimited { .. } => "tandem-rate-limited",
            Self::TokenRefused => "tandem-token-refused",
            Self::FreshTokenRefused { .. } => "tandem-fresh-token-refused",
            Self::LoginNeedsAttention(_) => "tandem-login-needs-attention",
            Self::IdToken(IdTokenFault::Expired | IdTokenFault::Future) => "tandem-clock-differs",
            Self::IdToken(
                IdTokenFault::Algorithm
                | IdTokenFault::Key
                | IdTokenFault::Signature
                | IdTokenFault::Issuer
                | IdTokenFault::Audience
                | IdTokenFault::Claims,
            ) => "tandem-id-token-invalid",
            Self::Firewall(_) => "tandem-firewall",
            Self::Changed(_) => "tandem-changed",
            Self::TooLarge { .. } => "tandem-answer-too-large",
            Self::LedElsewhere => "tandem-led-elsewhere",
            Self::Failing { .. } => "tandem-failing",
            Self::Unreachable(_) => "tandem-unreachable",
            Self::NotPrivate => "tandem-address-not-private",
            Self::Keeper(_) => "tandem-keeper",
        }
    }

    /// What the service answered, without personal data, where that helps to find out what has changed.
    #[must_use]
    pub const fn report(&self) -> Option<&Report> {
        match self {
            Self::LoginNeedsAttention(report) | Self::Firewall(report) | Self::Changed(report) => Some(report),
            Self::NoLogin
            | Self::Refused
            | Self::RefusedBefore
            | Self::Locked { .. }
            | Self::TooSoon { .. }
            | Self::RateLimited { .. }
            | Self::TokenRefused
            | Self::FreshTokenRefused { .. }
            | Self::IdToken(_)
            | Self::TooLarge { .. }
            | Self::LedElsewhere
            | Self::Failing { .. }
            | Self::Unreachable(_)
            | Self::NotPrivate
            | Self::Keeper(_) => None,
        }
    }
}

impl From<reqwest::Error> for SourceError {
    /// Without the address: it may hold a code or an identifier.
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(Box::new(error.without_url()))
    }
}
