//! The canonical request: the order of its parts, its query and its hash.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, "Create a canonical request".

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::encode::{Hex, Query, cmp_encoded, encoded_len, push_encoded};
use crate::method::Method;
use crate::sha256::Sha256;
use crate::signed_headers::SignedHeaders;

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

/// Takes the canonical request of a record in one go, and longer ones in steps.
pub(crate) type RequestHasher = Sha256<1024>;

/// The SHA-256 of the canonical request, in hex. `path` and `query` are encoded already.
pub(crate) fn hash_request(method: Method, path: &str, query: &str, headers: &SignedHeaders<'_>, payload_hash: &str) -> Hex {
    let mut hasher = RequestHasher::new();
    hasher.push(method.as_str().as_bytes());
    hasher.push(b"\n");
    hasher.push(path.as_bytes());
    hasher.push(b"\n");
    hasher.push(query.as_bytes());
    headers.hash_lines(&mut hasher);
    hasher.push(b"\n\n");
    headers.hash_names(&mut hasher);
    hasher.push(b"\n");
    hasher.push(payload_hash.as_bytes());
    Hex::new(&hasher.finish())
}

/// Borrows what is in order already, as callers with a fixed list of names have it; else sorts a copy, stably.
pub(crate) fn sorted<'a>(pairs: &'a [Pair<'a>], order: impl Fn(&Pair<'_>, &Pair<'_>) -> Ordering) -> Cow<'a, [Pair<'a>]> {
    if pairs.is_sorted_by(|left, right| order(left, right) != Ordering::Greater) {
        return Cow::Borrowed(pairs);
    }
    let mut pairs = pairs.to_vec();
    pairs.sort_by(order);
    Cow::Owned(pairs)
}
