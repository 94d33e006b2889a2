//! The session with a broker: proofs, tokens, their renewal.

mod call;
mod deletion;
mod ending;
mod enrol;
mod proof;
mod renew;
mod reset;
mod rotation;
mod ticket;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tidegate_protocol::Sha256;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::session::SessionReply;

pub(crate) use enrol::AccountClaim;
pub(crate) use proof::DpopKey;
pub use ticket::{IdToken, Purchase, Ticket};

use crate::error::Error;
use crate::home::{Home, SessionFile};
use crate::transport::{Http, Peer};

/// A broker, the key that proves who is asking, and the tokens that it gave.
pub struct Session {
    http: Http,
    /// The broker's public URL: proofs name it, so a broker that only pretends to be this one cannot pass them on.
    url: String,
    dpop: DpopKey,
    home: Home,
    state: Mutex<State>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    nonce: Option<String>,
    tokens: Option<SessionFile>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("url", &self.url).field("tokens", &"***").finish_non_exhaustive()
    }
}

impl Session {
    /// The session kept in this home, or the beginning of one.
    pub(crate) fn open(http: Http, url: &str, dpop: DpopKey, home: &Home) -> Result<Self, Error> {
        let tokens = SessionFile::load(home)?;
        let state = Mutex::new(State { nonce: None, tokens });
        Ok(Self { http, url: url.to_owned(), dpop, home: home.clone(), state, renewing: tokio::sync::Mutex::default() })
    }

    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }

    /// The broker's public URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// RFC 7638 thumbprint of the device's key.
    pub(crate) fn thumbprint(&self) -> Sha256 {
        self.dpop.thumbprint()
    }

    /// What the broker said its store can do; until then, that it can do nothing.
    pub(crate) fn profile(&self) -> StoreProfile {
        self.tokens().map_or(StoreProfile::IGNORING, |tokens| tokens.capabilities.store.clone())
    }

    /// An answer of the broker that is not of its format.
    pub(crate) fn malformed(&self, reason: &str) -> Error {
        Error::MalformedAnswer { peer: Peer::Broker, host: self.url.clone(), reason: reason.to_owned() }
    }

    fn tokens(&self) -> Option<SessionFile> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tokens.clone()
    }

    /// Takes up the tokens of a reply and keeps them in the home.
    fn adopt(&self, reply: &SessionReply) -> Result<(), Error> {
        let before = self.tokens().and_then(|tokens| tokens.renewal_token.clone());
        let tokens = SessionFile {
            scope: reply.scope,
            access_token: reply.access_token.clone(),
            access_expires_at: reply.access_expires_at,
            renewal_token: reply.renewal_token.clone().or(before),
            capabilities: reply.capabilities.clone(),
        };
        tokens.save(&self.home)?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tokens = Some(tokens);
        Ok(())
    }

    fn nonce(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).nonce.clone()
    }

    fn keep_nonce(&self, nonce: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).nonce = Some(nonce.to_owned());
    }
}
