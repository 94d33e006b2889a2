//! The headers that a signature covers, checked and in canonical order.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::canonical::{Pair, RequestHasher, sorted};
use crate::encode::{Query, encoded_len, is_plain, push_encoded};
use crate::error::SignError;

/// How a URL separates the names: an escaped semicolon.
const URL_SEPARATOR: &str = "%3B";

/// The headers that a signature covers, `host` among them.
pub(crate) struct SignedHeaders<'a> {
    headers: Cow<'a, [Pair<'a>]>,
    host: &'a str,
    host_at: usize,
    names_need_no_escape: bool,
    values_are_canonical: bool,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and orders `headers`; `host` joins them.
    pub(crate) fn new(headers: &'a [Pair<'a>], host: &'a str) -> Result<Self, SignError> {
        let mut names_need_no_escape = true;
        let mut values_are_canonical = true;
        for (name, value) in headers {
            names_need_no_escape &= check_name(name)?;
            values_are_canonical &= check_value(name, value)?;
        }
        let headers = sorted(headers, |left, right| left.0.cmp(right.0));
        let host_at = headers.iter().take_while(|header| header.0 < "host").count();
        Ok(Self { headers, host, host_at, names_need_no_escape, values_are_canonical })
    }

    /// The length in bytes of what [`Self::push_names_to_url`] appends.
    pub(crate) fn names_len_in_url(&self) -> usize {
        let mut len = 0;
        self.for_each_name(|is_first, name| {
            len += if is_first { 0 } else { URL_SEPARATOR.len() };
            len += if self.names_need_no_escape { name.len() } else { encoded_len::<Query>(name) };
        });
        len
    }

    /// Appends the names, encoded.
    pub(crate) fn push_names_to_url(&self, url: &mut String) {
        self.for_each_name(|is_first, name| {
            if !is_first {
                url.push_str(URL_SEPARATOR);
            }
            if self.names_need_no_escape {
                url.push_str(name);
            } else {
                push_encoded::<Query>(name, url);
            }
        });
    }

    /// Appends the names as they stand in an `Authorization` header.
    pub(crate) fn push_names(&self, out: &mut String) {
        self.for_each_name(|is_first, name| {
            out.push_str(if is_first { "" } else { ";" });
            out.push_str(name);
        });
    }

    /// Hashes the names, with semicolons between.
    pub(crate) fn hash_names(&self, hasher: &mut RequestHasher) {
        self.for_each_name(|is_first, name| {
            if !is_first {
                hasher.push(b";");
            }
            hasher.push(name.as_bytes());
        });
    }

    /// Hashes one line `name:value` a name, each after a line break; the values of a repeated name are joined by commas.
    pub(crate) fn hash_lines(&self, hasher: &mut RequestHasher) {
        let mut previous = "";
        for (name, value) in self.iter() {
            if name == previous {
                hasher.push(b",");
            } else {
                hasher.push(b"\n");
                hasher.push(name.as_bytes());
                hasher.push(b":");
            }
            if self.values_are_canonical {
                hasher.push(value.as_bytes());
            } else {
                hash_collapsed(value, hasher);
            }
            previous = name;
        }
    }

    /// Visits the distinct names in order, and tells which is the first. No name is empty.
    #[inline]
    fn for_each_name(&self, mut visit: impl FnMut(bool, &str)) {
        let mut previous = "";
        for (name, _) in self.iter() {
            if name != previous {
                visit(previous.is_empty(), name);
                previous = name;
            }
        }
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = Pair<'a>> {
        (0..self.headers.len() + 1).map(|index| match index.cmp(&self.host_at) {
            Ordering::Less => self.headers[index],
            Ordering::Equal => ("host", self.host),
            Ordering::Greater => self.headers[index - 1],
        })
    }
}

/// Hashes a value without spaces at its ends, and with one where there were several. S3 leaves tabs alone.
fn hash_collapsed(value: &str, hasher: &mut RequestHasher) {
    for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if index != 0 {
            hasher.push(b" ");
        }
        hasher.push(word.as_bytes());
    }
}

/// Tells whether the name can stand in a URL as it is.
fn check_name(name: &str) -> Result<bool, SignError> {
    let common = name.bytes().fold(NAME | PLAIN, |common, byte| common & CLASSES[usize::from(byte)]);
    if common & NAME == 0 || name.is_empty() {
        return Err(SignError::HeaderName { name: name.to_owned() });
    }
    if name == "host" {
        return Err(SignError::ReservedHeader { name: name.to_owned() });
    }
    Ok(common & PLAIN != 0)
}

/// Tells whether the value has no spaces to take away. A line break would let a caller add header lines of its own to
/// the canonical request, so control characters are refused.
fn check_value(name: &str, value: &str) -> Result<bool, SignError> {
    // The usual value: visible ASCII alone. No early exit, so that the loop compiles to SIMD.
    if value.bytes().fold(true, |all, byte| all & (byte.wrapping_sub(b'!') <= b'~' - b'!')) {
        return Ok(true);
    }
    if !is_header_value(value) {
        return Err(SignError::HeaderValue { name: name.to_owned() });
    }
    Ok(!(value.starts_with(' ') || value.ends_with(' ') || value.contains("  ")))
}

/// Whether `value` may stand in a header.
pub(crate) fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

/// Stands in a lower-case header name.
const NAME: u8 = 1;
/// Stands in a query without an escape.
const PLAIN: u8 = 2;

/// What each byte may stand in: one look-up a byte, since every URL pays for all of its header bytes.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        let name = if is_lower_token(byte) { NAME } else { 0 };
        let plain = if is_plain::<Query>(byte) { PLAIN } else { 0 };
        classes[byte as usize] = name | plain;
        byte += 1;
    }
    classes
};

/// A `tchar` of RFC 9110 section 5.6.2, without upper case.
const fn is_lower_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
