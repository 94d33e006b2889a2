//! Small contents travel together, out and in.

use tidegate_protocol::MemberId;
use tidegate_sync_core::manifest::Location;

use crate::device::{Device, Requests, Store};
use crate::setup::{Account, account, bytes};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Content that no compression shrinks, another for each number.
fn content(number: u64, length: usize) -> Vec<u8> {
    bytes(10_000 + number, length)
}

/// A device with one member, and everything that there is synced.
fn device(account: &Account) -> (Device, MemberId, Store) {
    let (mut device, member) = Device::first(account);
    let mut store = Store::default();
    device.sync(&mut store);
    (device, member, store)
}

fn put_many(device: &mut Device, member: MemberId, numbers: std::ops::Range<u64>, length: usize) {
    numbers.for_each(|number| _ = device.put(member, number, &content(number, length)));
}

fn assert_shows(device: &Device, member: MemberId, numbers: std::ops::Range<u64>, length: usize) {
    for number in numbers {
        assert_eq!(device.shows(member, number), Some(content(number, length)), "record {number}");
    }
}

fn no_quarantine(device: &Device) {
    assert_eq!(device.engine.quarantined(), []);
}

#[test]
fn a_thousand_records_are_sent_and_read_in_few_requests() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    let mut reader = Device::further(&account, 2);
    reader.sync(&mut store);
    put_many(&mut writer, member, 0..1_000, KIB);
    let (summary, requests) = writer.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 1_000));
    assert_eq!((requests.of("get-doorbell"), requests.of("put-segment"), requests.of("put-doorbell")), (1, 1, 1));
    // With the member's profile there are more than 1,000 changes: that makes a checkpoint, and who reads it needs no segment.
    assert_eq!((requests.of("put-object"), requests.of("put-checkpoint"), requests.total()), (1, 1, 5));
    assert_eq!((store.count("/packs/"), store.count("/records/")), (1, 0));

    let (summary, requests) = reader.sync(&mut store);
    assert_eq!((summary.failure, summary.pulled), (None, 1_000));
    assert_eq!((requests.of("get-object"), requests.total()), (1, 3));
    assert_shows(&reader, member, 0..1_000, KIB);
    no_quarantine(&reader);
    for device in [&mut writer, &mut reader] {
        assert_eq!(device.sync(&mut store).1.total(), 1);
    }
}

#[test]
fn ten_thousand_records_are_three_packs_a_segment_and_a_checkpoint() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    put_many(&mut writer, member, 0..10_000, KIB);
    let (summary, requests) = writer.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 10_000));
    let expected = [("get-doorbell", 1), ("put-object", 3), ("put-segment", 1), ("put-checkpoint", 1), ("put-doorbell", 1)];
    expected.iter().for_each(|(name, count)| assert_eq!(requests.of(name), *count, "{name}"));
    assert_eq!(requests.total(), 7);

    let mut reader = Device::further(&account, 2);
    let (summary, requests) = reader.sync(&mut store);
    assert_eq!((summary.failure, requests.of("get-object")), (None, 3));
    assert_shows(&reader, member, 0..10_000, KIB);
}

#[test]
fn a_pack_has_at_most_4_mib_and_a_large_record_is_an_object_of_its_own() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    put_many(&mut writer, member, 0..40, 256 * KIB);
    put_many(&mut writer, member, 40..42, 256 * KIB + 1);
    let (summary, requests) = writer.sync(&mut store);
    assert_eq!(summary.failure, None);
    assert_eq!((store.count("/packs/"), store.count("/records/"), requests.of("put-object")), (3, 2, 5));
    let largest = store.objects.iter().filter(|(key, _)| key.contains("/packs/")).map(|(_, (bytes, _))| bytes.len()).max();
    assert!(largest.unwrap() <= 4 * MIB);

    let mut reader = Device::further(&account, 2);
    let (summary, requests) = reader.sync(&mut store);
    assert_eq!((summary.failure, requests.of("get-object")), (None, 5));
    assert_shows(&reader, member, 0..40, 256 * KIB);
    assert_shows(&reader, member, 40..42, 256 * KIB + 1);
}

#[test]
fn a_record_alone_is_stored_under_its_own_name() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    put_many(&mut writer, member, 0..1, KIB);
    writer.sync(&mut store);
    assert_eq!((store.count("/packs/"), store.count("/records/")), (0, 1));
}

