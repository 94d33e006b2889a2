//! Percent-encoding by RFC 3986 as SigV4 wants it, the order of encoded text, and lower-case hex.

use std::cmp::Ordering;

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether a slash separates segments or is data.
pub(crate) trait Part {
    const SLASH_IS_PLAIN: bool;
}

/// An object key in a path: a slash stays.
pub(crate) struct Path;

impl Part for Path {
    const SLASH_IS_PLAIN: bool = true;
}

/// A name or value in a query: a slash is escaped.
pub(crate) struct Query;

impl Part for Query {
    const SLASH_IS_PLAIN: bool = false;
}

/// The length in bytes of `text` once encoded; equal to its own length only if nothing in it needs an escape.
pub(crate) fn encoded_len<P: Part>(text: &str) -> usize {
    text.len() + 2 * escapes::<P>(text.as_bytes())
}

/// Appends `text`, encoded.
pub(crate) fn push_encoded<P: Part>(text: &str, out: &mut String) {
    push_with_len::<P>(text, encoded_len::<P>(text), out);
}

/// Appends `text`, encoded, for a caller that asked for its [`encoded_len`] already.
pub(crate) fn push_with_len<P: Part>(text: &str, encoded_len: usize, out: &mut String) {
    if encoded_len == text.len() {
        out.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if is_plain::<P>(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(UPPER_HEX[usize::from(byte >> 4)]));
            out.push(char::from(UPPER_HEX[usize::from(byte & 15)]));
        }
    }
}

/// Orders two query names or values as their encoded forms are ordered, without encoding them.
///
/// Every escape begins with `%`, which sorts below all plain characters, and upper-case hex keeps the order of bytes.
pub(crate) fn cmp_encoded(left: &str, right: &str) -> Ordering {
    fn rank(byte: u8) -> u16 {
        u16::from(is_plain::<Query>(byte)) << 8 | u16::from(byte)
    }
    left.bytes().map(rank).cmp(right.bytes().map(rank))
}

/// How many bytes need an escape. Sums stay in a byte per chunk, so that the loop compiles to SIMD.
fn escapes<P: Part>(text: &[u8]) -> usize {
    text.chunks(128)
        .map(|chunk| {
            let escaped = chunk.iter().fold(0u8, |sum, byte| sum + u8::from(!is_plain::<P>(*byte)));
            usize::from(escaped)
        })
        .sum()
}

/// Unreserved by RFC 3986 section 2.3. Without branches, so that [`escapes`] compiles to SIMD.
#[inline(always)]
pub(crate) const fn is_plain<P: Part>(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let mark = (byte == b'-') | (byte == b'.') | (byte == b'_') | (byte == b'~');
    letter | digit | mark | (P::SLASH_IS_PLAIN & (byte == b'/'))
}

/// A SHA-256 value as 64 lower-case hex digits, without the heap.
pub(crate) struct Hex([u8; 64]);

impl Hex {
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = lower_hex(byte >> 4);
            pair[1] = lower_hex(byte & 15);
        }
        Self(digits)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }
}

#[inline(always)]
fn lower_hex(nibble: u8) -> u8 {
    nibble + b'0' + u8::from(nibble > 9) * (b'a' - b'9' - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded<P: Part>(text: &str) -> String {
        let mut out = String::new();
        push_encoded::<P>(text, &mut out);
        out
    }

    #[test]
    fn every_ascii_byte_is_plain_or_escaped_as_rfc_3986_says() {
        let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        for byte in 0..128u8 {
            let text = char::from(byte).to_string();
            let expected = if plain.contains(&text) { text.clone() } else { format!("%{byte:02X}") };
            assert_eq!(encoded::<Query>(&text), expected);
            let expected = if text == "/" { text.clone() } else { expected };
            assert_eq!(encoded::<Path>(&text), expected);
        }
    }

    #[test]
    fn unicode_is_escaped_by_its_utf8_bytes() {
        assert_eq!(encoded::<Path>("ä/€ 1"), "%C3%A4/%E2%82%AC%201");
        assert_eq!(encoded::<Query>("ä/€ 1"), "%C3%A4%2F%E2%82%AC%201");
    }

    #[test]
    fn hex_is_lower_case() {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&[0x09, 0xaf, 0xf0, 0x9a]);
        assert_eq!(Hex::new(&bytes).as_str(), format!("09aff09a{}", "0".repeat(56)));
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_encoded_text(left in "[ -~é€]{0,6}", right in "[ -~é€]{0,6}") {
            prop_assert_eq!(cmp_encoded(&left, &right), encoded::<Query>(&left).cmp(&encoded::<Query>(&right)));
        }

        #[test]
        fn announced_length_is_the_length_written(text in any::<String>(), times in 1usize..20) {
            let text = text.repeat(times);
            prop_assert_eq!(encoded_len::<Path>(&text), encoded::<Path>(&text).len());
            prop_assert_eq!(encoded_len::<Query>(&text), encoded::<Query>(&text).len());
        }
    }
}
