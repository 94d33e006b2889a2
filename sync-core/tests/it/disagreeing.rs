//! A checkpoint that claims to hold what is merged here, and shows something else.

use tidegate_protocol::{Digest, ObjectKey};
use tidegate_sync_core::engine::SyncOptions;
use tidegate_sync_core::envelope::{AccountDirectory, ObjectContext, open_signed, seal_signed};
use tidegate_sync_core::keys::Keyring;
use tidegate_sync_core::manifest::{Checkpoint, Cid};
use tidegate_sync_core::quarantine::{Reason, Subject};

use crate::device::{Device, Store, identity};
use crate::setup::{Account, account};

/// The stored checkpoint without one of its changes, sealed and signed as its author would, under the name of its bytes.
fn without(account: &Account, device: &mut Device, stored: (&ObjectKey, &[u8]), cid: Cid) -> (ObjectKey, Vec<u8>) {
    let ObjectKey::Checkpoint { space, .. } = *stored.0 else { panic!("{} is no checkpoint", stored.0) };
    let context = ObjectContext::of_key(stored.0).unwrap();
    let keys = device.engine.space_keys(space).unwrap().clone();
    let mut keyring = Keyring::new();
    keyring.insert(keys.clone());
    let mut directory = AccountDirectory::new();
    directory.insert(account.user, 0, *account.keys.public().ed25519());
    let opened = open_signed(&keyring, &directory, &context, stored.1).unwrap();
    let mut checkpoint = Checkpoint::parse(&opened.document).unwrap();
    let lines = checkpoint.lines.len();
    checkpoint.lines.retain(|line| line.change.cid != cid);
    assert_eq!(checkpoint.lines.len(), lines - 1);
    let (document, author) = (checkpoint.to_ndjson().unwrap(), identity(account, 1));
    let sealed = seal_signed(keys.key(), &context, &document, &author.device, &author.certificate, &mut device.rng).unwrap();
    (ObjectKey::Checkpoint { space, digest: Digest::of(&sealed) }, sealed)
}

#[test]
fn a_checkpoint_that_disagrees_is_set_aside_and_covers_nothing() {
    let account = account(1);
    let (mut a, member) = Device::first(&account);
    let (mut store, mut b) = (Store::default(), Device::further(&account, 2));
    a.put(member, 1, b"shown by both");
    let hidden = a.put(member, 2, b"hidden by one");
    a.engine.set_checkpoint_minimum(1);
    a.sync(&mut store);
    b.sync(&mut store);
    let space = a.engine.space_of(member);
    let name = store.keys("/checkpoints/").into_iter().find(|key| key.contains("/family-members/")).unwrap();
    let key: ObjectKey = name.parse().unwrap();
    let (lie, bytes) = without(&account, &mut a, (&key, &store.objects[&name].0), hidden);
    let ObjectKey::Checkpoint { digest, .. } = lie else { panic!("{lie}") };
    store.objects.insert(lie.to_string(), (bytes, store.now_ms));

    let options = SyncOptions { look_again: true, ..SyncOptions::default() };
    for device in [&mut a, &mut b] {
        let (summary, _) = device.sync_with(options, &mut store);
        let named: Vec<_> = summary.quarantined.iter().map(|entry| (entry.subject, entry.reason)).collect();
        assert_eq!(named, [(Subject::Checkpoint(digest), Reason::Disagrees)]);
        assert!(!device.engine.checkpoints(space).unwrap().contains_key(&digest), "it covers nothing");
        assert_eq!(device.shows(member, 2).as_deref(), Some(b"hidden by one".as_slice()));
    }
    b.put(member, 3, b"goes on");
    b.sync(&mut store);
    a.sync(&mut store);
    assert_eq!(a.shows(member, 3).as_deref(), Some(b"goes on".as_slice()));
}