#[test]
fn the_members_have_packs_of_their_own() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    let other = writer.engine.add_member("Ben", store.now_ms, &mut writer.rng).unwrap();
    writer.commit(&other.edit);
    put_many(&mut writer, member, 0..10, KIB);
    put_many(&mut writer, other.member, 10..20, KIB);
    writer.sync(&mut store);
    assert_eq!(store.count("/packs/"), 2);
    assert_eq!(store.count(&format!("{other}/packs/", other = other.member)), 1);
    let mut reader = Device::further(&account, 2);
    reader.sync(&mut store);
    assert_shows(&reader, member, 0..10, KIB);
    assert_shows(&reader, other.member, 10..20, KIB);
}

/// What a device reads of a pack of 1,000 records once most of them were replaced.
fn after_replacing(keep: impl Fn(u64) -> bool) -> (Requests, Device, MemberId) {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    put_many(&mut writer, member, 0..1_000, KIB);
    writer.sync(&mut store);
    for number in (0..1_000).filter(|number| !keep(*number)) {
        writer.put(member, number, b"short now");
    }
    writer.sync(&mut store);
    let mut reader = Device::further(&account, 2);
    let (summary, requests) = reader.sync(&mut store);
    assert_eq!(summary.failure, None);
    no_quarantine(&reader);
    (requests, reader, member)
}

#[test]
fn a_quarter_of_a_pack_is_read_at_once_and_a_few_records_by_themselves() {
    let (requests, reader, member) = after_replacing(|number| number % 3 == 0);
    assert_eq!(requests.of("get-object"), 1);
    assert_eq!(reader.shows(member, 3), Some(content(3, KIB)));

    let (requests, reader, member) = after_replacing(|number| !(2..999).contains(&number));
    assert_eq!(requests.of("get-object"), 2);
    assert_shows(&reader, member, 0..2, KIB);
    assert_shows(&reader, member, 999..1_000, KIB);
}

#[test]
fn a_damaged_record_in_a_pack_leaves_the_others_readable() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    put_many(&mut writer, member, 0..20, KIB);
    writer.sync(&mut store);
    let pack = store.keys("/packs/").remove(0);
    store.objects.get_mut(&pack).unwrap().0[KIB / 2] ^= 1;
    let mut reader = Device::further(&account, 2);
    let (summary, _) = reader.sync(&mut store);
    assert_eq!((summary.failure, summary.quarantined.len()), (None, 1));
    assert_eq!((0..20).filter(|number| reader.shows(member, *number).is_some()).count(), 19);

    store.objects.get_mut(&pack).unwrap().0.truncate(10 * KIB);
    let mut reader = Device::further(&account, 3);
    let (summary, _) = reader.sync(&mut store);
    assert_eq!(summary.failure, None, "a range that the pack does not have stops nothing");
    assert_eq!(summary.quarantined.len(), 20);
}

#[test]
fn a_device_killed_at_any_effect_of_sending_loses_nothing() {
    let account = account(1);
    for effect in ["load-content", "put-object", "persist-built-segment", "put-segment", "persist-sent-segment", "put-doorbell"] {
        for number in [1, 2] {
            let (mut writer, member, mut store) = device(&account);
            put_many(&mut writer, member, 0..26, 200 * KIB);
            writer.stop_before = Some((effect, number));
            writer.sync(&mut store);
            writer.restart();
            let (summary, _) = writer.sync(&mut store);
            assert_eq!((summary.failure, writer.engine.unsent()), (None, 0), "{effect} {number}");
            let mut reader = Device::further(&account, 2);
            assert_eq!(reader.sync(&mut store).0.failure, None);
            assert_shows(&reader, member, 0..26, 200 * KIB);
            no_quarantine(&reader);
        }
    }
}

#[test]
fn compressible_records_are_packed_by_their_stored_length() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    (0..100).for_each(|number| _ = writer.put(member, number, format!("{number} ").repeat(50_000).as_bytes()));
    let (summary, requests) = writer.sync(&mut store);
    assert_eq!((summary.failure, requests.of("put-object")), (None, 1));
    let mut reader = Device::further(&account, 2);
    let (summary, _) = reader.sync(&mut store);
    assert_eq!(summary.failure, None);
    assert_eq!(reader.shows(member, 77), Some("77 ".repeat(50_000).into_bytes()));
}

#[test]
fn packed_versions_say_where_they_lie() {
    let account = account(1);
    let (mut writer, member, mut store) = device(&account);
    let cids: Vec<_> = (0..3).map(|number| writer.put(member, number, &content(number, KIB))).collect();
    writer.sync(&mut store);
    let state = writer.engine.state(writer.engine.space_of(member)).unwrap();
    let places: Vec<_> = cids.iter().map(|cid| state.location(*cid).unwrap().clone()).collect();
    let mut end = 0;
    for place in places {
        let Location::Pack(place) = place else { panic!("not in a pack: {place:?}") };
        assert_eq!(place.offset, end, "one behind the other");
        end += place.length;
    }
}
