//! Leaf, intermediate, root: Apple's rules for the three, and the path from one to the next.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use time::{Duration, OffsetDateTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, aws_lc_rs as algorithms};
use x509_cert::der::asn1::ObjectIdentifier;

use crate::certificate::{Certificate, Validity};
use crate::error::{JwsError, Position};
use crate::roots::{Root, Roots};

/// Apple's marker of certificates that sign for the App Store.
const LEAF_MARKER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.11.1");
/// Apple's marker of the Worldwide Developer Relations authorities.
const INTERMEDIATE_MARKER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.2.1");

/// What certificates may be signed by.
pub(crate) static CERTIFICATE_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] =
    &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA256];

/// Names a chain: SHA-256 over leaf and intermediate. The root is not part of it, for whoever sends the chain chooses what
/// stands in that place, and no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId([u8; 32]);

impl ChainId {
    fn new(leaf: &Certificate, intermediate: &Certificate) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for certificate in [leaf, intermediate] {
            context.update(&(certificate.der.len() as u64).to_be_bytes());
            context.update(&certificate.der);
        }
        Self(context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// A chain that leads from a leaf with Apple's marker to a configured root.
#[derive(Debug)]
pub struct Chain {
    pub(crate) id: ChainId,
    pub(crate) leaf: Certificate,
    pub(crate) intermediate: Certificate,
    pub(crate) root: Certificate,
    pub(crate) key: ParsedPublicKey,
}

impl Chain {
    /// Names the chain.
    #[must_use]
    pub fn id(&self) -> ChainId {
        self.id
    }

    /// The first place that this certificate names for questions about its revocation. Whoever made the certificate chose it:
    /// check the address before going there.
    #[must_use]
    pub fn ocsp_url(&self, position: Position) -> Option<String> {
        self.certificate(position).ocsp_url()
    }

    pub(crate) fn certificate(&self, position: Position) -> &Certificate {
        match position {
            Position::Leaf => &self.leaf,
            Position::Intermediate => &self.intermediate,
        }
    }

    pub(crate) fn issuer_of(&self, position: Position) -> &Certificate {
        match position {
            Position::Leaf => &self.intermediate,
            Position::Intermediate => &self.root,
        }
    }

    /// Whether all three are within their dates; `skew` is what our clock may be wrong by.
    pub(crate) fn check_dates(&self, now: OffsetDateTime, skew: Duration) -> Result<(), JwsError> {
        check_dates(&self.leaf, Position::Leaf, now, skew)?;
        check_dates(&self.intermediate, Position::Intermediate, now, skew)?;
        if !self.root.validity().contains(now, skew) {
            return Err(JwsError::RootDates);
        }
        Ok(())
    }
}

/// Three certificates that name one another, the third a configured root; no signature was looked at yet.
pub(crate) struct Candidate<'a> {
    leaf: Certificate,
    intermediate: Certificate,
    root: &'a Root,
    key: ParsedPublicKey,
}

impl<'a> Candidate<'a> {
    /// Reads `x5c`. Cheap: what no configured root stands behind is refused before any signature is computed.
    pub(crate) fn read(x5c: &[String], roots: &'a Roots) -> Result<Self, JwsError> {
        let [leaf, intermediate, root] = x5c else { return Err(JwsError::ChainLength { count: x5c.len() }) };
        let Some(root) = roots.find(root) else {
            let is_elsewhere = [leaf, intermediate].into_iter().any(|text| roots.find(text).is_some());
            return Err(if is_elsewhere { JwsError::ChainOrder } else { JwsError::RootUntrusted });
        };
        let leaf = Certificate::from_base64(leaf, Position::Leaf)?;
        let intermediate = Certificate::from_base64(intermediate, Position::Intermediate)?;
        if !leaf.names_as_issuer(&intermediate) || !intermediate.names_as_issuer(&root.certificate) {
            return Err(JwsError::ChainOrder);
        }
        let point = leaf.p256_point().ok_or(JwsError::LeafKey)?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| JwsError::LeafKey)?;
        Ok(Self { leaf, intermediate, root, key })
    }

    pub(crate) fn key(&self) -> &ParsedPublicKey {
        &self.key
    }

