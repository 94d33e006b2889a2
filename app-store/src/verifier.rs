//! From an unverified JWS to one that Apple's chain signed: the signature, then the chain.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use time::{Duration, OffsetDateTime};

use crate::cache::ChainCache;
use crate::chain::{Candidate, Chain};
use crate::environment::Environment;
use crate::error::JwsError;
use crate::jws::UnverifiedJws;
use crate::roots::Roots;
use crate::standing::{SignedJws, VerifiedJws};

/// Bytes of an ES256 signature: two numbers of 32 (RFC 7518, section 3.4).
const SIGNATURE_BYTES: usize = 64;

/// How strictly a JWS is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierOptions {
    /// What our clock may be wrong by.
    pub clock_skew: Duration,
    /// Whether JWS of Xcode and LocalTesting, which anybody can make, are taken at their word. For development alone.
    pub accepts_unsigned: bool,
}

impl Default for VerifierOptions {
    fn default() -> Self {
        Self { clock_skew: Duration::seconds(60), accepts_unsigned: false }
    }
}

/// Verifies JWS against roots; remembers verified chains for 15 minutes. One for a process.
pub struct Verifier {
    roots: Roots,
    options: VerifierOptions,
    cache: ChainCache,
}

impl Verifier {
    /// A verifier that trusts these roots and nothing else.
    #[must_use]
    pub fn new(roots: Roots, options: VerifierOptions) -> Self {
        Self { roots, options, cache: ChainCache::default() }
    }

    /// The clock skew that was set.
    #[must_use]
    pub fn clock_skew(&self) -> Duration {
        self.options.clock_skew
    }

    /// Verifies signature and chain; certificates must be valid at `now`.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of `docs/app-store-verification.md`.
    pub fn verify(&self, jws: UnverifiedJws<'_>, now: OffsetDateTime) -> Result<SignedJws, JwsError> {
        check_algorithm(&jws)?;
        let chain = match self.cached(&jws, now) {
            Some(chain) => self.verify_cached(&jws, chain, now)?,
            None => self.verify_cold(&jws, now)?,
        };
        Ok(SignedJws::new(jws.payload, chain))
    }

    /// Takes the payload of a JWS of Xcode or LocalTesting without any proof, where the options allow it.
    ///
    /// # Errors
    /// [`JwsError::Unsigned`] if they do not, or it is of another environment.
    pub fn accept_unsigned(&self, jws: UnverifiedJws<'_>) -> Result<VerifiedJws, JwsError> {
        if !self.options.accepts_unsigned || !environment_of(&jws.payload).is_some_and(|environment| is_local(&environment)) {
            return Err(JwsError::Unsigned);
        }
        Ok(VerifiedJws::unsigned(jws.payload))
    }

    fn cached(&self, jws: &UnverifiedJws<'_>, now: OffsetDateTime) -> Option<Arc<Chain>> {
        let [leaf, intermediate, root] = jws.header.certificates.as_slice() else { return None };
        // The third is no part of the cache's key, and yet must be one of ours: nothing is gained by varying it.
        self.roots.find(root)?;
        self.cache.get(leaf, intermediate, now)
    }

    fn verify_cached(&self, jws: &UnverifiedJws<'_>, chain: Arc<Chain>, now: OffsetDateTime) -> Result<Arc<Chain>, JwsError> {
        check_signature(jws, &chain.key)?;
        chain.check_dates(now, self.options.clock_skew)?;
        Ok(chain)
    }

    fn verify_cold(&self, jws: &UnverifiedJws<'_>, now: OffsetDateTime) -> Result<Arc<Chain>, JwsError> {
        let candidate = Candidate::read(&jws.header.certificates, &self.roots)?;
        check_signature(jws, candidate.key())?;
        let chain = candidate.verify(now, self.options.clock_skew)?;
        if let [leaf, intermediate, _] = jws.header.certificates.as_slice() {
            self.cache.put(leaf, intermediate, &chain, now);
        }
        Ok(chain)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("options", &self.options)
            .field("cached_chains", &self.cache.len())
            .finish_non_exhaustive()
    }
}

/// ES256 and nothing else, letter for letter: what the header says never chooses how the signature is verified.
fn check_algorithm(jws: &UnverifiedJws<'_>) -> Result<(), JwsError> {
    if jws.header.algorithm.as_deref() != Some("ES256") {
        return Err(JwsError::Algorithm);
    }
    Ok(())
}

/// Either of the two values of s is genuine: Apple's are not normalised. Nothing may be keyed on signature bytes.
fn check_signature(jws: &UnverifiedJws<'_>, key: &ParsedPublicKey) -> Result<(), JwsError> {
    let signature = jws.signature.as_slice();
    if signature.len() != SIGNATURE_BYTES {
        let is_der = (68..=72).contains(&signature.len()) && signature.first() == Some(&0x30);
        return Err(if is_der { JwsError::SignatureDer } else { JwsError::SignatureLength { length: signature.len() } });
    }
    if signature.chunks(SIGNATURE_BYTES / 2).any(|number| number.iter().all(|byte| *byte == 0)) {
        return Err(JwsError::SignatureZero);
    }
    key.verify_sig(jws.signed.as_bytes(), signature).map_err(|_| JwsError::SignatureInvalid)
}

/// Whether Apple never signs for this environment.
pub(crate) fn is_local(environment: &Environment) -> bool {
    match environment {
        Environment::Xcode | Environment::LocalTesting => true,
        Environment::Production | Environment::Sandbox | Environment::Unknown(_) => false,
    }
}

/// The environment of a transaction, renewal information or notification.
fn environment_of(payload: &[u8]) -> Option<Environment> {
    #[derive(serde::Deserialize)]
    struct Payload {
        environment: Option<Environment>,
        data: Option<Data>,
    }
    #[derive(serde::Deserialize)]
    struct Data {
        environment: Option<Environment>,
    }
    let payload: Payload = serde_json::from_slice(payload).ok()?;
    payload.environment.or_else(|| payload.data?.environment)
}
