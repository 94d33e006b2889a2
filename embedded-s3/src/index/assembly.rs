//! Whether the parts that a completion names are those that were uploaded, and what they make: a pure decision.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::crypto::{Checksum as _, Md5, Sha256};

use super::change::Refused;
use super::checksum::{Checksums, Kind, Summing};

/// Fewest bytes of a part that is not the last: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const LEAST_PART: u64 = 5 << 20;

/// What a completion says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    pub(crate) parts: Vec<ClaimedPart>,
    /// SHA-256 of the whole: base64, with or without `-` and the number of parts.
    pub(crate) sha256: Option<String>,
    /// Other checksums of the whole.
    pub(crate) checksums: Checksums,
    /// What they are made of.
    pub(crate) kind: Option<Kind>,
    /// Bytes of the whole.
    pub(crate) size: Option<u64>,
}

/// A part as a completion names it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClaimedPart {
    pub(crate) number: u32,
    /// Without quotes.
    pub(crate) etag: String,
    /// Base64.
    pub(crate) sha256: Option<String>,
    pub(crate) checksums: Checksums,
}

/// A part as it was uploaded.
#[derive(Debug, Clone)]
pub(super) struct StoredPart<B> {
    pub(super) number: u32,
    /// Bytes.
    pub(super) size: u64,
    pub(super) etag: String,
    /// Base64.
    pub(super) sha256: String,
    pub(super) checksums: Checksums,
    /// Its file.
    pub(super) body: B,
}

/// An object made of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assembled {
    /// MD5 over the parts' MD5s, in hex, with `-` and their number; without quotes.
    pub(crate) etag: String,
    /// SHA-256 over the parts' SHA-256s, in base64, without their number.
    pub(crate) sha256: String,
    /// The one that the upload asked for, where that is not SHA-256.
    pub(crate) checksums: Checksums,
    pub(crate) part_count: u32,
    /// Bytes.
    pub(crate) size: u64,
}

/// The parts of the object in order, and the rest, which goes.
#[derive(Debug)]
pub(super) struct Selection<B> {
    pub(super) used: Vec<StoredPart<B>>,
    pub(super) unused: Vec<StoredPart<B>>,
}

impl Claim {
    /// Tells one list of parts from another, to recognise a completion that is repeated.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        for part in &self.parts {
            hasher.update(format!("{} {}\n", part.number, part.etag).as_bytes());
        }
        hex::encode(hasher.finalize())
    }

    /// Finds the named parts among the `stored`, which are in ascending order.
    pub(super) fn select<B>(&self, stored: Vec<StoredPart<B>>) -> Result<Selection<B>, Refused> {
        if self.parts.windows(2).any(|pair| pair[0].number >= pair[1].number) {
            return Err(Refused::PartOrder);
        }
        let mut claims = self.parts.iter().peekable();
        let (mut used, mut unused) = (Vec::with_capacity(self.parts.len()), Vec::new());
        for part in stored {
            match claims.next_if(|claim| claim.number == part.number) {
                Some(claim) if claim.names(&part) => used.push(part),
                Some(_) => return Err(Refused::NoSuchPart),
                None => unused.push(part),
            }
        }
        if claims.next().is_some() || used.is_empty() {
            return Err(Refused::NoSuchPart);
        }
        let before_last = &used[..used.len() - 1];
        if before_last.iter().any(|part| part.size < LEAST_PART) {
            return Err(Refused::PartTooSmall);
        }
        Ok(Selection { used, unused })
    }

    /// What these parts make, if it is what was said.
    pub(super) fn assemble<B>(&self, parts: &[StoredPart<B>], summing: Option<Summing>) -> Result<Assembled, Refused> {
        let is_other_kind = match (self.kind, summing) {
            (None, _) => false,
            (Some(said), None) => said != Kind::Composite,
            (Some(said), Some(summing)) => said != summing.kind,
        };
        if is_other_kind || !self.checksums.is_only_of(summing.map(|summing| summing.algorithm)) {
            return Err(Refused::OtherChecksum);
        }
        let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
        for part in parts {
            md5.update(&hex::decode(&part.etag).unwrap_or_default());
            sha256.update(&STANDARD.decode(&part.sha256).unwrap_or_default());
        }
        let part_count = u32::try_from(parts.len()).map_err(|_| Refused::NoSuchPart)?;
        let assembled = Assembled {
            etag: format!("{}-{part_count}", hex::encode(md5.finalize())),
            sha256: STANDARD.encode(sha256.finalize()),
            checksums: summing
                .map(|summing| summing.whole(parts.iter().map(|part| (part.size, &part.checksums))))
                .unwrap_or_default(),
            part_count,
            size: parts.iter().map(|part| part.size).sum(),
        };
        let fits = self.size.is_none_or(|size| size == assembled.size)
            && self.sha256.as_ref().is_none_or(|said| assembled.is(said))
            && self.checksums.is_within(&assembled.checksums);
        if fits { Ok(assembled) } else { Err(Refused::WrongWhole) }
    }
}

impl ClaimedPart {
    fn names<B>(&self, part: &StoredPart<B>) -> bool {
        self.etag == part.etag
            && self.sha256.as_ref().is_none_or(|sha256| *sha256 == part.sha256)
            && self.checksums.is_within(&part.checksums)
    }
}