    /// Apple's rules first, since they cost nothing, then the path with its two signatures.
    pub(crate) fn verify(self, now: OffsetDateTime, skew: Duration) -> Result<Arc<Chain>, JwsError> {
        check_markers(&self.leaf, &self.intermediate)?;
        check_roles(&self.leaf, &self.intermediate)?;
        let id = ChainId::new(&self.leaf, &self.intermediate);
        let root = self.root.certificate.clone();
        let chain = Chain { id, leaf: self.leaf, intermediate: self.intermediate, root, key: self.key };
        chain.check_dates(now, skew)?;
        check_path(&chain, self.root, now)?;
        Ok(Arc::new(chain))
    }
}

fn check_markers(leaf: &Certificate, intermediate: &Certificate) -> Result<(), JwsError> {
    if !leaf.has_extension(&LEAF_MARKER) {
        return Err(JwsError::MarkerMissing { position: Position::Leaf });
    }
    if !intermediate.has_extension(&INTERMEDIATE_MARKER) {
        return Err(JwsError::MarkerMissing { position: Position::Intermediate });
    }
    Ok(())
}

/// The leaf signs data and no certificates, the intermediate signs certificates. Path validation leaves key usage of leaves out.
fn check_roles(leaf: &Certificate, intermediate: &Certificate) -> Result<(), JwsError> {
    let malformed = |position| move || JwsError::CertificateMalformed { position };
    if leaf.is_authority().ok_or_else(malformed(Position::Leaf))? {
        return Err(JwsError::LeafIsAuthority);
    }
    if !leaf.key_usage().is_some_and(|usage| usage.digital_signature()) {
        return Err(JwsError::KeyUsage { position: Position::Leaf });
    }
    if !intermediate.is_authority().ok_or_else(malformed(Position::Intermediate))? {
        return Err(JwsError::IntermediateNotAuthority);
    }
    if !intermediate.key_usage().is_some_and(|usage| usage.key_cert_sign()) {
        return Err(JwsError::KeyUsage { position: Position::Intermediate });
    }
    Ok(())
}

fn check_dates(certificate: &Certificate, position: Position, now: OffsetDateTime, skew: Duration) -> Result<(), JwsError> {
    let validity = certificate.validity();
    if !validity.has_begun(now, skew) {
        return Err(JwsError::CertificateNotYetValid { position });
    }
    if validity.has_ended(now, skew) {
        return Err(JwsError::CertificateExpired { position });
    }
    Ok(())
}

/// Signatures, names, path length, critical extensions (RFC 5280, section 6), by webpki. The path must be the one that was
/// sent: a leaf issued by the root itself would pass over the intermediate and its marker.
fn check_path(chain: &Chain, root: &Root, now: OffsetDateTime) -> Result<(), JwsError> {
    let invalid = |error: webpki::Error| JwsError::ChainInvalid { reason: error.to_string() };
    let leaf_der = CertificateDer::from(chain.leaf.der.as_slice());
    let leaf = EndEntityCert::try_from(&leaf_der).map_err(invalid)?;
    let intermediates = [CertificateDer::from(chain.intermediate.der.as_slice())];
    let anchors = std::slice::from_ref(&root.anchor);
    let at = within([chain.leaf.validity(), chain.intermediate.validity()], now);
    let path =
        leaf.verify_for_usage(CERTIFICATE_ALGORITHMS, anchors, &intermediates, at, AnyPurpose, None, None).map_err(invalid)?;
    if path.intermediate_certificates().count() != 1 {
        return Err(JwsError::ChainInvalid { reason: "the intermediate did not issue the leaf".to_owned() });
    }
    Ok(())
}

/// The moment within all of these that is nearest to `now`: dates were judged before, with their tolerance.
fn within(validities: [Validity; 2], now: OffsetDateTime) -> UnixTime {
    let at = validities.iter().fold(now, |at, validity| at.max(validity.not_before));
    let at = validities.iter().fold(at, |at, validity| at.min(validity.not_after));
    UnixTime::since_unix_epoch(StdDuration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or(0)))
}

/// Apple's certificates for the App Store name no extended key usage; the marker says what they are for.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
