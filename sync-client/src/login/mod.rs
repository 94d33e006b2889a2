//! Logging in with an OpenID provider that a broker trusts: by device code (RFC 8628), or in a browser (RFC 8252 with PKCE, RFC 7636).
//!
//! A login is begun for one device: its nonce names the device's key, so that the ID token is of no use to anybody else.

mod browser;
mod device_code;
mod error;
mod provider;

use std::fmt;

pub use device_code::DevicePrompt;
pub use error::LoginError;
use provider::Provider;
use rand_core::Rng as _;
use secrecy::SecretString;
use tidegate_protocol::capability::Capabilities;
use tidegate_protocol::oidc::{OidcIssuer, nonce};

use crate::error::Error;
use crate::options::Options;
use crate::session::{IdToken, Session, Ticket};

/// What a login is for: each has keys of its own, which are made and kept before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPurpose {
    /// [`crate::SyncClient::create_account`].
    Create,
    /// [`crate::SyncClient::join`].
    Join,
}

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFlow {
    /// A code that is typed in on any device.
    DeviceCode,
    /// A browser on this machine.
    Browser,
}

/// A login that was begun for this device.
pub struct Login {
    provider: Provider,
    issuer: OidcIssuer,
    nonce: String,
    salt: [u8; 16],
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("issuer", &self.issuer.name).finish_non_exhaustive()
    }
}

impl Login {
    /// Begins one with an issuer that the broker names; `wanted` is its name or address where there are several.
    pub(crate) async fn begin(
        session: &Session,
        capabilities: &Capabilities,
        wanted: Option<&str>,
        options: &Options,
    ) -> Result<Self, Error> {
        let issuer = choose(&capabilities.oidc, wanted)?.clone();
        let provider = Provider::discover(&issuer.issuer, options).await?;
        let mut salt = [0; 16];
        crate::random::system().fill_bytes(&mut salt);
        let nonce = nonce(session.url(), &session.thumbprint(), &salt);
        Ok(Self { provider, issuer, nonce, salt })
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> &OidcIssuer {
        &self.issuer
    }

    /// The nonce that the ID token must carry: for apps that log people in by themselves.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The ticket of an ID token that was got elsewhere with [`Login::nonce`].
    #[must_use]
    pub fn ticket(&self, id_token: SecretString) -> Ticket {
        Ticket::Login(IdToken { id_token, nonce_salt: Some(self.salt.to_vec()) })
    }

    /// How to log in where nobody has said: by device code where the issuer offers that, but by a browser where the broker insists on
    /// the nonce, which many providers leave out of the tokens of device codes.
    ///
    /// # Errors
    /// `login-flow-missing`.
    pub fn flow(&self) -> Result<LoginFlow, Error> {
        let (device, browser) = (self.provider.offers_device_code(), self.provider.offers_browser());
        usual_flow(device, browser, self.issuer.nonce_required)
            .ok_or_else(|| LoginError::FlowMissing { issuer: self.issuer.issuer.clone() }.into())
    }

    /// The public client, which the broker names.
    fn client(&self) -> Result<&str, LoginError> {
        self.issuer.client_id.as_deref().ok_or_else(|| LoginError::ClientMissing { issuer: self.issuer.issuer.clone() })
    }

    fn scope(&self) -> String {
        self.issuer.scopes.join(" ")
    }
}

const fn usual_flow(offers_device: bool, offers_browser: bool, nonce_required: bool) -> Option<LoginFlow> {
    match (offers_device, offers_browser) {
        (true, true) if nonce_required => Some(LoginFlow::Browser),
        (true, _) => Some(LoginFlow::DeviceCode),
        (false, true) => Some(LoginFlow::Browser),
        (false, false) => None,
    }
}

fn choose<'a>(issuers: &'a [OidcIssuer], wanted: Option<&str>) -> Result<&'a OidcIssuer, LoginError> {
    let names = || issuers.iter().map(|issuer| issuer.name.clone()).collect();
    match (issuers, wanted) {
        ([], _) => Err(LoginError::NotOffered),
        (issuers, Some(wanted)) => issuers
            .iter()
            .find(|issuer| issuer.name == wanted || issuer.issuer.trim_end_matches('/') == wanted.trim_end_matches('/'))
            .ok_or_else(|| LoginError::IssuerUnknown { wanted: wanted.to_owned(), issuers: names() }),
        ([only], None) => Ok(only),
        (_, None) => Err(LoginError::SeveralIssuers { issuers: names() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(name: &str) -> OidcIssuer {
        let issuer = format!("https://{name}.example.org/");
        OidcIssuer { name: name.to_owned(), issuer, client_id: None, scopes: vec!["openid".to_owned()], nonce_required: true }
    }

    #[test]
    fn device_codes_go_first_unless_the_nonce_is_needed() {
        assert_eq!(usual_flow(true, true, false), Some(LoginFlow::DeviceCode));
        assert_eq!(usual_flow(true, true, true), Some(LoginFlow::Browser));
        assert_eq!(usual_flow(true, false, true), Some(LoginFlow::DeviceCode));
        assert_eq!(usual_flow(false, true, false), Some(LoginFlow::Browser));
        assert_eq!(usual_flow(false, false, true), None);
    }

    #[test]
    fn one_issuer_needs_no_name_and_several_do() {
        let (one, two) = ([issuer("a")], [issuer("a"), issuer("b")]);
        assert_eq!(choose(&one, None), Ok(&one[0]));
        assert_eq!(choose(&two, Some("b")), Ok(&two[1]));
        assert_eq!(choose(&two, Some("https://b.example.org")), Ok(&two[1]));
        assert_eq!(choose(&[], None), Err(LoginError::NotOffered));
        assert!(matches!(choose(&two, None), Err(LoginError::SeveralIssuers { .. })));
        assert!(matches!(choose(&one, Some("c")), Err(LoginError::IssuerUnknown { .. })));
    }
}
