//! `access-grants/{grant}.blob`: a space's keys wrapped for one recipient, oneself included.
//!
//! `"TGG1" || u32 length || header JSON || X-Wing enc (1120) || ciphertext || Ed25519 signature (64)`
//!
//! HPKE (RFC 9180) in base mode with X-Wing, HKDF-SHA256 and AES-256-GCM; info = SHA-256(header), no AAD. The signature is
//! by the owner's account key over `"tidegate/grant/v1"` and everything before it.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, XWing};
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};
use tidegate_protocol::account::uuid_of_hash;
use tidegate_protocol::{GrantId, MemberId, Sha256, Space, UserId};
use time::OffsetDateTime;
use zeroize::{Zeroize, Zeroizing};

use super::account::{AccountKeys, AccountPublicKeys};
use super::attachment::AttachmentKey;
use super::member::{SpaceKey, SpaceKeys};

const MAGIC: &[u8; 4] = b"TGG1";
const FORMAT: &str = "tidegate/grant/v1";
const SIGNATURE_LABEL: &[u8] = b"tidegate/grant/v1";
const ENC_BYTES: usize = 1120;
const SIGNATURE_BYTES: usize = 64;
const TAG_BYTES: usize = 16;
const MAX_HEADER_BYTES: usize = 4096;
const MAX_BYTES: usize = 16 * 1024;

/// What the recipient may do in the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Read everything.
    Read,
    /// Read everything, and write records and attachments.
    ReadWrite,
    /// Everything: a grant to oneself.
    Owner,
}

/// The readable part of a grant; no names, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantHeader {
    format: String,
    /// The account whose space it is.
    pub owner: UserId,
    /// The account that may read the keys.
    pub recipient: UserId,
    /// SHA-256 of the owner's Ed25519 public key.
    #[serde(with = "crate::base64url::array")]
    pub owner_key_sha256: [u8; 32],
    /// SHA-256 of the recipient's X-Wing public key.
    #[serde(with = "crate::base64url::array")]
    pub recipient_key_sha256: [u8; 32],
    /// The family member, nil for the account space.
    pub member: MemberId,
    /// The key's epoch.
    pub epoch: u32,
    /// First 8 bytes of the key's labelled hash, as in every envelope.
    #[serde(with = "crate::base64url::array")]
    pub key_digest: [u8; 8],
    /// What the recipient may do.
    pub permission: Permission,
    /// When the broker stops honouring it; it cannot take back keys already read.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

impl GrantHeader {
    /// The space that the grant is for.
    #[must_use]
    pub fn space(&self) -> Space {
        if self.member.as_uuid().is_nil() { Space::Account(self.owner) } else { Space::Member(self.owner, self.member) }
    }
}

/// Why a grant gives no keys.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The bytes are too short, too long, or do not begin as a grant.
    #[error("these bytes are not a grant")]
    NotAGrant,
    /// A grant of another version.
    #[error("the grant has the unknown version {0:?}")]
    UnknownVersion(String),
    /// The header is not the JSON document that it has to be.
    #[error("the grant's header is not valid JSON of its format")]
    Header(#[source] serde_json::Error),
    /// The blob is stored under the name of another grant.
    #[error("the blob is grant {found}, not {expected}")]
    OtherGrant {
        /// The grant asked for.
        expected: GrantId,
        /// The grant that the bytes make.
        found: GrantId,
    },
    /// Not by the owner expected.
    #[error("the grant is by {found}, not by {expected}")]
    OtherOwner {
        /// The owner expected.
        expected: UserId,
        /// The owner named.
        found: UserId,
    },
    /// Made under another of the owner's keys, for example before these were replaced.
    #[error("the grant was signed with another key of its owner")]
    OtherOwnerKey,
    /// The signature does not fit.
    #[error("the grant's signature does not fit: it was altered, or is not by its owner")]
    BadSignature,
    /// For somebody else.
    #[error("the grant is for {found}, not for {expected}")]
    OtherRecipient {
        /// This account.
        expected: UserId,
        /// The recipient named.
        found: UserId,
    },
    /// Made for another of the recipient's keys.
    #[error("the grant was made for another key of its recipient")]
    OtherRecipientKey,
    /// The sealed part does not open.
    #[error("the grant's sealed part does not open with this account's key")]
    DoesNotOpen,
    /// A key of an epoch that no honest device has come to: it would stand above all that follow.
    #[error("the grant's key is of epoch {epoch}, further than this account's can be")]
    EpochTooGreat {
        /// The epoch.
        epoch: u32,
    },
    /// What is sealed is not what the header names.
    #[error("the key inside the grant is not the one that its header names")]
    KeyDigestMismatch,
}

