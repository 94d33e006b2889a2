//! Copies of disks: put back after minutes or months, or set going beside the original. And devices that leave.

use std::collections::BTreeSet;

use tidegate_protocol::RecordId;
use tidegate_protocol::Space;
use tidegate_sync_core::manifest::{Cid, Target};

use super::device::Presence;
use super::disk::Disk;
use super::fault::Fault;
use super::world::World;

/// How many copies are kept of one device's disk.
const COPIES: usize = 3;

/// How many devices there are at most, clones included.
const MOST_DEVICES: usize = 9;

/// A copy of a device's disk.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The device.
    pub device: usize,
    /// The copy.
    pub disk: Disk,
}

impl World {
    /// Copies a device's disk.
    pub fn back_up(&mut self, device: usize) {
        let kept: Vec<usize> =
            self.backups.iter().enumerate().filter(|(_, backup)| backup.device == device).map(|(index, _)| index).collect();
        if kept.len() >= COPIES {
            let index = kept[self.draw(kept.len())];
            self.backups.remove(index);
        }
        let disk = self.devices[device].disk.clone();
        self.backups.push(Backup { device, disk });
        self.note(format!("{device} is backed up"));
    }

    /// Puts an older disk back into a device, if there is a copy.
    pub fn restore(&mut self, device: usize) {
        let copies: Vec<usize> =
            self.backups.iter().enumerate().filter(|(_, backup)| backup.device == device).map(|(index, _)| index).collect();
        let Some(index) = copies.get(self.draw(copies.len())).copied() else { return };
        let disk = self.backups[index].disk.clone();
        self.lose_disk(device, Some(&disk));
        self.note_fault(Fault::Restore, format!("{device} is restored from a backup"));
        self.leave_requests_on_their_way(device);
        self.devices[device].put_back(disk);
        self.mark_doubles_of(device);
    }

    /// Sets a second device going with a device's identity and its disk, or an older copy of it.
    pub fn clone_device(&mut self, device: usize) {
        if self.devices.len() >= MOST_DEVICES {
            return;
        }
        let copies: Vec<usize> =
            self.backups.iter().enumerate().filter(|(_, backup)| backup.device == device).map(|(index, _)| index).collect();
        let old = if self.chance(30) { copies.get(self.draw(copies.len())).copied() } else { None };
        let disk = old.map_or_else(|| self.devices[device].disk.clone(), |index| self.backups[index].disk.clone());
        let number = self.devices.len();
        self.note_fault(Fault::Clone, format!("{number} is a clone of {device}"));
        let double = self.devices[device].clone_with(disk);
        self.devices.push(double);
        self.mark_doubles_of(device);
    }

    /// A device goes away: until the end, or for good.
    pub fn leave(&mut self, device: usize, presence: Presence) {
        // The account lives on the first device until others know of it, and two devices go on in any case.
        if device == 0 && presence == Presence::Gone || self.present().len() <= 2 {
            return;
        }
        match presence {
            Presence::Here => return,
            Presence::Away => self.note_fault(Fault::Absence, format!("{device} goes away")),
            Presence::Gone => {
                self.lose_disk(device, None);
                self.note_fault(Fault::Departure, format!("{device} goes away for good"));
                self.leave_requests_on_their_way(device);
            }
        }
        self.devices[device].presence = presence;
    }

    fn mark_doubles_of(&mut self, device: usize) {
        let id = self.devices[device].engine.device_id();
        for other in &mut self.devices {
            other.is_forked |= other.engine.device_id() == id;
        }
    }

    /// What was on a device alone is lost with its disk: nobody can ask for it. It may be in the store all the same.
    fn lose_disk(&mut self, device: usize, replaced_by: Option<&Disk>) {
        let main = self.space();
        let account = Space::Account(self.user());
        let unsent = |space: Space| -> BTreeSet<Cid> {
            let now = self.devices[device].disk.saved().spaces.get(&space);
            let then = replaced_by.and_then(|disk| disk.saved().spaces.get(&space));
            let is_kept = |cid: &&Cid| then.is_some_and(|then| then.changes.contains_key(cid));
            now.into_iter().flat_map(|now| now.outbox.keys()).filter(|cid| !is_kept(cid)).copied().collect()
        };
        let lost_members = unsent(account);
        for cid in unsent(main) {
            self.model.may_be_lost(cid);
        }
        let changes = self.devices[device].disk.saved().spaces.get(&account);
        let targets: BTreeSet<Target> = changes
            .into_iter()
            .flat_map(|saved| saved.changes.values())
            .filter(|(change, _)| lost_members.contains(&change.cid))
            .map(|(change, _)| change.target)
            .collect();
        let user = self.user();
        // A member whose entry has been sent may have lost its own first edit, the profile.
        self.members_added.retain(|member| {
            let entry = Target::Record(RecordId::from_bytes(*member.as_bytes()));
            !targets.contains(&entry) && unsent(Space::Member(user, *member)).is_empty()
        });
    }
}
