//! The line of an account's keys: only the recovery key of one generation states the next.

use tidegate_protocol::Sha256;
use tidegate_protocol::keys_statement::KeysStatement;
use tidegate_sync_core::keys::{KeyGeneration, MasterKey, RecoveryCode, StatementError};

use crate::setup::{Account, account, rng};

/// New keys and the recovery code that comes with them.
fn next(seed: u64) -> (RecoveryCode, MasterKey) {
    let mut rng = rng(seed);
    (RecoveryCode::generate(&mut rng), MasterKey::generate(&mut rng))
}

fn first(account: &Account) -> KeyGeneration {
    KeyGeneration::of_genesis(account.user, &account.genesis).unwrap()
}

fn code(outcome: Result<KeyGeneration, StatementError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[test]
fn each_generation_follows_on_the_one_before_by_the_word_of_its_recovery_key() {
    let account = account(1);
    let genesis = first(&account);
    assert_eq!((genesis.number(), genesis.public_keys()), (0, account.keys.public()));
    let ((recovery_1, master_1), (recovery_2, master_2)) = (next(2), next(3));
    let keys = |master: &MasterKey| master.account_keys().public().clone();

    let statement_1 = genesis.state_next(&account.recovery, &recovery_1, &keys(&master_1)).unwrap();
    let first = genesis.followed_by(&statement_1).unwrap();
    assert_eq!((first.number(), first.public_keys()), (1, &keys(&master_1)));
    let statement_2 = first.state_next(&recovery_1, &recovery_2, &keys(&master_2)).unwrap();
    let second = first.followed_by(&statement_2).unwrap();
    assert_eq!((second.number(), second.public_keys()), (2, &keys(&master_2)));

    // Neither skipped nor repeated.
    assert_eq!(code(genesis.followed_by(&statement_2)), "keys-statement-not-next");
    assert_eq!(code(first.followed_by(&statement_1)), "keys-statement-not-next");
    // The code before has had its say.
    let by_the_old = first.state_next(&account.recovery, &recovery_2, &keys(&master_2)).unwrap_err();
    assert_eq!(by_the_old.code(), "keys-statement-other-recovery-code");
}

#[test]
fn of_two_that_follow_on_one_neither_follows_on_the_other() {
    let account = account(1);
    let genesis = first(&account);
    let ((recovery, master), (other_recovery, other_master)) = (next(2), next(3));
    let one = genesis.state_next(&account.recovery, &recovery, master.account_keys().public()).unwrap();
    let other = genesis.state_next(&account.recovery, &other_recovery, other_master.account_keys().public()).unwrap();
    let (one, other) = (genesis.followed_by(&one).unwrap(), genesis.followed_by(&other).unwrap());
    let after = one.state_next(&recovery, &other_recovery, other_master.account_keys().public()).unwrap();
    assert!(one.followed_by(&after).is_ok());
    assert_eq!(code(other.followed_by(&after)), "keys-statement-not-next");
}

#[test]
fn a_thief_of_a_device_states_nothing() {
    let (account, stranger) = (account(1), account(9));
    let genesis = first(&account);
    let (recovery, master) = next(2);
    let public = master.account_keys().public().clone();
    let sound = genesis.state_next(&account.recovery, &recovery, &public).unwrap();

    // With a code of their own, and with another account's statement.
    assert!(matches!(genesis.state_next(&stranger.recovery, &recovery, &public), Err(StatementError::OtherRecoveryCode)));
    let theirs = first(&stranger).state_next(&stranger.recovery, &recovery, &public).unwrap();
    assert_eq!(code(genesis.followed_by(&theirs)), "keys-statement-other-account");

    // Every field that is changed breaks the signature or the line.
    let change = |change: fn(&mut KeysStatement)| {
        let mut statement = KeysStatement::parse(&sound).unwrap();
        change(&mut statement);
        code(genesis.followed_by(&statement.to_bytes()))
    };
    assert_eq!(change(|statement| statement.signature[0] ^= 1), "keys-statement-bad-signature");
    assert_eq!(change(|statement| statement.recovery_public_key[0] ^= 1), "keys-statement-bad-signature");
    assert_eq!(change(|statement| statement.account_ed25519_public_key[0] ^= 1), "keys-statement-bad-signature");
    assert_eq!(change(|statement| statement.account_xwing_public_key[0] ^= 1), "keys-statement-bad-signature");
    assert_eq!(change(|statement| statement.generation = 2), "keys-statement-not-next");
    assert_eq!(change(|statement| statement.previous = Sha256::of(b"another")), "keys-statement-not-next");
    for length in [0, 1, sound.len() / 2, sound.len() - 1] {
        assert_eq!(code(genesis.followed_by(&sound[..length])), "keys-statement-malformed");
    }
}

#[test]
fn keys_by_which_anything_could_be_signed_are_no_keys() {
    use ed25519_dalek::Signer as _;

    let account = account(1);
    let (recovery, master) = next(2);
    let sound = first(&account).state_next(&account.recovery, &recovery, master.account_keys().public()).unwrap();
    let mut statement = KeysStatement::parse(&sound).unwrap();
    // The neutral element: of small order.
    statement.recovery_public_key = [0; 32];
    statement.recovery_public_key[0] = 1;
    statement.signature = account.recovery.signing_key().sign(&statement.message()).to_bytes();
    assert_eq!(code(first(&account).followed_by(&statement.to_bytes())), "keys-statement-bad-key");
}
