//! Restored backups, clones, checkpoints, floors, purges and lost segments: what each case comes to on real engines.

use tidegate_protocol::{MemberId, Space};
use tidegate_sync_core::engine::{Outcome, Saved, SyncOptions, SyncSummary, VersionState};
use tidegate_sync_core::manifest::{Register, Target};
use tidegate_sync_core::notice::NoticeKind;
use tidegate_sync_core::state::{CHECKPOINT_MINIMUM, OLD_MS, RETENTION_MS};

use crate::device::{Device, Store, record};
use crate::setup::{Account, account};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn kinds(summary: &SyncSummary) -> Vec<NoticeKind> {
    summary.notices.iter().map(|notice| notice.kind).collect()
}

fn sync(device: &mut Device, store: &mut Store) -> SyncSummary {
    let (summary, _) = device.sync(store);
    assert_eq!((summary.failure, device.engine.unsent()), (None, 0));
    summary
}

/// An edit made now, by the store's clock.
fn put(device: &mut Device, store: &Store, member: MemberId, number: u64, content: &[u8]) {
    device.put_kind(member, number, None, content, store.now_ms);
}

fn text_of(device: &Device, member: MemberId, number: u64) -> Option<Vec<u8>> {
    let view = device.engine.record(member, record(number)).filter(|view| !view.deleted)?;
    match &view.shown.location {
        Some(tidegate_sync_core::manifest::Location::Inline(content)) => Some(content.to_vec()),
        _ => None,
    }
}

/// A device that has sent one record, a copy of its disk from then, and the store.
fn with_backup() -> (Account, Device, Saved, MemberId, Store) {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    put(&mut device, &store, member, 1, b"before the backup");
    sync(&mut device, &mut store);
    let backup = device.saved.clone();
    (account, device, backup, member, store)
}

#[test]
fn a_restored_backup_goes_on_under_a_new_chain_and_loses_nothing() {
    let (account, mut device, backup, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"after the backup");
    sync(&mut device, &mut store);
    let space = Space::Member(account.user, member);
    let old_chain = backup.spaces[&space].chain;

    let mut restored = device.copy(backup, 8);
    put(&mut restored, &store, member, 3, b"after the restore");
    let summary = sync(&mut restored, &mut store);
    assert_eq!(kinds(&summary), [NoticeKind::RestoredOrCloned]);
    assert_ne!(restored.saved.spaces[&space].chain.map(|own| own.chain), old_chain.map(|own| own.chain));
    assert_eq!(text_of(&restored, member, 2).as_deref(), Some(b"after the backup".as_slice()));

    let mut other = Device::further(&account, 2);
    sync(&mut other, &mut store);
    assert_eq!(other.engine.records(member, false).len(), 3);
}

#[test]
fn an_edit_that_a_restored_backup_still_holds_is_sent_once() {
    let (_, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"written before the backup, sent after it");
    let backup = device.saved.clone();
    sync(&mut device, &mut store);
    let mut restored = device.copy(backup, 8);
    sync(&mut restored, &mut store);
    let history = restored.engine.history(member, Target::Record(record(2)));
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].state, VersionState::Winner);
}

#[test]
fn clones_that_write_at_once_both_go_on_and_agree() {
    let (account, mut one, backup, member, mut store) = with_backup();
    let mut two = one.copy(backup, 8);
    put(&mut one, &store, member, 2, b"by the one");
    put(&mut two, &store, member, 3, b"by the other");
    sync(&mut one, &mut store);
    // The other has not polled since the copy was made.
    sync(&mut two, &mut store);
    put(&mut one, &store, member, 4, b"again by the one");
    put(&mut two, &store, member, 5, b"again by the other");
    for _ in 0..3 {
        sync(&mut one, &mut store);
        sync(&mut two, &mut store);
    }
    assert_eq!(one.engine.records(member, false).len(), 5);
    assert_eq!(two.engine.records(member, false).len(), 5);
    let mut third = Device::further(&account, 2);
    sync(&mut third, &mut store);
    assert_eq!(third.engine.records(member, false).len(), 5);
}

