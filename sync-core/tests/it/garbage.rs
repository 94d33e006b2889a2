//! Collections, from orphans to half-empty packs, while others write and while devices are killed.

use tidegate_protocol::MemberId;
use tidegate_sync_core::engine::{CollectOptions, Deleted, Effect, Outcome, Row};
use tidegate_sync_core::garbage::Hindrance;
use tidegate_sync_core::manifest::Location;
use tidegate_sync_core::quarantine::{Hole, HoleReason, Quarantined, Reason, Subject};

use crate::device::{Device, Store};
use crate::sample::segment_ref;
use crate::setup::{Account, account, bytes};

const DAY: u64 = 24 * 60 * 60 * 1000;
const KIB: usize = 1 << 10;

fn content(number: u64) -> Vec<u8> {
    bytes(20_000 + number, KIB)
}

fn put_many(device: &mut Device, member: MemberId, numbers: impl IntoIterator<Item = u64>, now_ms: u64) {
    for number in numbers {
        device.put_kind(member, number, None, &content(number), now_ms);
    }
}

fn device(account: &Account) -> (Device, MemberId, Store) {
    let (mut device, member) = Device::first(account);
    let mut store = Store::default();
    device.sync(&mut store);
    (device, member, store)
}

/// Five records in one pack, and beside it the pack of an upload that was interrupted before anything named it.
fn with_orphan() -> (Device, MemberId, Store) {
    let (mut device, member, mut store) = device(&account(1));
    put_many(&mut device, member, 0..5, store.now_ms);
    device.stop_before = Some(("persist-built-segment", 1));
    device.sync(&mut store);
    device.sync(&mut store);
    (device, member, store)
}

/// A device that joins now shows these records with what was written.
fn assert_joiner_reads(account: &Account, store: &mut Store, member: MemberId, numbers: impl IntoIterator<Item = u64>) {
    let mut joiner = Device::further(account, 9);
    let (summary, _) = joiner.sync(store);
    assert_eq!((summary.failure, summary.quarantined, summary.holes), (None, vec![], vec![]));
    for number in numbers {
        assert_eq!(joiner.shows(member, number), Some(content(number)), "record {number}");
    }
}

#[test]
fn an_orphan_of_an_interrupted_upload_goes_when_it_was_unreferenced_for_old() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    put_many(&mut device, member, 0..5, store.now_ms);
    device.stop_before = Some(("persist-built-segment", 1));
    device.sync(&mut store);
    assert_eq!(store.count("/packs/"), 1, "it is stored, and nobody will ever name it");
    device.sync(&mut store);
    assert_eq!(store.count("/packs/"), 2);

    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.deleted.objects, collected.waiting.len()), (0, 1));
    assert_eq!((collected.waiting[0].objects, collected.waiting[0].next_at_ms), (1, store.now_ms + 7 * DAY));
    store.pass(7 * DAY);
    assert_eq!(device.collect(&mut store).0.deleted.objects, 0, "to the millisecond");
    store.pass(1);
    device.restart();
    let (collected, requests) = device.collect(&mut store);
    assert_eq!((collected.deleted.objects, requests.of("delete-objects"), store.count("/packs/")), (1, 1, 1));
    assert!(device.saved.spaces.values().all(|space| space.unreferenced.is_empty()));
    assert_joiner_reads(&account, &mut store, member, 0..5);
}

#[test]
fn a_week_between_first_sight_and_deletion_even_for_what_is_long_old() {
    let (mut device, _, mut store) = with_orphan();
    store.pass(365 * DAY);
    assert_eq!(device.collect(&mut store).0.deleted.objects, 0, "seen for the first time");
    store.pass(6 * DAY);
    assert_eq!(device.collect(&mut store).0.deleted.objects, 0);
    store.pass(DAY + 1);
    assert_eq!(device.collect(&mut store).0.deleted.objects, 1);
}

