//! Signed documents inside the envelope: segments, checkpoints, doorbells, device files.
//!
//! The content of such an envelope is `u32 length || exact document bytes || Ed25519 signature (64) || certificate`, where
//! the certificate runs to the end. The signature is by the device's manifest key over
//! `"tidegate/{type}/v1" || lp(user) || lp(space) || epoch u32 || SHA-256(document bytes)`: user and space are those that the
//! object lies in, epoch that of the key it is sealed under. The bytes are handed on as they are and never written again.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read};

use ed25519_dalek::{Signature, VerifyingKey};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use tidegate_protocol::UserId;
use tidegate_protocol::account::lp;

use super::context::ObjectContext;
use super::header::Header;
use super::open::{OpenError, open, open_packed};
use super::packed::Packed;
use super::seal::{SealError, seal};
use crate::keys::{Certificate, CertificateError, DeviceKey, Keyring, SpaceKey, member_or_nil};

const SIGNATURE_BYTES: usize = 64;
/// Length of the document's length, in bytes.
const LENGTH_BYTES: usize = 4;

/// The accounts whose devices may write, by account and generation of its keys. Of an account's generations only the greatest
/// counts: what was signed under others comes by checkpoints that a device has signed under that one.
#[derive(Debug, Clone, Default)]
pub struct AccountDirectory(BTreeMap<(UserId, u32), VerifyingKey>);

impl AccountDirectory {
    /// An empty directory: nobody is believed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes the devices that this key of an account has certified.
    pub fn insert(&mut self, user: UserId, generation: u32, key: VerifyingKey) {
        self.0.insert((user, generation), key);
    }

    /// The account's key of this generation, if it is the greatest.
    #[must_use]
    pub fn get(&self, user: UserId, generation: u32) -> Option<&VerifyingKey> {
        self.0.get(&(user, generation)).filter(|_| !self.is_replaced(user, generation))
    }

    /// Whether keys of a later generation have taken this one's place.
    fn is_replaced(&self, user: UserId, generation: u32) -> bool {
        self.0.range((user, generation)..=(user, u32::MAX)).any(|((_, known), _)| *known > generation)
    }
}

/// A document whose seal, signature and certificate all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The document, exactly as it was signed.
    pub document: Vec<u8>,
    /// The device that signed it, and its account.
    pub certificate: Certificate,
    /// The epoch of the key that it is sealed under.
    pub epoch: u32,
}

/// Why a signed document is not believed.
#[derive(Debug, thiserror::Error)]
pub enum SignedError {
    /// The envelope does not open.
    #[error(transparent)]
    Envelope(#[from] OpenError),
    /// The parts inside do not add up.
    #[error("the signed document is malformed")]
    Malformed,
    /// The certificate does not count.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Signed by a device of an account that may not write here.
    #[error("the document is signed by a device of {user} (generation {generation}), who may not write here")]
    UnknownAuthor {
        /// The account.
        user: UserId,
        /// The generation of its keys.
        generation: u32,
    },
    /// Signed under keys of its account that others have taken the place of.
    #[error("the document is signed under keys of {user} (generation {generation}) that were replaced")]
    ReplacedKeys {
        /// The account.
        user: UserId,
        /// The generation of the keys.
        generation: u32,
    },
    /// Signed by another device than the one under whose name it lies.
    #[error("the document lies under another device's name than the one that signed it")]
    OtherDevice,
    /// The signature does not fit document and place.
    #[error("the document's signature does not fit")]
    BadSignature,
}

impl SignedError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.code(),
            Self::Malformed => "signed-malformed",
            Self::Certificate(error) => error.code(),
            Self::UnknownAuthor { .. } => "signed-unknown-author",
            Self::ReplacedKeys { .. } => "signed-replaced-keys",
            Self::OtherDevice => "signed-other-device",
            Self::BadSignature => "signed-bad-signature",
        }
    }
}