impl GrantError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAGrant => "not-a-grant",
            Self::UnknownVersion(_) => "grant-unknown-version",
            Self::Header(_) => "grant-bad-header",
            Self::OtherGrant { .. } => "grant-other-grant",
            Self::OtherOwner { .. } => "grant-other-owner",
            Self::OtherOwnerKey => "grant-other-owner-key",
            Self::BadSignature => "grant-bad-signature",
            Self::OtherRecipient { .. } => "grant-other-recipient",
            Self::OtherRecipientKey => "grant-other-recipient-key",
            Self::DoesNotOpen => "grant-does-not-open",
            Self::EpochTooGreat { .. } => "grant-epoch-too-great",
            Self::KeyDigestMismatch => "grant-key-digest-mismatch",
        }
    }
}

/// What a new grant says.
#[derive(Debug, Clone, Copy)]
pub struct GrantRequest<'a> {
    /// The account that may read the keys.
    pub recipient: UserId,
    /// Its public keys, checked against its user id.
    pub recipient_keys: &'a AccountPublicKeys,
    /// What it may do.
    pub permission: Permission,
    /// When the broker stops honouring it.
    pub expires_at: Option<OffsetDateTime>,
}

/// A grant that was verified and opened.
#[derive(Debug, Clone)]
pub struct OpenedGrant {
    /// The verified header.
    pub header: GrantHeader,
    /// The keys, as they go into a [`super::Keyring`].
    pub keys: SpaceKeys,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    #[serde(with = "crate::base64url::array")]
    key: [u8; 32],
    #[serde(with = "crate::base64url::array")]
    attachment_key: [u8; 32],
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.key.zeroize();
        self.attachment_key.zeroize();
    }
}

/// Wraps the keys of a space for a recipient and signs that as the space's owner.
#[must_use]
pub fn make_grant(owner: &AccountKeys, keys: &SpaceKeys, request: GrantRequest<'_>, mut rng: &mut dyn CryptoRng) -> Vec<u8> {
    let name = keys.key().name();
    let header = GrantHeader {
        format: FORMAT.to_owned(),
        owner: keys.space().owner(),
        recipient: request.recipient,
        owner_key_sha256: owner.public().ed25519_hash(),
        recipient_key_sha256: request.recipient_keys.xwing_hash(),
        member: name.member,
        epoch: name.epoch,
        key_digest: name.digest,
        permission: request.permission,
        expires_at: request.expires_at,
    };
    let header = serde_json::to_vec(&header).expect("ids, numbers and times always serialise");
    let secrets = Secrets { key: *keys.key().secret(), attachment_key: *keys.attachment_key().secret() };
    let plaintext = Zeroizing::new(serde_json::to_vec(&secrets).expect("two strings always serialise"));
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        request.recipient_keys.xwing(),
        &Hasher::digest(&header),
        &plaintext,
        &[],
        &mut rng,
    )
    .expect("a valid public key and a short message always seal");

    let mut blob = MAGIC.to_vec();
    blob.extend(tidegate_protocol::account::lp(&header));
    blob.extend_from_slice(&enc.to_bytes());
    blob.extend_from_slice(&ciphertext);
    let signature = owner.signing_key().sign(&signed_message(&blob));
    blob.extend_from_slice(&signature.to_bytes());
    blob
}

/// The grant's id: UUIDv8 of the SHA-256 of its blob, so that a grant's name fixes its bytes.
#[must_use]
pub fn grant_id(blob: &[u8]) -> GrantId {
    GrantId::new(uuid_of_hash(&Sha256::of(blob)))
}

/// Reads a grant's header without verifying anything: enough to know whose public keys to fetch.
///
/// # Errors
/// [`GrantError::NotAGrant`], `UnknownVersion` or `Header`.
pub fn parse_grant_header(blob: &[u8]) -> Result<GrantHeader, GrantError> {
    Parts::split(blob).map(|parts| parts.header)
}

/// Verifies and opens the grant of this name: first its signature, then who it is by and for, then the seal, and at last
/// that the key inside is the one that the header names.
///
/// Expiry is not looked at here: it ends what the broker signs, and old keys stay needed for old objects.
///
/// # Errors
/// [`GrantError`], each refusal by its own name.
pub fn open_grant(
    id: GrantId,
    blob: &[u8],
    owner: UserId,
    owner_keys: &AccountPublicKeys,
    recipient: UserId,
    recipient_keys: &AccountKeys,
) -> Result<OpenedGrant, GrantError> {
    let found = grant_id(blob);
    if found != id {
        return Err(GrantError::OtherGrant { expected: id, found });
    }
    let parts = Parts::split(blob)?;
    let header = &parts.header;
    if header.owner != owner {
        return Err(GrantError::OtherOwner { expected: owner, found: header.owner });
    }
    if header.owner_key_sha256 != owner_keys.ed25519_hash() {
        return Err(GrantError::OtherOwnerKey);
    }
    owner_keys.ed25519().verify_strict(&signed_message(parts.signed), &parts.signature).map_err(|_| GrantError::BadSignature)?;
    if header.recipient != recipient {
        return Err(GrantError::OtherRecipient { expected: recipient, found: header.recipient });
    }
    if header.recipient_key_sha256 != recipient_keys.public().xwing_hash() {
        return Err(GrantError::OtherRecipientKey);
    }
    let keys = parts.open(recipient_keys)?;
    Ok(OpenedGrant { header: parts.header, keys })
}

