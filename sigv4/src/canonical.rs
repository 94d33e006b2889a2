//! The canonical request: its query, its headers and its hash.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, "Create a canonical request".

use std::borrow::Cow;
use std::cmp::Ordering;

use sha2::{Digest, Sha256};

use crate::encode::{Hex, Query, cmp_encoded, encoded_len, push_encoded};
use crate::error::SignError;
use crate::method::Method;

/// A name and its value, of a query parameter or a header.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// Query parameters in canonical order: by encoded name, then by encoded value.
pub(crate) struct CanonicalQuery<'a>(Cow<'a, [Pair<'a>]>);

impl<'a> CanonicalQuery<'a> {
    pub(crate) fn new(query: &'a [Pair<'a>]) -> Self {
        Self(sorted(query, |left, right| cmp_encoded(left.0, right.0).then_with(|| cmp_encoded(left.1, right.1))))
    }

    /// The parameters that sort before `name` and those that do not.
    pub(crate) fn split_at_name(&self, name: &str) -> (&[Pair<'a>], &[Pair<'a>]) {
        let at = self.0.partition_point(|pair| cmp_encoded(pair.0, name) == Ordering::Less);
        self.0.split_at(at)
    }

    pub(crate) fn pairs(&self) -> &[Pair<'a>] {
        &self.0
    }
}

/// The length in bytes of the pairs once encoded, with one `=` and one `&` each.
pub(crate) fn pairs_len(pairs: &[Pair<'_>]) -> usize {
    pairs.iter().map(|(name, value)| encoded_len::<Query>(name) + encoded_len::<Query>(value) + 2).sum()
}

/// Appends `name=value`, encoded.
pub(crate) fn push_pair((name, value): Pair<'_>, out: &mut String) {
    push_encoded::<Query>(name, out);
    out.push('=');
    push_encoded::<Query>(value, out);
}

/// The headers that a signature covers, in canonical order, `host` among them.
pub(crate) struct SignedHeaders<'a> {
    headers: Cow<'a, [Pair<'a>]>,
    host: &'a str,
    host_at: usize,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and orders `headers`; `host` joins them.
    pub(crate) fn new(headers: &'a [Pair<'a>], host: &'a str) -> Result<Self, SignError> {
        headers.iter().try_for_each(check_header)?;
        let headers = sorted(headers, |left, right| left.0.cmp(right.0));
        let host_at = headers.partition_point(|header| header.0 < "host");
        Ok(Self { headers, host, host_at })
    }

    /// The distinct names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let mut previous = "";
        self.iter().filter_map(move |(name, _)| {
            let is_new = name != previous;
            previous = name;
            is_new.then_some(name)
        })
    }

    fn iter(&self) -> impl Iterator<Item = Pair<'a>> {
        let (before, after) = self.headers.split_at(self.host_at);
        before.iter().copied().chain([("host", self.host)]).chain(after.iter().copied())
    }
}

/// The SHA-256 of the canonical request, in hex. `path` and `query` are encoded already.
pub(crate) fn hash_request(method: Method, path: &str, query: &str, headers: &SignedHeaders<'_>, payload_hash: &str) -> Hex {
    let mut hasher = TextHasher::new();
    hasher.push(method.as_str());
    hasher.push("\n");
    hasher.push(path);
    hasher.push("\n");
    hasher.push(query);
    push_headers(headers, &mut hasher);
    hasher.push("\n\n");
    for (index, name) in headers.names().enumerate() {
        hasher.push(if index == 0 { "" } else { ";" });
        hasher.push(name);
    }
    hasher.push("\n");
    hasher.push(payload_hash);
    Hex::new(&hasher.finish())
}

/// One line `name:value` a name, each after a line break; the values of a repeated name are joined by commas.
fn push_headers(headers: &SignedHeaders<'_>, hasher: &mut TextHasher) {
    let mut previous = "";
    for (name, value) in headers.iter() {
        if name == previous {
            hasher.push(",");
        } else {
            hasher.push("\n");
            hasher.push(name);
            hasher.push(":");
        }
        push_collapsed(value, hasher);
        previous = name;
    }
}

/// A header value without spaces at its ends, and with one where there were several. S3 leaves tabs alone.
fn push_collapsed(value: &str, hasher: &mut TextHasher) {
    let value = value.trim_matches(' ');
    if !value.contains("  ") {
        hasher.push(value);
        return;
    }
    for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        hasher.push(if index == 0 { "" } else { " " });
        hasher.push(word);
    }
}

/// A line break in a value would let a caller write header lines of its own into the canonical request.
fn check_header((name, value): &Pair<'_>) -> Result<(), SignError> {
    if name.is_empty() || !name.bytes().all(is_lower_token) {
        return Err(SignError::HeaderName { name: (*name).to_owned() });
    }
    if *name == "host" {
        return Err(SignError::ReservedHeader { name: (*name).to_owned() });
    }
    if !is_header_value(value) {
        return Err(SignError::HeaderValue { name: (*name).to_owned() });
    }
    Ok(())
}

/// A `tchar` of RFC 9110 section 5.6.2, without upper case.
fn is_lower_token(byte: u8) -> bool {
    const MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || MARKS.contains(&byte)
}

pub(crate) fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

/// Borrows what is in order already, as callers with a fixed list of names have it; else sorts a copy, stably.
fn sorted<'a>(pairs: &'a [Pair<'a>], order: impl Fn(&Pair<'_>, &Pair<'_>) -> Ordering) -> Cow<'a, [Pair<'a>]> {
    if pairs.is_sorted_by(|left, right| order(left, right) != Ordering::Greater) {
        return Cow::Borrowed(pairs);
    }
    let mut pairs = pairs.to_vec();
    pairs.sort_by(order);
    Cow::Owned(pairs)
}

/// SHA-256 over text in many small pieces: they are gathered on the stack, since the hasher's own buffer is one block
/// and every piece would pay for it.
struct TextHasher {
    sha: Sha256,
    gathered: [u8; Self::CAPACITY],
    len: usize,
}

impl TextHasher {
    const CAPACITY: usize = 1024;

    fn new() -> Self {
        Self { sha: Sha256::new(), gathered: [0; Self::CAPACITY], len: 0 }
    }

    #[inline]
    fn push(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if let Some(space) = self.gathered.get_mut(self.len..self.len + bytes.len()) {
            space.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.overflow(bytes);
        }
    }

    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        self.sha.update(&self.gathered[..self.len]);
        self.len = 0;
        self.sha.update(bytes);
    }

    fn finish(mut self) -> [u8; 32] {
        self.sha.update(&self.gathered[..self.len]);
        self.sha.finalize().into()
    }
}
