use tidegate_protocol::account::{ProofPurpose, user_id};
use tidegate_protocol::genesis::{Genesis, InvalidGenesis};
use tidegate_protocol::{Sha256, UserId};
use tidegate_sync_core::keys::{GenesisError, MasterKey, account_public_keys, verify_account_proof};
use zeroize::Zeroizing;

use crate::setup::{account, thumbprint};

const URL: &str = "https://sync.example.org";

#[test]
fn genesis_gives_the_account_its_id_and_keys() {
    let account = account(1);
    assert_eq!(account.user, user_id(&account.genesis));
    assert_eq!(account.user.as_uuid().get_version_num(), 8);
    assert_eq!(&account_public_keys(account.user, &account.genesis).unwrap(), account.keys.public());
    let genesis = Genesis::parse(&account.genesis).unwrap();
    assert_eq!(genesis.retention_days, 90);
    assert_eq!(genesis.recovery_public_key, account.recovery.signing_key().verifying_key().to_bytes());
}

#[test]
fn another_accounts_genesis_is_refused() {
    let (ours, theirs) = (account(1), account(2));
    let error = account_public_keys(ours.user, &theirs.genesis).unwrap_err();
    assert!(matches!(error, GenesisError::Document(InvalidGenesis::OtherUser { .. })), "{error}");
    assert_eq!(error.code(), "genesis-other-user");
}

#[test]
fn one_changed_byte_of_genesis_is_another_account() {
    let account = account(1);
    for index in [0, 20, account.genesis.len() - 1] {
        let mut changed = account.genesis.clone();
        changed[index] ^= 1;
        assert!(account_public_keys(account.user, &changed).is_err());
    }
}

#[test]
fn a_genesis_of_an_unknown_format_or_with_bad_keys_is_refused_by_name() {
    let text = String::from_utf8(account(1).genesis).unwrap();
    let code = |genesis: String| account_public_keys(user_id(genesis.as_bytes()), genesis.as_bytes()).unwrap_err().code();
    assert_eq!(code(text.replace("genesis/v1", "genesis/v2")), "genesis-unknown-format");
    assert_eq!(code(text.replace("\"retention_days\":90", "\"retention_days\":-1")), "genesis-malformed");
    assert_eq!(code(text.replace("\"format\"", "\"extra\":1,\"format\"")), "genesis-malformed");
    assert_eq!(code(text.replace("_public_key\":\"", "_public_key\":\"AA")), "genesis-bad-key");
    assert_eq!(code(" ".repeat(20_000)), "genesis-too-large");
}

#[test]
fn all_keys_follow_from_the_master_key_and_none_equals_another() {
    let account = account(1);
    let again = MasterKey::from_secret(Zeroizing::new(*account.master.secret()));
    assert_eq!(again.account_keys().public(), account.keys.public());
    assert_eq!(again.local_store_key().name(), account.master.local_store_key().name());
    assert_ne!(account.master.local_store_key().secret(), account.master.secret());
}

#[test]
fn an_account_proof_counts_for_exactly_what_it_was_made_for() {
    let account = account(1);
    let key = account.keys.public().ed25519();
    let proof = account.keys.prove(ProofPurpose::Session, URL, account.user, &thumbprint(1), "nonce");
    let verify = |url: &str, user: UserId, thumbprint: Sha256, nonce: &str| {
        verify_account_proof(key, &proof, ProofPurpose::Session, url, user, &thumbprint, nonce)
    };
    assert!(verify(URL, account.user, thumbprint(1), "nonce"));
    assert!(!verify("https://other.example.org", account.user, thumbprint(1), "nonce"));
    assert!(!verify(URL, crate::setup::account(2).user, thumbprint(1), "nonce"));
    assert!(!verify(URL, account.user, thumbprint(2), "nonce"));
    assert!(!verify(URL, account.user, thumbprint(1), "nonce2"));
}

#[test]
fn an_account_proof_by_another_account_is_refused() {
    let (ours, theirs) = (account(1), account(2));
    let proof = theirs.keys.prove(ProofPurpose::Session, URL, ours.user, &thumbprint(1), "nonce");
    let key = ours.keys.public().ed25519();
    assert!(!verify_account_proof(key, &proof, ProofPurpose::Session, URL, ours.user, &thumbprint(1), "nonce"));
}
