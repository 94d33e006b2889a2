//! What a person should be told: nothing is wrong with the data, but something has happened to a device or to the store.

use tidegate_protocol::Space;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// This device's disk was restored from a backup, or copied: another one has written in its name. It goes on under a
    /// new chain.
    RestoredOrCloned,
    /// Edits of a restored backup that were too old to compete are kept beside what is shown, as conflicts.
    EditsKept,
    /// The store no longer has segments that were merged here: it went back in time. They were written down anew.
    StoreLostSegments,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RestoredOrCloned, Self::EditsKept, Self::StoreLostSegments];

    /// The stable code of this notice.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RestoredOrCloned => "restored-or-cloned",
            Self::EditsKept => "edits-kept",
            Self::StoreLostSegments => "store-lost-segments",
        }
    }

    /// The notice whose code this is.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Something that a person should be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notice {
    /// The space in which it was noticed.
    pub space: Space,
    /// What has happened.
    pub kind: NoticeKind,
    /// When it was last noticed, in milliseconds since 1970.
    pub noticed_at_ms: u64,
}
