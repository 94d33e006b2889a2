//! Contents, found by any piece: windows at every 16th offset of a content, compared at every offset of an object.

use std::collections::HashMap;

use super::Span;

/// Length of a window in bytes: a piece of a content of 31 bytes or more holds a whole one.
pub(super) const LENGTH: usize = 16;

/// Fewer distinct bytes than this (zeros, spaces, rules of `=`) say nothing about where a window came from.
const MIN_DISTINCT: usize = 4;

/// Multiplier of the rolling hash; odd, so that no byte is shifted out.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) struct Windows {
    by_hash: HashMap<u64, [u8; LENGTH]>,
    /// What a byte that leaves the window had been multiplied by.
    leaving: u64,
}

impl Windows {
    pub(super) fn new(contents: &[&[u8]]) -> Self {
        let mut by_hash = HashMap::new();
        for window in contents.iter().flat_map(|content| windows_of(content)) {
            if is_distinctive(&window) {
                by_hash.insert(hash(&window), window);
            }
        }
        Self { by_hash, leaving: BASE.wrapping_pow(LENGTH as u32 - 1) }
    }

    /// Where a window stands in `bytes`.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Span> {
        let Some(first) = bytes.get(..LENGTH) else { return Vec::new() };
        let mut rolling = hash(first);
        let mut spans = Vec::new();
        for (start, window) in bytes.windows(LENGTH).enumerate() {
            if self.by_hash.get(&rolling).is_some_and(|known| known == window) {
                spans.push((start, start + LENGTH));
            }
            if let Some(next) = bytes.get(start + LENGTH) {
                let without = rolling.wrapping_sub(u64::from(window[0]).wrapping_mul(self.leaving));
                rolling = without.wrapping_mul(BASE).wrapping_add(u64::from(*next));
            }
        }
        spans
    }
}

/// A content's windows: side by side, and the last bytes.
fn windows_of(content: &[u8]) -> impl Iterator<Item = [u8; LENGTH]> {
    let (chunks, _) = content.as_chunks::<LENGTH>();
    chunks.iter().chain(content.last_chunk::<LENGTH>()).copied()
}

fn is_distinctive(window: &[u8; LENGTH]) -> bool {
    let mut sorted = *window;
    sorted.sort_unstable();
    1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count() >= MIN_DISTINCT
}

fn hash(window: &[u8]) -> u64 {
    window.iter().fold(0, |hash: u64, byte| hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte)))
}