/// The device edits one record again and again over months, with checkpoints; in the end nothing but the last version and
/// what is young is left.
fn grow_old(device: &mut Device, member: MemberId, store: &mut Store, days: u64) {
    device.engine.set_checkpoint_minimum(4);
    for day in 0..days / 4 {
        store.pass(4 * DAY_MS);
        put(device, store, member, 9, format!("on day {day}").as_bytes());
        sync(device, store);
    }
}

#[test]
fn months_of_edits_are_purged_floors_rise_and_a_joining_device_reads_a_checkpoint() {
    let (account, mut device, _, member, mut store) = with_backup();
    grow_old(&mut device, member, &mut store, 200);
    let space = Space::Member(account.user, member);
    let versions = device.engine.history(member, Target::Record(record(9))).len();
    assert!(versions <= 25, "{versions} versions are left of 50, though 90 days are kept");
    let frontier = device.engine.state(space).unwrap().frontier();
    assert!(frontier.chains().any(|(_, chain)| chain.floor() > 10));
    assert!(store.count("/checkpoints/") > 2);

    let mut other = Device::further(&account, 2);
    let summary = sync(&mut other, &mut store);
    assert!(summary.checkpoints_merged > 0);
    // What is due by now goes at the next daily listing: joining takes the checkpoint as it is.
    store.pass(DAY_MS);
    sync(&mut device, &mut store);
    sync(&mut other, &mut store);
    let of = |device: &Device| device.engine.state(space).unwrap().changes().cloned().collect::<Vec<_>>();
    assert_eq!(of(&other), of(&device));
}

#[test]
fn a_backup_from_before_the_retention_keeps_its_old_edits_beside_what_is_shown() {
    let (_, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"sent, replaced and purged since");
    let backup = device.saved.clone();
    sync(&mut device, &mut store);
    put(&mut device, &store, member, 2, b"its successor, purged too");
    sync(&mut device, &mut store);
    put(&mut device, &store, member, 2, b"the version of today");
    grow_old(&mut device, member, &mut store, 200);

    let mut restored = device.copy(backup, 8);
    let summary = sync(&mut restored, &mut store);
    let kinds = kinds(&summary);
    assert!(kinds.contains(&NoticeKind::RestoredOrCloned) && kinds.contains(&NoticeKind::EditsKept), "{kinds:?}");
    assert_eq!(text_of(&restored, member, 2).as_deref(), Some(b"the version of today".as_slice()));
    let states: Vec<_> = restored.engine.history(member, Target::Record(record(2))).iter().map(|version| version.state).collect();
    assert!(states.contains(&VersionState::Conflict), "{states:?}");
}

#[test]
fn an_old_edit_of_a_backup_whose_successor_is_known_stays_behind_it() {
    let (_, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"sent, replaced and purged since");
    let backup = device.saved.clone();
    sync(&mut device, &mut store);
    put(&mut device, &store, member, 2, b"the version of today");
    grow_old(&mut device, member, &mut store, 200);

    let mut restored = device.copy(backup, 8);
    let summary = sync(&mut restored, &mut store);
    assert_eq!(kinds(&summary), [NoticeKind::RestoredOrCloned]);
    assert_eq!(text_of(&restored, member, 2).as_deref(), Some(b"the version of today".as_slice()));
    assert!(restored.engine.conflicts().is_empty());
}

#[test]
fn a_backup_is_noticed_when_only_a_checkpoint_still_knows_what_was_written() {
    let (_, mut device, backup, member, mut store) = with_backup();
    grow_old(&mut device, member, &mut store, 60);
    // The collector takes what an old checkpoint covers: here all segments, and with them the doorbell's word of them.
    store.objects.retain(|key, _| !key.contains("/manifest/") && !key.ends_with("sync-manifest.blob"));

    let mut restored = device.copy(backup, 8);
    put(&mut restored, &store, member, 3, b"after the restore");
    let summary = sync(&mut restored, &mut store);
    assert!(kinds(&summary).contains(&NoticeKind::RestoredOrCloned));
    sync(&mut device, &mut store);
    assert_eq!(text_of(&device, member, 3).as_deref(), Some(b"after the restore".as_slice()));
}

