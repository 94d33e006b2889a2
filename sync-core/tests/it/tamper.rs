//! Whatever the store does to an envelope, it is refused, and by its name.

use tidegate_protocol::{ChainId, MemberId, RecordId, Space, UserId};
use tidegate_sync_core::envelope::{CHUNK_BYTES, HEADER_BYTES, ObjectContext, ObjectName, OpenError, open, seal};
use tidegate_sync_core::keys::{Keyring, SpaceKeys};

use crate::setup::{account, bytes, member_space, record, record_context, rng, space_keys};

const SEALED_CHUNK: usize = CHUNK_BYTES + 16;

struct Sealed {
    space: Space,
    keys: SpaceKeys,
    keyring: Keyring,
    context: ObjectContext,
    bytes: Vec<u8>,
}

fn sealed(content: &[u8]) -> Sealed {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let context = record_context(space, 6);
    let bytes = seal(keys.key(), &context, content, &mut rng(4)).unwrap();
    Sealed { space, keys, keyring, context, bytes }
}

impl Sealed {
    fn code(&self, bytes: &[u8]) -> &'static str {
        open(&self.keyring, &self.context, bytes).unwrap_err().code()
    }
}

#[test]
fn every_flipped_bit_is_refused_by_the_name_of_its_field() {
    let sealed = sealed(b"a short note");
    for index in 0..sealed.bytes.len() {
        for bit in 0..8 {
            let mut flipped = sealed.bytes.clone();
            flipped[index] ^= 1 << bit;
            let code = sealed.code(&flipped);
            let expected: &[&str] = match index {
                0..3 => &["not-an-envelope"],
                3 => &["envelope-unknown-version"],
                4 => &["envelope-unknown-kind", "envelope-wrong-kind"],
                // The known flag says raw: without it the content would be read as zstd.
                5 if bit == 0 => &["envelope-commitment-mismatch"],
                5 => &["envelope-unknown-flags"],
                6 => &["envelope-unknown-suite"],
                7..23 => &["envelope-wrong-space"],
                23..35 => &["envelope-unknown-key"],
                35..HEADER_BYTES => &["envelope-commitment-mismatch"],
                _ => &["envelope-tampered"],
            };
            assert!(expected.contains(&code), "byte {index}, bit {bit}: {code}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let sealed = sealed(b"a short note");
    for len in 0..sealed.bytes.len() {
        let code = sealed.code(&sealed.bytes[..len]);
        let expected: &[&str] = match len {
            0..4 => &["not-an-envelope"],
            4..HEADER_BYTES => &["envelope-truncated"],
            // Some lengths are those of shorter contents; then the tag tells.
            _ => &["envelope-wrong-length", "envelope-tampered"],
        };
        assert!(expected.contains(&code), "{len} bytes: {code}");
    }
}

#[test]
fn every_extension_is_refused() {
    let sealed = sealed(b"a short note");
    for more in 1..300 {
        let code = sealed.code(&[sealed.bytes.as_slice(), &vec![0; more]].concat());
        assert!(["envelope-wrong-length", "envelope-tampered"].contains(&code), "{more} more: {code}");
    }
}

/// A content whose payload fills exactly three chunks without padding.
fn three_chunks() -> Sealed {
    let sealed = sealed(&bytes(9, 3 * CHUNK_BYTES - 8));
    assert_eq!(sealed.bytes.len(), HEADER_BYTES + 3 * SEALED_CHUNK);
    sealed
}

#[test]
fn swapped_chunks_are_refused_by_name() {
    let sealed = three_chunks();
    let (head, body) = sealed.bytes.split_at(HEADER_BYTES);
    let chunks: Vec<&[u8]> = body.chunks(SEALED_CHUNK).collect();
    for order in [[1, 0, 2], [0, 2, 1], [2, 1, 0], [0, 0, 2], [0, 1, 1]] {
        let swapped: Vec<u8> = order.iter().flat_map(|index| chunks[*index].iter().copied()).collect();
        let code = sealed.code(&[head, &swapped].concat());
        // A last chunk that comes early, or an early one that comes last, says so by its flag.
        assert!(["envelope-chunk-moved", "envelope-truncated", "envelope-trailing-data"].contains(&code), "{order:?}: {code}");
    }
    let swapped = [head, chunks[1], chunks[0], chunks[2]].concat();
    assert_eq!(open(&sealed.keyring, &sealed.context, &swapped), Err(OpenError::ChunkMoved { chunk: 0 }));
}

#[test]
fn dropped_last_chunks_are_a_truncation() {
    let sealed = three_chunks();
    assert_eq!(sealed.code(&sealed.bytes[..HEADER_BYTES + 2 * SEALED_CHUNK]), "envelope-truncated");
    assert_eq!(sealed.code(&sealed.bytes[..HEADER_BYTES + SEALED_CHUNK]), "envelope-truncated");
    assert_eq!(sealed.code(&sealed.bytes[..HEADER_BYTES]), "envelope-wrong-length");
}

#[test]
fn a_chunk_after_the_last_is_trailing_data() {
    let sealed = three_chunks();
    let last = &sealed.bytes[HEADER_BYTES + 2 * SEALED_CHUNK..];
    assert_eq!(sealed.code(&[sealed.bytes.as_slice(), last].concat()), "envelope-trailing-data");
}

#[test]
fn a_chunk_of_another_envelope_is_refused() {
    let ours = three_chunks();
    let theirs = seal(ours.keys.key(), &ours.context, &bytes(10, 3 * CHUNK_BYTES - 8), &mut rng(5)).unwrap();
    let mixed = [&ours.bytes[..HEADER_BYTES + SEALED_CHUNK], &theirs[HEADER_BYTES + SEALED_CHUNK..]].concat();
    assert_eq!(open(&ours.keyring, &ours.context, &mixed), Err(OpenError::Tampered { chunk: 1 }));
}

#[test]
fn an_envelope_found_in_the_place_of_another_is_refused() {
    let sealed = sealed(b"a short note");
    let another_user = member_space(UserId::from_bytes([2; 16]));
    let mut keyring = sealed.keyring.clone();
    // The same seed gives the other account's space the same key: even then it does not open there.
    keyring.insert(SpaceKeys::generate(another_user, &mut rng(3)));
    assert_eq!(keyring.current(another_user).unwrap().key().name(), sealed.keys.key().name());
    let places = [
        ("another record", ObjectName::Record { id: RecordId::from_bytes([7; 16]), version: 6 }, sealed.space),
        ("another version", ObjectName::Record { id: record(), version: 7 }, sealed.space),
        ("another account", ObjectName::Record { id: record(), version: 6 }, another_user),
    ];
    for (place, name, space) in places {
        let context = ObjectContext { space, name };
        assert_eq!(open(&keyring, &context, &sealed.bytes), Err(OpenError::CommitmentMismatch), "{place}");
    }
}

#[test]
fn an_envelope_of_another_kind_is_refused_by_name() {
    let sealed = sealed(b"a short note");
    for name in [ObjectName::Pack, ObjectName::Checkpoint, ObjectName::Doorbell] {
        let context = ObjectContext { space: sealed.space, name };
        assert_eq!(open(&sealed.keyring, &context, &sealed.bytes).unwrap_err().code(), "envelope-wrong-kind");
    }
}

#[test]
fn an_envelope_of_another_space_is_refused_by_name() {
    let sealed = sealed(b"a short note");
    let user = sealed.space.owner();
    let other = Space::Member(user, MemberId::from_bytes([9; 16]));
    let mut keyring = sealed.keyring.clone();
    keyring.insert(SpaceKeys::generate(other, &mut rng(3)));
    let context = record_context(other, 6);
    assert_eq!(open(&keyring, &context, &sealed.bytes).unwrap_err().code(), "envelope-wrong-space");
    let in_account = record_context(Space::Account(user), 6);
    assert_eq!(open(&keyring, &in_account, &sealed.bytes).unwrap_err().code(), "envelope-wrong-space");
}

#[test]
fn an_epoch_that_is_not_on_the_device_is_named() {
    let sealed = sealed(b"a short note");
    let next = sealed.keys.next_epoch(&mut rng(8)).unwrap();
    let later = seal(next.key(), &sealed.context, b"a short note", &mut rng(4)).unwrap();
    let error = open(&sealed.keyring, &sealed.context, &later).unwrap_err();
    assert_eq!(error, OpenError::UnknownKey { key: next.key().name() });
    let mut both = sealed.keyring.clone();
    both.insert(next);
    assert_eq!(open(&both, &sealed.context, &later).unwrap(), b"a short note");
    assert_eq!(open(&both, &sealed.context, &sealed.bytes).unwrap(), b"a short note");
}

#[test]
fn a_segments_place_in_its_chain_is_bound() {
    let device = account(1).certificate.device();
    let other_device = account(2).certificate.device();
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let segment =
        |device, chain, seq| ObjectContext { space, name: ObjectName::Segment { device, chain: ChainId::new(chain), seq } };
    let sealed = seal(keys.key(), &segment(device, 5, 1), b"changes", &mut rng(1)).unwrap();
    assert_eq!(open(&keyring, &segment(device, 5, 1), &sealed).unwrap(), b"changes");
    for wrong in [segment(other_device, 5, 1), segment(device, 6, 1), segment(device, 5, 2), segment(device, 1, 5)] {
        assert_eq!(open(&keyring, &wrong, &sealed).unwrap_err().code(), "envelope-commitment-mismatch");
    }
}

#[test]
fn an_error_names_what_happened_in_a_sentence() {
    let sealed = sealed(b"a short note");
    let mut flipped = sealed.bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let error = open(&sealed.keyring, &sealed.context, &flipped).unwrap_err();
    assert_eq!(error.to_string(), "chunk 0 of the envelope was altered");
}
