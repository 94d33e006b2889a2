//! What an object holds once a common encoding is undone.

use std::io::Read;

/// Most that one compressed piece may grow to, in bytes.
const MAX_DECOMPRESSED: u64 = 128 << 20;

/// Shortest run of hex or base64 digits that is decoded.
const MIN_DIGITS: usize = 20;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Every piece of `bytes` that decodes to something, decoded.
pub(super) fn views(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut views = Vec::new();
    for start in 0..bytes.len() {
        let rest = &bytes[start..];
        if rest.starts_with(&ZSTD_MAGIC) {
            views.extend(zstd::stream::read::Decoder::new(rest).ok().and_then(decompress));
        } else if rest.starts_with(&GZIP_MAGIC) {
            views.extend(decompress(flate2::read::MultiGzDecoder::new(rest)));
        }
    }
    for run in runs(bytes, |byte| hex_digit(byte).is_some()) {
        views.extend((0..2).map(|skip| pack(&run[skip..], hex_digit, 4)));
    }
    for run in runs(bytes, |byte| base64_digit(byte).is_some()) {
        views.extend((0..4).map(|skip| pack(&run[skip..], base64_digit, 6)));
    }
    views
}

/// What decompresses before an error or the limit; `None` if nothing does.
fn decompress(source: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // What comes before a damaged place counts as well: the error itself says nothing.
    let _ = source.take(MAX_DECOMPRESSED).read_to_end(&mut bytes);
    (!bytes.is_empty()).then_some(bytes)
}

/// The longest runs of digits, where they are long enough to hold something.
fn runs(bytes: &[u8], is_digit: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    bytes.split(move |byte| !is_digit(*byte)).filter(|run| run.len() >= MIN_DIGITS)
}

/// Joins digits of `bits` bits each to bytes; what does not fill the last byte is dropped.
fn pack(digits: &[u8], value: impl Fn(u8) -> Option<u8>, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() * bits as usize / 8);
    let (mut pending, mut held) = (0u32, 0);
    for digit in digits.iter().filter_map(|digit| value(*digit)) {
        pending = pending << bits | u32::from(digit);
        held += bits;
        if held >= 8 {
            held -= 8;
            bytes.push((pending >> held) as u8);
            pending &= (1 << held) - 1;
        }
    }
    bytes
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Digits of base64 and base64url alike.
const fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
