//! What a certificate says, as far as Apple's rules ask for it. Signatures and constraints are the path validation's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::{Duration, OffsetDateTime};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, BasicConstraints, KeyUsage};

use crate::error::{JwsError, Position};

/// Largest certificate that is read, in bytes; Apple's have about 1,100.
const MAX_CERTIFICATE_BYTES: usize = 8 << 10;
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const OCSP_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// Length of an uncompressed point of P-256.
const P256_POINT_BYTES: usize = 65;

/// From when until when, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First moment.
    pub not_before: OffsetDateTime,
    /// Last moment.
    pub not_after: OffsetDateTime,
}

impl Validity {
    pub(crate) fn has_begun(&self, now: OffsetDateTime, skew: Duration) -> bool {
        now.checked_add(skew).is_none_or(|latest| latest >= self.not_before)
    }

    pub(crate) fn has_ended(&self, now: OffsetDateTime, skew: Duration) -> bool {
        now.checked_sub(skew).is_some_and(|earliest| earliest > self.not_after)
    }

    pub(crate) fn contains(&self, now: OffsetDateTime, skew: Duration) -> bool {
        self.has_begun(now, skew) && !self.has_ended(now, skew)
    }
}

/// A certificate that was read; it may still be anybody's.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads one from `x5c`: base64 with padding, strict, so that one certificate has one text.
    pub(crate) fn from_base64(text: &str, position: Position) -> Result<Self, JwsError> {
        if text.len() > MAX_CERTIFICATE_BYTES.div_ceil(3) * 4 {
            return Err(JwsError::CertificateMalformed { position });
        }
        let der = STANDARD.decode(text).map_err(|_| JwsError::CertificateMalformed { position })?;
        Self::from_der(der).ok_or(JwsError::CertificateMalformed { position })
    }

    /// Reads DER with nothing behind it.
    pub(crate) fn from_der(der: Vec<u8>) -> Option<Self> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return None;
        }
        let parsed = x509_cert::Certificate::from_der(&der).ok()?;
        Some(Self { der, parsed })
    }

    /// Whether this one names `issuer` as its issuer.
    pub(crate) fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate.issuer == issuer.parsed.tbs_certificate.subject
    }

    pub(crate) fn validity(&self) -> Validity {
        let validity = &self.parsed.tbs_certificate.validity;
        let at = |time: &x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        Validity { not_before: at(&validity.not_before), not_after: at(&validity.not_after) }
    }

    pub(crate) fn has_extension(&self, oid: &ObjectIdentifier) -> bool {
        let extensions = self.parsed.tbs_certificate.extensions.iter().flatten();
        extensions.into_iter().any(|extension| extension.extn_id == *oid)
    }

    /// Basic constraints; silence about them means no authority. `None` if they are given twice or malformed.
    pub(crate) fn is_authority(&self) -> Option<bool> {
        let constraints = self.parsed.tbs_certificate.get::<BasicConstraints>().ok()?;
        Some(constraints.is_some_and(|(_, constraints)| constraints.ca))
    }

    /// Key usage; `None` if it is missing, given twice or malformed.
    pub(crate) fn key_usage(&self) -> Option<KeyUsage> {
        self.parsed.tbs_certificate.get::<KeyUsage>().ok()?.map(|(_, usage)| usage)
    }

    /// The point of a P-256 key, uncompressed.
    pub(crate) fn p256_point(&self) -> Option<&[u8]> {
        let key = &self.parsed.tbs_certificate.subject_public_key_info;
        let curve: ObjectIdentifier = key.algorithm.parameters.as_ref()?.decode_as().ok()?;
        let point = key.subject_public_key.as_bytes()?;
        let is_p256 = key.algorithm.oid == EC_PUBLIC_KEY && curve == SECP256R1 && point.len() == P256_POINT_BYTES;
        is_p256.then_some(point)
    }

    /// The first place to ask about revocation.
    pub(crate) fn ocsp_url(&self) -> Option<String> {
        let (_, access) = self.parsed.tbs_certificate.get::<AuthorityInfoAccessSyntax>().ok()??;
        access.0.iter().filter(|entry| entry.access_method == OCSP_ACCESS).find_map(|entry| match &entry.access_location {
            GeneralName::UniformResourceIdentifier(url) => Some(url.as_str().to_owned()),
            GeneralName::OtherName(_)
            | GeneralName::Rfc822Name(_)
            | GeneralName::DnsName(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EdiPartyName(_)
            | GeneralName::IpAddress(_)
            | GeneralName::RegisteredId(_) => None,
        })
    }

    /// The part that the issuer signed, as it is encoded canonically.
    pub(crate) fn signed_part(&self) -> Option<Vec<u8>> {
        self.parsed.tbs_certificate.to_der().ok()
    }
}
