//! Deletes so many that a person has to say so.

use tidegate_protocol::MemberId;
use tidegate_sync_core::engine::SyncOptions;

use crate::device::{Device, Store};
use crate::sample::MORNING_MS;
use crate::setup::account;

const ALLOWED: SyncOptions = SyncOptions { allow_mass_delete: true, look_again: false, write_down: false };

/// A device with so many records that are synced.
fn with_records(count: u64) -> (Device, MemberId, Store) {
    let (mut device, member) = Device::first(&account(1));
    let mut store = Store::default();
    (0..count).for_each(|number| _ = device.put(member, number, b"short"));
    device.sync(&mut store);
    (device, member, store)
}

#[test]
fn deletes_of_a_fifth_wait_for_a_word_and_nothing_else_does() {
    let (mut device, member, mut store) = with_records(60);
    let other = device.engine.add_member("Ben", MORNING_MS, &mut device.rng).unwrap();
    device.commit(&other.edit);
    (0..30).for_each(|number| device.delete(member, number, MORNING_MS));
    device.put(other.member, 500, b"of the other member");

    let (summary, requests) = device.sync(&mut store);
    let held = summary.mass_delete.as_slice();
    // The member's profile is a record like any other.
    assert_eq!((held.len(), held[0].deletes, held[0].records), (1, 30, 61));
    assert_eq!(held[0].space, device.engine.space_of(member));
    assert_eq!((summary.failure, device.engine.unsent()), (None, 30), "the other member's record went");
    assert!(requests.of("put-segment") > 0);

    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.mass_delete.len(), device.engine.unsent()), (1, 30), "asked again each time");
    device.restart();
    let (summary, _) = device.sync_with(ALLOWED, &mut store);
    assert_eq!((summary.mass_delete.len(), summary.pushed, device.engine.unsent()), (0, 30, 0));
}

#[test]
fn few_deletes_and_deletes_of_what_nobody_else_has_go_without_asking() {
    let (mut device, member, mut store) = with_records(30);
    (0..20).for_each(|number| device.delete(member, number, MORNING_MS));
    (100..200).for_each(|number| {
        device.put(member, number, b"never synced");
        device.delete(member, number, MORNING_MS);
    });
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.mass_delete.len(), device.engine.unsent()), (0, 0));
}

#[test]
fn what_was_put_back_is_not_counted() {
    let (mut device, member, mut store) = with_records(60);
    (0..30).for_each(|number| device.delete(member, number, MORNING_MS));
    (0..15).for_each(|number| _ = device.put(member, number, b"back again"));
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.mass_delete.len(), device.engine.unsent()), (0, 0));
}
