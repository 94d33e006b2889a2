//! The key pair that signs.

use std::fmt;

use zeroize::Zeroizing;

/// An access key with its secret, and the session token of a temporary one.
#[derive(Clone)]
pub struct Credentials {
    /// The public half, named in every signature.
    pub access_key_id: String,
    /// The token that proves a temporary access key; it travels with every request.
    pub session_token: Option<String>,
    secret: Zeroizing<String>,
}

impl Credentials {
    /// Joins the halves of an access key; `session_token` only for temporary ones.
    #[must_use]
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<String>, session_token: Option<String>) -> Self {
        Self { access_key_id: access_key_id.into(), session_token, secret: Zeroizing::new(secret.into()) }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("session_token", &self.session_token.as_ref().map(|_| "masked"))
            .field("secret", &"masked")
            .finish()
    }
}
