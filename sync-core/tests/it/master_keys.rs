use tidegate_sync_core::keys::{Argon2Cost, MasterKeys, MasterKeysError, Passphrase, RecoveryCode, SlotSecret, make_master_keys};

use crate::setup::{Account, account, rng};

fn blob(account: &Account, generation: u32) -> Vec<u8> {
    let slots = [SlotSecret::Recovery(&account.recovery)];
    make_master_keys(account.user, generation, &account.master, &slots, &mut rng(5)).unwrap()
}

fn edited(blob: &[u8], edit: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut json: serde_json::Value = serde_json::from_slice(blob).unwrap();
    edit(&mut json);
    serde_json::to_vec(&json).unwrap()
}

fn code(blob: &[u8], account: &Account) -> &'static str {
    let open = |keys: MasterKeys| keys.open(account.user, SlotSecret::Recovery(&account.recovery));
    MasterKeys::parse(blob).and_then(open).unwrap_err().code()
}

#[test]
fn the_recovery_code_opens_the_master_key() {
    let account = account(1);
    let keys = MasterKeys::parse(&blob(&account, 0)).unwrap();
    let master = keys.open(account.user, SlotSecret::Recovery(&account.recovery)).unwrap();
    assert_eq!(master.secret(), account.master.secret());
}

#[test]
fn any_of_several_slots_opens_the_same_master_key() {
    let account = account(1);
    let second = RecoveryCode::generate(&mut rng(8));
    let passphrase = Passphrase::generate(&mut rng(9));
    let slots = [
        SlotSecret::Recovery(&account.recovery),
        SlotSecret::Passphrase(&passphrase, Argon2Cost::LEAST),
        SlotSecret::Recovery(&second),
    ];
    let blob = make_master_keys(account.user, 0, &account.master, &slots, &mut rng(5)).unwrap();
    let keys = MasterKeys::parse(&blob).unwrap();
    let typed = Passphrase::from_typed(&format!(" {}\n", passphrase.words().to_uppercase()));
    for slot in [SlotSecret::Recovery(&second), SlotSecret::Passphrase(&typed, Argon2Cost::LEAST)] {
        assert_eq!(keys.open(account.user, slot).unwrap().secret(), account.master.secret());
    }
    let wrong = Passphrase::generate(&mut rng(10));
    let error = keys.open(account.user, SlotSecret::Passphrase(&wrong, Argon2Cost::LEAST)).unwrap_err();
    assert_eq!(error.code(), "master-keys-no-slot-opens");
}

#[test]
fn a_generated_passphrase_has_eight_words_of_the_list() {
    let passphrase = Passphrase::generate(&mut rng(9));
    assert_eq!(passphrase.words().split(' ').count(), 8);
    assert_ne!(passphrase.words(), Passphrase::generate(&mut rng(10)).words());
}

#[test]
fn another_code_opens_no_slot() {
    let (ours, theirs) = (account(1), account(2));
    let error = MasterKeys::parse(&blob(&ours, 0)).unwrap().open(ours.user, SlotSecret::Recovery(&theirs.recovery));
    assert_eq!(error.unwrap_err().code(), "master-keys-no-slot-opens");
}

#[test]
fn a_slot_opens_for_its_own_account_alone() {
    let (ours, theirs) = (account(1), account(2));
    let error = MasterKeys::parse(&blob(&ours, 0)).unwrap().open(theirs.user, SlotSecret::Recovery(&ours.recovery));
    assert_eq!(error.unwrap_err().code(), "master-keys-no-slot-opens");
}

#[test]
fn a_changed_generation_opens_no_slot() {
    let account = account(1);
    let changed = edited(&blob(&account, 3), |json| json["generation"] = 4.into());
    assert_eq!(code(&changed, &account), "master-keys-no-slot-opens");
}

