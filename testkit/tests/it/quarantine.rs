//! What is not believed is named, and the rest goes on syncing.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use tidegate_protocol::{ChainId, Digest, ObjectKey, RecordId, Space};
use tidegate_sync_core::engine::{FailureClass, Identity, Outcome, PutRecord, SyncSummary};
use tidegate_sync_core::envelope::{ObjectContext, seal_signed};
use tidegate_sync_core::manifest::{Chain, Segment, SegmentRef};
use tidegate_sync_core::quarantine::{HoleReason, Reason, Subject};
use tidegate_testkit::simulation::{Household, World};
use tidegate_testkit::store::Personality;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Two devices that have synced one record.
fn two_devices() -> World {
    let household = Household::new(1);
    let mut world = World::quiet(&household, 9, 2, Personality::Atomic);
    for device in [0, 1] {
        world.devices[device].skew_ms = 0;
    }
    put(&mut world, 0, 1);
    for device in [0, 1, 0] {
        assert_eq!(world.sync(device).failure, None);
    }
    world
}

fn put(world: &mut World, device: usize, record: u8) {
    let content = format!("plaintext of record {record} ").repeat(100).into_bytes();
    let record = RecordId::from_bytes([record; 16]);
    let put = PutRecord { member: world.member, record, kind: None, title: None, media_type: None, content: content.clone() };
    let edit = world.devices[device].engine.put(put, world.now_ms, &mut world.rng).expect("a record can be put");
    world.acknowledge(device, edit, content);
}

fn segments(world: &World, space: Space) -> Vec<SegmentRef> {
    world.store.objects().filter_map(|(key, _)| SegmentRef::from_key(space, &key.parse().ok()?)).collect()
}

/// The segment that the last sync of device 0 has stored in the member's space.
fn last_segment(world: &World) -> SegmentRef {
    segments(world, world.space()).into_iter().max_by_key(|segment| segment.seq).expect("there is one")
}

fn records(world: &World, device: usize) -> usize {
    world.devices[device].engine.records(world.member, false).len()
}

fn reasons(summary: &SyncSummary) -> Vec<Reason> {
    summary.quarantined.iter().map(|entry| entry.reason).collect()
}

/// Stores a segment of a device with this JSON, signed and sealed as it should be, and lists it by a day having passed.
fn plant(world: &mut World, author: &Identity, json: &[u8], name: SegmentRef) -> SegmentRef {
    let space = world.space();
    let keys = world.devices[0].engine.space_keys(space).expect("the space is open").clone();
    let context = ObjectContext::of_key(&name.key(space)).expect("a segment is an envelope");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let bytes = seal_signed(keys.key(), &context, json, &author.device, &author.certificate, &mut rng).expect("it is short");
    let name = SegmentRef { digest: Digest::of(&bytes), ..name };
    world.store.tamper(&name.key(space), bytes, world.now_ms);
    world.now_ms += DAY_MS;
    name
}

fn of_device(author: &Identity, chain: u64) -> SegmentRef {
    SegmentRef { device_id: author.device_id(), chain: ChainId::new(chain), seq: 1, digest: Digest::from_bytes([0; 16]) }
}

fn empty_segment(name: SegmentRef) -> String {
    let chain = Chain { device_id: name.device_id, chain: name.chain };
    String::from_utf8(Segment::new(chain, name.seq, None, Vec::new(), Vec::new()).to_json().expect("it is short"))
        .expect("JSON is UTF-8")
}

fn is_refused_and_the_rest_goes_on(mut world: World, name: SegmentRef, reason: Reason) {
    put(&mut world, 0, 2);
    assert_eq!(world.sync(0).failure, None);
    let summary = world.sync(1);
    assert_eq!(summary.failure, None);
    assert_eq!(reasons(&summary), [reason]);
    assert_eq!(summary.quarantined[0].subject, Subject::Segment(name));
    assert_eq!(summary.quarantined[0].device_id(), Some(name.device_id));
    assert_eq!(records(&world, 1), 2, "the other device's edit has arrived all the same");
    world.sync(1);
    assert_eq!(world.devices[1].requests, ["get-doorbell"], "what is set aside is not fetched again at every poll");
}

#[test]
fn a_segment_signed_by_another_device_than_its_name_says_is_forged() {
    let mut world = two_devices();
    let household = Household::new(1);
    let (author, other) = (household.device(0), household.device(1));
    let name = of_device(&other, 77);
    let planted = plant(&mut world, &author, empty_segment(name).as_bytes(), name);
    is_refused_and_the_rest_goes_on(world, planted, Reason::ForgedSignature);
}

