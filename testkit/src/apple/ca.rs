//! The certificate authority and what it signs.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{Issuer, KeyPair};
use serde_json::{Value, json};

use super::certificate::{AuthoritySpec, CertificateSpec, ChainSpec, Curve};

/// A certificate with its key.
pub(super) struct Authority {
    pub(super) spec: CertificateSpec,
    pub(super) key: KeyPair,
    pub(super) der: Vec<u8>,
}

impl Authority {
    fn self_signed(spec: CertificateSpec) -> Self {
        let key = spec.curve.key_pair();
        let der = spec.params().self_signed(&key).expect("the specification is whole").der().to_vec();
        Self { spec, key, der }
    }

    pub(super) fn issue(&self, spec: CertificateSpec) -> Self {
        let key = spec.curve.key_pair();
        let mut params = self.spec.params();
        if self.spec.authority == AuthoritySpec::Authority {
            params.key_usages.clear(); // what a forged authority lacks does not keep it from signing here
        }
        let issuer = Issuer::new(params, &self.key);
        let der = spec.params().signed_by(&key, &issuer).expect("the specification is whole").der().to_vec();
        Self { spec, key, der }
    }
}

/// A root, an intermediate authority and a leaf that signs, of the shape of Apple's. Every one has keys of its own.
#[derive(Clone)]
pub struct TestCa {
    pub(super) root: Arc<Authority>,
    pub(super) intermediate: Arc<Authority>,
    leaf: Arc<Authority>,
    spec: ChainSpec,
}

impl TestCa {
    /// A new authority with new keys; its certificates are valid from 2016 to 2055 and name no OCSP responder.
    #[must_use]
    pub fn new() -> Self {
        Self::with_root(CertificateSpec::root())
    }

    /// The same under a root that says something else.
    #[must_use]
    pub fn with_root(root: CertificateSpec) -> Self {
        Self::chain(Arc::new(Authority::self_signed(root)), ChainSpec::default())
    }

    /// Another chain under the same root: this one's, changed.
    #[must_use]
    pub fn chain_variant(&self, change: impl FnOnce(&mut ChainSpec)) -> Self {
        let mut spec = self.spec.clone();
        change(&mut spec);
        Self::chain(Arc::clone(&self.root), spec)
    }

    /// Another leaf under the same intermediate.
    #[must_use]
    pub fn leaf_variant(&self, change: impl FnOnce(&mut CertificateSpec)) -> Self {
        let mut spec = self.spec.clone();
        change(&mut spec.leaf);
        let leaf = Arc::new(self.intermediate.issue(spec.leaf.clone()));
        Self { root: Arc::clone(&self.root), intermediate: Arc::clone(&self.intermediate), leaf, spec }
    }

    fn chain(root: Arc<Authority>, spec: ChainSpec) -> Self {
        let intermediate = Arc::new(root.issue(spec.intermediate.clone()));
        let leaf = Arc::new(intermediate.issue(spec.leaf.clone()));
        Self { root, intermediate, leaf, spec }
    }

    /// The root's certificate.
    #[must_use]
    pub fn root_der(&self) -> Vec<u8> {
        self.root.der.clone()
    }

    /// Leaf, intermediate and root.
    #[must_use]
    pub fn chain_der(&self) -> [Vec<u8>; 3] {
        [self.leaf.der.clone(), self.intermediate.der.clone(), self.root.der.clone()]
    }

    /// The header that Apple's servers send.
    #[must_use]
    pub fn header(&self) -> Value {
        let x5c: Vec<String> = self.chain_der().iter().map(|der| STANDARD.encode(der)).collect();
        json!({ "alg": "ES256", "x5c": x5c })
    }

    /// A JWS over this payload.
    #[must_use]
    pub fn sign(&self, payload: &Value) -> String {
        self.sign_with(&self.header(), payload)
    }

    /// A JWS over this payload with this header, signed by the leaf whatever the header says.
    #[must_use]
    pub fn sign_with(&self, header: &Value, payload: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), payload.to_string().as_bytes())
    }

    /// The same for bytes that need not be JSON.
    #[must_use]
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let algorithm = match self.leaf.spec.curve {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        };
        let key = EcdsaKeyPair::from_pkcs8(algorithm, self.leaf.key.serialized_der()).expect("the key was just made");
        key.sign(&SystemRandom::new(), signed).expect("signing needs randomness alone").as_ref().to_vec()
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for TestCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCa").field("spec", &self.spec).finish_non_exhaustive()
    }
}
