//! Envelopes that only somebody with the key can make: a malicious member of the space, or a broken client. Authentic, and
//! still refused by name.

use std::io::Read as _;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tidegate_protocol::{RecordId, Sha256, Space, UserId};

use super::context::{ObjectContext, ObjectName};
use super::header::{Header, Kind};
use super::open::{OpenError, open, open_with_key};
use super::padding::padded_len;
use super::seal::{LENGTH_BYTES, Payload, begin, seal};
use super::signed::{AccountDirectory, open_signed, open_signed_packed, seal_signed};
use crate::keys::{Certificate, DeviceKey, Keyring, MasterKey, SpaceKey, SpaceKeys, member_or_nil};

fn space() -> Space {
    Space::Account(UserId::from_bytes([1; 16]))
}

fn record() -> ObjectContext {
    ObjectContext { space: space(), name: ObjectName::Record { id: RecordId::from_bytes([3; 16]), version: 1 } }
}

/// Seals exactly this payload, whatever it claims, and opens it.
fn open_payload(context: &ObjectContext, flags: u8, true_len: u64, stored: &[u8], padded: usize) -> Result<Vec<u8>, OpenError> {
    let key = SpaceKey::generate(space(), 0, &mut ChaCha20Rng::seed_from_u64(1));
    assert_eq!(key.name().member, member_or_nil(space()));
    let (head, cipher) = begin(&key, context, flags, [7; 32]);
    let payload = Payload { length: true_len.to_be_bytes(), stored, padded };
    open_with_key(&key, context, &payload.seal(&head, &cipher))
}

fn padded(stored: &[u8]) -> usize {
    usize::try_from(padded_len((stored.len() + LENGTH_BYTES) as u64)).unwrap()
}

fn open_zstd(true_len: u64, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_payload(&record(), 0, true_len, stored, padded(stored))
}

fn open_raw(true_len: u64, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_payload(&record(), Header::RAW, true_len, stored, padded(stored))
}

fn frame(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 3).unwrap()
}

#[test]
fn honest_payloads_open() {
    assert_eq!(open_raw(5, b"hello").unwrap(), b"hello");
    assert_eq!(open_zstd(500, &frame(&[b'a'; 500])).unwrap(), [b'a'; 500]);
    assert_eq!(open_zstd(0, &frame(b"")).unwrap(), b"");
}

#[test]
fn a_claim_beyond_the_kinds_cap_is_refused_before_anything_is_expanded() {
    let max = Kind::Record.max_content_bytes();
    let bomb = frame(&vec![0; usize::try_from(max).unwrap() + 1]);
    assert!(bomb.len() < 4_096);
    assert_eq!(open_zstd(max + 1, &bomb), Err(OpenError::TooLarge { kind: Kind::Record, len: max + 1, max }));
    assert_eq!(open_zstd(u64::MAX, &bomb), Err(OpenError::TooLarge { kind: Kind::Record, len: u64::MAX, max }));
    assert_eq!(open_raw(u64::MAX, b"hello"), Err(OpenError::TooLarge { kind: Kind::Record, len: u64::MAX, max }));
}

#[test]
fn a_frame_that_expands_beyond_its_claim_is_refused() {
    let bomb = frame(&vec![0; 8 * 1024 * 1024]);
    assert_eq!(open_zstd(100, &bomb), Err(OpenError::LengthMismatch));
    // A frame whose own header lies: 1,000 bytes that claim to be 300 (2-byte field at offset 5, value less 256).
    let mut lying = frame(&[b'a'; 1_000]);
    assert_eq!(lying[4] >> 6, 1, "a two-byte content size");
    let offset = if lying[4] & 0x20 == 0 { 6 } else { 5 };
    assert_eq!(lying[offset..offset + 2], (1_000_u16 - 256).to_le_bytes());
    lying[offset..offset + 2].copy_from_slice(&(300_u16 - 256).to_le_bytes());
    assert_eq!(open_zstd(300, &lying), Err(OpenError::BadCompression));
}

#[test]
fn a_frame_shorter_than_the_true_length_is_refused() {
    assert_eq!(open_zstd(501, &frame(&[b'a'; 500])), Err(OpenError::LengthMismatch));
    assert_eq!(open_raw(6, b"hell"), Err(OpenError::LengthMismatch));
}

