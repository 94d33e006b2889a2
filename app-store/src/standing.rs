//! Between "signed by a chain of Apple's" and "verified" stands the question whether a certificate was revoked.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::chain::{Chain, ChainId};
use crate::error::{JwsError, Position};
use crate::ocsp::{OcspAnswer, OcspStatus};

/// Why nobody was asked about revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoOcsp {
    /// The operator switched it off.
    Off,
    /// The responder does not answer, and the operator rather goes on than stops.
    Unreachable,
}

/// That a chain was not revoked, or why that is assumed. Made from good OCSP answers or by a stated policy, for one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainStanding {
    chain: ChainId,
    without: Option<NoOcsp>,
}

impl ChainStanding {
    /// Both certificates were answered for: good, and not long enough ago to be stale.
    ///
    /// # Errors
    /// [`JwsError::CertificateRevoked`], or [`JwsError::RevocationUnknown`] if an answer has ended, or
    /// [`JwsError::StandingOfAnotherChain`] if one is about another chain.
    pub fn from_answers(chain: &Chain, answers: &[OcspAnswer; 2], now: OffsetDateTime) -> Result<Self, JwsError> {
        for (answer, position) in answers.iter().zip([Position::Leaf, Position::Intermediate]) {
            if answer.chain() != chain.id() || answer.position() != position {
                return Err(JwsError::StandingOfAnotherChain);
            }
            if answer.status() == OcspStatus::Revoked {
                return Err(JwsError::CertificateRevoked { position });
            }
        }
        // A revocation is final, whether or not the answer about the other certificate has ended meanwhile.
        if answers.iter().any(|answer| answer.until() <= now) {
            return Err(JwsError::RevocationUnknown);
        }
        Ok(Self { chain: chain.id(), without: None })
    }

    /// Goes on without answers, for this stated reason.
    #[must_use]
    pub fn by_policy(chain: &Chain, reason: NoOcsp) -> Self {
        Self { chain: chain.id(), without: Some(reason) }
    }

    /// Why nobody was asked, if nobody was.
    #[must_use]
    pub fn without(&self) -> Option<NoOcsp> {
        self.without
    }
}

/// A JWS that a chain of Apple's signed; whether the chain still stands was not asked yet.
#[derive(Debug)]
pub struct SignedJws {
    payload: Vec<u8>,
    chain: Arc<Chain>,
}

impl SignedJws {
    pub(crate) fn new(payload: Vec<u8>, chain: Arc<Chain>) -> Self {
        Self { payload, chain }
    }

    /// The chain that signed it.
    #[must_use]
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// Goes on with the answer about the chain.
    ///
    /// # Errors
    /// [`JwsError::StandingOfAnotherChain`] if the answer is about another one.
    pub fn accept(self, standing: ChainStanding) -> Result<VerifiedJws, JwsError> {
        if standing.chain != self.chain.id() {
            return Err(JwsError::StandingOfAnotherChain);
        }
        Ok(VerifiedJws { payload: self.payload, is_signed: true })
    }
}

/// A JWS that Apple signed and whose chain stands. What it says may still be for another app.
#[derive(Debug)]
pub struct VerifiedJws {
    pub(crate) payload: Vec<u8>,
    /// Not for what comes from Xcode, in development.
    pub(crate) is_signed: bool,
}

impl VerifiedJws {
    pub(crate) fn unsigned(payload: Vec<u8>) -> Self {
        Self { payload, is_signed: false }
    }
}
