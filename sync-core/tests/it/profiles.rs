//! Profiles and attachments merge by the rules of records.

use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_core::engine::{PutRecord, VersionState};
use tidegate_sync_core::manifest::{Cid, Target};

use crate::device::{Device, Store};
use crate::setup::{account, bytes};

fn profile(member: MemberId) -> RecordId {
    RecordId::from_bytes(*member.as_bytes())
}

fn rename(device: &mut Device, member: MemberId, name: &str, now_ms: u64) -> Cid {
    let put = PutRecord {
        member,
        record: profile(member),
        kind: Some("profile".to_owned()),
        title: Some(name.to_owned()),
        media_type: None,
        content: Vec::new(),
    };
    let edit = device.engine.put(put, now_ms, &mut device.rng).unwrap();
    device.commit(&edit);
    edit.cid
}

fn name(device: &Device) -> String {
    device.engine.members()[0].name.clone()
}

fn two_devices() -> (Device, Device, MemberId, Store) {
    let account = account(1);
    let (mut one, member) = Device::first(&account);
    let mut store = Store::default();
    one.sync(&mut store);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    (one, other, member, store)
}

#[test]
fn two_names_given_at_once_are_a_conflict_that_is_kept_compared_and_ended() {
    let (mut one, mut other, member, mut store) = two_devices();
    let loser = rename(&mut one, member, "Annie", store.now_ms + 1);
    rename(&mut other, member, "Anna B", store.now_ms + 2);
    one.sync(&mut store);
    other.sync(&mut store);
    one.sync(&mut store);
    for device in [&one, &other] {
        assert_eq!((name(device).as_str(), device.engine.conflicts().len()), ("Anna B", 1));
        let history = device.engine.history(member, Target::Record(profile(member)));
        let states: Vec<VersionState> = history.iter().map(|version| version.state).collect();
        assert_eq!(states, [VersionState::Past, VersionState::Conflict, VersionState::Winner]);
    }
    let resolved = one.engine.resolve(member, profile(member), loser, store.now_ms + 3, &mut one.rng).unwrap();
    one.commit(&resolved);
    one.sync(&mut store);
    other.sync(&mut store);
    for device in [&one, &other] {
        assert_eq!((name(device).as_str(), device.engine.conflicts().len()), ("Annie", 0));
    }
}

#[test]
fn one_name_given_by_both_is_no_conflict_and_a_profile_is_never_deleted() {
    let (mut one, mut other, member, mut store) = two_devices();
    rename(&mut one, member, "Annie", store.now_ms + 1);
    rename(&mut other, member, "Annie", store.now_ms + 2);
    one.sync(&mut store);
    other.sync(&mut store);
    one.sync(&mut store);
    for device in [&one, &other] {
        assert_eq!((name(device).as_str(), device.engine.conflicts().len()), ("Annie", 0));
    }
    let target = Target::Record(profile(member));
    assert_eq!(one.engine.delete(member, target, store.now_ms + 3, &mut one.rng).unwrap_err().code(), "not-found");
}

#[test]
fn an_attachment_made_anew_survives_a_delete_of_the_same_time_and_is_whole() {
    let (mut one, mut other, member, mut store) = two_devices();
    let photo = bytes(77, 5_000);
    let attached = one.attach(member, Some(1), &photo, store.now_ms);
    one.sync(&mut store);
    other.sync(&mut store);
    let deleted = one.engine.delete(member, attached.target, store.now_ms + 1, &mut one.rng).unwrap();
    one.commit(&deleted);
    // At the same time the other one hangs it at one more record.
    other.attach(member, Some(2), &photo, store.now_ms + 1);
    one.sync(&mut store);
    other.sync(&mut store);
    one.sync(&mut store);
    for device in [&one, &other] {
        let records: Vec<_> = device.engine.attachments(member).iter().map(|view| view.shown.meta.record_id).collect();
        assert_eq!(records, [Some(crate::device::record(2))], "gone where it was deleted, there where it was attached");
        assert_eq!(device.engine.conflicts(), []);
    }
    // Deleted everywhere, and attached again: one more life.
    let target = attached.target;
    let deleted = other.engine.delete(member, target, store.now_ms + 2, &mut other.rng).unwrap();
    other.commit(&deleted);
    other.sync(&mut store);
    one.sync(&mut store);
    assert_eq!(one.engine.attachments(member), []);
    let again = one.attach(member, Some(1), &photo, store.now_ms + 3);
    assert!(again.version > deleted.version, "after the delete, not beside it");
    one.sync(&mut store);
    other.sync(&mut store);
    assert_eq!(other.engine.attachments(member).len(), 1);
}