#[test]
fn parts_of_a_checkpoint_that_was_never_finished_go_when_they_are_old() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    let in_parts = |device: &mut Device| {
        device.engine.set_checkpoint_minimum(20);
        device.engine.set_checkpoint_part_bytes(4_000);
    };
    in_parts(&mut device);
    put_many(&mut device, member, 0..40, store.now_ms);
    device.stop_before = Some(("put-checkpoint", 3));
    device.sync(&mut store);
    let unfinished = store.keys("/checkpoints/");
    assert_eq!(unfinished.len(), 2, "two parts are stored, and nobody will ever add the others");
    device.restart();
    in_parts(&mut device);
    put_many(&mut device, member, 40..60, store.now_ms);
    device.sync(&mut store);
    let made = store.count("/checkpoints/") - unfinished.len();
    assert!(made > 2, "a whole one, in parts of its own: {:?}", store.keys("/checkpoints/"));

    store.pass(7 * DAY);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.deleted.checkpoints, collected.held), (0, vec![]), "to the millisecond");
    store.pass(1);
    let (collected, _) = device.collect(&mut store);
    assert_eq!(collected.deleted.checkpoints, 2);
    assert!(unfinished.iter().all(|key| store.count(key) == 0));
    assert_eq!((store.count("/checkpoints/"), device.sync(&mut store).0.quarantined), (made, vec![]));
    assert_joiner_reads(&account, &mut store, member, 0..60);
}

#[test]
fn a_dry_run_tells_and_touches_nothing() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    put_many(&mut device, member, 0..5, store.now_ms);
    device.stop_before = Some(("put-segment", 1));
    device.sync(&mut store);
    device.stop_before = Some(("persist-built-segment", 1));
    put_many(&mut device, member, 5..9, store.now_ms);
    device.sync(&mut store);
    device.sync(&mut store);
    device.collect(&mut store);
    store.pass(8 * DAY);
    device.sync(&mut store);
    let (objects, saved) = (store.objects.clone(), device.saved.clone());
    let (summary, requests) = device.collect_with(CollectOptions { dry_run: true }, &mut store);
    let collected = summary.collected.unwrap();
    assert!(collected.dry_run && collected.deleted.objects > 0 && collected.deleted.bytes > 0);
    assert_eq!((requests.of("delete-objects"), store.objects == objects), (0, true));
    let unreferenced = |saved: &tidegate_sync_core::engine::Saved| -> Vec<_> {
        saved.spaces.values().map(|space| space.unreferenced.clone()).collect()
    };
    assert_eq!(unreferenced(&device.saved), unreferenced(&saved));
    let (really, _) = device.collect(&mut store);
    assert_eq!(really.deleted, collected.deleted);
}

#[test]
fn past_versions_stay_for_the_retention_and_their_objects_a_week_longer() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    device.put_kind(member, 0, None, &content(100), store.now_ms);
    device.sync(&mut store);
    put_many(&mut device, member, [0], store.now_ms + 1);
    device.sync(&mut store);
    assert_eq!(store.count("/records/"), 2);
    store.pass(90 * DAY);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.waiting.len(), store.count("/records/")), (0, 2), "the past refers to it");
    store.pass(2 * DAY);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.waiting[0].objects, store.count("/records/")), (1, 2), "purged, seen without a reference");
    store.pass(7 * DAY + 1);
    device.collect(&mut store);
    assert_eq!(store.count("/records/"), 1);
    assert_joiner_reads(&account, &mut store, member, [0]);
}

#[test]
fn what_cannot_be_read_keeps_everything_in_its_space() {
    let (mut device, member, mut store) = with_orphan();
    device.collect(&mut store);
    store.pass(8 * DAY);
    let space = device.engine.space_of(member);
    let segment = segment_ref(7, 3, 1);
    let unreadable = |reason| {
        Row::PutQuarantined(Quarantined { space, subject: Subject::Segment(segment), reason, retry_at_ms: u64::MAX / 2 })
    };
    let hole = Row::PutHole(Hole { space, segment, reason: HoleReason::SeenMissing });
    let saved = device.saved.clone();
    for (row, hindrance) in [
        (unreadable(Reason::NewerFormat), Hindrance::Unreadable),
        (unreadable(Reason::UnknownKey), Hindrance::Unreadable),
        (unreadable(Reason::AheadOfClock), Hindrance::Unreadable),
        (unreadable(Reason::Corrupt), Hindrance::Unreadable),
        (hole, Hindrance::Hole),
    ] {
        device.saved = saved.clone();
        device.keep(&[row]);
        device.restart();
        let (collected, requests) = device.collect(&mut store);
        let held: Vec<_> = collected.held.iter().map(|held| (held.space, held.hindrance)).collect();
        assert_eq!((held, requests.of("delete-objects")), (vec![(space, hindrance)], 0));
    }
    // What is forged will never be believed: it must not keep garbage for ever.
    device.saved = saved;
    device.keep(&[unreadable(Reason::ForgedSignature)]);
    device.restart();
    assert_eq!(device.collect(&mut store).0.deleted.objects, 1);
}

