//! The certificates that trust comes from: Apple Root CA - G3, or others by configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::{EndEntityCert, anchor_from_trusted_cert};

use crate::certificate::Certificate;
use crate::chain::CERTIFICATE_ALGORITHMS;

/// Apple Root CA - G3, from <https://www.apple.com/certificateauthority/>. A test holds it to its published fingerprint.
const APPLE_ROOT_CA_G3: &[u8] = include_bytes!("../roots/AppleRootCA-G3.pem");

/// Why a root cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// No certificate at all.
    #[error("there is no certificate")]
    None,
    /// Not PEM, or no certificate in it.
    #[error("it is not a certificate in PEM form")]
    Malformed,
    /// It did not sign itself, or not by ECDSA with P-256 or P-384.
    #[error("it is not signed by itself with ECDSA on P-256 or P-384")]
    NotSelfSigned,
    /// It is no certificate authority.
    #[error("it is no certificate authority")]
    NotAuthority,
}

/// One root.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// As it stands in `x5c`: base64 is strict there, so equal texts are equal certificates.
    pub(crate) base64: String,
    pub(crate) certificate: Certificate,
    pub(crate) anchor: TrustAnchor<'static>,
}

/// The roots that chains may end at.
#[derive(Debug, Clone)]
pub struct Roots(Vec<Root>);

impl Roots {
    /// Apple Root CA - G3, which all that the App Store signs leads to.
    #[must_use]
    pub fn apple() -> Self {
        Self::from_pem([APPLE_ROOT_CA_G3]).expect("a test reads the bundled root")
    }

    /// These roots in place of Apple's, one or more certificates in each PEM document.
    ///
    /// # Errors
    /// If there is none, or one is malformed, no authority or not signed by itself.
    pub fn from_pem<'a>(documents: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, RootError> {
        let mut ders = Vec::new();
        for document in documents {
            let before = ders.len();
            for certificate in CertificateDer::pem_slice_iter(document) {
                ders.push(certificate.map_err(|_| RootError::Malformed)?.as_ref().to_vec());
            }
            if ders.len() == before {
                return Err(RootError::Malformed);
            }
        }
        Self::from_der(ders)
    }

    /// The same in DER form.
    ///
    /// # Errors
    /// As [`Roots::from_pem`].
    pub fn from_der(ders: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, RootError> {
        let roots = ders.into_iter().map(Root::new).collect::<Result<Vec<_>, _>>()?;
        if roots.is_empty() {
            return Err(RootError::None);
        }
        Ok(Self(roots))
    }

    /// The root that `x5c` names, if it is one of these byte for byte.
    pub(crate) fn find(&self, base64: &str) -> Option<&Root> {
        self.0.iter().find(|root| root.base64 == base64)
    }
}

impl Root {
    fn new(der: Vec<u8>) -> Result<Self, RootError> {
        let certificate = Certificate::from_der(der).ok_or(RootError::Malformed)?;
        if certificate.is_authority() != Some(true) {
            return Err(RootError::NotAuthority);
        }
        if !is_self_signed(&certificate) {
            return Err(RootError::NotSelfSigned);
        }
        let der = CertificateDer::from(certificate.der.as_slice());
        let anchor = anchor_from_trusted_cert(&der).map_err(|_| RootError::Malformed)?.to_owned();
        Ok(Self { base64: STANDARD.encode(&certificate.der), anchor, certificate })
    }
}

fn is_self_signed(certificate: &Certificate) -> bool {
    let der = CertificateDer::from(certificate.der.as_slice());
    let (Ok(own), Some(signed)) = (EndEntityCert::try_from(&der), certificate.signed_part()) else { return false };
    let Some(signature) = certificate.parsed.signature.as_bytes() else { return false };
    let holds = CERTIFICATE_ALGORITHMS.iter().any(|algorithm| own.verify_signature(*algorithm, &signed, signature).is_ok());
    holds && certificate.names_as_issuer(certificate)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn the_bundled_root_has_the_fingerprint_that_apple_publishes() {
        let roots = Roots::apple();
        let fingerprint = digest(&SHA256, &roots.0[0].certificate.der);
        let expected = [
            0x63, 0x34, 0x3A, 0xBF, 0xB8, 0x9A, 0x6A, 0x03, 0xEB, 0xB5, 0x7E, 0x9B, 0x3F, 0x5F, 0xA7, 0xBE, 0x7C, 0x4F, 0x5C,
            0x75, 0x6F, 0x30, 0x17, 0xB3, 0xA8, 0xC4, 0x88, 0xC3, 0x65, 0x3E, 0x91, 0x79,
        ];
        assert_eq!(roots.0.len(), 1);
        assert_eq!(fingerprint.as_ref(), expected);
    }
}
