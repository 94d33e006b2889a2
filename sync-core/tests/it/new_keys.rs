//! The account's keys are replaced: what honest devices have written stays, and a stolen device counts for nothing.

use std::collections::BTreeMap;

use tidegate_protocol::{GrantId, MemberId, ObjectKey};
use tidegate_sync_core::engine::SyncOptions;
use tidegate_sync_core::envelope::{AccountDirectory, open_signed};
use tidegate_sync_core::keys::{Keyring, MasterKey, open_grant, regrant};
use tidegate_sync_core::quarantine::{Quarantined, Reason, Subject};

use crate::device::{Device, Store, identity, identity_under};
use crate::setup::{Account, account, rng};

const ANEW: SyncOptions = SyncOptions { allow_mass_delete: false, look_again: false, write_down: true };

/// The account under other keys.
fn rekeyed(account: Account, seed: u64) -> Account {
    let master = MasterKey::generate(&mut rng(seed));
    Account { keys: master.account_keys(), master, ..account }
}

/// The grants in the store that open for these keys, and the keys in them.
fn granted(store: &Store, account: &Account) -> (BTreeMap<GrantId, (Vec<u8>, bool)>, Keyring) {
    let (mut grants, mut keyring) = (BTreeMap::new(), Keyring::new());
    for (key, (blob, _)) in store.objects.iter().filter(|(key, _)| key.contains("access-grants/")) {
        let Ok(ObjectKey::AccessGrant { grant, .. }) = key.parse() else { panic!("{key}") };
        if let Ok(opened) = open_grant(grant, blob, account.user, account.keys.public(), account.user, &account.keys) {
            keyring.insert(opened.keys);
            grants.insert(grant, (blob.clone(), false));
        }
    }
    (grants, keyring)
}

/// What a client does that takes up new keys: grants what nobody has granted, then goes on under them.
fn take_up(device: &mut Device, store: &Store, new: &Account, number: u64) {
    let (mut grants, keyring) = granted(store, new);
    let more = regrant(new.user, &new.keys, device.engine.keyring(), &keyring, &mut rng(500 + number));
    grants.extend(more.into_iter().map(|(grant, blob)| (grant, (blob, true))));
    device.saved.grants = grants;
    device.become_another(identity_under(new, number, 1));
    for edit in device.engine.renew_member_entries(store.now_ms, &mut rng(600 + number)).unwrap() {
        device.commit(&edit);
    }
}

struct World {
    store: Store,
    old: Account,
    new: Account,
    a: Device,
    b: Device,
    thief: Device,
    member: MemberId,
}

impl World {
    /// Three devices that have synced, of which one is stolen.
    fn new() -> Self {
        let (mut store, old) = (Store::default(), account(1));
        let new = rekeyed(account(1), 77);
        let (mut a, member) = Device::first(&old);
        a.put(member, 1, b"before");
        a.sync(&mut store);
        let (mut b, mut thief) = (Device::further(&old, 2), Device::further(&old, 3));
        b.sync(&mut store);
        thief.sync(&mut store);
        Self { store, old, new, a, b, thief, member }
    }

    fn replace_keys(&mut self) {
        take_up(&mut self.a, &self.store, &self.new, 1);
        let (summary, _) = self.a.sync_with(ANEW, &mut self.store);
        assert_eq!((summary.failure, summary.checkpoints_made), (None, 2), "the account's space and the member's");
    }

    fn newcomer(&mut self) -> Device {
        let mut newcomer = Device::start(identity_under(&self.new, 4, 1), Default::default(), 74);
        newcomer.saved.grants = granted(&self.store, &self.new).0;
        newcomer.restart();
        assert_eq!(newcomer.sync(&mut self.store).0.failure, None);
        newcomer
    }
}

fn refused(quarantined: &[Quarantined]) -> Vec<(Subject, Reason)> {
    quarantined.iter().map(|entry| (entry.subject, entry.reason)).collect()
}

#[test]
fn everything_from_before_is_there_for_a_device_that_joins_under_the_new_keys() {
    let mut world = World::new();
    world.b.put(world.member, 2, b"of another device");
    world.b.sync(&mut world.store);
    world.a.sync(&mut world.store);
    world.replace_keys();
    let newcomer = world.newcomer();
    assert_eq!(newcomer.shows(world.member, 1).unwrap(), b"before");
    assert_eq!(newcomer.shows(world.member, 2).unwrap(), b"of another device");
    assert_eq!(newcomer.engine.quarantined(), []);
}