#[test]
fn a_built_segment_whose_objects_may_be_collected_is_built_anew() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, &[b'x'; 2_000]);
    // Killed after the segment was persisted and before it was sent.
    let mut halfway = store.clone();
    let built = device.sync_until(&mut halfway, "put-segment");
    let mut again = device.copy(built, 8);
    store.pass(OLD_MS + DAY_MS);
    sync(&mut again, &mut store);
    let mut other = Device::further(&account, 2);
    let summary = sync(&mut other, &mut store);
    assert_eq!((summary.quarantined.len(), summary.holes.len()), (0, 0));
    assert_eq!(other.engine.records(member, false).len(), 2);
}

#[test]
fn segments_that_the_store_has_lost_are_written_down_anew() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"lost by the store");
    sync(&mut device, &mut store);
    let is_second = |key: &str| key.contains("/family-members/") && key.contains("-0000000000000002.");
    store.objects.retain(|key, _| !is_second(key));
    let mut other = Device::further(&account, 2);
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.holes.len(), other.engine.records(member, false).len()), (1, 1));

    store.pass(2 * DAY_MS);
    let summary = sync(&mut device, &mut store);
    assert!(kinds(&summary).contains(&NoticeKind::StoreLostSegments));
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.holes.len(), other.engine.records(member, false).len()), (0, 2));
}

#[test]
fn an_edit_made_while_the_clock_was_years_ahead_is_stamped_anew_before_it_is_sent() {
    let (account, mut device, _, member, mut store) = with_backup();
    let ahead_ms = store.now_ms + 3 * 365 * DAY_MS;
    device.put_kind(member, 2, None, b"made in the future", ahead_ms);
    device.put_kind(member, 2, None, b"made in the future, second", ahead_ms);
    store.pass(DAY_MS);
    sync(&mut device, &mut store);
    let mut other = Device::further(&account, 2);
    let summary = sync(&mut other, &mut store);
    assert!(summary.quarantined.is_empty());
    assert_eq!(text_of(&other, member, 2).as_deref(), Some(b"made in the future, second".as_slice()));
}

#[test]
fn a_deleted_record_is_gone_after_the_retention_and_does_not_return() {
    let (account, mut device, _, member, mut store) = with_backup();
    let mut other = Device::further(&account, 2);
    sync(&mut other, &mut store);
    device.delete(member, 1, store.now_ms);
    sync(&mut device, &mut store);
    store.pass(RETENTION_MS + 2 * DAY_MS);
    let summary = sync(&mut device, &mut store);
    assert_eq!(summary.purged, 2);
    // A device that slept through it all has both still, merges, and purges too.
    sync(&mut other, &mut store);
    for device in [&device, &other] {
        assert!(device.engine.record(member, record(1)).is_none());
    }
}

#[test]
fn a_checkpoint_in_parts_is_merged_as_a_whole_or_not_at_all() {
    let (account, mut device, _, member, mut store) = with_backup();
    device.engine.set_checkpoint_minimum(20);
    device.engine.set_checkpoint_part_bytes(4_000);
    (0..40).for_each(|number| put(&mut device, &store, member, 100 + number, b"short"));
    assert_eq!(sync(&mut device, &mut store).checkpoints_made, 1);
    let parts: Vec<String> = store.objects.keys().filter(|key| key.contains("/checkpoints/")).cloned().collect();
    assert!(parts.len() > 3, "{parts:?}");
    let segments: Vec<String> =
        store.objects.keys().filter(|key| key.contains("/manifest/") && key.contains("/family-")).cloned().collect();

    let join = |without: &[&String]| {
        let mut store = store.clone();
        store.objects.retain(|key, _| !without.contains(&key));
        let mut other = Device::further(&account, 2);
        let (summary, counts) = other.sync(&mut store);
        (summary, other.engine.records(member, false).len(), counts)
    };
    let (summary, records, counts) = join(&segments.iter().collect::<Vec<_>>());
    assert_eq!((summary.checkpoints_merged, records, counts.of("get-checkpoint")), (1, 41, parts.len()));
    let (summary, records, _) = join(&[&parts[1]]);
    assert_eq!((summary.checkpoints_merged, records), (0, 41), "the segments have everything");
    assert_eq!(summary.quarantined.len(), parts.len());
}

