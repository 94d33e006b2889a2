//! Secrets never show in `Debug`.

use std::fmt::Debug;

use tidegate_sync_core::keys::{Argon2Cost, Passphrase, SlotSecret, SpaceKeys};

use crate::setup::{account, member_space, rng, space_keys};

fn assert_masked(value: &dyn Debug, secret: &[u8]) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(shown.contains("***"), "{shown}");
        let as_list = format!("{}, {}, {}", secret[0], secret[1], secret[2]);
        assert!(!shown.contains(&as_list) && !shown.contains(&hex::encode(&secret[..4])), "{shown}");
    }
}

#[test]
fn keys_are_masked() {
    let account = account(1);
    let (keys, keyring) = space_keys(member_space(account.user), 3);
    assert_masked(&account.master, account.master.secret());
    assert_masked(&account.keys, account.master.secret());
    assert_masked(&account.device, account.device.secret().as_slice());
    assert_masked(&keys, keys.key().secret());
    assert_masked(&keys.key(), keys.key().secret());
    assert_masked(&keyring, keys.key().secret());
    assert_masked(&keys.attachment_key(), keys.key().secret());
    assert_masked(&keys.attachment_key().hasher(), keys.key().secret());
}

#[test]
fn codes_and_passphrases_are_masked() {
    let account = account(1);
    let passphrase = Passphrase::generate(&mut rng(2));
    let shown = format!(
        "{:?} {:?} {passphrase:?} {:?}",
        account.recovery,
        SlotSecret::Recovery(&account.recovery),
        SlotSecret::Passphrase(&passphrase, Argon2Cost::LEAST)
    );
    for word in account.recovery.words().split(' ').chain(passphrase.words().split(' ')).filter(|word| word.len() > 4) {
        assert!(!shown.to_lowercase().contains(&format!("\"{word}")), "{shown}");
        assert!(!shown.contains(&format!(" {word} ")), "{shown}");
    }
    assert!(shown.contains("RecoveryCode(***)") && shown.contains("Passphrase(***)"));
}

#[test]
fn an_opened_grant_is_masked() {
    let account = account(1);
    let keys = SpaceKeys::generate(member_space(account.user), &mut rng(3));
    let request = tidegate_sync_core::keys::GrantRequest {
        recipient: account.user,
        recipient_keys: account.keys.public(),
        permission: tidegate_sync_core::keys::Permission::Owner,
        expires_at: None,
    };
    let blob = tidegate_sync_core::keys::make_grant(&account.keys, &keys, request, &mut rng(4));
    let id = tidegate_sync_core::keys::grant_id(&blob);
    let opened =
        tidegate_sync_core::keys::open_grant(id, &blob, account.user, account.keys.public(), account.user, &account.keys)
            .unwrap();
    assert_masked(&opened, keys.key().secret());
}