#[test]
fn a_frame_that_does_not_say_its_length_is_refused() {
    let unsized_frame = zstd::stream::encode_all(&[b'a'; 500][..], 3).unwrap();
    assert_eq!(open_zstd(500, &unsized_frame), Err(OpenError::BadCompression));
}

#[test]
fn a_window_over_8_mib_is_refused() {
    // Magic, an 8-byte content size and a window of 2^(10+14) bytes (RFC 8878, section 3.1.1.1).
    let mut wide = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1100_0000, 14 << 3];
    wide.extend_from_slice(&100_u64.to_le_bytes());
    wide.extend_from_slice(&[1, 0, 0]);
    assert_eq!(open_zstd(100, &wide), Err(OpenError::WindowTooLarge { window: 16 * 1024 * 1024 }));
    // A single segment is its own window.
    let mut single = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000];
    single.extend_from_slice(&(9 * 1024 * 1024_u64).to_le_bytes());
    single.extend_from_slice(&[1, 0, 0]);
    assert_eq!(open_zstd(9 * 1024 * 1024, &single), Err(OpenError::WindowTooLarge { window: 9 * 1024 * 1024 }));
}

#[test]
fn what_is_no_zstd_frame_is_refused() {
    assert_eq!(open_zstd(5, b"hello"), Err(OpenError::BadCompression));
    assert_eq!(open_zstd(0, b""), Err(OpenError::BadCompression));
    let whole = frame(b"a note that is long enough to be cut in the middle of it");
    assert!(open_zstd(56, &whole[..whole.len() - 3]).is_err());
}

#[test]
fn padding_that_is_not_zero_or_not_exact_is_refused() {
    // 5 bytes and the length make 13, padded to 14: one byte too many is content hidden in the padding.
    assert_eq!(open_payload(&record(), Header::RAW, 5, b"helloX", 14), Err(OpenError::BadPadding));
    assert_eq!(open_payload(&record(), Header::RAW, 5, b"hello", 16), Err(OpenError::BadPadding));
    let mut two_frames = frame(&[b'a'; 500]);
    two_frames.extend(frame(b"hidden"));
    assert_eq!(open_zstd(500, &two_frames), Err(OpenError::BadPadding));
}

#[test]
fn a_payload_of_no_padded_length_is_refused() {
    assert!(matches!(open_payload(&record(), Header::RAW, 9, b"ninebytes", 17), Err(OpenError::WrongLength { .. })));
}

#[test]
fn a_compressed_attachment_is_refused() {
    let hmac = tidegate_protocol::ContentHmac::from_bytes([5; 32]);
    let context = ObjectContext { space: space(), name: ObjectName::Attachment { hmac } };
    let stored = frame(&[b'a'; 500]);
    assert_eq!(open_payload(&context, 0, 500, &stored, padded(&stored)), Err(OpenError::UnknownFlags { flags: 0 }));
}

/// A space whose keys and account are fixed, and what both ways of opening say of a signed checkpoint there.
struct Signed {
    keys: SpaceKeys,
    keyring: Keyring,
    directory: AccountDirectory,
    device: DeviceKey,
    certificate: Certificate,
}

const CHECKPOINT: ObjectName = ObjectName::Checkpoint;

impl Signed {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let account = MasterKey::generate(&mut rng).account_keys();
        let device = DeviceKey::generate(&mut rng);
        let user = space().owner();
        let certificate = Certificate::issue(&account, user, &device, &Sha256::of(b"device"), 0);
        let (mut keyring, mut directory) = (Keyring::new(), AccountDirectory::new());
        let keys = SpaceKeys::generate(space(), &mut rng);
        keyring.insert(keys.clone());
        directory.insert(user, 0, *account.public().ed25519());
        Self { keys, keyring, directory, device, certificate }
    }

    fn context() -> ObjectContext {
        ObjectContext { space: space(), name: CHECKPOINT }
    }

    fn seal(&self, document: &[u8]) -> Vec<u8> {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        seal_signed(self.keys.key(), &Self::context(), document, &self.device, &self.certificate, &mut rng).unwrap()
    }

    /// Opens it at once and packed: both must come to the same.
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
        let at_once = open_signed(&self.keyring, &self.directory, &Self::context(), sealed);
        let packed = open_signed_packed(&self.keyring, &self.directory, &Self::context(), sealed).map(|packed| {
            let mut document = Vec::new();
            packed.read().unwrap().read_to_end(&mut document).unwrap();
            assert_eq!(document.len(), packed.len());
            document
        });
        let at_once = at_once.map(|verified| verified.document).map_err(|error| error.code());
        let packed = packed.map_err(|error| error.code());
        assert_eq!(at_once, packed);
        packed
    }

    /// Opens what is sealed as this content, sound or not.
    fn open_content(&self, change: impl FnOnce(&mut Vec<u8>)) -> &'static str {
        let mut content = open(&self.keyring, &Self::context(), &self.seal(&lines(4_000))).unwrap();
        change(&mut content);
        let sealed = seal(self.keys.key(), &Self::context(), &content, &mut ChaCha20Rng::seed_from_u64(4)).unwrap();
        self.open(&sealed).unwrap_err()
    }

    /// Opens exactly this payload.
    fn open_frame(&self, true_len: u64, stored: &[u8]) -> &'static str {
        let (head, cipher) = begin(self.keys.key(), &Self::context(), 0, [7; 32]);
        let payload = Payload { length: true_len.to_be_bytes(), stored, padded: padded(stored) };
        self.open(&payload.seal(&head, &cipher)).unwrap_err()
    }
}