#[test]
fn what_a_thief_writes_afterwards_counts_for_nothing() {
    let mut world = World::new();
    world.replace_keys();
    world.thief.put(world.member, 1, b"forged");
    world.thief.put(world.member, 3, b"planted");
    // Straight on the store: no broker keeps the thief from it.
    world.thief.sync_with(ANEW, &mut world.store);

    let look = SyncOptions { look_again: true, ..SyncOptions::default() };
    let (summary, _) = world.a.sync_with(look, &mut world.store);
    assert_eq!(summary.failure, None);
    assert_eq!(world.a.shows(world.member, 1).unwrap(), b"before");
    assert_eq!(world.a.shows(world.member, 3), None);
    let set_aside = refused(&summary.quarantined);
    assert!(set_aside.iter().all(|(_, reason)| *reason == Reason::ReplacedKeys), "{set_aside:?}");
    let checkpoints = set_aside.iter().filter(|(subject, _)| matches!(subject, Subject::Checkpoint(_))).count();
    assert_eq!(checkpoints, 2, "{set_aside:?}");
    let mut newcomer = world.newcomer();
    newcomer.sync_with(look, &mut world.store);
    assert_eq!(newcomer.shows(world.member, 1).unwrap(), b"before");
    assert_eq!(newcomer.shows(world.member, 3), None);

    // Nor does the thief read what is written from now on.
    world.a.put(world.member, 5, b"a secret");
    world.a.sync(&mut world.store);
    let (summary, _) = world.thief.sync_with(look, &mut world.store);
    assert_eq!(world.thief.shows(world.member, 5), None);
    assert!(refused(&summary.quarantined).iter().any(|(_, reason)| *reason == Reason::UnknownKey), "{summary:?}");
}

#[test]
fn an_honest_device_that_hears_of_it_later_loses_nothing() {
    let mut world = World::new();
    // Sent under the old keys when the others had looked for the last time, and never sent.
    world.b.put(world.member, 2, b"sent too late");
    world.replace_keys();
    world.b.sync(&mut world.store);
    world.b.put(world.member, 3, b"not sent");
    world.a.sync(&mut world.store);
    assert_eq!(world.a.shows(world.member, 2), None);

    take_up(&mut world.b, &world.store, &world.new, 2);
    let (summary, _) = world.b.sync_with(ANEW, &mut world.store);
    assert_eq!(summary.failure, None);
    assert_eq!(world.b.shows(world.member, 1).unwrap(), b"before");
    world.a.sync(&mut world.store);
    let newcomer = world.newcomer();
    for device in [&world.a, &newcomer] {
        assert_eq!(device.shows(world.member, 2).unwrap(), b"sent too late");
        assert_eq!(device.shows(world.member, 3).unwrap(), b"not sent");
        assert_eq!(device.engine.quarantined(), []);
    }
    // And it goes on in the same chain.
    world.b.put(world.member, 4, b"later");
    world.b.sync(&mut world.store);
    world.a.sync(&mut world.store);
    assert_eq!(world.a.shows(world.member, 4).unwrap(), b"later");
}

#[test]
fn a_segment_that_was_built_under_the_old_keys_and_not_sent_goes_out_and_counts() {
    for stored in [false, true] {
        let mut world = World::new();
        world.b.put(world.member, 2, b"built");
        world.replace_keys();
        // Stopped before it is sent; or its answer never came.
        let mut elsewhere = world.store.clone();
        let store = if stored { &mut world.store } else { &mut elsewhere };
        let saved = world.b.sync_until(store, if stored { "persist-sent-segment" } else { "put-segment" });
        assert!(saved.spaces.values().any(|space| space.built.is_some()));
        take_up(&mut world.b, &world.store, &world.new, 2);
        let (summary, _) = world.b.sync_with(ANEW, &mut world.store);
        assert_eq!((summary.failure, summary.notices), (None, Vec::new()), "{stored}");
        world.a.sync(&mut world.store);
        let newcomer = world.newcomer();
        for device in [&world.a, &newcomer] {
            assert_eq!(device.shows(world.member, 2).unwrap(), b"built");
            assert_eq!((device.engine.quarantined(), device.engine.holes()), (Vec::new(), Vec::new()));
        }
    }
}