#[test]
fn a_listing_that_is_no_longer_fresh_deletes_nothing() {
    let (mut device, _, mut store) = with_orphan();
    device.collect(&mut store);
    store.pass(8 * DAY);
    device.engine.start_collect(CollectOptions::default(), store.now_ms, &mut device.rng);
    let mut deletes = 0;
    while let Some((id, effect)) = device.engine.poll_effect() {
        deletes += usize::from(matches!(effect, Effect::Delete { .. }));
        let outcome = if let Effect::Persist(batch) = &effect {
            device.keep(&batch.rows);
            // The device sleeps for two hours, in the middle of it.
            store.pass(2 * 60 * 60 * 1000);
            Outcome::Persisted
        } else {
            store.execute(&effect).unwrap_or(Outcome::Slept)
        };
        device.engine.handle(id, outcome, store.now_ms, &mut device.rng);
    }
    let collected = device.engine.finish().unwrap().collected.unwrap();
    assert_eq!((deletes, collected.deleted, collected.left), (0, Deleted::default(), 1));
}

/// A pack of 40 records of which 30 were replaced and purged, 93 days later.
fn half_empty(account: &Account) -> (Device, MemberId, Store) {
    let (mut device, member, mut store) = device(account);
    put_many(&mut device, member, 0..40, store.now_ms);
    device.sync(&mut store);
    for number in 0..30 {
        device.put_kind(member, number, None, b"short now", store.now_ms + 1);
    }
    device.sync(&mut store);
    store.pass(93 * DAY);
    (device, member, store)
}

#[test]
fn what_is_left_of_a_half_empty_pack_is_moved_and_the_old_pack_goes_a_week_later() {
    let account = account(1);
    let (mut device, member, mut store) = half_empty(&account);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    let old = store.keys("/packs/").remove(0);

    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.repacked.packs, collected.repacked.items, device.engine.unsent()), (1, 10, 0));
    assert_eq!(store.count("/packs/"), 2);
    let space = device.engine.space_of(member);
    let cid = device.engine.record(member, crate::device::record(35)).unwrap().shown.cid;
    let Some(Location::Pack(place)) = device.engine.state(space).unwrap().location(cid).cloned() else { panic!() };
    assert_ne!(place.pack.to_string(), old);
    assert_joiner_reads(&account, &mut store, member, 30..40);

    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.pulled, summary.conflicts), (10, 0), "the relocations, which change nothing to look at");
    assert_eq!(other.shows(member, 35), Some(content(35)));

    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.repacked.packs, collected.waiting[0].objects), (0, 1), "once is enough");
    store.pass(7 * DAY + 1);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.deleted.objects, store.count(&old)), (1, 0));
    assert_joiner_reads(&account, &mut store, member, 30..40);
}

#[test]
fn a_collector_killed_at_any_effect_loses_nothing_and_a_later_one_ends_the_work() {
    let account = account(1);
    let effects = [
        "list-objects",
        "get-doorbell",
        "list-devices",
        "persist-purge",
        "persist-garbage",
        "delete-objects",
        "get-object",
        "put-object",
        "persist-built-segment",
        "put-segment",
        "persist-sent-segment",
        "put-doorbell",
    ];
    for effect in effects {
        let (mut device, member, mut store) = half_empty(&account);
        device.stop_before = Some((effect, 1));
        device.collect_with(CollectOptions::default(), &mut store);
        device.restart();
        assert_joiner_reads(&account, &mut store, member, 30..40);
        for _ in 0..4 {
            store.pass(8 * DAY);
            device.stop_before = Some((effect, 1));
            device.collect_with(CollectOptions::default(), &mut store);
            device.restart();
            device.collect(&mut store);
        }
        for _ in 0..2 {
            store.pass(8 * DAY);
            device.collect(&mut store);
        }
        assert_joiner_reads(&account, &mut store, member, 30..40);
        assert_eq!(store.count("/packs/"), 1, "{effect}: only what is in use is left");
        assert_eq!(device.engine.unsent(), 0);
    }
}

