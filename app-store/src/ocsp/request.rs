//! The question: one certificate, by its issuer's hashes and its number.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::{Any, Null, ObjectIdentifier, OctetString};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{CertId, OcspRequest, Request, TbsRequest, Version};

use crate::certificate::Certificate;
use crate::chain::Chain;
use crate::error::Position;

/// Names the issuer in questions; every responder knows it (RFC 5019, section 2.1.1). Nothing is signed by it.
pub(super) const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// The body of a question about this certificate, for a POST of `application/ocsp-request`. It has no nonce: Apple's responder
/// answers from what it signed beforehand, so that freshness is by the answer's dates.
#[must_use]
pub fn request(chain: &Chain, position: Position) -> Vec<u8> {
    let tbs_request = TbsRequest {
        version: Version::V1,
        requestor_name: None,
        request_list: vec![Request { req_cert: cert_id(chain, position), single_request_extensions: None }],
        request_extensions: None,
    };
    OcspRequest { tbs_request, optional_signature: None }.to_der().expect("a question of one certificate encodes")
}

pub(super) fn cert_id(chain: &Chain, position: Position) -> CertId {
    let issuer = chain.issuer_of(position);
    CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: SHA1, parameters: Some(Any::from(Null)) },
        issuer_name_hash: sha1(&issuer.parsed.tbs_certificate.subject.to_der().unwrap_or_default()),
        issuer_key_hash: key_hash(issuer),
        serial_number: chain.certificate(position).parsed.tbs_certificate.serial_number.clone(),
    }
}

/// SHA-1 over a public key's bits, without tag and length.
pub(super) fn key_hash(certificate: &Certificate) -> OctetString {
    sha1(certificate.parsed.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes())
}

fn sha1(bytes: &[u8]) -> OctetString {
    OctetString::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()).expect("twenty bytes fit")
}
