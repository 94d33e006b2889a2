//! How often what happened: a simulation in which something never happens shows nothing about it.

use std::collections::BTreeMap;

use super::fault::Fault;

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Schedules.
    pub schedules: u64,
    /// Schedules by store personality.
    pub personalities: BTreeMap<&'static str, u64>,
    /// Schedules by number of devices at first.
    pub devices: BTreeMap<u64, u64>,
    /// Acknowledged puts.
    pub puts: u64,
    /// Acknowledged deletes.
    pub deletes: u64,
    /// Times that somebody deleted all of more than twenty records.
    pub sprees: u64,
    /// Spaces whose outbox a sync held back for a person's word.
    pub mass_deletes_held: u64,
    /// Acknowledged resolutions.
    pub resolutions: u64,
    /// Acknowledged restorations of earlier versions.
    pub restorations: u64,
    /// Family members added.
    pub members: u64,
    /// Acknowledged attachments.
    pub attachments: u64,
    /// Conflicts seen by any device after any sync, and at the end.
    pub conflicts: u64,
    /// Syncs that ended.
    pub syncs: u64,
    /// Syncs that ended early.
    pub failed_syncs: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Devices that joined an account with a history at its end.
    pub joined: u64,
    /// Chains begun because a device saw that it was restored or cloned.
    pub new_chains: u64,
    /// Edits kept by a device that was restored from a backup older than the retention.
    pub kept: u64,
    /// Checkpoints stored.
    pub checkpoints: u64,
    /// Changes purged.
    pub purges: u64,
    /// Collections that ended, and what they deleted.
    pub collections: u64,
    /// Records, attachments and packs collected.
    pub collected_objects: u64,
    /// Segments collected.
    pub collected_segments: u64,
    /// Checkpoints collected.
    pub collected_checkpoints: u64,
    /// Half-empty packs whose contents were moved.
    pub repacks: u64,
    /// Packs stored.
    pub packs: u64,
    /// Requests by name.
    pub requests: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// All acknowledged edits.
    #[must_use]
    pub const fn edits(&self) -> u64 {
        self.puts + self.deletes + self.resolutions + self.restorations + self.attachments
    }

    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault) {
        *self.faults.entry(fault.name()).or_default() += 1;
    }

    /// Adds another schedule's counts.
    pub fn add(&mut self, other: &Self) {
        let numbers = [
            (&mut self.schedules, other.schedules),
            (&mut self.puts, other.puts),
            (&mut self.deletes, other.deletes),
            (&mut self.sprees, other.sprees),
            (&mut self.mass_deletes_held, other.mass_deletes_held),
            (&mut self.resolutions, other.resolutions),
            (&mut self.restorations, other.restorations),
            (&mut self.members, other.members),
            (&mut self.attachments, other.attachments),
            (&mut self.conflicts, other.conflicts),
            (&mut self.syncs, other.syncs),
            (&mut self.failed_syncs, other.failed_syncs),
            (&mut self.joined, other.joined),
            (&mut self.new_chains, other.new_chains),
            (&mut self.kept, other.kept),
            (&mut self.checkpoints, other.checkpoints),
            (&mut self.purges, other.purges),
            (&mut self.collections, other.collections),
            (&mut self.collected_objects, other.collected_objects),
            (&mut self.collected_segments, other.collected_segments),
            (&mut self.collected_checkpoints, other.collected_checkpoints),
            (&mut self.repacks, other.repacks),
            (&mut self.packs, other.packs),
        ];
        for (mine, theirs) in numbers {
            *mine += theirs;
        }
        add_all(&mut self.personalities, &other.personalities);
        add_all(&mut self.devices, &other.devices);
        add_all(&mut self.faults, &other.faults);
        add_all(&mut self.requests, &other.requests);
    }

    /// What never happened and could have.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let numbers = [
            ("puts", self.puts),
            ("deletes", self.deletes),
            ("sprees", self.sprees),
            ("mass-deletes-held", self.mass_deletes_held),
            ("resolutions", self.resolutions),
            ("restorations", self.restorations),
            ("members", self.members),
            ("attachments", self.attachments),
            ("conflicts", self.conflicts),
            ("syncs", self.syncs),
            ("failed-syncs", self.failed_syncs),
            ("joined", self.joined),
            ("new-chains", self.new_chains),
            ("kept", self.kept),
            ("checkpoints", self.checkpoints),
            ("purges", self.purges),
            ("collections", self.collections),
            ("collected-objects", self.collected_objects),
            ("collected-segments", self.collected_segments),
            ("collected-checkpoints", self.collected_checkpoints),
            ("repacks", self.repacks),
            ("packs", self.packs),
        ];
        let never = numbers.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name);
        let faults = Fault::ALL.into_iter().map(Fault::name).filter(|name| self.faults.get(name).copied().unwrap_or(0) == 0);
        never.chain(faults).collect()
    }
}

fn add_all<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (name, count) in theirs {
        *mine.entry(name.clone()).or_default() += count;
    }
}
