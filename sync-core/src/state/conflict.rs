//! Concurrent heads that a person has to look at.

use super::winner::{are_one, winner};
use crate::manifest::Change;

/// Several heads of one register that say different things.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict<'a> {
    /// The head that is shown; `None` where only kept edits are left beside deletes.
    pub winner: Option<&'a Change>,
    /// The others, greatest first: edits that nobody has looked at yet. Deletes are not among them: an edit has survived
    /// them, and nothing of them is left to compare.
    pub losers: Vec<&'a Change>,
}

/// The conflict among the heads of one register, if there is one.
#[must_use]
pub fn conflict<'a>(heads: &[&'a Change]) -> Option<Conflict<'a>> {
    let shown = winner(heads.iter().copied());
    let mut others: Vec<&'a Change> = heads.iter().copied().filter(|head| head.has_content()).collect();
    others.sort_by_key(|head| std::cmp::Reverse(head.rank()));
    let mut losers: Vec<&'a Change> = Vec::new();
    for head in others {
        let known = shown.into_iter().chain(losers.iter().copied()).any(|other| head.cid == other.cid || are_one(head, other));
        if !known {
            losers.push(head);
        }
    }
    if losers.is_empty() { None } else { Some(Conflict { winner: shown, losers }) }
}
