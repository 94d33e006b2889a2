//! A device that joins takes a checkpoint as it came: packed, on to its rows, and from there as it needs it.

use std::sync::Arc;

use tidegate_protocol::{MemberId, Space};
use tidegate_sync_core::engine::{Effect, EffectId, FailureClass, Outcome, Persist, Row, SyncOptions};
use tidegate_sync_core::manifest::Target;
use tidegate_sync_core::state::{ChangeStore, Outline, Present};

use crate::device::{Device, Store, record};
use crate::setup::{Account, account};

const RECORDS: u64 = 12;

/// An account whose history is in the store as a checkpoint of several parts, and segments after it.
fn with_history() -> (Account, Device, MemberId, Space, Store) {
    let account = account(1);
    let (mut author, member) = Device::first(&account);
    let mut store = Store::default();
    author.engine.set_checkpoint_minimum(20);
    author.engine.set_checkpoint_part_bytes(4_000);
    for version in 0..3 {
        for number in 0..RECORDS {
            author.put(member, number, format!("record {number} in version {version}").as_bytes());
        }
        author.sync(&mut store);
    }
    author.put(member, 0, b"after the checkpoint");
    author.sync(&mut store);
    let space = author.engine.space_of(member);
    assert!(store.keys("/checkpoints/").iter().filter(|key| key.contains("/family-members/")).count() > 1);
    (account, author, member, space, store)
}

/// Begins to join, up to the batch in which the checkpoint is.
fn begin(account: &Account, number: u64, store: &mut Store) -> (Device, EffectId, Persist) {
    let mut device = Device::further(account, number);
    device.engine.start_sync(SyncOptions::default(), store.now_ms, &mut device.rng);
    let (id, effect) = device.run_until(store, "persist-checkpoint").unwrap();
    let Effect::Persist(batch) = effect else { panic!("{effect:?}") };
    (device, id, batch)
}

/// The same, and what goes on from there.
fn join(account: &Account, number: u64, store: &mut Store) -> (Device, impl FnOnce(&mut Device, &mut Store, bool) + use<>) {
    let (device, id, batch) = begin(account, number, store);
    let spaces: Vec<Space> = batch.rows.iter().filter_map(packed_in).collect();
    assert_eq!(spaces.len(), 1, "{:?}", batch.rows);
    let go_on = move |device: &mut Device, store: &mut Store, is_read_later: bool| {
        device.keep(&batch.rows);
        if is_read_later {
            device.engine.read_changes_from(spaces[0], Arc::new(rows_of(device, spaces[0])));
        }
        device.engine.handle(id, Outcome::Persisted, store.now_ms, &mut device.rng);
        device.run(store);
    };
    (device, go_on)
}

fn packed_in(row: &Row) -> Option<Space> {
    if let Row::PutChanges { space, .. } = row { Some(*space) } else { None }
}

fn rows_of(device: &Device, space: Space) -> Vec<Present> {
    let rows = device.saved.spaces[&space].changes.values();
    rows.map(|(change, brought_by)| Present { change: change.clone(), brought_by: brought_by.clone() }).collect()
}

/// Both have the same state, in memory and on the disk.
fn assert_same(one: &Device, other: &Device, space: Space) {
    assert_eq!(one.engine.state(space), other.engine.state(space));
    assert_eq!(one.saved.spaces[&space].changes, other.saved.spaces[&space].changes);
    assert_eq!(one.saved.spaces[&space].frontier, other.saved.spaces[&space].frontier);
}

#[test]
fn a_checkpoint_in_parts_is_taken_as_it_came() {
    let (account, mut author, member, space, mut store) = with_history();
    for (number, is_read_later) in [(2, false), (3, true)] {
        let (mut device, go_on) = join(&account, number, &mut store);
        assert!(device.engine.records(member, false).is_empty(), "nothing shows before it is written");
        go_on(&mut device, &mut store, is_read_later);
        let summary = device.engine.finish().unwrap();
        assert_eq!((summary.failure, summary.quarantined.len()), (None, 0));
        assert_eq!(summary.checkpoints_merged, 1);
        assert_same(&device, &author, space);
        assert_eq!(device.shows(member, 0).as_deref(), Some(b"after the checkpoint".as_slice()));
        assert_eq!(device.engine.history(member, Target::Record(record(1))).len(), 3);
        device.restart();
        assert_same(&device, &author, space);
        device.put(member, 5, format!("from the one that joined, {is_read_later}").as_bytes());
        device.sync(&mut store);
        author.sync(&mut store);
        assert_same(&device, &author, space);
    }
}

