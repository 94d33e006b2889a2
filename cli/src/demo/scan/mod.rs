//! Proof that a store can read nothing: every stored object is searched for everything that was put in.
//!
//! Each object is looked at as it is stored, its key included, and in every form that undoes a common encoding: zstd and gzip wherever
//! one begins, hex and base64 wherever one stands, each again inside the other. Looked for are the contents, in windows of 16 bytes
//! so that a piece is found as well as the whole, and titles, names and short contents as they are and as JSON writes them.

mod decode;
mod needle;
mod window;

use needle::Needles;
use window::Windows;

/// How often an encoding may stand inside another.
const MAX_DEPTH: usize = 3;

/// What the store must not be able to read.
pub(crate) struct Plaintexts {
    windows: Windows,
    needles: Needles,
}

/// What a search of the store came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Objects searched.
    pub(crate) objects: u64,
    /// Their stored size in bytes.
    pub(crate) stored_bytes: u64,
    /// Bytes of plaintext found in them.
    pub(crate) plaintext_bytes: u64,
    /// Keys of the objects in which some was found.
    pub(crate) keys: Vec<String>,
}

impl Plaintexts {
    /// `contents` are files as stored; `names` are titles, file names, names of people and devices.
    pub(crate) fn new<'a>(contents: impl IntoIterator<Item = &'a [u8]>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let contents: Vec<&[u8]> = contents.into_iter().collect();
        let short = contents.iter().copied().filter(|content| content.len() < window::LENGTH);
        Self { needles: Needles::new(short, names), windows: Windows::new(&contents) }
    }

    /// Searches one object and adds what is found.
    pub(crate) fn search(&self, key: &str, object: &[u8], findings: &mut Findings) {
        let found = self.readable(key.as_bytes(), 0) + self.readable(object, 0);
        findings.objects += 1;
        findings.stored_bytes += object.len() as u64;
        findings.plaintext_bytes += found;
        if found > 0 {
            findings.keys.push(key.to_owned());
        }
    }

    /// Bytes of plaintext in `bytes` and in all that it decodes to.
    fn readable(&self, bytes: &[u8], depth: usize) -> u64 {
        let mut covered = self.windows.find(bytes);
        covered.extend(self.needles.find(bytes));
        let here = union_length(covered);
        if depth == MAX_DEPTH {
            return here;
        }
        here + decode::views(bytes).iter().map(|view| self.readable(view, depth + 1)).sum::<u64>()
    }
}

/// A half-open range of bytes.
type Span = (usize, usize);

fn union_length(mut spans: Vec<Span>) -> u64 {
    spans.sort_unstable();
    let mut end_so_far = 0;
    let mut length = 0;
    for (start, end) in spans {
        let start = start.max(end_so_far);
        if end > start {
            length += (end - start) as u64;
            end_so_far = end;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use sha2::{Digest as _, Sha256};

    use super::*;

    const NOTE: &[u8] =
        b"# Hazelnut allergy\n\nFound on 22 August 2026 after two biscuits at the playground: hives around the mouth.";

    fn plaintexts() -> Plaintexts {
        Plaintexts::new([NOTE, b"short", &noise(7, 400)], ["hazelnut-allergy.md", "Ben", "Küche \"am Meer\""])
    }

    /// Bytes that no one would call text, always the same.
    fn noise(seed: u8, length: usize) -> Vec<u8> {
        let block = |counter: u32| Sha256::digest([&[seed][..], &counter.to_be_bytes()].concat());
        (0u32..).flat_map(block).take(length).collect()
    }

    fn inside(middle: &[u8]) -> Vec<u8> {
        [&noise(1, 3_001), middle, &noise(2, 2_000)].concat()
    }

    fn found(object: &[u8]) -> u64 {
        let mut findings = Findings::default();
        plaintexts().search("users/1/genesis.json", object, &mut findings);
        findings.plaintext_bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = bytes.chunks(3).flat_map(|chunk| {
            let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |index| ALPHABET[(bits >> (18 - 6 * index)) as usize & 63] as char)
        });
        digits.collect()
    }

    #[test]
    fn a_plaintext_in_the_clear_is_found_whole() {
        assert_eq!(found(NOTE), NOTE.len() as u64);
    }

    #[test]
    fn a_plaintext_inside_a_longer_object_is_found() {
        assert_eq!(found(&inside(NOTE)), NOTE.len() as u64);
    }

    #[test]
    fn a_piece_of_a_plaintext_is_found() {
        assert!(found(&inside(&NOTE[21..60])) >= 16);
        assert!(found(&inside(&noise(7, 400)[101..140])) >= 16);
    }

    #[test]
    fn compressed_plaintexts_are_found_alone_and_inside() {
        let zstd = zstd::encode_all(NOTE, 3).unwrap();
        assert!(found(&zstd) >= 16);
        assert!(found(&inside(&zstd)) >= 16);
        assert!(found(&gzip(NOTE)) >= 16);
        assert!(found(&inside(&gzip(NOTE))) >= 16);
    }

    #[test]
    fn encoded_plaintexts_are_found_at_any_alignment() {
        assert!(found(&inside(hex::encode(NOTE).as_bytes())) >= 16);
        for shift in 0..3 {
            assert!(found(base64(&[&b"xyz"[..shift], NOTE].concat()).as_bytes()) >= 16, "shifted by {shift}");
        }
        let nested = base64(&zstd::encode_all(NOTE, 3).unwrap());
        assert!(found(format!("{{\"data\":\"{nested}\"}}").as_bytes()) >= 16);
    }

    #[test]
    fn titles_and_names_are_found() {
        assert!(found(&inside(b"hazelnut-allergy.md")) > 0);
        assert!(found(&inside("Küche \"am Meer\"".as_bytes())) > 0);
        assert!(found(b"{\"name\":\"K\\u00fcche \\\"am Meer\\\"\"}") > 0);
        assert!(found(b"{\"name\":\"Ben\"}") > 0);
        assert!(found(b"{\"name\":\"Benjamin\"}") == 0);
        assert!(found(b"a short word") > 0);
    }

    #[test]
    fn a_title_in_a_key_is_found() {
        let mut findings = Findings::default();
        plaintexts().search("users/hazelnut-allergy.md/x", b"", &mut findings);
        assert_eq!((findings.plaintext_bytes, findings.keys.len()), (19, 1));
    }

    #[test]
    fn noise_and_layout_words_are_not_taken_for_plaintext() {
        assert_eq!(found(&noise(9, 1 << 20)), 0);
        let layout = Plaintexts::new([], ["records", "users", "devices"]);
        let mut findings = Findings::default();
        layout.search("users/x/devices/records/", b"{\"users\":1}", &mut findings);
        assert_eq!(findings.plaintext_bytes, 0);
    }

    #[test]
    fn overlapping_spans_count_once() {
        assert_eq!(union_length(vec![(0, 16), (8, 24), (30, 32), (31, 32)]), 26);
    }
}
