//! Who may answer for an issuer: itself, or whom it appointed by a certificate for that purpose (RFC 6960, section 4.2.2.2).

use std::time::Duration as StdDuration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs as algorithms};
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_ocsp::{BasicOcspResponse, ResponderId};

use super::request::key_hash;
use super::response::OcspError;
use crate::certificate::Certificate;
use crate::chain::CERTIFICATE_ALGORITHMS;

/// id-kp-OCSPSigning (1.3.6.1.5.5.7.3.9), as its DER content.
const OCSP_SIGNING: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 9];
/// More certificates than any answer carries: each costs signatures to check.
const MOST_CERTIFICATES: usize = 3;

/// What answers may be signed by, by the algorithm's identifier; SHA-1 is not among them.
static ANSWER_ALGORITHMS: &[(&str, &[&dyn SignatureVerificationAlgorithm])] = &[
    ("1.2.840.10045.4.3.2", &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256]),
    ("1.2.840.10045.4.3.3", &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384]),
    ("1.2.840.113549.1.1.11", &[algorithms::RSA_PKCS1_2048_8192_SHA256]),
    ("1.2.840.113549.1.1.12", &[algorithms::RSA_PKCS1_2048_8192_SHA384]),
];

/// Whether the issuer, or whom it appointed, signed this.
pub(super) fn check_signer(
    basic: &BasicOcspResponse,
    signed: &[u8],
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Result<(), OcspError> {
    let responder = &basic.tbs_response_data.responder_id;
    if is_named(responder, issuer) && has_signed(issuer, basic, signed) {
        return Ok(());
    }
    let appointed = basic.certs.iter().flatten().take(MOST_CERTIFICATES);
    let mut appointed = appointed.filter_map(|certificate| Certificate::from_der(certificate.to_der().ok()?));
    let holds = |responder: &Certificate| is_appointed(responder, issuer, now) && has_signed(responder, basic, signed);
    if appointed.any(|certificate| is_named(responder, &certificate) && holds(&certificate)) {
        return Ok(());
    }
    Err(OcspError::Signer)
}

fn is_named(responder: &ResponderId, certificate: &Certificate) -> bool {
    match responder {
        ResponderId::ByName(name) => *name == certificate.parsed.tbs_certificate.subject,
        ResponderId::ByKey(hash) => *hash == key_hash(certificate),
    }
}

/// Issued by the issuer itself, for OCSP, within its dates, and with a key that may sign.
fn is_appointed(responder: &Certificate, issuer: &Certificate, now: OffsetDateTime) -> bool {
    let may_sign = responder.key_usage().is_none_or(|usage| usage.digital_signature());
    let (der, issuer) = (CertificateDer::from(responder.der.as_slice()), CertificateDer::from(issuer.der.as_slice()));
    let (Ok(end_entity), Ok(anchor)) = (EndEntityCert::try_from(&der), anchor_from_trusted_cert(&issuer)) else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(StdDuration::from_secs(u64::try_from(now.unix_timestamp()).unwrap_or(0)));
    let purpose = KeyUsage::required(OCSP_SIGNING);
    may_sign && end_entity.verify_for_usage(CERTIFICATE_ALGORITHMS, &[anchor], &[], at, purpose, None, None).is_ok()
}

fn has_signed(signer: &Certificate, basic: &BasicOcspResponse, signed: &[u8]) -> bool {
    let der = CertificateDer::from(signer.der.as_slice());
    let (Ok(signer), Some(signature)) = (EndEntityCert::try_from(&der), basic.signature.as_bytes()) else { return false };
    let named = |oid: &str| ObjectIdentifier::new(oid).is_ok_and(|oid| oid == basic.signature_algorithm.oid);
    let Some((_, algorithms)) = ANSWER_ALGORITHMS.iter().find(|(oid, _)| named(oid)) else { return false };
    algorithms.iter().any(|algorithm| signer.verify_signature(*algorithm, signed, signature).is_ok())
}