/// Where a collector is killed at an effect.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kill {
    Not,
    Before,
    /// It has happened, and the device never hears of it.
    After,
}

/// Runs a collection in which somebody else does something at this effect; whether it came to it.
fn collect_beside(device: &mut Device, store: &mut Store, at: &str, kill: Kill, mut other: impl FnMut(&mut Store)) -> bool {
    device.engine.start_collect(CollectOptions::default(), store.now_ms, &mut device.rng);
    let mut came = false;
    while let Some((id, effect)) = device.engine.poll_effect() {
        let is_here = !came && effect.name() == at;
        came |= is_here;
        if is_here && kill != Kill::After {
            other(store);
        }
        if is_here && kill == Kill::Before {
            device.restart();
            return true;
        }
        let outcome = device.carry_out(&effect, store);
        if is_here && kill == Kill::After {
            other(store);
            device.restart();
            return true;
        }
        device.engine.handle(id, outcome, store.now_ms, &mut device.rng);
    }
    assert_eq!(device.engine.finish().unwrap().failure, None);
    came
}

/// Everything to which a device's state refers, heads, conflicts and past, is in the store.
fn assert_all_is_there(device: &Device, store: &Store, member: MemberId) {
    let state = device.engine.state(device.engine.space_of(member)).unwrap();
    for present in state.changes().filter(|present| !present.brought_by.is_empty() && present.change.has_content()) {
        let key = match &state.whereabouts_sent(present.change.cid).unwrap().location {
            Some(Location::Object(object)) => object.key.to_string(),
            Some(Location::Pack(pack)) => pack.pack.to_string(),
            Some(Location::Inline(_) | Location::Unknown(_)) | None => continue,
        };
        assert!(store.objects.contains_key(&key), "{key} is referred to by {}", present.change.cid);
    }
}

#[test]
fn a_writer_beside_a_collector_that_is_killed_at_any_effect_loses_nothing() {
    let account = account(1);
    let effects = [
        "list-objects",
        "get-doorbell",
        "list-devices",
        "list-checkpoints",
        "persist-purge",
        "persist-garbage",
        "delete-objects",
        "get-object",
        "put-object",
        "persist-built-segment",
        "put-segment",
        "persist-sent-segment",
        "put-doorbell",
        "persist-rung",
    ];
    for (effect, kill) in effects.into_iter().flat_map(|effect| [Kill::Not, Kill::Before, Kill::After].map(|kill| (effect, kill)))
    {
        let (mut device, member, mut store) = half_empty(&account);
        let mut writer = Device::further(&account, 2);
        writer.sync(&mut store);
        let photo = bytes(77, 5_000);
        writer.attach(member, Some(31), &photo, store.now_ms);
        writer.sync(&mut store);
        // An orphan, so that there is something to delete when the second collection comes to it.
        device.put_kind(member, 50, None, &content(50), store.now_ms);
        device.stop_before = Some(("persist-built-segment", 1));
        device.sync(&mut store);
        device.collect(&mut store);
        put_many(&mut device, member, 60..70, store.now_ms);
        device.sync(&mut store);
        for number in 60..68 {
            device.put_kind(member, number, None, b"short now", store.now_ms + 1);
        }
        device.sync(&mut store);
        store.pass(93 * DAY);
        device.collect(&mut store);
        store.pass(7 * DAY + 1);
        // Another half-empty pack, and old garbage of the first one.
        for device in [&mut device, &mut writer] {
            device.sync(&mut store);
        }
        let mut idle = Device::further(&account, 3);
        idle.sync(&mut store);
        let idle_since_ms = store.now_ms;

        let came = collect_beside(&mut device, &mut store, effect, kill, |store| {
            put_many(&mut writer, member, 80..83, store.now_ms);
            writer.put_kind(member, 31, None, &content(131), store.now_ms);
            writer.delete(member, 32, store.now_ms);
            writer.attach(member, Some(33), &photo, store.now_ms);
            writer.sync(store);
        });
        // Nothing is left to move or to delete in some of these runs; then there is nothing to be killed at.
        let is_rare = matches!(effect, "persist-purge" | "delete-objects" | "get-object" | "put-object");
        assert!(came || is_rare || kill == Kill::Not || effect.starts_with("put") || effect.starts_with("persist"), "{effect}");
        for _ in 0..4 {
            device.collect(&mut store);
            writer.collect(&mut store);
            for device in [&device, &writer] {
                assert_all_is_there(device, &store, member);
                assert_eq!((device.engine.quarantined(), device.engine.unsent()), (vec![], 0), "{effect} {kill:?}");
            }
            if store.now_ms <= idle_since_ms + 7 * DAY {
                assert_all_is_there(&idle, &store, member);
            }
            store.pass(3 * DAY + DAY / 2);
        }
        if came {
            assert_joiner_reads(&account, &mut store, member, [30, 33, 34, 35, 36, 37, 38, 39, 50, 68, 69, 80, 81, 82]);
            let mut joiner = Device::further(&account, 4);
            joiner.sync(&mut store);
            assert_eq!(joiner.shows(member, 31), Some(content(131)), "{effect} {kill:?}");
            assert!(joiner.engine.record(member, crate::device::record(32)).unwrap().deleted);
            assert_eq!(joiner.engine.attachments(member).len(), 2);
            assert_all_is_there(&joiner, &store, member);
        }
        // It comes back after two weeks, and goes on.
        idle.sync(&mut store);
        assert_all_is_there(&idle, &store, member);
        assert_eq!(idle.engine.quarantined(), []);
    }
}