#[test]
fn a_member_that_only_the_late_device_knew_comes_with_it() {
    let mut world = World::new();
    let added = world.b.engine.add_member("Ben", world.store.now_ms, &mut rng(5)).unwrap();
    world.b.commit(&added.edit);
    world.b.put(added.member, 9, b"his");
    // Stopped when its segments were built: the member's space has no other history.
    world.b.sync_until(&mut world.store.clone(), "put-segment");
    world.replace_keys();
    take_up(&mut world.b, &world.store, &world.new, 2);
    world.b.sync_with(ANEW, &mut world.store);
    world.a.sync(&mut world.store);
    assert_eq!(world.a.shows(added.member, 9).unwrap(), b"his");
    assert_eq!(world.a.engine.quarantined(), []);
    // The thief may have known the key of the member's first epoch: from now on there is another.
    let space = world.a.engine.space_of(added.member);
    assert_eq!(world.a.engine.space_keys(space).unwrap().key().name().epoch, 1);
}

#[test]
fn keys_are_granted_anew_once_and_the_next_epoch_is_one() {
    let mut world = World::new();
    world.replace_keys();
    take_up(&mut world.b, &world.store, &world.new, 2);
    assert!(world.b.engine.grants().all(|(_, unsent)| !unsent), "everything was granted before");
    for space in world.a.engine.keyring().spaces() {
        let epochs =
            |device: &Device| -> Vec<_> { device.engine.keyring().of_space(space).map(|keys| keys.key().name()).collect() };
        assert_eq!(epochs(&world.a).len(), 2);
        assert_eq!(epochs(&world.a), epochs(&world.b));
    }
}

#[test]
fn a_key_that_would_stand_above_all_others_is_not_taken_in() {
    use tidegate_sync_core::keys::{GrantRequest, Permission, SpaceKeys, grant_id, make_grant, open_own_grant};

    let world = World::new();
    let space = world.a.engine.space_of(world.member);
    let to_oneself = GrantRequest {
        recipient: world.old.user,
        recipient_keys: world.old.keys.public(),
        permission: Permission::Owner,
        expires_at: None,
    };
    // What a thief of the old keys could grant: the greatest that is taken in, and one more.
    let mut keys = SpaceKeys::generate(space, &mut rng(1));
    for _ in 0..1 << 16 {
        keys = keys.next_epoch(&mut rng(2)).unwrap();
    }
    let open = |keys: &SpaceKeys| {
        let blob = make_grant(&world.old.keys, keys, to_oneself, &mut rng(3));
        open_own_grant(grant_id(&blob), &blob, world.old.user, &world.old.keys, 0)
    };
    assert!(open(&keys).is_ok());
    assert_eq!(open(&keys.next_epoch(&mut rng(2)).unwrap()).unwrap_err().code(), "grant-epoch-too-great");
    // The first epoch after new keys is above it, and is taken in.
    let mut held = Keyring::new();
    held.insert(keys);
    let granted = regrant(world.new.user, &world.new.keys, &held, &Keyring::new(), &mut rng(4));
    let opened = granted.iter().map(|(id, blob)| open_own_grant(*id, blob, world.new.user, &world.new.keys, 1).unwrap());
    assert_eq!(opened.map(|opened| opened.header.epoch).collect::<Vec<_>>(), [1 << 16, (1 << 16) + 1]);
}

#[test]
fn of_an_accounts_generations_only_the_greatest_counts() {
    let mut world = World::new();
    world.a.put(world.member, 2, b"more");
    world.a.sync(&mut world.store);
    let (key, (bytes, _)) = world.store.objects.iter().find(|(key, _)| key.contains("/manifest/")).unwrap();
    let key: ObjectKey = key.parse().unwrap();
    let context = tidegate_sync_core::envelope::ObjectContext::of_key(&key).unwrap();
    let opened = |directory: &AccountDirectory| open_signed(world.a.engine.keyring(), directory, &context, bytes);
    let mut directory = identity(&world.old, 1).directory;
    assert!(opened(&directory).is_ok());
    directory.insert(world.old.user, 1, *world.new.keys.public().ed25519());
    assert_eq!(opened(&directory).unwrap_err().code(), "signed-replaced-keys");
    assert_eq!(opened(&AccountDirectory::new()).unwrap_err().code(), "signed-unknown-author");
}
