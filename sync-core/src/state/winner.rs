//! Which change is shown, and what an edit, a delete and a resolution replace. Pure functions over the heads of one register.

use crate::manifest::{Change, Cid, Op};
use crate::planted::{self, Bug};

/// The head that everybody shows: of those that are neither deletes nor kept, the greatest by (HLC, cid).
///
/// A delete never wins over a concurrent edit: its author did not know of the edit, and what is deleted can be deleted again,
/// but an edit taken away in silence is lost. A `kept` change comes from a device that returned after the retention; were it
/// to compete by its time, it could win over edits whose authors had seen its successor, long since purged.
///
/// The cid decides where two clocks agree; without it two devices could show different winners for ever.
#[must_use]
pub fn winner<'a>(heads: impl IntoIterator<Item = &'a Change>) -> Option<&'a Change> {
    let competes = |head: &&Change| (head.has_content() || planted::is(Bug::DeleteBeatsEdit)) && !head.kept;
    let beats = |head: &Change, shown: &Change| {
        if planted::is(Bug::UnsortedTie) { head.hlc > shown.hlc } else { head.rank() > shown.rank() }
    };
    let greatest = heads.into_iter().filter(competes).reduce(|shown, head| if beats(head, shown) { head } else { shown });
    greatest.filter(|shown| shown.has_content())
}

/// Whether two heads say the same: equal content and equal description.
///
/// Content alone would not do: of two devices that only rename a record, one would lose its title without a trace.
#[must_use]
pub fn are_one(one: &Change, other: &Change) -> bool {
    one.has_content() && other.has_content() && one.content_hmac == other.content_hmac && one.meta.says_the_same(&other.meta)
}

/// What an edit supersedes: the winner and the heads that are one with it; where nothing wins, the deletes that it undoes.
///
/// It leaves concurrent losers alone: its author edited what was shown, and a conflict that an edit swept away would be an
/// edit lost unseen. The twins of the winner go with it, or two devices that wrote the same would come back as a conflict
/// with the next edit. The deletes go, or the version would start again at 1 below a record that had higher ones.
#[must_use]
pub fn superseded_by_edit(heads: &[&Change]) -> Vec<Cid> {
    let cids = match winner(heads.iter().copied()) {
        Some(shown) => heads
            .iter()
            .filter(|head| head.cid == shown.cid || (!head.kept && are_one(head, shown)))
            .map(|head| head.cid)
            .collect(),
        None => heads.iter().filter(|head| head.op == Op::Delete).map(|head| head.cid).collect(),
    };
    ascending(cids)
}

/// What a delete or a resolution supersedes: every head that its author sees.
///
/// A delete of the winner alone would let the loser of an old conflict rise from behind it: a deleted record would be back
/// though nobody edited it.
#[must_use]
pub fn superseded_by_delete(heads: &[&Change]) -> Vec<Cid> {
    if planted::is(Bug::DeleteSupersedesTheWinnerAlone) {
        return superseded_by_edit(heads);
    }
    ascending(heads.iter().map(|head| head.cid).collect())
}

/// The version of a change that supersedes these: one more than the highest, and 1 for the first.
#[must_use]
pub fn next_version<'a>(superseded: impl IntoIterator<Item = &'a Change>) -> u64 {
    superseded.into_iter().map(|change| change.version).max().unwrap_or(0) + 1
}

fn ascending(mut cids: Vec<Cid>) -> Vec<Cid> {
    cids.sort_unstable();
    cids
}
