//! A conflict that ends with all its versions: one stays the record, the others become records of their own.

use tidegate_protocol::RecordId;
use tidegate_sync_core::engine::EditError;
use tidegate_sync_core::manifest::{Cid, Op};

use crate::device::{Device, Store, record};
use crate::setup::account;

const BODY: usize = 2_000;

#[test]
fn each_version_is_a_record_on_every_device() {
    let account = account(1);
    let (mut a, member) = Device::first(&account);
    let (mut store, mut b) = (Store::default(), Device::further(&account, 2));
    a.put(member, 1, &[0; BODY]);
    a.sync(&mut store);
    b.sync(&mut store);
    let (from_a, from_b) = (a.put(member, 1, &[1; BODY]), b.put(member, 1, b"short"));
    for device in [&mut a, &mut b] {
        device.sync(&mut store);
    }
    a.sync(&mut store);
    assert_eq!(a.engine.conflicts().len(), 1);

    let now_ms = store.now_ms;
    let apart = [(from_b, record(77))];
    let edit = a.engine.resolve_keeping(member, record(1), from_a, &apart, now_ms, &mut a.rng).unwrap();
    a.commit(&edit);
    a.sync(&mut store);
    b.sync(&mut store);
    for device in [&a, &b] {
        assert!(device.engine.conflicts().is_empty());
        assert_eq!(device.shows(member, 1), Some(vec![1; BODY]));
        assert_eq!(device.shows(member, 77).as_deref(), Some(b"short".as_slice()));
        let copy = device.engine.record(member, record(77)).unwrap().shown;
        assert_eq!((copy.version, copy.op, copy.supersedes.len()), (1, Op::Put, 0));
    }
}

#[test]
fn nothing_is_written_if_one_of_them_is_no_version() {
    let account = account(1);
    let (mut a, member) = Device::first(&account);
    let shown = a.put(member, 1, b"one");
    let stranger = [(Cid::from_random([9; 16]), RecordId::from_bytes([9; 16]))];
    let refused = a.engine.resolve_keeping(member, record(1), shown, &stranger, 1, &mut a.rng).unwrap_err();
    assert!(matches!(refused, EditError::UnknownVersion { .. }), "{refused}");
}

#[test]
fn a_retired_device_is_known_to_all() {
    let account = account(1);
    let (mut a, _) = Device::first(&account);
    let (mut store, mut b) = (Store::default(), Device::further(&account, 2));
    a.sync(&mut store);
    b.sync(&mut store);
    let (lost, now_ms) = (b.engine.device_id(), store.now_ms);
    let edit = a.engine.retire_device(lost, now_ms, &mut a.rng).unwrap();
    a.commit(&edit);
    a.sync(&mut store);
    b.sync(&mut store);
    for device in [&a, &b] {
        assert_eq!(device.engine.retired_devices().into_iter().collect::<Vec<_>>(), [lost]);
        assert_eq!(device.engine.members().len(), 1, "it is no member");
    }
    // Marked twice it is marked once.
    assert!(b.engine.retire_device(lost, now_ms, &mut b.rng).unwrap().batch.rows.is_empty());
}
