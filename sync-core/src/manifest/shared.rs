//! What many lines of a checkpoint say alike, held once: of a long history that is half of the memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tidegate_protocol::ObjectKey;

use super::chain::Origin;
use super::change::{Meta, Register};
use super::checkpoint::CheckpointLine;
use super::location::Location;

/// One copy of each.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    brought_by: BTreeSet<Arc<[Origin]>>,
    packs: BTreeSet<Arc<ObjectKey>>,
    /// Of each register the description that came last.
    metas: HashMap<Register, Arc<Meta>>,
}

impl Shared {
    /// Lets a line have what others have as well. A change that is shared itself is left as it is.
    pub(crate) fn share(&mut self, mut line: CheckpointLine) -> CheckpointLine {
        line.brought_by = one_of(&mut self.brought_by, line.brought_by);
        let Some(change) = Arc::get_mut(&mut line.change) else { return line };
        change.supersedes.shrink_to_fit();
        let register = change.register();
        if let Some(Location::Pack(place)) = &mut change.location {
            place.pack = one_of(&mut self.packs, Arc::clone(&place.pack));
        }
        match self.metas.get(&register) {
            Some(known) if *known == change.meta => change.meta = Arc::clone(known),
            Some(_) | None => drop(self.metas.insert(register, Arc::clone(&change.meta))),
        }
        line
    }
}

fn one_of<T: Ord + ?Sized>(known: &mut BTreeSet<Arc<T>>, new: Arc<T>) -> Arc<T> {
    if let Some(known) = known.get(&new) {
        return Arc::clone(known);
    }
    known.insert(Arc::clone(&new));
    new
}
