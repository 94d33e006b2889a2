//! Titles, names and short contents, found as they are and as JSON writes them.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

use super::Span;

/// Shorter needles occur in noise by chance; they count only in text, as a word of their own.
const MIN_LENGTH: usize = 6;

/// Words that the layout of the store shows to everyone; a file of such a name proves nothing.
const PUBLIC: &str = "users genesis.json public-keys master-keys access-grants sync-manifest.blob devices device.blob manifest \
    checkpoints family-members records attachments data packs _tidegate links accounts invites slots revocations renewals audit \
    format retention version blob json true false null";

pub(super) struct Needles {
    anywhere: AhoCorasick,
    as_word: AhoCorasick,
}

impl Needles {
    pub(super) fn new<'a>(contents: impl Iterator<Item = &'a [u8]>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles: BTreeSet<Vec<u8>> = names.into_iter().flat_map(forms).collect();
        needles.extend(contents.map(<[u8]>::to_vec));
        needles.retain(|needle| needle.len() > 1 && !is_public(needle));
        let (long, short): (Vec<_>, Vec<_>) = needles.into_iter().partition(|needle| needle.len() >= MIN_LENGTH);
        Self { anywhere: automaton(&long), as_word: automaton(&short) }
    }

    /// Where a needle stands in `bytes`.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Span> {
        let spans = |automaton: &AhoCorasick| -> Vec<Span> {
            automaton.find_overlapping_iter(bytes).map(|found| (found.start(), found.end())).collect()
        };
        let mut found = spans(&self.anywhere);
        if std::str::from_utf8(bytes).is_ok() {
            found.extend(spans(&self.as_word).into_iter().filter(|span| is_word(bytes, *span)));
        }
        found
    }
}

fn automaton(needles: &[Vec<u8>]) -> AhoCorasick {
    AhoCorasick::new(needles).expect("some thousand short patterns are far below the automaton's limits")
}

/// A name as it is, as JSON writes it, and as JSON in ASCII alone writes it.
fn forms(name: &str) -> Vec<Vec<u8>> {
    let escaped = serde_json::Value::from(name).to_string();
    let quoted = escaped.trim_matches('"').to_owned();
    let ascii = quoted.chars().flat_map(|c| {
        let mut units = [0; 2];
        let escape = |unit: &u16| if c.is_ascii() { c.to_string() } else { format!("\\u{unit:04x}") };
        c.encode_utf16(&mut units).iter().map(escape).collect::<Vec<_>>()
    });
    let ascii: String = ascii.collect();
    vec![name.as_bytes().to_vec(), quoted.into_bytes(), ascii.into_bytes()]
}

fn is_public(needle: &[u8]) -> bool {
    std::str::from_utf8(needle).is_ok_and(|needle| PUBLIC.contains(needle))
}

/// Whether neither side goes on in a way that a word, or base64, would.
fn is_word(bytes: &[u8], (start, end): Span) -> bool {
    let joins = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=') || !byte.is_ascii();
    let before = start.checked_sub(1).and_then(|index| bytes.get(index));
    !before.is_some_and(joins) && !bytes.get(end).is_some_and(joins)
}
