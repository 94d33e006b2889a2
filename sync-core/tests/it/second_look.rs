//! When what was set aside is looked at again: after an hour, then daily, and whenever a person says so.

use tidegate_sync_core::engine::{SyncOptions, SyncSummary};
use tidegate_sync_core::quarantine::Reason;
use tidegate_sync_core::state::{BACKSTOP_MS, FRESH_MS};

use crate::device::{Device, Store};
use crate::setup::account;

struct World {
    store: Store,
    reader: Device,
    member: tidegate_protocol::MemberId,
    key: String,
    sound: (Vec<u8>, u64),
}

/// A reader that has found the one new segment damaged.
fn damaged() -> (World, SyncSummary) {
    let account = account(1);
    let (mut writer, member) = Device::first(&account);
    let mut store = Store::default();
    writer.sync(&mut store);
    let mut reader = Device::further(&account, 2);
    reader.sync(&mut store);
    let before = store.keys("/manifest/");
    writer.put(member, 1, b"measured at noon");
    writer.sync(&mut store);
    let key = store.keys("/manifest/").into_iter().find(|key| !before.contains(key)).unwrap();
    let sound = store.objects[&key].clone();
    store.objects.get_mut(&key).unwrap().0[40] ^= 1;
    let (summary, _) = reader.sync(&mut store);
    (World { store, reader, member, key, sound }, summary)
}

impl World {
    fn mend(&mut self) {
        self.store.objects.insert(self.key.clone(), self.sound.clone());
    }

    fn shows_it(&self) -> bool {
        self.reader.shows(self.member, 1).is_some()
    }
}

#[test]
fn a_damaged_segment_is_read_again_after_an_hour_and_then_daily() {
    let (mut world, summary) = damaged();
    assert_eq!(summary.quarantined[0].reason, Reason::Corrupt);
    let (summary, requests) = world.reader.sync(&mut world.store);
    assert_eq!((summary.quarantined.len(), requests.of("get-segment")), (1, 0), "not with every sync");

    world.store.pass(FRESH_MS);
    assert_eq!(world.reader.sync(&mut world.store).1.of("get-segment"), 1);
    world.store.pass(FRESH_MS);
    assert_eq!(world.reader.sync(&mut world.store).1.of("get-segment"), 0, "it was no passing fault");
    world.mend();
    world.store.pass(BACKSTOP_MS);
    let (summary, _) = world.reader.sync(&mut world.store);
    assert!(world.shows_it() && summary.quarantined.is_empty());
}

#[test]
fn a_fault_on_the_way_is_over_after_an_hour() {
    let (mut world, _) = damaged();
    world.mend();
    world.store.pass(FRESH_MS);
    let (summary, _) = world.reader.sync(&mut world.store);
    assert!(world.shows_it() && summary.quarantined.is_empty());
}

#[test]
fn a_person_may_ask_for_a_look_at_once() {
    let (mut world, _) = damaged();
    world.mend();
    world.reader.sync(&mut world.store);
    assert!(!world.shows_it());
    let options = SyncOptions { look_again: true, ..SyncOptions::default() };
    let (summary, requests) = world.reader.sync_with(options, &mut world.store);
    assert!(world.shows_it() && summary.quarantined.is_empty());
    assert!(requests.of("list-devices") >= 2, "every space is listed: {requests:?}");
    let (_, requests) = world.reader.sync(&mut world.store);
    assert_eq!(requests.total(), 1, "and then all is as ever");
}
