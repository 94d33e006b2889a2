//! Bugs on purpose. Each breaks one rule, so that the simulation can show that it would find it.
//!
//! Only with the feature `planted-bugs`, which builds for tests alone have, can one be chosen. Without it
//! `is` is constantly false, and nothing of this is left in the program.

#[cfg(feature = "planted-bugs")]
use std::cell::Cell;

use crate::manifest::{Cid, Frontier, SegmentRef};
use crate::state::State;

/// A bug, named by the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bug {
    /// A segment goes up while the objects that it names are still on their way.
    SegmentBeforeItsObjects,
    /// What is superseded is known by its place (chain and number), not by its cid.
    SupersedesByPlace,
    /// A delete supersedes what is shown and leaves the losers.
    DeleteSupersedesTheWinnerAlone,
    /// A segment counts as merged if one of its number was.
    CoverageByNumber,
    /// A segment counts as new only above the greatest number merged.
    NewnessByNumber,
    /// Segments are applied as they come.
    OutOfCausalOrder,
    /// Whoever finds another writer under its chain goes on under it.
    NoNewChain,
    /// Other writers are looked for among what is named, not in what was merged.
    OwnChainNotInTheFrontier,
    /// A segment goes up however long ago the doorbell was read.
    WritingOnAnOldRead,
    /// What waits to be sent is sent although the state has it.
    OutboxNotFilteredByCid,
    /// An old edit of a restored backup goes as it is.
    OldDoubtfulChangeNotKept,
    /// What was superseded goes after three days.
    PastPurgedEarly,
    /// The greatest head decides, a delete too.
    DeleteBeatsEdit,
    /// An upload of any age is named in a new segment.
    OldUploadReused,
    /// The collector lists objects after the segments: it takes the last listing of segments for enough, however old.
    SegmentsListedBeforeObjects,
    /// Readers go by the first word on where a content lies, the collector by the last.
    FirstLocationWins,
    /// Where two clocks agree, whichever comes first wins.
    UnsortedTie,
    /// A checkpoint covers each chain up to its greatest number.
    CheckpointCoversUnmerged,
    /// The ETag of the doorbell is kept before what it names is applied.
    EtagKeptTooEarly,
    /// The wish to ring is not persisted with the segment that is stored.
    WishToRingNotDurable,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::SegmentBeforeItsObjects,
        Self::SupersedesByPlace,
        Self::DeleteSupersedesTheWinnerAlone,
        Self::CoverageByNumber,
        Self::NewnessByNumber,
        Self::OutOfCausalOrder,
        Self::NoNewChain,
        Self::OwnChainNotInTheFrontier,
        Self::WritingOnAnOldRead,
        Self::OutboxNotFilteredByCid,
        Self::OldDoubtfulChangeNotKept,
        Self::PastPurgedEarly,
        Self::DeleteBeatsEdit,
        Self::OldUploadReused,
        Self::SegmentsListedBeforeObjects,
        Self::FirstLocationWins,
        Self::UnsortedTie,
        Self::CheckpointCoversUnmerged,
        Self::EtagKeptTooEarly,
        Self::WishToRingNotDurable,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SegmentBeforeItsObjects => "segment-before-its-objects",
            Self::SupersedesByPlace => "supersedes-by-place",
            Self::DeleteSupersedesTheWinnerAlone => "delete-supersedes-the-winner-alone",
            Self::CoverageByNumber => "coverage-by-number",
            Self::NewnessByNumber => "newness-by-number",
            Self::OutOfCausalOrder => "out-of-causal-order",
            Self::NoNewChain => "no-new-chain",
            Self::OwnChainNotInTheFrontier => "own-chain-not-in-the-frontier",
            Self::WritingOnAnOldRead => "writing-on-an-old-read",
            Self::OutboxNotFilteredByCid => "outbox-not-filtered-by-cid",
            Self::OldDoubtfulChangeNotKept => "old-doubtful-change-not-kept",
            Self::PastPurgedEarly => "past-purged-early",
            Self::DeleteBeatsEdit => "delete-beats-edit",
            Self::OldUploadReused => "old-upload-reused",
            Self::SegmentsListedBeforeObjects => "segments-listed-before-objects",
            Self::FirstLocationWins => "first-location-wins",
            Self::UnsortedTie => "unsorted-tie",
            Self::CheckpointCoversUnmerged => "checkpoint-covers-unmerged",
            Self::EtagKeptTooEarly => "etag-kept-too-early",
            Self::WishToRingNotDurable => "wish-to-ring-not-durable",
        }
    }
}

impl std::str::FromStr for Bug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|bug| bug.name() == text).ok_or_else(|| format!("there is no bug {text:?}"))
    }
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug in all engines of this thread, or digs it up.
#[cfg(feature = "planted-bugs")]
pub fn choose(bug: Option<Bug>) {
    CHOSEN.set(bug);
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

/// Whether this bug is planted: none ever is.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is(_: Bug) -> bool {
    false
}

/// For [`Bug::SupersedesByPlace`]: whether a change of the same target that came under the same chain and number, in another
/// segment, is superseded.
pub(crate) fn is_superseded_by_place(state: &State, cid: Cid) -> bool {
    let Some(present) = state.present(cid) else { return false };
    let is_beside = |one: &SegmentRef, other: &SegmentRef| {
        (one.of_chain(), one.seq) == (other.of_chain(), other.seq) && one.digest != other.digest
    };
    let shares_place = |other: &crate::state::Present| {
        other.brought_by.keys().any(|one| present.brought_by.keys().any(|other| is_beside(one, other)))
    };
    let others = state.history(present.change.target).into_iter().filter(|other| other.cid != cid);
    let mut superseded = others.filter(|other| state.superseders(other.cid).next().is_some());
    superseded.any(|other| state.present(other.cid).is_some_and(shares_place))
}

/// For [`Bug::CheckpointCoversUnmerged`]: each chain covered up to its greatest number.
pub(crate) fn up_to_the_tips(frontier: &Frontier) -> Frontier {
    let mut covered = frontier.clone();
    for (chain, merged) in frontier.chains() {
        covered.raise_floor(*chain, merged.tip());
    }
    covered
}