impl Assembled {
    fn is(&self, said: &str) -> bool {
        match said.split_once('-') {
            Some((hash, count)) => hash == self.sha256 && count == self.part_count.to_string(),
            None => said == self.sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum::Algorithm;
    use super::*;

    fn stored(number: u32, size: u64) -> StoredPart<()> {
        let bytes = number.to_be_bytes();
        StoredPart {
            number,
            size,
            etag: hex::encode(Md5::checksum(&bytes)),
            sha256: STANDARD.encode(Sha256::checksum(&bytes)),
            checksums: Checksums { crc32: Some("AAAAAA==".to_owned()), ..Checksums::default() },
            body: (),
        }
    }

    fn claim(numbers: &[u32]) -> Claim {
        let part = |number: &u32| ClaimedPart { number: *number, etag: stored(*number, 0).etag, ..ClaimedPart::default() };
        Claim { parts: numbers.iter().map(part).collect(), ..Claim::default() }
    }

    fn decide(claim: &Claim, parts: &[(u32, u64)]) -> Result<Assembled, Refused> {
        let parts = parts.iter().map(|(number, size)| stored(*number, *size)).collect();
        claim.assemble(&claim.select(parts)?.used, Summing::new(Algorithm::Crc32, Some(Kind::FullObject)))
    }

    #[test]
    fn the_named_parts_are_taken_in_order_and_the_rest_goes() {
        let selection = claim(&[2, 5]).select(vec![stored(1, 1), stored(2, LEAST_PART), stored(5, 1), stored(9, 1)]).unwrap();
        let numbers = |parts: &[StoredPart<()>]| parts.iter().map(|part| part.number).collect::<Vec<_>>();
        assert_eq!((numbers(&selection.used), numbers(&selection.unused)), (vec![2, 5], vec![1, 9]));
    }

    #[test]
    fn every_flaw_has_its_name() {
        let parts = [(1, LEAST_PART), (2, LEAST_PART - 1), (3, 1)];
        assert_eq!(decide(&claim(&[1, 2]), &parts).unwrap().size, 2 * LEAST_PART - 1);
        assert_eq!(decide(&claim(&[2, 1]), &parts), Err(Refused::PartOrder));
        assert_eq!(decide(&claim(&[1, 1]), &parts), Err(Refused::PartOrder));
        assert_eq!(decide(&claim(&[1, 2, 3]), &parts), Err(Refused::PartTooSmall));
        assert_eq!(decide(&claim(&[1, 4]), &parts), Err(Refused::NoSuchPart));
        assert_eq!(decide(&claim(&[0, 1]), &parts), Err(Refused::NoSuchPart));
        assert_eq!(decide(&claim(&[]), &parts), Err(Refused::NoSuchPart));
        let change_first = |change: fn(&mut ClaimedPart)| {
            let mut claim = claim(&[1, 2]);
            change(&mut claim.parts[0]);
            decide(&claim, &parts).err()
        };
        assert_eq!(change_first(|part| part.etag = "0".repeat(32)), Some(Refused::NoSuchPart));
        assert_eq!(change_first(|part| part.sha256 = Some(stored(2, 0).sha256)), Some(Refused::NoSuchPart));
        assert_eq!(change_first(|part| part.checksums.sha1 = Some("AA==".to_owned())), Some(Refused::NoSuchPart));
        assert_eq!(change_first(|part| part.checksums.crc32 = Some("AAAAAA==".to_owned())), None);
        let of_whole = |sha256: Option<String>, size| decide(&Claim { sha256, size, ..claim(&[1, 2]) }, &parts).err();
        let whole = decide(&claim(&[1, 2]), &parts).unwrap();
        assert_eq!(of_whole(Some(whole.sha256.clone()), Some(whole.size)), None);
        assert_eq!(of_whole(Some(format!("{}-2", whole.sha256)), None), None);
        assert_eq!(of_whole(Some(format!("{}-3", whole.sha256)), None), Some(Refused::WrongWhole));
        assert_eq!(of_whole(Some(stored(1, 0).sha256), None), Some(Refused::WrongWhole));
        assert_eq!(of_whole(None, Some(whole.size + 1)), Some(Refused::WrongWhole));
        let summed = |checksums: Checksums, kind| decide(&Claim { checksums, kind, ..claim(&[1, 2]) }, &parts).err();
        let crc32 = |crc32: Option<&str>| Checksums { crc32: crc32.map(str::to_owned), ..Checksums::default() };
        assert_eq!(summed(whole.checksums.clone(), Some(Kind::FullObject)), None);
        assert_eq!(summed(crc32(None), Some(Kind::Composite)), Some(Refused::OtherChecksum));
        assert_eq!(
            summed(Checksums { crc32c: whole.checksums.crc32.clone(), ..crc32(None) }, None),
            Some(Refused::OtherChecksum)
        );
        assert_eq!(summed(crc32(Some("AAAAAQ==")), None), Some(Refused::WrongWhole));
    }

    #[test]
    fn another_list_has_another_fingerprint() {
        assert_eq!(claim(&[1, 2]).fingerprint(), claim(&[1, 2]).fingerprint());
        assert_ne!(claim(&[1, 2]).fingerprint(), claim(&[1]).fingerprint());
        assert_ne!(claim(&[1, 2]).fingerprint(), claim(&[1, 3]).fingerprint());
    }
}