#[test]
fn the_first_checkpoint_is_made_when_there_is_more_than_the_minimum() {
    let (_, mut device, _, member, mut store) = with_backup();
    (0..CHECKPOINT_MINIMUM as u64).for_each(|number| put(&mut device, &store, member, 100 + number, b"short"));
    let summary = sync(&mut device, &mut store);
    assert_eq!((summary.checkpoints_made, store.count("/checkpoints/")), (1, 1));
    put(&mut device, &store, member, 1, b"one more");
    assert_eq!(sync(&mut device, &mut store).checkpoints_made, 0);
}

#[test]
fn a_segment_sent_months_ago_and_never_confirmed_is_found_before_its_edits_are_judged() {
    let (_, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"stored, but the answer was lost");
    let built = device.sync_until(&mut store.clone(), "put-segment");
    let mut heard = device.copy(built.clone(), 8);
    sync(&mut heard, &mut store);
    let mut again = device.copy(built, 9);
    store.pass(RETENTION_MS);
    let summary = sync(&mut again, &mut store);
    assert_eq!((kinds(&summary), again.engine.conflicts().len()), (Vec::new(), 0));
    assert_eq!(again.engine.history(member, Target::Record(record(2))).len(), 1);
}

#[test]
fn a_member_whose_entry_was_only_kept_is_known_by_name_all_the_same() {
    let (account, mut device, backup, member, mut store) = with_backup();
    let added = device.engine.add_member("Ben", store.now_ms, &mut crate::setup::rng(9)).unwrap();
    let mut late = device.copy(backup, 8);
    late.commit(&added.edit);
    // The device writes on; the copy with the new member sleeps until nobody could tell whether it was sent.
    put(&mut device, &store, member, 2, b"under the old chain");
    sync(&mut device, &mut store);
    store.pass(RETENTION_MS);
    sync(&mut late, &mut store);
    let mut other = Device::further(&account, 2);
    sync(&mut other, &mut store);
    let names: Vec<String> = other.engine.members().into_iter().map(|member| member.name).collect();
    assert!(names.contains(&"Ben".to_owned()), "{names:?}");
}

#[test]
fn a_device_that_sleeps_between_its_listing_and_its_floors_covers_nothing_that_a_clone_stored_meanwhile() {
    let account = account(1);
    let (mut one, member) = Device::first(&account);
    let mut store = Store::default();
    one.engine.set_checkpoint_minimum(2);
    one.sync(&mut store);
    let mut two = one.copy(one.saved.clone(), 8);
    for number in 0..4 {
        put(&mut one, &store, member, number, b"by the one");
    }
    put(&mut two, &store, member, 9, b"by its clone");
    // It has read the doorbell before the first one rings, and its segment is on its way: it claims the same number.
    two.engine.start_sync(SyncOptions::default(), store.now_ms, &mut two.rng);
    let (_, segment) = two.run_until(&mut store, "put-segment").unwrap();
    let (summary, _) = one.sync(&mut store);
    assert_eq!(summary.checkpoints_made, 1);

    let mut reader = Device::further(&account, 2);
    reader.engine.start_sync(SyncOptions::default(), store.now_ms, &mut reader.rng);
    let (id, checkpoint) = reader.run_until(&mut store, "get-checkpoint").unwrap();
    store.execute(&segment);
    store.pass(OLD_MS + DAY_MS);
    let outcome = store.execute(&checkpoint).unwrap();
    reader.engine.handle(id, outcome, store.now_ms, &mut reader.rng);
    reader.run(&mut store);
    reader.engine.finish();
    reader.sync(&mut store);
    assert!(reader.engine.record(member, record(9)).is_some());
}

#[test]
fn a_backup_from_before_the_first_segment_does_not_bring_back_what_was_deleted_and_purged() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    put(&mut device, &store, member, 1, b"in the backup, and not sent yet");
    let backup = device.saved.clone();
    device.delete(member, 1, store.now_ms);
    sync(&mut device, &mut store);
    grow_old(&mut device, member, &mut store, 120);
    assert!(device.engine.record(member, record(1)).is_none());
    // The collector takes what an old checkpoint covers.
    store.objects.retain(|key, _| !key.contains("/manifest/") && !key.ends_with("sync-manifest.blob"));

    let mut restored = device.copy(backup, 8);
    let summary = sync(&mut restored, &mut store);
    assert!(kinds(&summary).contains(&NoticeKind::EditsKept), "{:?}", kinds(&summary));
    assert_eq!(restored.engine.winner(Space::Member(account.user, member), &Register::record(record(1))), None);
    assert_eq!(restored.engine.conflicts().len(), 1);
}

