use tidegate_sync_core::engine::{PutRecord, Row};
use tidegate_testkit::simulation::{Device, Household, Setup, World};
use tidegate_testkit::store::Personality;

fn world(personality: Personality) -> World {
    World::quiet(&Household::new(1), 5, 2, personality)
}

fn put(world: &mut World, device: usize, text: &str) {
    let record = tidegate_protocol::RecordId::from_bytes([7; 16]);
    let content = text.repeat(100).into_bytes();
    let put = PutRecord { member: world.member, record, kind: None, title: None, media_type: None, content: content.clone() };
    let now_ms = world.devices[device].now(world.now_ms);
    let edit = world.devices[device].engine.put(put, now_ms, &mut world.rng).expect("a record can be put");
    world.acknowledge(device, edit, content);
}

fn settled(personality: Personality) -> World {
    let mut world = world(personality);
    put(&mut world, 0, "plaintext one ");
    for device in [0, 1, 0, 1] {
        assert_eq!(world.sync(device).failure, None);
    }
    world
}

#[test]
fn a_sync_with_nothing_to_do_is_one_request() {
    for personality in Personality::ALL {
        let mut world = settled(personality);
        for device in [0, 1] {
            world.sync(device);
            assert_eq!(world.devices[device].requests, ["get-doorbell"]);
        }
    }
}

#[test]
fn one_changed_record_is_four_requests_to_write_and_three_to_read() {
    for personality in Personality::ALL {
        let mut world = settled(personality);
        put(&mut world, 0, "plaintext two ");
        assert_eq!(world.sync(0).pushed, 1);
        assert_eq!(world.devices[0].requests, ["get-doorbell", "put-object", "put-segment", "put-doorbell"]);
        assert_eq!(world.sync(1).pulled, 1);
        assert_eq!(world.devices[1].requests, ["get-doorbell", "get-segment", "get-object"]);
        for device in [0, 1] {
            world.sync(device);
            assert_eq!(world.devices[device].requests, ["get-doorbell"], "{}", personality.name());
        }
    }
}

#[test]
fn a_new_account_needs_no_listing_and_sends_the_grants_first() {
    let mut world = world(Personality::Atomic);
    let summary = world.sync(0);
    assert_eq!((summary.failure, summary.pushed), (None, 2));
    let requests = &world.devices[0].requests;
    let expected = ["get-doorbell", "put-grant", "put-grant", "put-segment", "put-segment", "put-doorbell"];
    assert_eq!(requests.as_slice(), expected);
}

#[test]
fn a_joining_device_finds_its_keys_and_lists_every_space_once() {
    let mut world = settled(Personality::Atomic);
    let household = Household::new(1);
    let disk = tidegate_testkit::simulation::Disk::default();
    let setup = Setup { profile: Personality::Atomic.profile(), checkpoint_minimum: 1_000, tick_ms: 1 };
    world.devices.push(Device::start(household.device(2), setup, disk));
    assert_eq!(world.sync(2).failure, None);
    let count = |name: &str| world.devices[2].requests.iter().filter(|request| **request == name).count();
    assert_eq!((count("list-grants"), count("get-grant"), count("get-doorbell")), (1, 2, 1));
    assert_eq!((count("list-devices"), count("get-segment"), count("get-object")), (2, 2, 1));
    world.sync(2);
    assert_eq!(world.devices[2].requests, ["get-doorbell"]);
}

#[test]
fn a_content_stands_in_a_batch_by_its_plaintext() {
    let mut world = settled(Personality::Atomic);
    let content = b"plaintext three ".repeat(100);
    let record = tidegate_protocol::RecordId::from_bytes([8; 16]);
    let put = PutRecord { member: world.member, record, kind: None, title: None, media_type: None, content: content.clone() };
    let edit = world.devices[0].engine.put(put, world.now_ms, &mut world.rng).expect("a record can be put");
    let stored = edit.batch.rows.iter().any(|row| matches!(row, Row::PutContent { bytes, .. } if *bytes == content));
    assert!(stored, "the shell keeps the content until it is sent");
}

#[test]
fn a_deleted_record_is_still_called_what_it_was_and_a_profile_cannot_be_deleted() {
    let mut world = settled(Personality::Atomic);
    let record = tidegate_protocol::RecordId::from_bytes([9; 16]);
    let put = PutRecord {
        member: world.member,
        record,
        kind: Some("note".to_owned()),
        title: Some("plaintext title".to_owned()),
        media_type: None,
        content: Vec::new(),
    };
    let edit = world.devices[0].engine.put(put, world.now_ms, &mut world.rng).expect("a record can be put");
    world.acknowledge(0, edit, Vec::new());
    let target = tidegate_sync_core::manifest::Target::Record(record);
    let edit = world.devices[0].engine.delete(world.member, target, world.now_ms, &mut world.rng).expect("it is there");
    world.acknowledge(0, edit, Vec::new());
    for device in [0, 1] {
        world.sync(device);
    }
    let view = world.devices[1].engine.record(world.member, record).expect("its tombstone is there");
    assert_eq!((view.deleted, view.shown.version), (true, 2));
    assert_eq!((view.shown.meta.kind.as_deref(), view.shown.meta.title.as_deref()), (Some("note"), Some("plaintext title")));

    let profile = tidegate_sync_core::manifest::Target::Record(tidegate_protocol::RecordId::from_bytes(*world.member.as_bytes()));
    let refused = world.devices[0].engine.delete(world.member, profile, world.now_ms, &mut world.rng).expect_err("it is refused");
    assert_eq!(refused.code(), "not-found");
}
