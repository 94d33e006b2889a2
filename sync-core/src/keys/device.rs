//! A device's manifest key, its certificate by the account key, and what stands in `device.blob`.
//!
//! A certificate is `u32 length || JSON || Ed25519 signature (64)`, signed by the account key over
//! `"tidegate/device-certificate/v1" || lp(JSON)`. The JSON bytes are kept as written.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use tidegate_protocol::account::{device_id, lp};
use tidegate_protocol::{DeviceId, Sha256, UserId};
use zeroize::Zeroizing;

use super::account::AccountKeys;

const CERTIFICATE_FORMAT: &str = "tidegate/device-certificate/v1";
const DEVICE_FORMAT: &str = "tidegate/device/v1";
const SIGNATURE_BYTES: usize = 64;
const MAX_CERTIFICATE_BYTES: usize = 4096;

/// The Ed25519 key with which a device signs its segments, checkpoints and doorbells.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// Draws a fresh key.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::from_secret(&seed)
    }

    /// Takes up a key kept on the device.
    #[must_use]
    pub fn from_secret(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes, to keep on the device.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(***)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateJson {
    format: String,
    user: UserId,
    device: DeviceId,
    #[serde(with = "crate::base64url::array")]
    device_public_key: [u8; 32],
    #[serde(with = "crate::base64url::array")]
    dpop_thumbprint: [u8; 32],
    generation: u32,
}

/// The account's word that a device key is one of its devices'; as read, it is a claim until [`Certificate::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    bytes: Vec<u8>,
    json: CertificateJson,
    device_key: VerifyingKey,
}

/// Why a certificate does not count.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not the document that it has to be.
    #[error("the device certificate is malformed")]
    Malformed(#[source] Option<serde_json::Error>),
    /// Of a format that this version does not know.
    #[error("the device certificate has the unknown format {0:?}")]
    UnknownFormat(String),
    /// The device id is not the one that user id and DPoP key make.
    #[error("the device certificate names device {named}, but its keys make {derived}")]
    OtherDevice {
        /// The id written.
        named: DeviceId,
        /// The id that follows from user id and thumbprint.
        derived: DeviceId,
    },
    /// Not by the account key.
    #[error("the device certificate is not signed by its account")]
    BadSignature,
}

impl CertificateError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "certificate-malformed",
            Self::UnknownFormat(_) => "certificate-unknown-format",
            Self::OtherDevice { .. } => "certificate-other-device",
            Self::BadSignature => "certificate-bad-signature",
        }
    }
}

impl Certificate {
    /// Certifies a device of an account. `generation` is that of the account's keys.
    #[must_use]
    pub fn issue(account: &AccountKeys, user: UserId, device: &DeviceKey, dpop_thumbprint: &Sha256, generation: u32) -> Self {
        let json = CertificateJson {
            format: CERTIFICATE_FORMAT.to_owned(),
            user,
            device: device_id(user, dpop_thumbprint),
            device_public_key: device.public().to_bytes(),
            dpop_thumbprint: *dpop_thumbprint.as_bytes(),
            generation,
        };
        let body = lp(&serde_json::to_vec(&json).expect("ids and numbers always serialise"));
        let signature = account.signing_key().sign(&signed_message(&body));
        Self { bytes: [body.as_slice(), &signature.to_bytes()].concat(), json, device_key: device.public() }
    }

    /// Reads a certificate; nothing in it is believed before [`Certificate::verify`].
    ///
    /// # Errors
    /// [`CertificateError`] for anything but a well-formed certificate whose device id fits its keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let malformed = || CertificateError::Malformed(None);
        if bytes.len() > MAX_CERTIFICATE_BYTES {
            return Err(malformed());
        }
        let (body, _signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or_else(malformed)?;
        let (length, json) = body.split_first_chunk::<4>().ok_or_else(malformed)?;
        if usize::try_from(u32::from_be_bytes(*length)).ok() != Some(json.len()) {
            return Err(malformed());
        }
        let json: CertificateJson = serde_json::from_slice(json).map_err(|error| CertificateError::Malformed(Some(error)))?;
        if json.format != CERTIFICATE_FORMAT {
            return Err(CertificateError::UnknownFormat(json.format));
        }
        let derived = device_id(json.user, &Sha256::from_bytes(json.dpop_thumbprint));
        if derived != json.device {
            return Err(CertificateError::OtherDevice { named: json.device, derived });
        }
        let device_key = VerifyingKey::from_bytes(&json.device_public_key).map_err(|_| malformed())?;
        Ok(Self { bytes: bytes.to_vec(), json, device_key })
    }

    /// Checks the account's signature; `account` must be the key of the certificate's user and generation.
    ///
    /// # Errors
    /// [`CertificateError::BadSignature`].
    pub fn verify(&self, account: &VerifyingKey) -> Result<(), CertificateError> {
        let (body, signature) = self.bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(CertificateError::Malformed(None))?;
        account
            .verify_strict(&signed_message(body), &Signature::from_bytes(signature))
            .map_err(|_| CertificateError::BadSignature)
    }

    /// The exact bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The account that the device belongs to.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.json.user
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.json.device
    }

    /// The generation of the account's keys that signed it.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.json.generation
    }

    /// The key that the device signs with.
    #[must_use]
    pub const fn device_key(&self) -> &VerifyingKey {
        &self.device_key
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("user", &self.json.user).field("device", &self.json.device).finish_non_exhaustive()
    }
}

fn signed_message(body: &[u8]) -> Vec<u8> {
    [CERTIFICATE_FORMAT.as_bytes(), body].concat()
}

/// What stands, signed and sealed under the account space's key, in `devices/{device}/device.blob`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDocument {
    /// The name that people see.
    pub name: String,
    /// When the device joined, as given; RFC 3339.
    pub joined_at: String,
}

/// Why a device document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DeviceFileError {
    /// Not the JSON document that it has to be.
    #[error("the device file is not valid JSON of its format")]
    Malformed(#[source] serde_json::Error),
    /// Of a format that this version does not know.
    #[error("the device file has the unknown format {0:?}")]
    UnknownFormat(String),
}

impl DeviceFileError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "device-file-malformed",
            Self::UnknownFormat(_) => "device-file-unknown-format",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct DeviceJson {
    format: String,
    name: String,
    joined_at: String,
}

/// Writes the JSON of a device file; [`crate::envelope::seal_signed`] adds signature, certificate and seal.
#[must_use]
pub fn make_device_document(document: &DeviceDocument) -> Vec<u8> {
    let json =
        DeviceJson { format: DEVICE_FORMAT.to_owned(), name: document.name.clone(), joined_at: document.joined_at.clone() };
    serde_json::to_vec(&json).expect("strings always serialise")
}

impl DeviceDocument {
    /// Reads the JSON of a device file that [`crate::envelope::open_signed`] has verified.
    ///
    /// # Errors
    /// [`DeviceFileError`].
    pub fn parse(json: &[u8]) -> Result<Self, DeviceFileError> {
        let json: DeviceJson = serde_json::from_slice(json).map_err(DeviceFileError::Malformed)?;
        if json.format != DEVICE_FORMAT {
            return Err(DeviceFileError::UnknownFormat(json.format));
        }
        Ok(Self { name: json.name, joined_at: json.joined_at })
    }
}
