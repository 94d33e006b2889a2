//! From an envelope back to its content, or to the name of what is wrong with it.

use subtle::ConstantTimeEq as _;

use super::chunk::{CHUNK_BYTES, ChunkCipher, Place, SEALED_CHUNK_BYTES, TAG_BYTES, chunk_count, payload_len};
use super::compress::{decompress, frame_at_start};
use super::context::ObjectContext;
use super::header::{HEADER_BYTES, Header, Kind};
use super::object_key::derive_object_key;
use super::packed::Packed;
use super::padding::padded_len;
use super::seal::LENGTH_BYTES;
use crate::keys::{KeyName, Keyring, SpaceKey, member_or_nil};

/// How many other places are tried to tell a moved chunk from an altered one.
const MAX_PLACES_TRIED: u32 = 256;

/// Why an envelope does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It does not begin as an envelope.
    #[error("these bytes are not an envelope")]
    NotAnEnvelope,
    /// An envelope of another version.
    #[error("the envelope has the unknown version byte {version:#04x}")]
    UnknownVersion {
        /// The byte in the place of `1`.
        version: u8,
    },
    /// A kind that this version does not know.
    #[error("the envelope has the unknown kind {kind}")]
    UnknownKind {
        /// The kind's byte.
        kind: u8,
    },
    /// A flag that this version does not know, or one that its kind does not allow.
    #[error("the envelope has unknown flags: {flags:#010b}")]
    UnknownFlags {
        /// All flags.
        flags: u8,
    },
    /// A cipher suite that this version does not know.
    #[error("the envelope has the unknown cipher suite {suite}")]
    UnknownSuite {
        /// The suite's byte.
        suite: u8,
    },
    /// Its end is missing.
    #[error("the envelope is truncated")]
    Truncated,
    /// Of a length that sealing never gives.
    #[error("no envelope has {len} bytes: it was truncated or extended")]
    WrongLength {
        /// The length in bytes.
        len: u64,
    },
    /// An object of another kind than the one expected.
    #[error("the envelope holds a {found}, not a {expected}")]
    WrongKind {
        /// The kind expected.
        expected: Kind,
        /// The kind found.
        found: Kind,
    },
    /// Sealed under the key of another space.
    #[error("the envelope belongs to another space: it names the key {key}")]
    WrongSpace {
        /// The key named.
        key: KeyName,
    },
    /// Sealed under a key that is not on this device, for example of a later epoch.
    #[error("the envelope is sealed under the key {key}, which is not on this device")]
    UnknownKey {
        /// The key named.
        key: KeyName,
    },
    /// The key is right, but the object is another one than it stands for: another record's, another version's, another
    /// account's; or its header was altered.
    #[error("the envelope was sealed as another object or version, or its header was altered")]
    CommitmentMismatch,
    /// A chunk is authentic, but not at its place.
    #[error("chunk {chunk} of the envelope was moved from another place")]
    ChunkMoved {
        /// The chunk, counted from 0.
        chunk: u32,
    },
    /// Something follows the last chunk.
    #[error("something was added after the envelope's last chunk")]
    TrailingData,
    /// A chunk is not authentic.
    #[error("chunk {chunk} of the envelope was altered")]
    Tampered {
        /// The chunk, counted from 0.
        chunk: u32,
    },
    /// Longer than its kind allows.
    #[error("a {kind} holds at most {max} bytes, this claims {len}")]
    TooLarge {
        /// The kind.
        kind: Kind,
        /// The length claimed, in bytes.
        len: u64,
        /// The kind's cap in bytes.
        max: u64,
    },
    /// The padding is not what the content's length asks for.
    #[error("the envelope's padding is wrong")]
    BadPadding,
    /// Not one sound zstd frame.
    #[error("the envelope's content does not decompress")]
    BadCompression,
    /// A zstd frame that asks for more memory than readers have to have.
    #[error("the envelope's content asks for a window of {window} bytes")]
    WindowTooLarge {
        /// The window in bytes.
        window: u64,
    },
    /// The content is longer or shorter than the length that stands before it.
    #[error("the envelope's content is not of the length that it claims")]
    LengthMismatch,
}

