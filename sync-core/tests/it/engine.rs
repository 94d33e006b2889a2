//! The engine at its limits: rows that do not fit together, outboxes over one segment, more chains than a doorbell names.
//! Its behaviour over whole schedules is shown by the simulation in testkit.

use std::collections::BTreeMap;

use tidegate_protocol::{MemberId, Space};
use tidegate_sync_core::engine::{Attach, Row};

use crate::device::{Device, Store};
use crate::sample::{MORNING_MS, cid, segment_ref};
use crate::setup::account;

#[test]
fn an_outbox_over_one_segment_goes_in_several_and_rings_once() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    device.engine.set_checkpoint_minimum(usize::MAX);
    // Each takes over 1 KiB in its segment, which takes 7 MiB.
    (0..9_000).for_each(|number| {
        device.put(member, number, &[b'x'; 512]);
    });
    let (summary, counts) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed, device.engine.unsent()), (None, 9_000, 0));
    assert_eq!((counts.of("get-doorbell"), counts.of("put-segment"), counts.of("put-doorbell")), (1, 2, 1));
    let (_, counts) = device.sync(&mut store);
    assert_eq!(counts.names, BTreeMap::from([("get-doorbell", 1)]));

    let mut other = Device::further(&account, 2);
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.failure, other.engine.records(member, false).len()), (None, 9_000));
}

#[test]
fn a_row_of_the_outbox_without_its_change_keeps_no_sync_from_ending() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    device.put(member, 1, b"short");
    let space = Space::Member(account.user, member);
    device.keep(&[Row::PutOutbox { space, cid: cid(99), doubtful: false }]);
    let mut device = device.copy(device.saved.clone(), 7);
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 1));
}

#[test]
fn with_more_chains_than_a_doorbell_can_name_a_listing_finds_the_rest() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    let space = Space::Account(account.user);
    let many: Vec<Row> = (0..2_500).map(|n| Row::PutCovered { space, segment: segment_ref(n, 1, n) }).collect();
    device.keep(&many);
    let mut device = device.copy(device.saved.clone(), 7);
    device.put(member, 1, b"short");
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 1));
    assert!(device.saved.doorbell.ring, "the wish stays");

    let mut other = Device::further(&account, 2);
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.failure, other.engine.records(member, false).len()), (None, 1));
}

/// Whether a file of this name, and always the same content, was there already.
fn attach_named(device: &mut Device, member: MemberId, name: &str) -> bool {
    let (content, name) = (b"the same photo".to_vec().into(), Some(name.to_owned()));
    let attach = Attach { member, record: None, name, media_type: None, content };
    let edit = device.engine.attach(attach, MORNING_MS, &mut device.rng).unwrap();
    device.commit(&edit);
    edit.batch.rows.is_empty()
}

#[test]
fn a_file_attached_again_under_the_same_name_in_another_normal_form_is_there_already() {
    let (mut device, member) = Device::first(&account(1));
    assert!(!attach_named(&mut device, member, "Bl\u{fc}te.jpg"));
    assert!(attach_named(&mut device, member, "Blu\u{308}te.jpg"));
    assert!(!attach_named(&mut device, member, "Blute.jpg"));
}

#[test]
fn one_content_attached_at_two_records_is_stored_once() {
    let (mut device, member) = Device::first(&account(1));
    let mut store = Store::default();
    for record in [1, 2] {
        device.attach(member, Some(record), &[7; 5_000], MORNING_MS);
    }
    device.sync(&mut store);
    assert_eq!((store.count("/attachments/"), device.engine.attachments(member).len()), (1, 2));
}
