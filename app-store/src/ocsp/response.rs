//! The answer: believed only under the issuer's word, for the very certificate, within its dates.

use time::{Duration, OffsetDateTime};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::ext::Extensions;
use x509_ocsp::{BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, SingleResponse};

use super::request::cert_id;
use super::signer::check_signer;
use crate::chain::{Chain, ChainId};
use crate::error::Position;

/// Largest answer that is read, in bytes; Apple's have about 1,000.
pub const MAX_RESPONSE_BYTES: usize = 16 << 10;
const BASIC_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// No answer is believed for longer, whatever it says of itself.
const LONGEST_LIFE: Duration = Duration::days(7);

/// Why an answer is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspError {
    /// Too long.
    #[error("the answer is longer than any answer is")]
    TooLarge,
    /// Not an OCSP answer.
    #[error("the answer is malformed")]
    Malformed,
    /// The responder refused to answer.
    #[error("the responder did not answer the question")]
    Unsuccessful,
    /// Signed by nobody whom the issuer trusts with it.
    #[error("the answer is not signed by the issuer or by whom it appointed")]
    Signer,
    /// It has an extension that must be understood, and is not.
    #[error("the answer has a critical extension")]
    CriticalExtension,
    /// It is about another certificate, or about this one twice.
    #[error("the answer is not about this certificate alone")]
    OtherCertificate,
    /// From the future.
    #[error("the answer is not valid yet")]
    NotYetValid,
    /// Its time has passed, or it states none.
    #[error("the answer is stale")]
    Stale,
    /// The responder does not know the certificate.
    #[error("the responder does not know the certificate")]
    Unknown,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked; final.
    Revoked,
}

/// An answer that was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OcspAnswer {
    chain: ChainId,
    position: Position,
    status: OcspStatus,
    until: OffsetDateTime,
}

impl OcspAnswer {
    /// The chain that it is about.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Which of its certificates.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What it says.
    #[must_use]
    pub fn status(&self) -> OcspStatus {
        self.status
    }

    /// From when on it counts no more.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.until
    }
}

/// Judges an answer about one certificate of a chain; `skew` is what our clock may be wrong by.
///
/// # Errors
/// Whatever keeps it from being believed; a revocation is no error here but an answer.
pub fn judge(
    chain: &Chain,
    position: Position,
    response: &[u8],
    now: OffsetDateTime,
    skew: Duration,
) -> Result<OcspAnswer, OcspError> {
    if response.len() > MAX_RESPONSE_BYTES {
        return Err(OcspError::TooLarge);
    }
    let response = OcspResponse::from_der(response).map_err(|_| OcspError::Malformed)?;
    if response.response_status != OcspResponseStatus::Successful {
        return Err(OcspError::Unsuccessful);
    }
    let bytes = response.response_bytes.filter(|bytes| bytes.response_type == BASIC_RESPONSE).ok_or(OcspError::Malformed)?;
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).map_err(|_| OcspError::Malformed)?;
    let signed = signed_part(bytes.response.as_bytes()).ok_or(OcspError::Malformed)?;
    check_signer(&basic, signed, chain.issuer_of(position), now)?;
    refuse_critical(basic.tbs_response_data.response_extensions.as_ref())?;

    let single = about(&cert_id(chain, position), &basic.tbs_response_data.responses)?;
    refuse_critical(single.single_extensions.as_ref())?;
    let until = check_dates(single, now, skew)?;
    let status = match single.cert_status {
        CertStatus::Good(_) => OcspStatus::Good,
        CertStatus::Revoked(_) => OcspStatus::Revoked,
        CertStatus::Unknown(_) => return Err(OcspError::Unknown),
    };
    Ok(OcspAnswer { chain: chain.id(), position, status, until })
}

/// What the signature is over, byte for byte as it came.
fn signed_part(basic: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(basic).ok()?;
    let part = reader.sequence(|fields| {
        let part = fields.tlv_bytes()?;
        let rest = fields.remaining_len();
        fields.read_slice(rest)?;
        Ok(part)
    });
    part.ok()
}

fn refuse_critical(extensions: Option<&Extensions>) -> Result<(), OcspError> {
    if extensions.is_some_and(|extensions| extensions.iter().any(|extension| extension.critical)) {
        return Err(OcspError::CriticalExtension);
    }
    Ok(())
}

/// The one answer about this certificate: of two that differ nobody can say which counts.
fn about<'a>(asked: &CertId, responses: &'a [SingleResponse]) -> Result<&'a SingleResponse, OcspError> {
    let mut answers = responses.iter().filter(|single| is_same(asked, &single.cert_id));
    match (answers.next(), answers.next()) {
        (Some(single), None) => Ok(single),
        (Some(_) | None, _) => Err(OcspError::OtherCertificate),
    }
}

/// The algorithm's parameters may be NULL or left out.
fn is_same(asked: &CertId, answered: &CertId) -> bool {
    asked.hash_algorithm.oid == answered.hash_algorithm.oid
        && asked.issuer_name_hash == answered.issuer_name_hash
        && asked.issuer_key_hash == answered.issuer_key_hash
        && asked.serial_number == answered.serial_number
}

/// Until when the answer counts. One without an end is taken for stale: it could be replayed for ever.
fn check_dates(single: &SingleResponse, now: OffsetDateTime, skew: Duration) -> Result<OffsetDateTime, OcspError> {
    let begins = moment(&single.this_update).ok_or(OcspError::Malformed)?;
    let ends = single.next_update.as_ref().ok_or(OcspError::Stale)?;
    let ends = moment(ends).ok_or(OcspError::Malformed)?;
    if begins - skew > now {
        return Err(OcspError::NotYetValid);
    }
    let ends = ends.min(begins + LONGEST_LIFE);
    if ends + skew <= now || ends <= begins {
        return Err(OcspError::Stale);
    }
    Ok(ends + skew)
}

fn moment(time: &OcspGeneralizedTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.0.to_unix_duration().as_secs()).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    // Later sums must stay within what a date can be.
    (at.year() < 9_000).then_some(at)
}