/// Signs a document with the device's key and seals it, its certificate beside it.
///
/// # Errors
/// As [`seal`].
pub fn seal_signed(
    key: &SpaceKey,
    context: &ObjectContext,
    document: &[u8],
    device: &DeviceKey,
    certificate: &Certificate,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    seal_signed_whole(key, context, document.to_vec(), device, certificate, rng)
}

/// The same for a large document that is not needed any more: it is not copied.
///
/// # Errors
/// As [`seal`].
pub(crate) fn seal_signed_whole(
    key: &SpaceKey,
    context: &ObjectContext,
    document: Vec<u8>,
    device: &DeviceKey,
    certificate: &Certificate,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let signature = device.sign(&signed_message(context, key.name().epoch, Sha256::digest(&document).into()));
    let length = u32::try_from(document.len()).expect("no kind's cap comes near 4 GiB");
    let mut content = document;
    // Growing by doubling would take the room of a second one.
    content.reserve_exact(LENGTH_BYTES + SIGNATURE_BYTES + certificate.as_bytes().len());
    content.extend_from_slice(&signature);
    content.extend_from_slice(certificate.as_bytes());
    content.splice(..0, length.to_be_bytes());
    seal(key, context, &content, rng)
}

/// Opens a signed document and verifies certificate, signature and, for objects that lie under a device's name, that it is
/// that device's.
///
/// # Errors
/// [`SignedError`], each refusal by its own name.
pub fn open_signed(
    keyring: &Keyring,
    directory: &AccountDirectory,
    context: &ObjectContext,
    sealed: &[u8],
) -> Result<Verified, SignedError> {
    open_certified(keyring, context, sealed, |certificate| check_author(directory, certificate))
}

/// Opens a document that this very device has signed and kept: its own key is enough, whatever generation of the account's keys
/// certified it then.
///
/// # Errors
/// [`SignedError`]; another device's is [`SignedError::OtherDevice`].
pub(crate) fn open_own_signed(
    keyring: &Keyring,
    device: &DeviceKey,
    context: &ObjectContext,
    sealed: &[u8],
) -> Result<Verified, SignedError> {
    open_certified(keyring, context, sealed, |certificate| {
        if *certificate.device_key() == device.public() { Ok(()) } else { Err(SignedError::OtherDevice) }
    })
}

/// The same as [`open_signed`] for a document that is large once it is unpacked: it is verified as it is read, piece by piece, and
/// stays packed.
///
/// # Errors
/// As [`open_signed`].
pub(crate) fn open_signed_packed(
    keyring: &Keyring,
    directory: &AccountDirectory,
    context: &ObjectContext,
    sealed: &[u8],
) -> Result<PackedDocument, SignedError> {
    let epoch = Header::parse(sealed)?.key.epoch;
    let content = open_packed(keyring, context, sealed)?;
    let (length, hash, tail) = read_once(&content)?;
    let (signature, certificate) = tail.split_first_chunk::<SIGNATURE_BYTES>().ok_or(SignedError::Malformed)?;
    let certificate = Certificate::parse(certificate)?;
    check_author(directory, &certificate)?;
    check_signature(context, epoch, hash, &Signature::from_bytes(signature), &certificate)?;
    Ok(PackedDocument { content, length })
}

/// A document whose seal, signature and certificate all hold, still packed.
#[derive(PartialEq)]
pub(crate) struct PackedDocument {
    content: Packed,
    length: usize,
}

impl PackedDocument {
    /// The document's length in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    /// The document, from its start.
    pub(crate) fn read(&self) -> io::Result<impl Read + '_> {
        let mut content = self.content.read()?;
        content.read_exact(&mut [0; LENGTH_BYTES])?;
        Ok(content.take(self.length as u64))
    }
}