#[test]
fn an_added_removed_or_reordered_slot_is_seen() {
    let account = account(1);
    let second = RecoveryCode::generate(&mut rng(8));
    let slots = [SlotSecret::Recovery(&account.recovery), SlotSecret::Recovery(&second)];
    let blob = make_master_keys(account.user, 0, &account.master, &slots, &mut rng(5)).unwrap();
    let slots =
        |json: &mut serde_json::Value, change: fn(&mut Vec<serde_json::Value>)| change(json["slots"].as_array_mut().unwrap());
    let changes: [fn(&mut Vec<serde_json::Value>); 3] =
        [|slots| drop(slots.pop()), |slots| slots.reverse(), |slots| slots.push(slots[0].clone())];
    for change in changes {
        let changed = edited(&blob, |json| slots(json, change));
        assert_eq!(code(&changed, &account), "master-keys-mac-mismatch");
    }
}

#[test]
fn a_changed_mac_is_seen() {
    let account = account(1);
    let changed = edited(&blob(&account, 0), |json| json["mac"] = "A".repeat(43).into());
    assert_eq!(code(&changed, &account), "master-keys-mac-mismatch");
}

#[test]
fn a_passphrase_slot_out_of_bounds_is_refused_before_any_work() {
    let account = account(1);
    let passphrase = Passphrase::generate(&mut rng(9));
    let slots = [SlotSecret::Recovery(&account.recovery), SlotSecret::Passphrase(&passphrase, Argon2Cost::LEAST)];
    let blob = make_master_keys(account.user, 0, &account.master, &slots, &mut rng(5)).unwrap();
    for (field, value) in [
        ("memory_kib", 65_535_u32),
        ("memory_kib", 262_145),
        ("memory_kib", u32::MAX),
        ("passes", 2),
        ("passes", 11),
        ("lanes", 0),
        ("lanes", 5),
    ] {
        let weak = edited(&blob, |json| json["slots"][1]["cost"][field] = value.into());
        assert_eq!(code(&weak, &account), "master-keys-slot-cost", "{field} {value}");
    }
    let weak = Argon2Cost { passes: 1, ..Argon2Cost::LEAST };
    let made = make_master_keys(account.user, 0, &account.master, &[SlotSecret::Passphrase(&passphrase, weak)], &mut rng(5));
    assert_eq!(made.unwrap_err().code(), "master-keys-slot-cost");
}

#[test]
fn an_older_generation_than_remembered_is_rolled_back() {
    let account = account(1);
    let keys = MasterKeys::parse(&blob(&account, 2)).unwrap();
    assert_eq!(keys.generation(), 2);
    keys.check_not_older_than(1).unwrap();
    keys.check_not_older_than(2).unwrap();
    let error = keys.check_not_older_than(3).unwrap_err();
    assert!(matches!(error, MasterKeysError::RolledBack { found: 2, remembered: 3 }));
    assert_eq!(error.code(), "master-key-rolled-back");
}

#[test]
fn malformed_objects_are_refused_by_name() {
    let account = account(1);
    let blob = blob(&account, 0);
    assert_eq!(code(b"", &account), "master-keys-malformed");
    assert_eq!(code(b"{}", &account), "master-keys-malformed");
    assert_eq!(code(&vec![b' '; 20_000], &account), "master-keys-malformed");
    assert_eq!(code(&blob[..blob.len() - 1], &account), "master-keys-malformed");
    let future = edited(&blob, |json| json["format"] = "tidegate/master-keys/v2".into());
    assert_eq!(code(&future, &account), "master-keys-unknown-format");
    let unknown = edited(&blob, |json| json["slots"][0]["kind"] = "sms".into());
    assert_eq!(code(&unknown, &account), "master-keys-malformed");
    let many = edited(&blob, |json| json["slots"] = vec![json["slots"][0].clone(); 17].into());
    assert_eq!(code(&many, &account), "master-keys-malformed");
}

#[test]
fn every_flipped_bit_is_refused_or_leaves_the_same_master_key() {
    let account = account(1);
    let blob = blob(&account, 0);
    for index in 0..blob.len() {
        for bit in 0..8 {
            let mut flipped = blob.clone();
            flipped[index] ^= 1 << bit;
            let opened =
                MasterKeys::parse(&flipped).and_then(|keys| keys.open(account.user, SlotSecret::Recovery(&account.recovery)));
            if let Ok(master) = opened {
                assert_eq!(master.secret(), account.master.secret(), "byte {index} bit {bit}");
            }
        }
    }
}
