//! What is remembered of the last look through all of a space, so that a sync that brings nothing new needs none.

use super::kind::MergeKinds;

/// What a space was found to be when all of its registers were last looked through: every content that its records show was on
/// the device, and so many of its registers had conflicts.
///
/// It holds until a change comes, goes or becomes another one, or a content leaves the device; a store forgets it with the
/// very rows that say so. Remembered any longer, a content that did not come the first time would never be asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// How many registers have conflicts.
    pub conflicts: u64,
    /// The kinds that were merged then, in order: with others, other contents are shown.
    pub kinds: Vec<String>,
}

impl Looked {
    /// Whether it was found with these kinds merged.
    #[must_use]
    pub fn is_with(&self, kinds: &MergeKinds) -> bool {
        self.kinds.iter().map(String::as_str).eq(kinds.names())
    }
}
