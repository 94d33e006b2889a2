//! Checksums beside MD5 and SHA-256: of a body, of a part, and of what parts make.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1};
use serde::{Deserialize, Serialize};

use crate::body::{BodyDigests, WantedDigests};

/// Checksums of a part or an object beside MD5 and SHA-256, in base64: those that came with it. Of an object in parts the one that its
/// upload asked for, with `-` and their number where it is made of the parts' checksums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc32: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha1: Option<String>,
}

impl Checksums {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is one made of the parts' checksums.
    pub(crate) fn is_composite(&self) -> bool {
        // Base64 has no `-`.
        self.each().into_iter().flatten().any(|checksum| checksum.contains('-'))
    }

    /// Whether all that `self` says is what `stored` has; a composite may be said without the number of parts.
    pub(super) fn is_within(&self, stored: &Self) -> bool {
        let fits = |(said, stored): (&Option<String>, &Option<String>)| match (said, stored) {
            (None, _) => true,
            (Some(said), Some(stored)) => said == stored || stored.split_once('-').is_some_and(|(hash, _)| hash == said),
            (Some(_), None) => false,
        };
        self.each().into_iter().zip(stored.each()).all(fits)
    }

    /// Whether it says nothing but, perhaps, the checksum of this algorithm.
    pub(super) fn is_only_of(&self, algorithm: Option<Algorithm>) -> bool {
        let mut others = self.clone();
        if let Some(own) = algorithm.and_then(|algorithm| others.place(algorithm)) {
            *own = None;
        }
        others.is_empty()
    }

    const fn each(&self) -> [&Option<String>; 4] {
        [&self.crc32, &self.crc32c, &self.crc64nvme, &self.sha1]
    }

    /// Where the checksum of this algorithm stands; SHA-256 stands elsewhere.
    const fn place(&mut self, algorithm: Algorithm) -> Option<&mut Option<String>> {
        match algorithm {
            Algorithm::Crc32 => Some(&mut self.crc32),
            Algorithm::Crc32c => Some(&mut self.crc32c),
            Algorithm::Crc64Nvme => Some(&mut self.crc64nvme),
            Algorithm::Sha1 => Some(&mut self.sha1),
            Algorithm::Sha256 => None,
        }
    }

    /// The bytes of this algorithm's checksum of a part.
    fn bytes(&self, algorithm: Algorithm) -> Option<Vec<u8>> {
        let text = match algorithm {
            Algorithm::Crc32 => &self.crc32,
            Algorithm::Crc32c => &self.crc32c,
            Algorithm::Crc64Nvme => &self.crc64nvme,
            Algorithm::Sha1 => &self.sha1,
            Algorithm::Sha256 => return None,
        };
        STANDARD.decode(text.as_ref()?).ok()
    }
}

impl From<&BodyDigests> for Checksums {
    fn from(digests: &BodyDigests) -> Self {
        Self {
            crc32: digests.crc32.clone(),
            crc32c: digests.crc32c.clone(),
            crc64nvme: digests.crc64nvme.clone(),
            sha1: digests.sha1.clone(),
        }
    }
}

/// What an upload in parts can be summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What the checksum of a whole object in parts is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The checksums of its parts.
    Composite,
    /// All its bytes: those of its parts are combined, nothing is read again.
    FullObject,
}

/// How an upload is summed up, as was asked for when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summing {
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// By its name in S3.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Adds it to what has to be computed of a body.
    pub(crate) const fn add_to(self, wanted: &mut WantedDigests) {
        match self {
            Self::Crc32 => wanted.crc32 = true,
            Self::Crc32c => wanted.crc32c = true,
            Self::Crc64Nvme => wanted.crc64nvme = true,
            Self::Sha1 => wanted.sha1 = true,
            Self::Sha256 => {}
        }
    }

    /// As which CRC checksums of stretches can be made one of all their bytes; hashes cannot.
    const fn as_crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// What is meant where an upload names an algorithm alone.
    const fn usual_kind(self) -> Kind {
        match self {
            Self::Crc64Nvme => Kind::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => Kind::Composite,
        }
    }
}

impl Kind {
    /// By its name in S3.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Composite, Self::FullObject].into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }
}

impl Summing {
    /// `None` where S3 does not have the two together: hashes are composites, CRC-64/NVME is of the full object.
    pub(crate) fn new(algorithm: Algorithm, kind: Option<Kind>) -> Option<Self> {
        let kind = kind.unwrap_or(algorithm.usual_kind());
        let is_had = match kind {
            Kind::Composite => algorithm != Algorithm::Crc64Nvme,
            Kind::FullObject => algorithm.as_crc().is_some(),
        };
        is_had.then_some(Self { algorithm, kind })
    }

    /// As the row of an upload has it. Rows of older formats name an algorithm alone, and meant composites.
    pub(super) fn of_row(algorithm: Option<&str>, kind: Option<&str>) -> Option<Self> {
        let algorithm = Algorithm::named(algorithm?)?;
        Self::new(algorithm, Some(kind.map_or(Some(Kind::Composite), Kind::named)?))
    }