#[test]
fn an_old_delete_made_anew_takes_with_it_what_its_outbox_had_replaced() {
    let (_, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 1, b"never sent, and deleted by the next");
    device.delete(member, 1, store.now_ms);
    let built = device.sync_until(&mut store.clone(), "put-segment");
    let mut again = device.copy(built, 9);
    store.pass(RETENTION_MS + DAY_MS);
    sync(&mut again, &mut store);
    assert!(again.engine.record(member, record(1)).is_none_or(|view| view.deleted));
}

#[test]
fn a_delete_made_after_the_doubt_arose_takes_all_that_stood_under_it() {
    let (_, mut device, backup, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"after the backup");
    sync(&mut device, &mut store);
    let mut restored = device.copy(backup, 8);
    put(&mut restored, &store, member, 1, b"never sent, and in doubt from the next sync on");
    let in_doubt = restored.sync_until(&mut store, "list-devices");
    let mut restored = device.copy(in_doubt, 9);
    store.pass(RETENTION_MS);
    restored.delete(member, 1, store.now_ms);
    let summary = sync(&mut restored, &mut store);
    assert!(!kinds(&summary).contains(&NoticeKind::EditsKept), "{:?}", kinds(&summary));
    sync(&mut device, &mut store);
    for device in [&device, &restored] {
        assert!(device.engine.record(member, record(1)).is_none_or(|view| view.deleted));
        assert!(device.engine.conflicts().is_empty());
    }
}

#[test]
fn a_dropped_segment_that_was_stored_is_read_though_a_clone_has_sent_all_its_edits() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"in the outbox of both");
    let mut clone = device.copy(device.saved.clone(), 8);
    let built = device.sync_until(&mut store.clone(), "put-segment");
    let mut unconfirmed = device.copy(built.clone(), 9);
    let mut stored_by_it = store.clone();
    sync(&mut device.copy(built, 9), &mut stored_by_it);
    sync(&mut clone, &mut store);
    store.objects.extend(stored_by_it.objects.into_iter().filter(|(key, _)| key.contains("/manifest/")));

    let mut a_week_later = unconfirmed.copy(unconfirmed.saved.clone(), 10);
    sync(&mut unconfirmed, &mut store);
    let brought_by = |device: &Device| {
        let cid = device.engine.history(member, Target::Record(record(2)))[0].change.cid;
        device.engine.state(Space::Member(account.user, member)).unwrap().present(cid).unwrap().brought_by.len()
    };
    assert_eq!(brought_by(&unconfirmed), 2);

    // Nor does a floor rise over it, when the clone's of the same number stands in an old checkpoint.
    clone.engine.set_checkpoint_minimum(1);
    (3..9).for_each(|number| put(&mut clone, &store, member, number, b"by the clone"));
    assert_eq!(sync(&mut clone, &mut store).checkpoints_made, 1);
    store.pass(OLD_MS + DAY_MS);
    sync(&mut a_week_later, &mut store);
    assert_eq!(brought_by(&a_week_later), 2);
}

#[test]
fn an_old_edit_of_a_backup_that_something_sent_has_replaced_is_not_sent_again() {
    let (account, mut device, _, member, mut store) = with_backup();
    let mut other = Device::further(&account, 2);
    put(&mut device, &store, member, 2, b"in the backup, sent, replaced and purged");
    let backup = device.saved.clone();
    put(&mut device, &store, member, 2, b"its successor");
    sync(&mut device, &mut store);
    store.pass(RETENTION_MS + 2 * DAY_MS);
    put(&mut device, &store, member, 2, b"the version of today");
    sync(&mut device, &mut store);
    sync(&mut other, &mut store);

    let mut restored = device.copy(backup, 8);
    sync(&mut restored, &mut store);
    for device in [&mut device, &mut other, &mut restored] {
        store.pass(RETENTION_MS + 2 * DAY_MS);
        sync(device, &mut store);
        assert_eq!((device.engine.history(member, Target::Record(record(2))).len(), device.engine.conflicts().len()), (1, 0));
    }
}

