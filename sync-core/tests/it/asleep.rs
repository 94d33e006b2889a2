//! Changes and contents that are read only when somebody looks at them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_protocol::Space;
use tidegate_sync_core::engine::{FailureClass, SpaceSource};
use tidegate_sync_core::manifest::Target;
use tidegate_sync_core::state::{ChangeStore, MergeKinds, Outline, Present, UnionById};

use crate::device::{Device, Store, record};
use crate::setup::account;

/// How often what was asked for, since a device was started asleep.
#[derive(Clone, Default)]
struct Reads {
    changes: Arc<AtomicUsize>,
    contents: Arc<AtomicUsize>,
    of_rows: Arc<AtomicUsize>,
}

impl Reads {
    fn counted(&self) -> (usize, usize) {
        (self.changes.load(Ordering::Relaxed), self.contents.load(Ordering::Relaxed))
    }

    fn of_rows(&self) -> usize {
        self.of_rows.load(Ordering::Relaxed)
    }
}

struct Counted {
    rows: Vec<Present>,
    reads: Reads,
    is_readable: bool,
}

impl ChangeStore for Counted {
    fn outlines(&self, take: &mut dyn FnMut(Outline)) -> bool {
        self.reads.changes.fetch_add(1, Ordering::Relaxed);
        self.rows.outlines(take) && self.is_readable
    }

    fn read(&self, places: &[i64], take: &mut dyn FnMut(Present)) -> bool {
        self.reads.of_rows.fetch_add(places.len(), Ordering::Relaxed);
        self.rows.read(places, take) && self.is_readable
    }
}

/// Starts a device again whose changes and contents, those of the account space left out, stay where they are.
fn fall_asleep(device: &mut Device, is_readable: bool) -> Reads {
    let reads = Reads::default();
    let mut saved = device.saved.clone();
    let mut sources = BTreeMap::new();
    for (space, saved) in saved.spaces.iter_mut().filter(|(space, _)| matches!(space, Space::Member(..))) {
        let (changes, contents) = (std::mem::take(&mut saved.changes), std::mem::take(&mut saved.contents));
        let rows = changes.into_values().map(|(change, brought_by)| Present { change, brought_by }).collect();
        let of_contents = Arc::clone(&reads.contents);
        let changes = Arc::new(Counted { rows, reads: reads.clone(), is_readable });
        let contents = move || {
            of_contents.fetch_add(1, Ordering::Relaxed);
            Some(contents)
        };
        sources.insert(*space, SpaceSource { changes, contents: Box::new(contents) });
    }
    device.restart_with(saved, sources);
    reads
}

fn two_devices() -> (Device, Device, tidegate_protocol::MemberId, Store) {
    let account = account(1);
    let (mut one, member) = Device::first(&account);
    let mut other = Device::further(&account, 2);
    let mut store = Store::default();
    one.put(member, 1, &[7; 2_000]);
    one.put(member, 2, &[8; 2_000]);
    one.sync(&mut store);
    other.sync(&mut store);
    one.sync(&mut store);
    (one, other, member, store)
}

#[test]
fn a_sync_that_finds_nothing_new_reads_no_change_and_no_content() {
    let (mut one, mut other, member, mut store) = two_devices();
    for device in [&mut one, &mut other] {
        let reads = fall_asleep(device, true);
        let (summary, requests) = device.sync(&mut store);
        assert_eq!((summary.failure, requests.total()), (None, 1));
        assert_eq!(reads.counted(), (0, 0));
        assert_eq!(device.engine.conflict_count(), 0);
        assert_eq!(reads.counted(), (0, 0));
        assert_eq!(device.engine.records(member, false).len(), 2);
        assert_eq!(reads.counted(), (1, 0));
    }
}

#[test]
fn what_was_found_holds_until_a_change_comes() {
    let (mut one, mut other, member, mut store) = two_devices();
    other.put(member, 1, &[9; 2_000]);
    one.put(member, 1, &[10; 2_000]);
    other.sync(&mut store);
    one.sync(&mut store);
    assert_eq!(one.engine.conflicts().len(), 1);
    let reads = fall_asleep(&mut one, true);
    assert_eq!(one.sync(&mut store).0.conflicts, 1);
    assert_eq!(reads.counted(), (0, 0));

    let reads = fall_asleep(&mut other, true);
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.pulled, summary.conflicts), (1, 1));
    assert_eq!(reads.counted().0, 1);
}

#[test]
fn with_other_kinds_merged_what_was_found_does_not_hold() {
    let (mut one, _, _, mut store) = two_devices();
    let reads = fall_asleep(&mut one, true);
    one.engine.set_merge_kinds(MergeKinds::default().with("samples", UnionById));
    one.sync(&mut store);
    assert_eq!(reads.counted().0, 1);
}

#[test]
fn an_edit_made_while_asleep_is_there_once() {
    let (mut one, mut other, member, mut store) = two_devices();
    let reads = fall_asleep(&mut one, true);
    one.put(member, 3, &[11; 2_000]);
    assert_eq!(one.sync(&mut store).0.pushed, 1);
    assert_eq!(reads.counted().0, 1);
    other.sync(&mut store);
    assert_eq!(other.engine.records(member, false).len(), 3);
}

#[test]
fn changes_that_cannot_be_read_stop_the_sync_before_anything_is_written() {
    let (mut one, mut other, member, mut store) = two_devices();
    other.put(member, 1, &[9; 2_000]);
    other.sync(&mut store);
    fall_asleep(&mut one, false);
    let (before, stored) = (one.saved.clone(), store.objects.clone());
    let failure = one.sync(&mut store).0.failure.unwrap();
    assert_eq!((failure.effect, failure.class), ("load-changes", FailureClass::Local));
    assert!(one.engine.is_poisoned());
    assert_eq!((one.saved.clone(), store.objects.clone()), (before, stored));
    // Begun again from rows that can be read, it goes on.
    fall_asleep(&mut one, true);
    assert_eq!(one.sync(&mut store).0.pulled, 1);
}

#[test]
fn an_edit_reads_what_competes_and_a_history_reads_the_rest() {
    let (mut one, mut other, member, mut store) = two_devices();
    for content in 20..30 {
        one.put(member, 1, &[content; 2_000]);
        one.sync(&mut store);
    }
    other.sync(&mut store);

    let reads = fall_asleep(&mut one, true);
    one.put(member, 1, &[30; 2_000]);
    assert_eq!(one.sync(&mut store).0.pushed, 1);
    // The profile and the two records as they were.
    assert_eq!(reads.of_rows(), 3);
    assert_eq!(one.engine.records(member, false).len(), 2);
    assert_eq!(reads.of_rows(), 3);
    let history = |device: &Device| device.engine.history(member, Target::Record(record(1))).len();
    assert_eq!(history(&one), 12);
    assert_eq!(reads.of_rows(), 3 + 10);

    let reads = fall_asleep(&mut other, true);
    assert_eq!(other.sync(&mut store).0.pulled, 1);
    assert_eq!(reads.of_rows(), 3);
    assert_eq!(history(&other), 12);
}