#[test]
fn a_segment_of_a_device_that_the_account_has_not_certified_is_refused() {
    let mut world = two_devices();
    let stranger = Household::new(2).device(0);
    let name = of_device(&stranger, 77);
    let planted = plant(&mut world, &stranger, empty_segment(name).as_bytes(), name);
    is_refused_and_the_rest_goes_on(world, planted, Reason::UnknownDevice);
}

#[test]
fn a_segment_of_a_later_format_is_set_aside_as_such() {
    let mut world = two_devices();
    let author = Household::new(1).device(0);
    let name = of_device(&author, 77);
    let planted = plant(&mut world, &author, br#"{"format":2,"anything":[]}"#, name);
    is_refused_and_the_rest_goes_on(world, planted, Reason::NewerFormat);
}

#[test]
fn a_segment_that_is_not_the_json_it_should_be_is_malformed() {
    let mut world = two_devices();
    let author = Household::new(1).device(0);
    let name = of_device(&author, 77);
    let planted = plant(&mut world, &author, br#"{"format":1}"#, name);
    is_refused_and_the_rest_goes_on(world, planted, Reason::Malformed);
}

#[test]
fn a_change_that_points_into_another_space_is_refused() {
    let mut world = two_devices();
    let author = Household::new(1).device(0);
    let name = of_device(&author, 77);
    let other = Space::Member(world.user(), tidegate_protocol::MemberId::from_bytes([3; 16]));
    let json = empty_segment(name).replace("\"changes\":[]", &format!("\"changes\":[{}]", change_in(other, 1_800_000_000_000)));
    let planted = plant(&mut world, &author, json.as_bytes(), name);
    is_refused_and_the_rest_goes_on(world, planted, Reason::WrongSpace);
}

fn change_in(space: Space, millis: u64) -> String {
    let record = RecordId::from_bytes([5; 16]);
    let sha256 = tidegate_protocol::Sha256::of(b"x");
    let digest = sha256.digest();
    let key = format!("{space}/records/{record}.v1.{digest}.blob");
    let hlc = tidegate_sync_core::clock::Hlc::new(millis, 0);
    format!(
        r#"{{"cid":"0d9b6c52-4f1e-4a39-b7c8-aabbccddeeff","target":"record","id":"{record}","op":"put","version":1,"supersedes":[],
        "hlc":"{hlc}","meta":{{}},"content_hmac":"{sha256}","location":{{"key":"{key}","length":1}},"sha256":"{sha256}","size":1}}"#
    )
}

#[test]
fn a_change_from_the_far_future_waits_until_it_is_near() {
    let mut world = two_devices();
    let author = Household::new(1).device(0);
    let name = of_device(&author, 77);
    let space = world.space();
    let ahead = world.now_ms + 4 * DAY_MS;
    let json = empty_segment(name).replace("\"changes\":[]", &format!("\"changes\":[{}]", change_in(space, ahead)));
    plant(&mut world, &author, json.as_bytes(), name);
    assert_eq!(reasons(&world.sync(1)), [Reason::AheadOfClock]);
    assert_eq!(records(&world, 1), 1);
    world.now_ms += 2 * DAY_MS + 1;
    world.sync(1);
    assert_eq!(records(&world, 1), 2);
}

#[test]
fn altered_bytes_of_a_segment_are_corrupt_and_the_true_ones_are_taken_later() {
    let mut world = two_devices();
    put(&mut world, 0, 2);
    world.sync(0);
    let key = last_segment(&world).key(world.space());
    let honest = world.store.get(&key).expect("it is stored").bytes.clone();
    let mut altered = honest.clone();
    altered[200] ^= 1;
    world.store.tamper(&key, altered, world.now_ms);
    assert_eq!(reasons(&world.sync(1)), [Reason::Corrupt]);
    assert_eq!(records(&world, 1), 1);
    world.store.tamper(&key, honest, world.now_ms);
    world.now_ms += DAY_MS;
    let summary = world.sync(1);
    assert_eq!((summary.quarantined.len(), records(&world, 1)), (0, 2));
}

#[test]
fn a_missing_content_is_named_and_the_record_is_shown_all_the_same() {
    let mut world = two_devices();
    put(&mut world, 0, 2);
    world.sync(0);
    let key: ObjectKey = world.devices[0]
        .engine
        .records(world.member, false)
        .iter()
        .find_map(|view| match &view.shown.location {
            Some(tidegate_sync_core::manifest::Location::Object(object)) if view.record == RecordId::from_bytes([2; 16]) => {
                Some(object.key.clone())
            }
            _ => None,
        })
        .expect("the record has an object");
    let object = world.store.remove(&key).expect("it is stored");
    let summary = world.sync(1);
    assert_eq!((summary.failure, reasons(&summary), records(&world, 1)), (None, vec![Reason::MissingContent], 2));
    world.sync(1);
    assert_eq!(world.devices[1].requests, ["get-doorbell"]);
    world.store.tamper(&key, object.bytes, world.now_ms);
    world.now_ms += DAY_MS;
    assert!(world.sync(1).quarantined.is_empty());
}