impl OpenError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnEnvelope => "not-an-envelope",
            Self::UnknownVersion { .. } => "envelope-unknown-version",
            Self::UnknownKind { .. } => "envelope-unknown-kind",
            Self::UnknownFlags { .. } => "envelope-unknown-flags",
            Self::UnknownSuite { .. } => "envelope-unknown-suite",
            Self::Truncated => "envelope-truncated",
            Self::WrongLength { .. } => "envelope-wrong-length",
            Self::WrongKind { .. } => "envelope-wrong-kind",
            Self::WrongSpace { .. } => "envelope-wrong-space",
            Self::UnknownKey { .. } => "envelope-unknown-key",
            Self::CommitmentMismatch => "envelope-commitment-mismatch",
            Self::ChunkMoved { .. } => "envelope-chunk-moved",
            Self::TrailingData => "envelope-trailing-data",
            Self::Tampered { .. } => "envelope-tampered",
            Self::TooLarge { .. } => "envelope-too-large",
            Self::BadPadding => "envelope-bad-padding",
            Self::BadCompression => "envelope-bad-compression",
            Self::WindowTooLarge { .. } => "envelope-window-too-large",
            Self::LengthMismatch => "envelope-length-mismatch",
        }
    }
}

/// Opens an envelope that has to be the object that `context` says, with the key of the keyring that it names.
///
/// # Errors
/// [`OpenError`], each refusal by its own name.
pub fn open(keyring: &Keyring, context: &ObjectContext, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (header, key) = find_key(keyring, context, sealed)?;
    open_body(&header, key, context, sealed)
}

/// Opens an envelope with this one key; for the local store, whose key is on no keyring.
///
/// # Errors
/// [`OpenError`], each refusal by its own name.
pub fn open_with_key(key: &SpaceKey, context: &ObjectContext, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let header = Header::parse(sealed)?;
    check_place(&header, context)?;
    if header.key != key.name() {
        return Err(OpenError::UnknownKey { key: header.key });
    }
    open_body(&header, key, context, sealed)
}

/// The header of an envelope, checked against the context, and the key of the keyring that it names.
fn find_key<'a>(keyring: &'a Keyring, context: &ObjectContext, head: &[u8]) -> Result<(Header, &'a SpaceKey), OpenError> {
    let header = Header::parse(head)?;
    check_place(&header, context)?;
    let keys = keyring.get(context.space, header.key).ok_or(OpenError::UnknownKey { key: header.key })?;
    Ok((header, keys.key()))
}

fn check_place(header: &Header, context: &ObjectContext) -> Result<(), OpenError> {
    if header.kind != context.kind() {
        return Err(OpenError::WrongKind { expected: context.kind(), found: header.kind });
    }
    if header.key.member != member_or_nil(context.space) {
        return Err(OpenError::WrongSpace { key: header.key });
    }
    Ok(())
}

/// The object's cipher, if key, header and context fit each other.
pub(crate) fn object_cipher(key: &SpaceKey, header: &Header, context: &ObjectContext) -> Result<ChunkCipher, OpenError> {
    let (cipher, commitment) = derive_object_key(key, header, context);
    if bool::from(commitment.ct_eq(&header.commitment)) { Ok(cipher) } else { Err(OpenError::CommitmentMismatch) }
}

/// The header of an envelope, checked against the context and the keyring, and its cipher: what streaming starts from.
pub(crate) fn begin_open(keyring: &Keyring, context: &ObjectContext, head: &[u8]) -> Result<ChunkCipher, OpenError> {
    let (header, key) = find_key(keyring, context, head)?;
    object_cipher(key, &header, context)
}

fn open_body(header: &Header, key: &SpaceKey, context: &ObjectContext, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (true_len, stored) = open_stored(header, key, context, sealed)?;
    if header.is_raw() { unpad_raw(stored, true_len) } else { unpad_zstd(&stored, true_len) }
}

/// The same as [`open`], with the content left as it is stored: unpacked, a long text is several times as large.
pub(super) fn open_packed(keyring: &Keyring, context: &ObjectContext, sealed: &[u8]) -> Result<Packed, OpenError> {
    let (header, key) = find_key(keyring, context, sealed)?;
    let (true_len, mut stored) = open_stored(&header, key, context, sealed)?;
    if header.is_raw() {
        return Ok(Packed::raw(unpad_raw(stored, true_len)?));
    }
    let frame_len = frame_at_start(&stored, true_len)?.len();
    check_padding(frame_len, stored.len(), &stored[frame_len..])?;
    stored.truncate(frame_len);
    stored.shrink_to_fit();
    Ok(Packed::zstd(stored, true_len))
}