#[test]
fn an_old_delete_made_anew_holds_against_the_edit_that_a_clone_sends_later() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"never sent by this one, and deleted by it");
    let mut clone = device.copy(device.saved.clone(), 8);
    device.delete(member, 2, store.now_ms);
    let built = device.sync_until(&mut store.clone(), "put-segment");
    // The clone sends first and thinks nothing of it; the other one finds out that what it had built is too old.
    let mut again = device.copy(built, 9);
    store.pass(RETENTION_MS);
    let mut before = store.clone();
    sync(&mut clone, &mut store);
    sync(&mut again, &mut before);
    store.objects.extend(before.objects.into_iter().filter(|(key, _)| !key.ends_with("sync-manifest.blob")));
    let mut other = Device::further(&account, 2);
    sync(&mut other, &mut store);
    assert!(other.engine.record(member, record(2)).is_none_or(|view| view.deleted));
}

#[test]
fn a_checkpoint_that_nobody_can_read_is_forgotten_once_the_collector_has_taken_it() {
    let (account, mut device, _, member, mut store) = with_backup();
    device.engine.set_checkpoint_minimum(20);
    device.engine.set_checkpoint_part_bytes(4_000);
    (0..40).for_each(|number| put(&mut device, &store, member, 100 + number, b"short"));
    sync(&mut device, &mut store);
    let is_part = |key: &String| key.contains("/checkpoints/");
    let first = store.objects.keys().find(|key| is_part(key)).cloned().unwrap();
    store.objects.remove(&first);
    let mut other = Device::further(&account, 2);
    let (summary, _) = other.sync(&mut store);
    assert!(!summary.quarantined.is_empty());

    store.objects.retain(|key, _| !is_part(key));
    for _ in 0..2 {
        store.pass(2 * DAY_MS);
        other.put(member, 7, b"rings, and names no checkpoint that is gone");
        sync(&mut other, &mut store);
    }
    assert_eq!(sync(&mut other, &mut store).quarantined, Vec::new());
}

#[test]
fn an_author_who_heard_late_purges_when_the_others_do() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 1, b"the second version");
    // Stored, and the answer comes ten hours later: the author asks again, and hears that it is there.
    device.engine.start_sync(SyncOptions::default(), store.now_ms, &mut device.rng);
    let (id, segment) = device.run_until(&mut store, "put-segment").unwrap();
    store.execute(&segment);
    let mut other = Device::further(&account, 2);
    store.pass(10 * 60 * 60 * 1000);
    device.engine.handle(id, Outcome::AlreadyExists, store.now_ms, &mut device.rng);
    device.run(&mut store);
    device.engine.finish();
    sync(&mut other, &mut store);
    store.pass(RETENTION_MS - 5 * 60 * 60 * 1000);
    for device in [&mut device, &mut other] {
        sync(device, &mut store);
        assert_eq!(device.engine.history(member, Target::Record(record(1))).len(), 1);
    }
}

/// `simulate --seed 8035 --personality all-at-once --collector`
#[test]
fn a_purge_waits_for_the_own_segment_that_may_be_stored() {
    let (account, mut device, _, member, mut store) = with_backup();
    put(&mut device, &store, member, 2, b"sent by both");
    let mut clone = device.copy(device.saved.clone(), 8);
    // Both build a segment of it; the clone goes on and deletes the record, the device never hears that its own is stored.
    device.engine.start_sync(SyncOptions::default(), store.now_ms, &mut device.rng);
    let (_, segment) = device.run_until(&mut store, "put-segment").unwrap();
    sync(&mut clone, &mut store);
    clone.delete(member, 2, store.now_ms);
    sync(&mut clone, &mut store);
    store.execute(&segment);
    device.restart();

    store.pass(RETENTION_MS + 2 * DAY_MS);
    let mut other = Device::further(&account, 2);
    for _ in 0..2 {
        for device in [&mut device, &mut clone, &mut other] {
            sync(device, &mut store);
            assert_eq!(text_of(device, member, 2), None, "deleted long ago");
        }
        store.pass(2 * DAY_MS);
    }
    for device in [&device, &clone, &other] {
        assert!(device.engine.record(member, record(2)).is_none(), "purged in the end");
    }
}
