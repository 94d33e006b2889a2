//! What is known of whoever sent a request, before it is looked into.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::extract::{MatchedPath, Request};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tidegate_protocol::Sha256;
use tidegate_protocol::session::DPOP_SCHEME;

use super::address::ClientAddress;
use super::bucket::Standing;
use super::rates::Culprit;
use super::route::RouteClass;
use crate::broker::Broker;

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whoever sent the request; one for the request's whole life.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(super) address: ClientAddress,
    /// Hash of an access token that this replica has verified and that has not ended.
    known: Option<Sha256>,
    pub(crate) class: RouteClass,
    /// How the bucket stands that was looked at last.
    standing: Mutex<Option<Standing>>,
    /// Whether the request was counted on a user.
    counted: AtomicBool,
}

impl Visitor {
    pub(super) fn of(request: &Request, broker: &Broker) -> Self {
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        Self {
            address: ClientAddress::of(broker.trusted_proxies.client(peer, request.headers())),
            known: known_token(request.headers(), broker),
            class: RouteClass::of(route),
            standing: Mutex::default(),
            counted: AtomicBool::default(),
        }
    }

    pub(super) const fn is_stranger(&self) -> bool {
        self.known.is_none()
    }

    pub(super) const fn culprit(&self) -> Culprit {
        Culprit { address: self.address, token: self.known }
    }

    /// Notes that a user's limit has counted the request.
    pub(crate) fn count_on_user(&self) {
        self.counted.store(true, Ordering::Relaxed);
    }

    /// Whether nobody has counted the request: it showed a known token, and no proof for it that holds.
    pub(super) fn is_uncounted(&self) -> bool {
        !self.is_stranger() && !self.counted.load(Ordering::Relaxed) && self.class != RouteClass::Health
    }

    pub(crate) fn note(&self, standing: Option<Standing>) {
        if standing.is_some() {
            *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        }
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash and a look into the cache: no signature is verified for a stranger here.
fn known_token(headers: &HeaderMap, broker: &Broker) -> Option<Sha256> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case(DPOP_SCHEME) {
        return None;
    }
    let hash = Sha256::of(token.as_bytes());
    broker.access.is_known(&hash, broker.clock.now()).then_some(hash)
}