    /// The checksum of the whole, of parts with these sizes in bytes and checksums. Empty for SHA-256, which is kept of every object, and
    /// where a part lacks its own: it was received before its upload said what it wanted.
    pub(super) fn whole<'a>(self, parts: impl Iterator<Item = (u64, &'a Checksums)>) -> Checksums {
        let mut whole = Checksums::default();
        let Some(place) = whole.place(self.algorithm) else { return whole };
        let parts: Option<Vec<(u64, Vec<u8>)>> =
            parts.map(|(size, checksums)| Some((size, checksums.bytes(self.algorithm)?))).collect();
        *place = parts.and_then(|parts| match self.kind {
            Kind::Composite => Some(self.composite(&parts)),
            Kind::FullObject => self.combined(&parts),
        });
        whole
    }

    fn composite(self, parts: &[(u64, Vec<u8>)]) -> String {
        let all: Vec<u8> = parts.iter().flat_map(|(_, checksum)| checksum.iter().copied()).collect();
        let checksum = match self.algorithm {
            Algorithm::Crc32 => STANDARD.encode(Crc32::checksum(&all)),
            Algorithm::Crc32c => STANDARD.encode(Crc32c::checksum(&all)),
            Algorithm::Crc64Nvme => STANDARD.encode(Crc64Nvme::checksum(&all)),
            Algorithm::Sha1 => STANDARD.encode(Sha1::checksum(&all)),
            // Kept apart: see `place`.
            Algorithm::Sha256 => String::new(),
        };
        format!("{checksum}-{}", parts.len())
    }

    fn combined(self, parts: &[(u64, Vec<u8>)]) -> Option<String> {
        let crc = self.algorithm.as_crc()?;
        let width = parts.first()?.1.len();
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let whole = parts
            .iter()
            .map(|(size, checksum)| (number(checksum), *size))
            .reduce(|(before, length), (next, size)| (checksum_combine(crc, before, next, size), length + size));
        whole.map(|(checksum, _)| STANDARD.encode(&checksum.to_be_bytes()[8 - width..]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CRCS: [Algorithm; 3] = [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme];

    fn of(bytes: &[u8]) -> Checksums {
        Checksums {
            crc32: Some(STANDARD.encode(Crc32::checksum(bytes))),
            crc32c: Some(STANDARD.encode(Crc32c::checksum(bytes))),
            crc64nvme: Some(STANDARD.encode(Crc64Nvme::checksum(bytes))),
            sha1: Some(STANDARD.encode(Sha1::checksum(bytes))),
        }
    }

    fn whole(algorithm: Algorithm, kind: Kind, parts: &[&[u8]]) -> Option<String> {
        let checksums: Vec<(u64, Checksums)> = parts.iter().map(|part| (part.len() as u64, of(part))).collect();
        let summing = Summing::new(algorithm, Some(kind)).unwrap();
        let mut whole = summing.whole(checksums.iter().map(|(size, checksums)| (*size, checksums)));
        whole.place(algorithm).and_then(Option::take)
    }

    #[test]
    fn the_published_check_values_come_of_their_digits_in_two_parts() {
        // "123456789": <https://reveng.sourceforge.io/crc-catalogue/all.htm>.
        let of_digits = |algorithm| whole(algorithm, Kind::FullObject, &[b"1234", b"56789"]).unwrap();
        assert_eq!(of_digits(Algorithm::Crc32), STANDARD.encode(0xcbf4_3926_u32.to_be_bytes()));
        assert_eq!(of_digits(Algorithm::Crc32c), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(of_digits(Algorithm::Crc64Nvme), STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes()));
    }

    #[test]
    fn a_composite_is_the_checksum_of_the_checksums_and_their_number() {
        let both = [Sha1::checksum(b"a"), Sha1::checksum(b"b")].concat();
        let expected = format!("{}-2", STANDARD.encode(Sha1::checksum(&both)));
        assert_eq!(whole(Algorithm::Sha1, Kind::Composite, &[b"a", b"b"]), Some(expected.clone()));
        let stored = Checksums { sha1: Some(expected.clone()), ..Checksums::default() };
        assert!(stored.is_composite() && !of(b"a").is_composite());
        let said = |sha1: &str| Checksums { sha1: Some(sha1.to_owned()), ..Checksums::default() };
        assert!(said(&expected).is_within(&stored));
        assert!(said(expected.trim_end_matches("-2")).is_within(&stored));
        assert!(!said(&expected.replace("-2", "-3")).is_within(&stored));
        assert!(!said("").is_within(&stored) && !said(&expected).is_within(&Checksums::default()));
    }

    #[test]
    fn hashes_are_composites_and_crc64_is_of_all_bytes() {
        for algorithm in Algorithm::ALL {
            let has = |kind| Summing::new(algorithm, Some(kind)).is_some();
            assert_eq!(has(Kind::FullObject), CRCS.contains(&algorithm), "{algorithm:?}");
            assert_eq!(has(Kind::Composite), algorithm != Algorithm::Crc64Nvme, "{algorithm:?}");
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Summing::of_row(Some("CRC64NVME"), None), None, "older formats refused it");
    }

    #[test]
    fn where_a_part_lacks_its_checksum_the_whole_has_none() {
        let (with, without) = (of(b"a"), Checksums::default());
        let summing = Summing::new(Algorithm::Crc32, None).unwrap();
        assert!(summing.whole([(1, &with), (1, &without)].into_iter()).is_empty());
    }

    proptest! {
        #[test]
        fn the_checksum_of_the_full_object_is_that_of_its_bytes_in_one(bytes in prop::collection::vec(any::<u8>(), 1..300), cuts in prop::collection::vec(0_usize..300, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % bytes.len()).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            for algorithm in CRCS {
                prop_assert_eq!(whole(algorithm, Kind::FullObject, &parts), whole(algorithm, Kind::FullObject, &[&bytes]));
            }
            prop_assert_eq!(whole(Algorithm::Crc32, Kind::FullObject, &parts), of(&bytes).crc32);
        }
    }
}
