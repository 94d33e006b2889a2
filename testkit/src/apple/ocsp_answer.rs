//! OCSP answers of the test authority, right and wrong.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    AsResponseBytes as _, BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus,
    ResponderId, ResponseData, RevokedInfo, SingleResponse, Version,
};

use super::ca::{Authority, TestCa};
use super::certificate::{CertificateSpec, Curve};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// What an answer says about a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspVerdict {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// Never heard of it.
    Unknown,
}

/// Who signs an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspSigner {
    /// One that the issuer appointed.
    Appointed,
    /// The issuer itself.
    Issuer,
    /// One whom the issuer gave a certificate for something else.
    WithoutPurpose,
    /// One whose appointment has ended.
    Expired,
    /// One that another authority of the same name appointed.
    Stranger,
    /// The other authority of the chain: root in place of intermediate, or the other way round.
    OtherAuthority,
}

/// An answer, and how it is wrong.
#[derive(Debug, Clone)]
pub struct OcspSpec {
    /// What it says.
    pub verdict: OcspVerdict,
    /// Who signs.
    pub signer: OcspSigner,
    /// From when it counts.
    pub this_update: OffsetDateTime,
    /// Until when.
    pub next_update: Option<OffsetDateTime>,
    /// About the certificate with this number in place of the one that was asked about.
    pub serial: Option<Vec<u8>>,
    /// How often the same certificate is answered for.
    pub copies: usize,
    /// Whether there is an extension that must be understood.
    pub critical_extension: bool,
    /// Whether a bit of the signature is wrong.
    pub broken_signature: bool,
}

impl OcspSpec {
    /// A right answer, given at `now`, good for half a day.
    #[must_use]
    pub fn good(now: OffsetDateTime) -> Self {
        Self {
            verdict: OcspVerdict::Good,
            signer: OcspSigner::Appointed,
            this_update: now - Duration::hours(1),
            next_update: Some(now + Duration::hours(11)),
            serial: None,
            copies: 1,
            critical_extension: false,
            broken_signature: false,
        }
    }
}

impl TestCa {
    /// The answer (DER) about the leaf, or else about the intermediate.
    #[must_use]
    pub fn ocsp_answer(&self, about_leaf: bool, spec: &OcspSpec) -> Vec<u8> {
        let [leaf, intermediate, _] = self.chain_der();
        let (subject, issuer, other) =
            if about_leaf { (leaf, &self.intermediate, &self.root) } else { (intermediate, &self.root, &self.intermediate) };
        let stranger;
        let appointed;
        let signer: &Authority = match spec.signer {
            OcspSigner::Issuer => issuer,
            OcspSigner::OtherAuthority => other,
            OcspSigner::Appointed => {
                appointed = issuer.issue(CertificateSpec::ocsp_responder());
                &appointed
            }
            OcspSigner::WithoutPurpose => {
                appointed =
                    issuer.issue(CertificateSpec { common_name: "Test OCSP Responder".to_owned(), ..CertificateSpec::leaf() });
                &appointed
            }
            OcspSigner::Expired => {
                let not_after = spec.this_update - Duration::days(1);
                appointed = issuer.issue(CertificateSpec { not_after, ..CertificateSpec::ocsp_responder() });
                &appointed
            }
            OcspSigner::Stranger => {
                stranger = TestCa::new();
                let authority = if about_leaf { &stranger.intermediate } else { &stranger.root };
                appointed = authority.issue(CertificateSpec::ocsp_responder());
                &appointed
            }
        };
        answer(&subject, issuer, signer, spec)
    }
}

fn answer(subject: &[u8], issuer: &Authority, signer: &Authority, spec: &OcspSpec) -> Vec<u8> {
    let subject = Certificate::from_der(subject).expect("the authority made it");
    let signer_certificate = Certificate::from_der(&signer.der).expect("the authority made it");
    let single = SingleResponse {
        cert_id: cert_id(&subject, &issuer.der, spec),
        cert_status: status(spec),
        this_update: generalized(spec.this_update),
        next_update: spec.next_update.map(generalized),
        single_extensions: None,
    };
    let extension = Extension {
        extn_id: ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.99"),
        critical: true,
        extn_value: OctetString::new([5, 0]).expect("two bytes fit"),
    };
    let data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByName(signer_certificate.tbs_certificate.subject.clone()),
        produced_at: generalized(spec.this_update),
        responses: vec![single; spec.copies],
        response_extensions: spec.critical_extension.then(|| vec![extension]),
    };
    let mut signature = sign(signer, &data.to_der().expect("an answer encodes"));
    if spec.broken_signature {
        let last = signature.len() - 1;
        signature[last] ^= 1;
    }
    let basic = BasicOcspResponse {
        tbs_response_data: data,
        signature_algorithm: AlgorithmIdentifierOwned { oid: algorithm(signer), parameters: None },
        signature: BitString::from_bytes(&signature).expect("a signature is short"),
        certs: Some(vec![signer_certificate]),
    };
    let response_bytes = Some(basic.to_response_bytes().expect("an answer encodes"));
    let response = OcspResponse { response_status: OcspResponseStatus::Successful, response_bytes };
    response.to_der().expect("an answer encodes")
}

fn cert_id(subject: &Certificate, issuer: &[u8], spec: &OcspSpec) -> CertId {
    let issuer = Certificate::from_der(issuer).expect("the authority made it");
    let sha1 = |bytes: &[u8]| OctetString::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()).expect("twenty bytes fit");
    let name = issuer.tbs_certificate.subject.to_der().expect("a name encodes");
    let serial = spec.serial.as_ref().map(|serial| SerialNumber::new(serial).expect("the test gives a right number"));
    CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: SHA1, parameters: Some(Any::from(Null)) },
        issuer_name_hash: sha1(&name),
        issuer_key_hash: sha1(issuer.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes()),
        serial_number: serial.unwrap_or_else(|| subject.tbs_certificate.serial_number.clone()),
    }
}

fn status(spec: &OcspSpec) -> CertStatus {
    match spec.verdict {
        OcspVerdict::Good => CertStatus::Good(Null),
        OcspVerdict::Revoked => {
            CertStatus::Revoked(RevokedInfo { revocation_time: generalized(spec.this_update), revocation_reason: None })
        }
        OcspVerdict::Unknown => CertStatus::Unknown(Null),
    }
}

fn generalized(at: OffsetDateTime) -> OcspGeneralizedTime {
    let seconds = u64::try_from(at.unix_timestamp()).expect("tests happen after 1970");
    let time = GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds)).expect("tests happen before 9999");
    OcspGeneralizedTime(time)
}

fn algorithm(signer: &Authority) -> ObjectIdentifier {
    match signer.spec.curve {
        Curve::P256 => ECDSA_WITH_SHA256,
        Curve::P384 => ECDSA_WITH_SHA384,
    }
}

fn sign(signer: &Authority, message: &[u8]) -> Vec<u8> {
    let algorithm = match signer.spec.curve {
        Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
    };
    let key = EcdsaKeyPair::from_pkcs8(algorithm, signer.key.serialized_der()).expect("the key was just made");
    key.sign(&SystemRandom::new(), message).expect("signing needs randomness alone").as_ref().to_vec()
}
