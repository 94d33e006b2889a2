//! `docs/schemas/` describes what the engine writes: validated by a program that knows nothing of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_protocol::{ObjectKey, Space};
use tidegate_sync_core::engine::Attach;
use tidegate_sync_core::envelope::{AccountDirectory, ObjectContext, open_signed};
use tidegate_sync_core::keys::Keyring;

use crate::device::{Device, Store, record};
use crate::sample::MORNING_MS;
use crate::setup::{Account, account};

/// Two devices that do everything a history knows, and the store that they leave behind.
fn a_history(account: &Account) -> (Device, Store) {
    let (mut a, member) = Device::first(account);
    let (mut store, mut b) = (Store::default(), Device::further(account, 2));
    a.sync(&mut store);
    b.sync(&mut store);
    a.put(member, 1, &[1; 3_000]);
    for number in 2..40 {
        a.put_kind(member, number, Some("note"), &[2; 1_000], MORNING_MS);
    }
    let attach = Attach {
        member,
        record: Some(record(1)),
        name: Some("rash.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        content: vec![3; 5_000].into(),
    };
    let edit = a.engine.attach(attach, MORNING_MS, &mut a.rng).unwrap();
    a.commit(&edit);
    a.sync(&mut store);
    b.sync(&mut store);
    let (one, other) = (a.put(member, 1, &[4; 2_000]), b.put(member, 1, b"short"));
    a.delete(member, 2, MORNING_MS);
    a.sync(&mut store);
    b.sync(&mut store);
    a.sync(&mut store);
    let apart = [(other, record(77))];
    let edit = a.engine.resolve_keeping(member, record(1), one, &apart, MORNING_MS, &mut a.rng).unwrap();
    a.commit(&edit);
    a.sync(&mut store);
    // A state in one document, then one in several.
    b.engine.set_checkpoint_minimum(1);
    b.sync(&mut store);
    a.engine.set_checkpoint_minimum(20);
    a.engine.set_checkpoint_part_bytes(4_000);
    for number in 100..200 {
        a.put(member, number, b"short");
    }
    a.sync(&mut store);
    (a, store)
}

/// Writes the documents inside the stored objects into a folder of their own.
fn write_documents(account: &Account, device: &Device, store: &Store) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut directory = AccountDirectory::new();
    directory.insert(account.user, 0, *account.keys.public().ed25519());
    let mut keyring = Keyring::new();
    let members = device.engine.members().into_iter().map(|view| Space::Member(account.user, view.member));
    for space in members.chain([Space::Account(account.user)]) {
        device.engine.space_keys(space).into_iter().for_each(|keys| keyring.insert(keys.clone()));
    }
    for (number, (key, (bytes, _))) in store.objects.iter().enumerate() {
        let key: ObjectKey = key.parse().unwrap();
        let (kind, form) = match key {
            ObjectKey::Segment { .. } => ("segment", "json"),
            ObjectKey::Checkpoint { .. } => ("checkpoint", "ndjson"),
            ObjectKey::Doorbell { .. } => ("sync-manifest", "json"),
            ObjectKey::Genesis { .. }
            | ObjectKey::PublicKeys { .. }
            | ObjectKey::MasterKeys { .. }
            | ObjectKey::AccessGrant { .. }
            | ObjectKey::DeviceFile { .. }
            | ObjectKey::Record { .. }
            | ObjectKey::Attachment { .. }
            | ObjectKey::Pack { .. }
            | ObjectKey::State(_) => continue,
        };
        let opened = open_signed(&keyring, &directory, &ObjectContext::of_key(&key).unwrap(), bytes).unwrap();
        std::fs::write(folder.join(format!("{kind}-{number}.{form}")), &opened.document).unwrap();
    }
    folder
}

#[test]
#[ignore = "needs Python's jsonschema: just test-schemas"]
fn golden_and_fresh_documents_fit_the_schemas_and_damaged_ones_do_not() {
    let account = account(1);
    let (device, store) = a_history(&account);
    assert!(store.count("/checkpoints/") > 3 && store.count("/manifest/") > 6 && store.count("/packs/") > 0);
    let fresh = write_documents(&account, &device, &store);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut check = Command::new("python3");
    check.arg(root.join("../scripts/schema-check")).arg(root.join("fixtures/v1")).arg(fresh);
    let ran = check.output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}{wrong}");
    println!("{told}");
}