#[test]
fn conflicts_and_what_waits_to_be_sent_keep_their_objects() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    device.put_kind(member, 0, None, &content(0), store.now_ms);
    device.sync(&mut store);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    device.put_kind(member, 0, None, &content(1), store.now_ms + 1);
    other.put_kind(member, 0, None, &content(2), store.now_ms + 2);
    device.sync(&mut store);
    other.sync(&mut store);
    // A segment is built, names its object, and waits for the network: for less than *late*.
    device.put_kind(member, 3, None, &content(3), store.now_ms + 3);
    device.stop_before = Some(("put-segment", 1));
    device.sync(&mut store);
    for _ in 0..10 {
        store.pass(8 * DAY);
        other.collect(&mut store);
        assert_all_is_there(&other, &store, member);
    }
    // It waited for months: the object is collected, and stored anew with the edit.
    device.sync(&mut store);
    for _ in 0..10 {
        store.pass(8 * DAY);
        other.collect(&mut store);
    }
    for device in [&mut device, &mut other] {
        device.sync(&mut store);
        device.collect(&mut store);
        assert_eq!(device.engine.conflicts().len(), 1);
        assert_all_is_there(device, &store, member);
        assert_eq!(device.engine.quarantined(), []);
    }
    assert_joiner_reads(&account, &mut store, member, [3]);
}

#[test]
fn a_record_deleted_elsewhere_while_it_is_moved_stays_deleted() {
    let account = account(1);
    let (mut device, member, mut store) = half_empty(&account);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    other.delete(member, 35, store.now_ms);
    device.collect(&mut store);
    other.sync(&mut store);
    device.sync(&mut store);
    for device in [&device, &other] {
        assert!(device.engine.record(member, crate::device::record(35)).unwrap().deleted);
        assert_eq!(device.engine.quarantined(), []);
    }
    // Its past version is still there, in the new pack, long after the old one went.
    for _ in 0..3 {
        store.pass(8 * DAY);
        device.collect(&mut store);
        other.sync(&mut store);
    }
    assert_eq!(store.count("/packs/"), 1);
    assert_joiner_reads(&account, &mut store, member, (30..35).chain(36..40));
}

#[test]
fn two_collectors_that_move_the_same_contents_agree() {
    let account = account(1);
    let (mut device, member, mut store) = half_empty(&account);
    let mut other = Device::further(&account, 2);
    other.sync(&mut store);
    // The second begins where the first has not yet written.
    let mut before = Store { objects: store.objects.clone(), now_ms: store.now_ms };
    other.stop_before = Some(("put-segment", 1));
    other.collect_with(CollectOptions::default(), &mut before);
    device.collect(&mut store);
    store.objects.extend(before.objects);
    other.restart();
    for _ in 0..3 {
        other.collect(&mut store);
        device.collect(&mut store);
        store.pass(8 * DAY);
    }
    assert_eq!(store.count("/packs/"), 1);
    assert_joiner_reads(&account, &mut store, member, 30..40);
}

