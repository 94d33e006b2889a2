//! An issuer's own description (OpenID Connect Discovery 1.0): where its keys are, and where people log in.

use serde::Deserialize;
use url::{Host, Url};

/// Why a description is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryFault {
    /// Not the JSON that it has to be.
    #[error("the issuer's description is not that of an OpenID provider")]
    Malformed,
    /// It speaks of another issuer.
    #[error("the issuer's description is of another issuer")]
    Issuer,
    /// Its keys lie at an address without TLS.
    #[error("the issuer's keys are not at an https address")]
    Address,
}

/// What is needed of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Where the issuer's keys are.
    pub jwks_uri: Url,
    /// Where a browser logs in.
    pub authorization_endpoint: Option<Url>,
    /// Where codes are traded for tokens.
    pub token_endpoint: Option<Url>,
    /// Where a login by device code begins (RFC 8628, section 4).
    pub device_authorization_endpoint: Option<Url>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
}

impl Discovery {
    /// Where the description of an issuer lies: its address without trailing slash, and the well-known path (section 4).
    ///
    /// # Errors
    /// If the issuer is no URL.
    pub fn url_of(issuer: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
    }

    /// Reads it. The issuer must be the one that was asked, letter by letter (section 4.3): else whoever can publish a description
    /// somewhere could speak for another.
    ///
    /// # Errors
    /// [`DiscoveryFault`].
    pub fn parse(json: &[u8], issuer: &str) -> Result<Self, DiscoveryFault> {
        let document: Document = serde_json::from_slice(json).map_err(|_| DiscoveryFault::Malformed)?;
        if document.issuer != issuer {
            return Err(DiscoveryFault::Issuer);
        }
        let jwks_uri = Url::parse(&document.jwks_uri).map_err(|_| DiscoveryFault::Malformed)?;
        let issuer = Url::parse(issuer).map_err(|_| DiscoveryFault::Issuer)?;
        // Keys on this machine are for issuers on this machine: another's description must not reach what listens on loopback.
        let is_allowed = |url: &Url| is_reachable_safely(url) && (url.scheme() == "https" || issuer.scheme() == "http");
        if !is_allowed(&jwks_uri) {
            return Err(DiscoveryFault::Address);
        }
        // Where one of these cannot be used, what needs it is not offered.
        let endpoint = |text: Option<String>| text.and_then(|text| Url::parse(&text).ok()).filter(is_allowed);
        Ok(Self {
            jwks_uri,
            authorization_endpoint: endpoint(document.authorization_endpoint),
            token_endpoint: endpoint(document.token_endpoint),
            device_authorization_endpoint: endpoint(document.device_authorization_endpoint),
        })
    }
}

/// Whether what travels there is for nobody else: https, or http on this machine.
#[must_use]
pub fn is_reachable_safely(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_bare = url.username().is_empty() && url.password().is_none();
    is_bare && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.org/realms/home";

    fn parse(issuer: &str, jwks_uri: &str) -> Result<Discovery, DiscoveryFault> {
        Discovery::parse(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}","more":1}}"#).as_bytes(), ISSUER)
    }

    #[test]
    fn the_description_lies_below_the_issuer() {
        for issuer in [ISSUER.to_owned(), format!("{ISSUER}/")] {
            let url = Discovery::url_of(&issuer).unwrap();
            assert_eq!(url.as_str(), "https://id.example.org/realms/home/.well-known/openid-configuration");
        }
    }

    #[test]
    fn another_issuers_description_is_refused() {
        let jwks_uri = "https://id.example.org/keys";
        assert_eq!(parse(ISSUER, jwks_uri).unwrap().jwks_uri.as_str(), jwks_uri);
        for other in ["https://id.example.org/realms/home/", "https://id.example.org/realms/Home", "https://evil.example.org", ""]
        {
            assert_eq!(parse(other, jwks_uri), Err(DiscoveryFault::Issuer), "{other}");
        }
    }

    #[test]
    fn keys_come_over_tls_and_an_outside_issuer_cannot_send_us_to_this_machine() {
        for jwks_uri in
            ["http://id.example.org/keys", "http://127.0.0.1/keys", "https://u:p@id.example.org/k", "file:///etc/passwd"]
        {
            assert_eq!(parse(ISSUER, jwks_uri), Err(DiscoveryFault::Address), "{jwks_uri}");
        }
        let local = "http://127.0.0.1:8080";
        let document = format!(r#"{{"issuer":"{local}","jwks_uri":"{local}/jwks"}}"#);
        assert!(Discovery::parse(document.as_bytes(), local).is_ok());
    }
}