#[test]
fn a_device_that_stops_before_the_batch_joins_again() {
    let (account, author, _, space, mut store) = with_history();
    let (mut device, _) = join(&account, 2, &mut store);
    device.restart();
    device.sync(&mut store);
    assert_same(&device, &author, space);
}

#[test]
fn an_edit_made_while_the_batch_is_out_is_kept_and_sent() {
    let (account, mut author, member, space, mut store) = with_history();
    for (number, is_read_later) in [(2, false), (3, true)] {
        let (mut device, go_on) = join(&account, number, &mut store);
        let cid = device.put(member, 100 + number, b"made meanwhile");
        go_on(&mut device, &mut store, is_read_later);
        assert_eq!(device.engine.finish().unwrap().failure, None);
        device.sync(&mut store);
        assert_eq!(device.engine.unsent(), 0);
        author.sync(&mut store);
        assert!(author.engine.state(space).unwrap().contains(cid));
        assert_same(&device, &author, space);
    }
}

#[test]
fn a_sync_that_is_called_off_while_the_batch_is_out_has_taken_it_up() {
    let (account, author, _, space, mut store) = with_history();
    for (number, is_read_later) in [(2, false), (3, true)] {
        let (mut device, go_on) = join(&account, number, &mut store);
        device.engine.cancel(store.now_ms, &mut device.rng);
        go_on(&mut device, &mut store, is_read_later);
        assert!(device.engine.finish().unwrap().failure.is_some());
        assert!(!device.engine.is_poisoned());
        assert_eq!(device.engine.state(space).unwrap().count(), device.saved.spaces[&space].changes.len());
        device.sync(&mut store);
        assert_same(&device, &author, space);
    }
}

#[test]
fn a_batch_that_cannot_be_written_leaves_nothing_to_be_relied_on() {
    let (account, author, _, space, mut store) = with_history();
    let (mut device, id, _) = begin(&account, 2, &mut store);
    device.engine.handle(id, Outcome::Failed(FailureClass::Local), store.now_ms, &mut device.rng);
    assert!(device.engine.is_poisoned());
    device.restart();
    device.sync(&mut store);
    assert_same(&device, &author, space);
}

/// A store that tells of what it holds and lets nothing of it be read but what may compete.
struct NearOnly(Vec<Present>);

impl ChangeStore for NearOnly {
    fn outlines(&self, take: &mut dyn FnMut(Outline)) -> bool {
        self.0.outlines(take)
    }

    fn read(&self, places: &[i64], take: &mut dyn FnMut(Present)) -> bool {
        let near = (2 * RECORDS) as usize;
        assert!(places.len() <= near && self.0.len() > near, "{} of {} changes were read", places.len(), self.0.len());
        self.0.read(places, take)
    }
}

#[test]
fn of_a_long_history_the_past_is_not_read_while_joining() {
    let (account, _, member, space, mut store) = with_history();
    let (mut device, id, batch) = begin(&account, 2, &mut store);
    device.keep(&batch.rows);
    device.engine.read_changes_from(space, Arc::new(NearOnly(rows_of(&device, space))));
    device.engine.handle(id, Outcome::Persisted, store.now_ms, &mut device.rng);
    device.run(&mut store);
    assert_eq!(device.engine.finish().unwrap().failure, None);
    assert_eq!(device.shows(member, 0).as_deref(), Some(b"after the checkpoint".as_slice()));
    assert_eq!(device.shows(member, 3).as_deref(), Some(b"record 3 in version 2".as_slice()));
}
