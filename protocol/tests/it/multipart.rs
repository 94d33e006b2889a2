//! Objects in parts: how they are cut, and how they are hashed.

use proptest::prelude::*;
use tidegate_protocol::Sha256;
use tidegate_protocol::limits::MAX_SINGLE_PUT_CONTENT_BYTES;
use tidegate_protocol::multipart::{
    MAX_PARTS, MAX_UPLOAD_BYTES, MIN_UPLOAD_BYTES, PART_BYTES, PartHasher, composite_sha256, part_count, part_length,
};

#[test]
fn only_what_one_put_does_not_take_is_cut_into_parts() {
    assert_eq!(part_count(0), None);
    assert_eq!(part_count(MAX_SINGLE_PUT_CONTENT_BYTES), None);
    assert_eq!(part_count(MIN_UPLOAD_BYTES), Some(5));
    assert_eq!(part_count(5 * PART_BYTES), Some(5));
    assert_eq!(part_count(5 * PART_BYTES + 1), Some(6));
    assert_eq!(part_count(MAX_UPLOAD_BYTES), Some(MAX_PARTS));
    assert_eq!(part_count(MAX_UPLOAD_BYTES + 1), None);
    assert_eq!(part_count(u64::MAX), None);
}

#[test]
fn every_part_but_the_last_has_16_mib() {
    let length = 5 * PART_BYTES + 7;
    let lengths: Vec<_> = (0..=7).map(|number| part_length(length, number)).collect();
    let whole = Some(PART_BYTES);
    assert_eq!(lengths, [None, whole, whole, whole, whole, whole, Some(7), None]);
    assert_eq!(part_length(5 * PART_BYTES, 5), whole);
    assert_eq!(part_length(MAX_UPLOAD_BYTES, MAX_PARTS), whole);
    assert_eq!(part_length(MAX_UPLOAD_BYTES, u32::MAX), None);
}

/// Computed with `sha256sum` over the binary hashes of "abc" and "def".
#[test]
fn the_hash_of_an_object_is_over_the_hashes_of_its_parts() {
    let parts = [Sha256::of(b"abc"), Sha256::of(b"def")];
    let concatenated = [parts[0].as_bytes().as_slice(), parts[1].as_bytes()].concat();
    assert_eq!(composite_sha256(&parts), Sha256::of(&concatenated));
    assert_eq!(composite_sha256(&parts).to_string(), KNOWN);
    assert_ne!(composite_sha256(&[parts[1], parts[0]]), composite_sha256(&parts));
    assert_ne!(composite_sha256(&parts[..1]), parts[0]);
}

const KNOWN: &str = "9c04d30057b754af1b2d2d4f5675782dd61a5a659c34ee6c2af47526b66cafa6";

#[test]
fn no_bytes_make_no_parts() {
    let hashes = PartHasher::new().finish();
    assert_eq!((hashes.length, hashes.parts.len()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_any_size_make_the_same_parts(sizes in prop::collection::vec(1_usize..9_000_000, 1..6), extra in 0_usize..3) {
        let part = usize::try_from(PART_BYTES).unwrap();
        // Reaches the edge of a part exactly in one case of three.
        let mut sizes = sizes;
        let sum: usize = sizes.iter().sum();
        sizes.push(part - sum % part + extra);
        let bytes: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
        let mut hasher = PartHasher::new();
        let mut rest = bytes.as_slice();
        for size in sizes {
            let (piece, later) = rest.split_at(size);
            hasher.update(piece);
            rest = later;
        }
        let hashes = hasher.finish();
        let expected: Vec<Sha256> = bytes.chunks(part).map(Sha256::of).collect();
        prop_assert_eq!(hashes.length, bytes.len() as u64);
        prop_assert_eq!(hashes.sha256(), composite_sha256(&expected));
        prop_assert_eq!(hashes.parts, expected);
    }
}