/// Epochs that there may be for each generation of the account's keys.
const EPOCHS_PER_GENERATION: u64 = 1 << 16;

/// The same for a grant to oneself, under the account's keys of this generation.
///
/// Of the keys of a space that of the greatest epoch seals. A thief of the account's keys could grant one of the last epoch that there is,
/// and nothing could be put above it; so each generation has a range of its own, and the first epoch after new keys is above all that
/// could have been granted under the old ones.
///
/// # Errors
/// As [`open_grant`], and [`GrantError::EpochTooGreat`].
pub fn open_own_grant(
    id: GrantId,
    blob: &[u8],
    user: UserId,
    account: &AccountKeys,
    generation: u32,
) -> Result<OpenedGrant, GrantError> {
    let opened = open_grant(id, blob, user, account.public(), user, account)?;
    let epoch = opened.header.epoch;
    if u64::from(epoch) > (u64::from(generation) + 1) * EPOCHS_PER_GENERATION {
        return Err(GrantError::EpochTooGreat { epoch });
    }
    Ok(opened)
}

struct Parts<'a> {
    header: GrantHeader,
    header_bytes: &'a [u8],
    enc: &'a [u8],
    ciphertext: &'a [u8],
    signed: &'a [u8],
    signature: Signature,
}

impl<'a> Parts<'a> {
    fn split(blob: &'a [u8]) -> Result<Self, GrantError> {
        if blob.len() > MAX_BYTES {
            return Err(GrantError::NotAGrant);
        }
        let (signed, signature) = blob.split_last_chunk::<SIGNATURE_BYTES>().ok_or(GrantError::NotAGrant)?;
        let (magic, rest) = signed.split_first_chunk::<4>().ok_or(GrantError::NotAGrant)?;
        if &magic[..3] != b"TGG" {
            return Err(GrantError::NotAGrant);
        }
        if magic != MAGIC {
            return Err(GrantError::UnknownVersion(String::from_utf8_lossy(magic).into_owned()));
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(GrantError::NotAGrant)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| GrantError::NotAGrant)?;
        if length > MAX_HEADER_BYTES || rest.len() < length + ENC_BYTES + TAG_BYTES {
            return Err(GrantError::NotAGrant);
        }
        let (header_bytes, rest) = rest.split_at(length);
        let (enc, ciphertext) = rest.split_at(ENC_BYTES);
        let header: GrantHeader = serde_json::from_slice(header_bytes).map_err(GrantError::Header)?;
        if header.format != FORMAT {
            return Err(GrantError::UnknownVersion(header.format));
        }
        Ok(Self { header, header_bytes, enc, ciphertext, signed, signature: Signature::from_bytes(signature) })
    }

    fn open(&self, recipient: &AccountKeys) -> Result<SpaceKeys, GrantError> {
        let enc = <XWing as Kem>::EncappedKey::from_bytes(self.enc).map_err(|_| GrantError::DoesNotOpen)?;
        let plaintext = hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            recipient.xwing(),
            &enc,
            &Hasher::digest(self.header_bytes),
            self.ciphertext,
            &[],
        )
        .map_err(|_| GrantError::DoesNotOpen)?;
        let plaintext = Zeroizing::new(plaintext);
        let secrets: Secrets = serde_json::from_slice(&plaintext).map_err(|_| GrantError::DoesNotOpen)?;
        let key = SpaceKey::from_secret(self.header.member, self.header.epoch, Zeroizing::new(secrets.key));
        if key.name().digest != self.header.key_digest {
            return Err(GrantError::KeyDigestMismatch);
        }
        let attachment_key = AttachmentKey::from_secret(Zeroizing::new(secrets.attachment_key));
        Ok(SpaceKeys::from_parts(self.header.space(), key, attachment_key))
    }
}

fn signed_message(signed: &[u8]) -> Vec<u8> {
    [SIGNATURE_LABEL, signed].concat()
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::Owner => "owner",
        })
    }
}