#[test]
fn a_relocation_that_was_never_sent_is_dropped_and_nothing_is_lost() {
    let account = account(1);
    let (mut device, member, mut store) = half_empty(&account);
    device.stop_before = Some(("put-segment", 1));
    device.collect_with(CollectOptions::default(), &mut store);
    device.restart();
    // The device is off for a month. Another one collects meanwhile: to it the new pack is an orphan.
    let mut other = Device::further(&account, 2);
    for _ in 0..4 {
        store.pass(8 * DAY);
        other.collect(&mut store);
    }
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, device.engine.unsent()), (None, 0));
    for _ in 0..3 {
        other.collect(&mut store);
        device.collect(&mut store);
        store.pass(8 * DAY);
    }
    assert_eq!(device.engine.quarantined(), []);
    assert_joiner_reads(&account, &mut store, member, 30..40);
}

#[test]
fn a_file_let_go_and_attached_again_by_a_device_that_was_away_is_stored_anew() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    let photo = bytes(77, 5_000);
    device.attach(member, None, &photo, store.now_ms);
    device.sync(&mut store);
    let mut away = Device::further(&account, 2);
    away.sync(&mut store);

    let target = tidegate_sync_core::manifest::Target::Attachment(device.engine.attachments(member)[0].hmac);
    let deleted = device.engine.delete(member, target, store.now_ms + 1, &mut device.rng).unwrap();
    device.commit(&deleted);
    device.sync(&mut store);
    for _ in 0..15 {
        store.pass(8 * DAY);
        device.collect(&mut store);
    }
    assert_eq!(store.count("/attachments/"), 0);
    // It knows of nothing, and thinks that the file is in the store.
    let edit = away.attach(member, Some(5), &photo, store.now_ms);
    assert!(edit.deduplicated);
    away.sync(&mut store);
    assert_eq!(store.count("/attachments/"), 1);
    for _ in 0..3 {
        store.pass(8 * DAY);
        device.collect(&mut store);
    }
    assert_eq!((store.count("/attachments/"), device.engine.attachments(member).len()), (1, 1));
}

#[test]
fn segments_and_checkpoints_go_once_an_old_checkpoint_carries_them() {
    let account = account(1);
    let (mut device, member, mut store) = device(&account);
    // Each time enough for a checkpoint.
    for round in 0..3_u64 {
        for number in 0..1_500 {
            device.put_kind(member, number + 2_000 * round, None, b"short", store.now_ms);
        }
        assert_eq!(device.sync(&mut store).0.checkpoints_made, 1);
        store.pass(60_000);
    }
    let segments = || format!("{member}/devices/");
    let checkpoints = format!("{member}/checkpoints/");
    assert_eq!((store.count(&segments()), store.count(&checkpoints)), (4, 3));
    store.pass(7 * DAY - 1_000_000);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.deleted.segments, collected.deleted.checkpoints), (0, 0), "nothing old carries them");
    store.pass(2_000_000);
    let (collected, _) = device.collect(&mut store);
    assert_eq!((collected.deleted.segments, collected.deleted.checkpoints), (4, 2));
    assert_eq!((store.count(&segments()), store.count(&checkpoints)), (0, 1));

    let mut joiner = Device::further(&account, 3);
    let (summary, _) = joiner.sync(&mut store);
    assert_eq!((summary.failure, summary.holes, summary.quarantined), (None, vec![], vec![]));
    assert_eq!(joiner.engine.records(member, false).len(), 4_500);
    // The author goes on writing, and everybody follows.
    device.put_kind(member, 1, None, b"afterwards", store.now_ms);
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.notices), (None, vec![]));
    joiner.sync(&mut store);
    assert_eq!(joiner.shows(member, 1), Some(b"afterwards".to_vec()));
    assert_eq!((joiner.engine.holes(), joiner.engine.quarantined()), (vec![], vec![]));
}