#[test]
fn a_withheld_segment_is_a_hole_and_what_follows_is_applied() {
    let mut world = two_devices();
    put(&mut world, 0, 2);
    world.sync(0);
    let withheld = last_segment(&world);
    let stored = world.store.remove(&withheld.key(world.space())).expect("it is stored");
    put(&mut world, 0, 3);
    world.sync(0);
    let summary = world.sync(1);
    assert_eq!(summary.failure, None);
    let holes: Vec<_> = summary.holes.iter().map(|hole| (hole.segment, hole.reason)).collect();
    assert_eq!(holes, [(withheld, HoleReason::PrevMissing)]);
    assert_eq!(records(&world, 1), 2);
    assert!(world.devices[1].requests.contains(&"list-devices"), "it was looked for");
    world.sync(1);
    assert_eq!(world.devices[1].requests, ["get-doorbell"], "it is not looked for at every poll");
    world.store.tamper(&withheld.key(world.space()), stored.bytes, world.now_ms);
    world.now_ms += DAY_MS;
    let summary = world.sync(1);
    assert_eq!((summary.holes.len(), records(&world, 1)), (0, 3));
}

#[test]
fn a_doorbell_that_is_gone_or_damaged_is_rung_again_and_nothing_is_missed() {
    for damage in [None, Some(b"not an envelope".to_vec())] {
        let mut world = two_devices();
        let key = ObjectKey::Doorbell { space: Space::Account(world.user()) };
        put(&mut world, 0, 2);
        world.sync(0);
        match damage {
            None => drop(world.store.remove(&key)),
            Some(bytes) => world.store.tamper(&key, bytes, world.now_ms),
        }
        world.now_ms += 2 * 60 * 60 * 1000;
        let summary = world.sync(1);
        assert_eq!((summary.failure, records(&world, 1)), (None, 2));
        assert!(world.devices[1].requests.contains(&"put-doorbell"));
        assert!(world.sync(0).quarantined.is_empty());
        world.sync(1);
        assert_eq!(world.devices[1].requests, ["get-doorbell"]);
    }
}

#[test]
fn a_doorbell_of_a_later_format_is_never_written_over() {
    let mut world = two_devices();
    let account_space = Space::Account(world.user());
    let key = ObjectKey::Doorbell { space: account_space };
    let keys = world.devices[0].engine.space_keys(account_space).expect("the space is open").clone();
    let author = Household::new(1).device(0);
    let context = ObjectContext::of_key(&key).expect("a doorbell is an envelope");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let newer = seal_signed(keys.key(), &context, br#"{"format":2}"#, &author.device, &author.certificate, &mut rng)
        .expect("it is short");
    world.store.tamper(&key, newer.clone(), world.now_ms);
    put(&mut world, 0, 2);
    let summary = world.sync(0);
    assert_eq!((summary.failure, reasons(&summary), summary.pushed), (None, vec![Reason::NewerFormat], 1));
    assert_eq!(world.store.get(&key).expect("it is stored").bytes, newer);
    world.now_ms += DAY_MS;
    world.sync(1);
    assert_eq!(records(&world, 1), 2, "found by listing");
}

#[test]
fn a_batch_that_cannot_be_persisted_poisons_the_engine() {
    let mut world = two_devices();
    put(&mut world, 0, 2);
    world.sync(0);
    let now_ms = world.now_ms;
    let World { devices, rng, .. } = &mut world;
    devices[1].start_sync(true, now_ms, rng);
    loop {
        let is_persist = world.devices[1].to_do.first().is_some_and(|request| request.effect.name() == "persist-segments");
        world.execute(1, 0);
        if is_persist {
            let answer = world.devices[1].answers.last_mut().expect("it was answered");
            answer.outcome = Outcome::Failed(FailureClass::Local);
        }
        if let Some(summary) = world.deliver(1, 0) {
            let failure = summary.failure.expect("the sync has failed");
            assert_eq!((failure.effect, failure.class), ("persist-segments", FailureClass::Local));
            break;
        }
    }
    assert!(world.devices[1].engine.is_poisoned());
    world.devices[1].crash();
    world.sync(1);
    assert_eq!(records(&world, 1), 2);
}
