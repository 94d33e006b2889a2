//! Whether what the store has is what it should have: pure decisions.

use std::iter;

use tidegate_protocol::multipart::part_length;
use tidegate_protocol::{Digest, Sha256};

use crate::store::{CompletedPart, StoredPart, Whole, tells_composite};

/// The parts of a completion, taken from those that the store has; else the number of the first that is missing or another.
///
/// The store is asked, not the client: what a part's ETag is, and whether it has the length that its URL pinned, is the store's to say.
/// A store may list every part that was ever sent under a number (SeaweedFS does), in any order: one that fits is enough, for the
/// completion names it by its ETag.
pub(super) fn match_parts(length: u64, wanted: &[Sha256], stored: Vec<StoredPart>) -> Result<Vec<CompletedPart>, u32> {
    let mut stored = stored.into_iter().peekable();
    let mut matched = Vec::with_capacity(wanted.len());
    for (number, sha256) in (1_u32..).zip(wanted) {
        while stored.next_if(|part| part.number < number).is_some() {}
        let fits = |part: &StoredPart| {
            part_length(length, number) == Some(part.length) && part.sha256.is_none_or(|told| told == *sha256)
        };
        let part = iter::from_fn(|| stored.next_if(|part| part.number == number)).find(fits).ok_or(number)?;
        matched.push(CompletedPart { number, etag: part.etag, sha256: *sha256 });
    }
    Ok(matched)
}

/// Whether an object is the one of this length and hash; a store that tells no hash is believed on the length.
pub(super) fn is_whole(whole: &Whole, length: u64, sha256: &Sha256, parts: usize) -> bool {
    whole.length == length && whole.checksum.as_ref().is_none_or(|told| tells_composite(told, sha256, parts))
}

/// The same where only the key is known, which carries half of the hash.
pub(super) fn may_be_whole(whole: &Whole, length: u64, digest: Option<Digest>, parts: u32) -> bool {
    whole.length == length && whole.checksum.as_ref().is_none_or(|told| begins_with(told, digest, parts))
}

fn begins_with(told: &str, digest: Option<Digest>, parts: u32) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let (hash, count) = told.split_once('-').map_or((told, None), |(hash, count)| (hash, Some(count)));
    let hash: Option<[u8; 32]> = STANDARD.decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
    count.is_none_or(|count| count == parts.to_string())
        && hash.map(|bytes| Sha256::from_bytes(bytes).digest()) == digest
        && digest.is_some()
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::multipart::{PART_BYTES, composite_sha256};

    use super::*;
    use crate::store::composite_text;

    const LENGTH: u64 = 4 * PART_BYTES + 5;

    fn hash(number: u8) -> Sha256 {
        Sha256::of(&[number])
    }

    fn wanted() -> Vec<Sha256> {
        (1..=5).map(hash).collect()
    }

    fn part(number: u32, length: u64, sha256: Option<Sha256>) -> StoredPart {
        StoredPart { number, length, etag: format!("\"{number}\""), sha256 }
    }

    fn stored() -> Vec<StoredPart> {
        (1_u32..).zip(wanted()).map(|(number, sha256)| part(number, part_length(LENGTH, number).unwrap(), Some(sha256))).collect()
    }

    #[test]
    fn parts_that_are_there_and_right_are_taken_with_their_etags() {
        let etags = |parts: Vec<CompletedPart>| parts.into_iter().map(|part| part.etag).collect::<Vec<_>>();
        let expected = ["\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\""];
        assert_eq!(etags(match_parts(LENGTH, &wanted(), stored()).unwrap()), expected);
        let mut silent = stored();
        silent.iter_mut().for_each(|part| part.sha256 = None);
        assert_eq!(etags(match_parts(LENGTH, &wanted(), silent).unwrap()), expected);
        let mut more = stored();
        more.push(part(6, 1, None));
        more.insert(0, part(0, 1, None));
        assert_eq!(etags(match_parts(LENGTH, &wanted(), more).unwrap()), expected);
    }

    #[test]
    fn of_several_parts_of_one_number_the_one_that_fits_is_taken() {
        for at in 0..=1 {
            let mut twice = stored();
            let other = StoredPart { etag: "\"other\"".to_owned(), ..part(1, part_length(LENGTH, 1).unwrap(), Some(hash(9))) };
            twice.insert(at, other);
            let matched = match_parts(LENGTH, &wanted(), twice).unwrap();
            assert_eq!(
                matched.iter().map(|part| part.etag.as_str()).collect::<Vec<_>>(),
                ["\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\""]
            );
        }
    }

    #[test]
    fn the_first_part_that_is_missing_or_another_is_named() {
        let changed = |change: fn(&mut Vec<StoredPart>)| {
            let mut parts = stored();
            change(&mut parts);
            match_parts(LENGTH, &wanted(), parts).err()
        };
        assert_eq!(changed(|parts| drop(parts.remove(2))), Some(3));
        assert_eq!(changed(|parts| parts.truncate(4)), Some(5));
        assert_eq!(changed(Vec::clear), Some(1));
        assert_eq!(changed(|parts| parts[1].sha256 = Some(hash(9))), Some(2));
        assert_eq!(changed(|parts| parts[0].length -= 1), Some(1));
        assert_eq!(changed(|parts| parts[4].length += 1), Some(5));
        assert_eq!(changed(|parts| parts.swap(0, 1)), Some(1));
    }

    #[test]
    fn an_object_of_another_length_or_hash_is_not_the_one() {
        let sha256 = composite_sha256(&wanted());
        let told = |text: &str| Whole { length: LENGTH, checksum: Some(text.to_owned()) };
        let right = composite_text(&sha256, 5);
        for (whole, fits) in [
            (told(&right), true),
            (Whole { length: LENGTH, checksum: None }, true),
            (Whole { length: LENGTH - 1, checksum: None }, false),
            (Whole { length: LENGTH - 1, checksum: Some(right.clone()) }, false),
            (told(&composite_text(&sha256, 4)), false),
            (told(&composite_text(&hash(1), 5)), false),
            (told(right.trim_end_matches("-5")), true),
            (told(composite_text(&hash(1), 5).trim_end_matches("-5")), false),
            (told(""), false),
        ] {
            assert_eq!(is_whole(&whole, LENGTH, &sha256, 5), fits, "{whole:?}");
            assert_eq!(may_be_whole(&whole, LENGTH, Some(sha256.digest()), 5), fits, "{whole:?}");
        }
        assert!(!may_be_whole(&told(&right), LENGTH, None, 5));
    }
}
