//! Derivations that broker and client compute alike. The expected values were made by another implementation (Python's hashlib).

use proptest::prelude::*;
use tidegate_protocol::account::{
    ProofPurpose, account_proof_message, app_account_token, device_id, lp, user_id, user_id_of_genesis_hash, uuid_of_hash,
};
use tidegate_protocol::genesis::{ED25519_PUBLIC_KEY_BYTES, Genesis, InvalidGenesis, MAX_GENESIS_BYTES, XWING_PUBLIC_KEY_BYTES};
use tidegate_protocol::{Sha256, UserId};

const GENESIS: &[u8] = br#"{"format":"any bytes do"}"#;
const USER: &str = "1e3f4c56-80c2-8af6-9555-1658a91ecb2c";

fn thumbprint() -> Sha256 {
    Sha256::from_bytes(std::array::from_fn(|i| u8::try_from(i).expect("below 32")))
}

fn genesis() -> Genesis {
    Genesis {
        retention_days: 90,
        recovery_public_key: [1; ED25519_PUBLIC_KEY_BYTES],
        account_ed25519_public_key: [2; ED25519_PUBLIC_KEY_BYTES],
        account_xwing_public_key: Box::new([3; XWING_PUBLIC_KEY_BYTES]),
    }
}

#[test]
fn the_user_id_is_a_uuid_of_the_hash_of_the_hash_of_the_genesis() {
    assert_eq!(user_id(GENESIS).to_string(), USER);
    assert_eq!(user_id_of_genesis_hash(&Sha256::of(GENESIS)).to_string(), USER);
}

#[test]
fn the_device_id_is_a_uuid_of_the_hash_of_user_and_thumbprint() {
    assert_eq!(device_id(user_id(GENESIS), &thumbprint()).to_string(), "fb74e226-a5a6-8f96-98db-772566117065");
}

#[test]
fn the_app_account_token_is_a_uuid_of_the_hash_of_the_user() {
    assert_eq!(app_account_token(USER.parse().unwrap()).to_string(), "3338fcb0-3ef6-86cd-9038-eae0973a4a6b");
    assert_eq!(app_account_token(UserId::from_bytes([0; 16])).to_string(), "6a8baf54-d136-8f70-89c2-1f5f00c404a9");
}

#[test]
fn a_uuid_of_a_hash_states_version_8_and_its_variant() {
    assert_eq!(uuid_of_hash(&Sha256::from_bytes([0xff; 32])).to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    assert_eq!(uuid_of_hash(&Sha256::from_bytes([0; 32])).to_string(), "00000000-0000-8000-8000-000000000000");
}

#[test]
fn the_account_proof_signs_every_field() {
    let user: UserId = USER.parse().unwrap();
    let message = account_proof_message(ProofPurpose::Session, "https://tidegate.example", user, &thumbprint(), "nonce-1");
    assert_eq!(message.len(), 123);
    assert_eq!(Sha256::of(&message).to_string(), "15b4e08d672cc40824548edd73f5e40aa910ef617da4b5bbb1e1be8928e09617");
}

#[test]
fn a_genesis_reads_back_and_only_under_its_own_user_id() {
    let bytes = genesis().to_bytes();
    assert!(bytes.len() <= MAX_GENESIS_BYTES);
    assert_eq!(Genesis::parse_of(user_id(&bytes), &bytes).unwrap(), genesis());
    let mut spaced = bytes.clone();
    spaced.push(b' ');
    assert!(Genesis::parse(&spaced).is_ok());
    let refusal = Genesis::parse_of(user_id(&bytes), &spaced).expect_err("other bytes");
    assert_eq!(refusal.code(), "genesis-other-user");
}

#[test]
fn a_malformed_genesis_is_refused_by_name() {
    let text = String::from_utf8(genesis().to_bytes()).unwrap();
    let code = |text: &str| Genesis::parse(text.as_bytes()).expect_err("malformed").code();
    assert_eq!(code(""), "genesis-malformed");
    assert_eq!(code(&text.replacen('{', r#"{"extra":1,"#, 1)), "genesis-malformed");
    assert_eq!(code(&text.replace("genesis/v1", "genesis/v2")), "genesis-unknown-format");
    assert_eq!(code(&text.replacen("AQEB", "AQE", 1)), "genesis-bad-key");
    assert_eq!(code(&text.replacen("AQEB", "AQ+B", 1)), "genesis-bad-key");
    assert_eq!(code(&" ".repeat(MAX_GENESIS_BYTES + 1)), "genesis-too-large");
    assert!(matches!(Genesis::parse(&[0xff]), Err(InvalidGenesis::Json(_))));
}

proptest! {
    #[test]
    fn length_prefixes_keep_fields_apart(
        a in prop::collection::vec(any::<u8>(), 0..20),
        b in prop::collection::vec(any::<u8>(), 0..20),
        c in prop::collection::vec(any::<u8>(), 0..20),
        d in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        prop_assert_eq!([lp(&a), lp(&b)].concat() == [lp(&c), lp(&d)].concat(), (a, b) == (c, d));
    }

    #[test]
    fn a_proof_for_one_broker_user_key_or_nonce_is_none_for_another(
        urls in prop::array::uniform2("[a-z:/.]{0,20}"),
        users in any::<[[u8; 16]; 2]>(),
        thumbprints in any::<[[u8; 32]; 2]>(),
        nonces in prop::array::uniform2("[A-Za-z0-9_-]{0,20}"),
    ) {
        let message = |i: usize| {
            let (user, thumbprint) = (UserId::from_bytes(users[i]), Sha256::from_bytes(thumbprints[i]));
            account_proof_message(ProofPurpose::Session, &urls[i], user, &thumbprint, &nonces[i])
        };
        let same = urls[0] == urls[1] && users[0] == users[1] && thumbprints[0] == thumbprints[1] && nonces[0] == nonces[1];
        prop_assert_eq!(message(0) == message(1), same);
    }
}