/// The content's true length, and what is stored of it with the padding.
fn open_stored(header: &Header, key: &SpaceKey, context: &ObjectContext, sealed: &[u8]) -> Result<(usize, Vec<u8>), OpenError> {
    let cipher = object_cipher(key, header, context)?;
    let body = &sealed[HEADER_BYTES..];
    let payload = payload_bytes(header.kind, sealed.len(), body.len())?;
    let (true_len, stored) = open_chunks(&cipher, body, payload)?;
    let max = header.kind.max_content_bytes();
    if true_len > max {
        return Err(OpenError::TooLarge { kind: header.kind, len: true_len, max });
    }
    let true_len = usize::try_from(true_len).map_err(|_| OpenError::LengthMismatch)?;
    Ok((true_len, stored))
}

/// The payload's length, refused before anything is allocated or decrypted where no content of this kind seals to it.
fn payload_bytes(kind: Kind, sealed: usize, body: usize) -> Result<usize, OpenError> {
    let wrong = OpenError::WrongLength { len: sealed as u64 };
    let payload = payload_len(body as u64).ok_or_else(|| wrong.clone())?;
    if payload < LENGTH_BYTES as u64 || padded_len(payload) != payload {
        return Err(wrong);
    }
    let max = kind.max_content_bytes();
    if payload > padded_len(max + LENGTH_BYTES as u64) {
        return Err(OpenError::TooLarge { kind, len: payload, max });
    }
    usize::try_from(payload).map_err(|_| wrong)
}

/// Opens all chunks: the true length, and the stored content with its padding.
///
/// The first chunk goes by way of a buffer, since the length stands before the content; all others land where they stay.
fn open_chunks(cipher: &ChunkCipher, body: &[u8], payload: usize) -> Result<(u64, Vec<u8>), OpenError> {
    let chunks = u32::try_from(chunk_count(payload as u64)).map_err(|_| OpenError::WrongLength { len: body.len() as u64 })?;
    let mut stored = vec![0; payload - LENGTH_BYTES];
    let mut true_len = [0; LENGTH_BYTES];
    let mut first = vec![0; payload.min(CHUNK_BYTES)];
    for (counter, sealed) in (0..chunks).zip(body.chunks(SEALED_CHUNK_BYTES)) {
        let place = Place { counter, last: counter + 1 == chunks };
        let len = sealed.len().saturating_sub(TAG_BYTES);
        let start = counter as usize * CHUNK_BYTES;
        let opened = if counter == 0 {
            cipher.open(place, sealed, &mut first)
        } else {
            cipher.open(place, sealed, &mut stored[start - LENGTH_BYTES..start - LENGTH_BYTES + len])
        };
        if !opened {
            return Err(diagnose(cipher, place, chunks, sealed));
        }
        if counter == 0 {
            let (length, content) = first.split_at(LENGTH_BYTES);
            true_len.copy_from_slice(length);
            stored[..content.len()].copy_from_slice(content);
        }
    }
    Ok((u64::from_be_bytes(true_len), stored))
}

/// Says what happened to a chunk that is not authentic at its place: cut off after it, added to, moved, or altered.
pub(crate) fn diagnose(cipher: &ChunkCipher, place: Place, chunks: u32, sealed: &[u8]) -> OpenError {
    let mut plaintext = vec![0; sealed.len().saturating_sub(TAG_BYTES)];
    let mut fits = |counter, last| cipher.open(Place { counter, last }, sealed, &mut plaintext);
    if fits(place.counter, !place.last) {
        return if place.last { OpenError::Truncated } else { OpenError::TrailingData };
    }
    let moved = (0..chunks.min(MAX_PLACES_TRIED)).any(|other| fits(other, false) || fits(other, true));
    if moved { OpenError::ChunkMoved { chunk: place.counter } } else { OpenError::Tampered { chunk: place.counter } }
}

fn unpad_raw(mut stored: Vec<u8>, true_len: usize) -> Result<Vec<u8>, OpenError> {
    let padding = stored.get(true_len..).ok_or(OpenError::LengthMismatch)?;
    check_padding(true_len, stored.len(), padding)?;
    stored.truncate(true_len);
    Ok(stored)
}

fn unpad_zstd(stored: &[u8], true_len: usize) -> Result<Vec<u8>, OpenError> {
    let (content, frame_len) = decompress(stored, true_len)?;
    check_padding(frame_len, stored.len(), &stored[frame_len..])?;
    Ok(content)
}

/// Padding is exactly as long as it has to be, and zero: one content has one form, and nothing hides behind it.
fn check_padding(used: usize, stored: usize, padding: &[u8]) -> Result<(), OpenError> {
    let exact = padded_len((used + LENGTH_BYTES) as u64) == (stored + LENGTH_BYTES) as u64;
    if exact && padding.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(OpenError::BadPadding) }
}