/// Length and hash of the document in a content, and what follows it.
fn read_once(content: &Packed) -> Result<(usize, [u8; 32], Vec<u8>), SignedError> {
    let bad = |_| SignedError::Envelope(OpenError::BadCompression);
    if content.len() < LENGTH_BYTES {
        return Err(SignedError::Malformed);
    }
    let (mut text, mut length) = (content.read().map_err(bad)?, [0; LENGTH_BYTES]);
    text.read_exact(&mut length).map_err(bad)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| SignedError::Malformed)?;
    let tail_len = (content.len() - LENGTH_BYTES).checked_sub(length).ok_or(SignedError::Malformed)?;
    let (hashed, hash) = hash_of(&mut text, length as u64).map_err(bad)?;
    // One byte more than there may be shows a frame that holds more than it claims.
    let mut tail = Vec::new();
    text.take(tail_len as u64 + 1).read_to_end(&mut tail).map_err(bad)?;
    if hashed != length as u64 || tail.len() != tail_len {
        return Err(OpenError::LengthMismatch.into());
    }
    Ok((length, hash, tail))
}

/// Reads so many bytes: how many there were, and their hash.
fn hash_of(text: &mut dyn Read, length: u64) -> io::Result<(u64, [u8; 32])> {
    let mut pieces = BufReader::new(text.take(length));
    let (mut hashed, mut hash) = (0, Sha256::new());
    loop {
        let piece = pieces.fill_buf()?;
        let len = piece.len();
        if len == 0 {
            return Ok((hashed, hash.finalize().into()));
        }
        hash.update(piece);
        hashed += len as u64;
        pieces.consume(len);
    }
}

fn check_author(directory: &AccountDirectory, certificate: &Certificate) -> Result<(), SignedError> {
    let (user, generation) = (certificate.user(), certificate.generation());
    let account = directory.get(user, generation).ok_or_else(|| match directory.is_replaced(user, generation) {
        true => SignedError::ReplacedKeys { user, generation },
        false => SignedError::UnknownAuthor { user, generation },
    })?;
    Ok(certificate.verify(account)?)
}

fn check_signature(
    context: &ObjectContext,
    epoch: u32,
    hash: [u8; 32],
    signature: &Signature,
    certificate: &Certificate,
) -> Result<(), SignedError> {
    if context.device().is_some_and(|device| device != certificate.device()) {
        return Err(SignedError::OtherDevice);
    }
    let message = signed_message(context, epoch, hash);
    certificate.device_key().verify_strict(&message, signature).map_err(|_| SignedError::BadSignature)
}

fn open_certified(
    keyring: &Keyring,
    context: &ObjectContext,
    sealed: &[u8],
    check: impl FnOnce(&Certificate) -> Result<(), SignedError>,
) -> Result<Verified, SignedError> {
    let epoch = Header::parse(sealed)?.key.epoch;
    let mut content = open(keyring, context, sealed)?;
    let (document, signature, certificate) = split(&content).ok_or(SignedError::Malformed)?;
    let certificate = Certificate::parse(certificate)?;
    check(&certificate)?;
    check_signature(context, epoch, Sha256::digest(document).into(), &signature, &certificate)?;
    // In place: a document may be large.
    let end = LENGTH_BYTES + document.len();
    content.truncate(end);
    content.drain(..LENGTH_BYTES);
    Ok(Verified { document: content, certificate, epoch })
}

fn split(content: &[u8]) -> Option<(&[u8], Signature, &[u8])> {
    let (length, rest) = content.split_first_chunk::<LENGTH_BYTES>()?;
    let (document, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (signature, certificate) = rest.split_first_chunk::<SIGNATURE_BYTES>()?;
    Some((document, Signature::from_bytes(signature), certificate))
}

fn signed_message(context: &ObjectContext, epoch: u32, hash: [u8; 32]) -> Vec<u8> {
    [
        format!("tidegate/{}/v1", context.kind()).into_bytes(),
        lp(context.space.owner().as_bytes()),
        lp(member_or_nil(context.space).as_bytes()),
        epoch.to_be_bytes().to_vec(),
        hash.to_vec(),
    ]
    .concat()
}