/// A text that compresses.
fn lines(bytes: usize) -> Vec<u8> {
    b"{\"one\":\"line\"}\n".iter().copied().cycle().take(bytes).collect()
}

#[test]
fn a_packed_document_is_the_document() {
    let signed = Signed::new();
    let mut noise = vec![0; 300_000];
    ChaCha20Rng::seed_from_u64(5).fill_bytes(&mut noise);
    for document in [Vec::new(), lines(1), lines(70), lines(300_000), noise] {
        assert_eq!(signed.open(&signed.seal(&document)).as_ref(), Ok(&document));
    }
}

#[test]
fn a_packed_document_that_does_not_add_up_is_refused_as_it_is_at_once() {
    let signed = Signed::new();
    assert_eq!(signed.open_content(Vec::clear), "signed-malformed");
    assert_eq!(signed.open_content(|content| content.truncate(3)), "signed-malformed");
    assert_eq!(signed.open_content(|content| content[0] = 0xff), "signed-malformed");
    assert_eq!(signed.open_content(|content| content.truncate(4_000 + 4 + 63)), "signed-malformed");
    assert_eq!(signed.open_content(|content| content[100] ^= 1), "signed-bad-signature");
    assert_eq!(signed.open_content(|content| content[4_000 + 4] ^= 1), "signed-bad-signature");
    // A document cut short, or one that swallows its signature.
    signed.open_content(|content| content[3] = content[3].wrapping_sub(1));
    signed.open_content(|content| content[3] = content[3].wrapping_add(1));
    signed.open_content(|content| content.push(0));
}

#[test]
fn every_altered_byte_of_a_packed_document_is_noticed_as_it_is_at_once() {
    let signed = Signed::new();
    let sealed = signed.seal(&lines(500));
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 0x10;
        assert!(signed.open(&altered).is_err(), "{place}");
    }
    for length in 0..sealed.len() {
        assert!(signed.open(&sealed[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_frame_that_lies_is_refused_packed_as_it_is_at_once() {
    let signed = Signed::new();
    let whole = frame(&lines(1_000));
    assert_eq!(signed.open_frame(999, &whole), "envelope-length-mismatch");
    assert_eq!(signed.open_frame(1_000, &whole[..whole.len() - 3]), "envelope-bad-compression");
    assert_eq!(signed.open_frame(1_000, b"no frame"), "envelope-bad-compression");
    let mut lying = frame(&[b'a'; 1_000]);
    let offset = if lying[4] & 0x20 == 0 { 6 } else { 5 };
    lying[offset..offset + 2].copy_from_slice(&(300_u16 - 256).to_le_bytes());
    assert_eq!(signed.open_frame(300, &lying), "envelope-bad-compression");
    let mut two = frame(&lines(1_000));
    two.extend(frame(b"hidden"));
    assert_eq!(signed.open_frame(1_000, &two), "envelope-bad-padding");
    // More than a checkpoint may hold, in a few bytes.
    let max = Kind::Checkpoint.max_content_bytes();
    let bomb = frame(&vec![0; usize::try_from(max).unwrap() + 1]);
    assert_eq!(signed.open_frame(max + 1, &bomb), "envelope-too-large");
}
