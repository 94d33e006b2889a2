//! How a login fails.

/// Why there is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The broker takes no logins.
    #[error("this broker takes no logins")]
    NotOffered,
    /// The broker does not know this issuer.
    #[error("this broker takes no logins of {wanted}, but of {}", .issuers.join(", "))]
    IssuerUnknown {
        /// What was asked for.
        wanted: String,
        /// The names that the broker knows.
        issuers: Vec<String>,
    },
    /// The broker knows several issuers, and none was named.
    #[error("this broker takes logins of {}", .issuers.join(", "))]
    SeveralIssuers {
        /// Their names.
        issuers: Vec<String>,
    },
    /// The broker names no client with which a command line could log in.
    #[error("the broker names no client for logins with {issuer}")]
    ClientMissing {
        /// The issuer.
        issuer: String,
    },
    /// The issuer does not offer this way.
    #[error("{issuer} does not offer this way to log in")]
    FlowMissing {
        /// The issuer.
        issuer: String,
    },
    /// The issuer cannot be reached or does not answer as an OpenID provider does.
    #[error("{issuer} cannot be asked: {reason}")]
    Unavailable {
        /// The issuer.
        issuer: String,
        /// The cause, without any secret.
        reason: String,
    },
    /// The issuer says no, with its own error code.
    #[error("{issuer} refuses the login ({code})")]
    Refused {
        /// The issuer.
        issuer: String,
        /// Its error code (RFC 6749, section 5.2).
        code: String,
    },
    /// The person said no.
    #[error("the login was declined")]
    Declined,
    /// Nobody logged in within the time.
    #[error("nobody logged in within the time that there was")]
    TimedOut,
    /// No port of this machine to which a browser could come back.
    #[error("no port of this machine is free for the browser to come back to: {reason}")]
    NoPort {
        /// The cause.
        reason: String,
    },
}

impl LoginError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "login-not-offered",
            Self::IssuerUnknown { .. } => "login-issuer-unknown",
            Self::SeveralIssuers { .. } => "login-issuer-ambiguous",
            Self::ClientMissing { .. } => "login-client-missing",
            Self::FlowMissing { .. } => "login-flow-missing",
            Self::Unavailable { .. } => "login-issuer-unavailable",
            Self::Refused { .. } => "login-refused",
            Self::Declined => "login-declined",
            Self::TimedOut => "login-timed-out",
            Self::NoPort { .. } => "login-no-port",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotOffered => "ask its operator for an invite and give it with --invite-file",
            Self::IssuerUnknown { .. } | Self::SeveralIssuers { .. } => "name one of them with --issuer",
            Self::ClientMissing { .. } => "let the app log in, and give its token with --id-token-file",
            Self::FlowMissing { .. } => {
                "try --login browser or --login device, or ask the operator to allow one of them for the client"
            }
            Self::Unavailable { .. } => "check the network, and try again later; nothing is lost",
            Self::Refused { .. } => "try again; if it stays, the broker's operator has to look at the client's settings there",
            Self::Declined | Self::TimedOut => "run the command again, and log in",
            Self::NoPort { .. } => "use --login device",
        }
    }
}
