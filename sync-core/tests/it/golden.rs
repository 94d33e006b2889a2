//! Golden files: what version 1 wrote is read forever, and written alike.
//!
//! `fixtures/v1/` is append-only. Envelopes whose content is compressed are compared by header and content, for a newer zstd
//! may choose other bytes for the same content; all others byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidegate_protocol::account::{ProofPurpose, user_id};
use tidegate_protocol::{ChainId, Sha256, Space, UserId};
use tidegate_sync_core::envelope::{
    AccountDirectory, HEADER_BYTES, ObjectContext, ObjectName, open, open_signed, open_with_key, seal, seal_signed,
};
use tidegate_sync_core::keys::{
    Argon2Cost, Certificate, DeviceDocument, DeviceKey, GrantRequest, KeyGeneration, Keyring, MasterKey, MasterKeys, Passphrase,
    Permission, RecoveryCode, SlotSecret, SpaceKeys, account_public_keys, grant_id, make_device_document, make_grant,
    make_master_keys, open_grant,
};

use crate::setup::{Account, account, bytes, member_space, record_context, rng, thumbprint};

const ACCOUNT_SEED: u64 = 20_261_121;
const URL: &str = "https://sync.example.org";
const SEGMENT: &[u8] = br#"{"format":1,"device_id":"d","chain":"00000000000000aa","seq":1,"prev":null,"seen":[],"changes":[]}"#;

/// Everything that a reader has to know besides the files.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    recovery_words: String,
    passphrase: String,
    user_id: UserId,
    device_id: String,
    device_key_seed: String,
    dpop_thumbprint: String,
    recovery_public_key: String,
    account_proof: String,
    grants: BTreeMap<String, String>,
    /// SHA-256 of what each envelope holds.
    contents: BTreeMap<String, Sha256>,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(name)
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

struct Made {
    files: BTreeMap<&'static str, Vec<u8>>,
    facts: Facts,
}

fn text() -> Vec<u8> {
    b"08:00 glucose 112 mg/dl, insulin 2.5 units, 30 g carbohydrates\n".repeat(40)
}

/// Makes every file anew from fixed seeds.
fn make() -> Made {
    let account = account(ACCOUNT_SEED);
    let passphrase = Passphrase::generate(&mut rng(1));
    let slots = [SlotSecret::Recovery(&account.recovery), SlotSecret::Passphrase(&passphrase, Argon2Cost::LEAST)];
    let account_space = SpaceKeys::generate(Space::Account(account.user), &mut rng(2));
    let member = SpaceKeys::generate(member_space(account.user), &mut rng(3)).next_epoch(&mut rng(4)).unwrap();
    let mut files = BTreeMap::from([
        ("genesis.json", account.genesis.clone()),
        ("master-keys.blob", make_master_keys(account.user, 0, &account.master, &slots, &mut rng(5)).unwrap()),
        ("certificate.bin", account.certificate.as_bytes().to_vec()),
        ("grant-account-space.blob", grant(&account, &account_space, Permission::Owner, 6)),
        ("grant-member.blob", grant(&account, &member, Permission::ReadWrite, 7)),
    ]);
    let next = next_keys(&account);
    files.insert("account-keys-1.json", next.statement);
    files.insert("master-keys-1.blob", next.master_keys);
    let mut contents = BTreeMap::new();
    for sealed in sealed_objects(&account, &account_space, &member) {
        contents.insert(sealed.name.to_owned(), Sha256::of(&sealed.content));
        files.insert(sealed.name, sealed.bytes);
    }
    let grants =
        ["grant-account-space.blob", "grant-member.blob"].map(|name| (name.to_owned(), grant_id(&files[name]).to_string()));
    let proof = account.keys.prove(ProofPurpose::Session, URL, account.user, &thumbprint(ACCOUNT_SEED), "nonce");
    let facts = Facts {
        recovery_words: account.recovery.words().to_string(),
        passphrase: passphrase.words().to_owned(),
        user_id: account.user,
        device_id: account.certificate.device().to_string(),
        device_key_seed: hex::encode(account.device.secret().as_slice()),
        dpop_thumbprint: thumbprint(ACCOUNT_SEED).to_string(),
        recovery_public_key: hex::encode(account.recovery.signing_key().verifying_key().as_bytes()),
        account_proof: hex::encode(proof),
        grants: grants.into(),
        contents,
    };
    let mut facts_json = serde_json::to_vec_pretty(&facts).unwrap();
    facts_json.push(b'\n');
    files.insert("facts.json", facts_json);
    Made { files, facts }
}

/// The keys that take the place of the account's first ones.
struct NextKeys {
    recovery: RecoveryCode,
    master: MasterKey,
    statement: Vec<u8>,
    master_keys: Vec<u8>,
}

fn next_keys(account: &Account) -> NextKeys {
    let (recovery, master) = (RecoveryCode::generate(&mut rng(19)), MasterKey::generate(&mut rng(20)));
    let first = KeyGeneration::of_genesis(account.user, &account.genesis).unwrap();
    let statement = first.state_next(&account.recovery, &recovery, master.account_keys().public()).unwrap();
    let slots = [SlotSecret::Recovery(&recovery)];
    let master_keys = make_master_keys(account.user, 1, &master, &slots, &mut rng(21)).unwrap();
    NextKeys { recovery, master, statement, master_keys }
}

fn grant(owner: &Account, keys: &SpaceKeys, permission: Permission, seed: u64) -> Vec<u8> {
    let expires_at = Some(time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let request = GrantRequest { recipient: owner.user, recipient_keys: owner.keys.public(), permission, expires_at };
    make_grant(&owner.keys, keys, request, &mut rng(seed))
}

struct Sealed {
    name: &'static str,
    content: Vec<u8>,
    bytes: Vec<u8>,
}

fn sealed_objects(account: &Account, account_space: &SpaceKeys, member: &SpaceKeys) -> Vec<Sealed> {
    let user = account.user;
    let local_key = account.master.local_store_key();
    let plain = |name: &'static str, key, content: Vec<u8>, seed| Sealed {
        name,
        bytes: seal(key, &context(name, user), &content, &mut rng(seed)).unwrap(),
        content,
    };
    let signed = |name: &'static str, key, document: &[u8], seed| Sealed {
        name,
        bytes: seal_signed(key, &context(name, user), document, &account.device, &account.certificate, &mut rng(seed)).unwrap(),
        content: document.to_vec(),
    };
    let device = DeviceDocument { name: "Anna's phone".to_owned(), joined_at: "2026-11-21T10:00:00.000Z".to_owned() };
    vec![
        plain("record-raw.blob", member.key(), bytes(8, 300), 10),
        plain("record-zstd.blob", member.key(), text(), 11),
        plain("record-empty.blob", member.key(), Vec::new(), 12),
        plain("record-two-chunks.blob", member.key(), bytes(9, 70_000), 13),
        plain("attachment.blob", member.key(), bytes(10, 1_000), 14),
        plain("local.blob", &local_key, bytes(11, 100), 15),
        signed("segment.blob", member.key(), SEGMENT, 16),
        signed("doorbell.blob", account_space.key(), br#"{"format":1,"spaces":[]}"#, 17),
        signed("device.blob", account_space.key(), &make_device_document(&device), 18),
    ]
}

/// What each file has to be; the attachment's name is the HMAC of its content.
fn context(name: &str, user: UserId) -> ObjectContext {
    let in_member = |name| ObjectContext { space: member_space(user), name };
    let in_account = |name| ObjectContext { space: Space::Account(user), name };
    let device = account(ACCOUNT_SEED).certificate.device();
    match name {
        "attachment.blob" => in_member(ObjectName::Attachment { hmac: attachment_hmac() }),
        "local.blob" => in_account(ObjectName::Local { row: "bodies/1".to_owned() }),
        "segment.blob" => in_member(ObjectName::Segment { device, chain: ChainId::new(0xaa), seq: 1 }),
        "doorbell.blob" => in_account(ObjectName::Doorbell),
        "device.blob" => in_account(ObjectName::Device { device }),
        _ => record_context(member_space(user), 3),
    }
}

fn attachment_hmac() -> tidegate_protocol::ContentHmac {
    let user = account(ACCOUNT_SEED).user;
    SpaceKeys::generate(member_space(user), &mut rng(3)).attachment_key().content_hmac(&bytes(10, 1_000))
}

#[test]
fn every_golden_file_is_made_again() {
    let made = make();
    for (name, bytes) in &made.files {
        let expected = golden(name);
        if ["record-zstd.blob", "segment.blob", "doorbell.blob", "device.blob"].contains(name) {
            assert_eq!(bytes[..HEADER_BYTES], expected[..HEADER_BYTES], "{name}");
        } else {
            assert_eq!(bytes, &expected, "{name}");
        }
    }
}

#[test]
fn every_golden_file_is_in_the_list() {
    let made = make();
    for entry in fs::read_dir(path("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let others = ["segment-", "checkpoint-", "doorbell-", "change-", "manifest-", "state-"];
        let ours = !others.iter().any(|prefix| name.starts_with(prefix)) && path(&name).is_file();
        assert!(!ours || made.files.contains_key(name.as_str()), "{name} is read by no test");
    }
}

/// As a new device does it, from the recovery words and the stored files alone.
#[test]
fn every_golden_file_is_read_back() {
    let facts: Facts = serde_json::from_slice(&golden("facts.json")).unwrap();
    let genesis = golden("genesis.json");
    assert_eq!(user_id(&genesis), facts.user_id);
    let public = account_public_keys(facts.user_id, &genesis).unwrap();

    let recovery = RecoveryCode::parse(&facts.recovery_words).unwrap();
    assert_eq!(hex::encode(recovery.signing_key().verifying_key().as_bytes()), facts.recovery_public_key);
    let slots = MasterKeys::parse(&golden("master-keys.blob")).unwrap();
    let master = slots.open(facts.user_id, SlotSecret::Recovery(&recovery)).unwrap();
    let passphrase = Passphrase::from_typed(&facts.passphrase);
    let by_passphrase = slots.open(facts.user_id, SlotSecret::Passphrase(&passphrase, Argon2Cost::LEAST)).unwrap();
    assert_eq!(by_passphrase.secret(), master.secret());
    let keys = master.account_keys();
    assert_eq!(keys.public(), &public);

    let mut keyring = Keyring::new();
    for (name, id) in &facts.grants {
        let blob = golden(name);
        let opened = open_grant(id.parse().unwrap(), &blob, facts.user_id, &public, facts.user_id, &keys).unwrap();
        keyring.insert(opened.keys);
    }
    let certificate = Certificate::parse(&golden("certificate.bin")).unwrap();
    certificate.verify(public.ed25519()).unwrap();
    assert_eq!(certificate.device().to_string(), facts.device_id);
    let seed: [u8; 32] = hex::decode(&facts.device_key_seed).unwrap().try_into().unwrap();
    assert_eq!(certificate.device_key(), &DeviceKey::from_secret(&seed).public());
    let mut directory = AccountDirectory::new();
    directory.insert(facts.user_id, 0, *public.ed25519());

    for (name, content) in &facts.contents {
        let (sealed, context) = (golden(name), context(name, facts.user_id));
        let opened = match &context.name {
            ObjectName::Local { .. } => open_with_key(&master.local_store_key(), &context, &sealed).unwrap(),
            ObjectName::Segment { .. } | ObjectName::Doorbell | ObjectName::Device { .. } | ObjectName::Checkpoint => {
                open_signed(&keyring, &directory, &context, &sealed).unwrap().document
            }
            ObjectName::Record { .. } | ObjectName::Attachment { .. } | ObjectName::Pack => {
                open(&keyring, &context, &sealed).unwrap()
            }
        };
        assert_eq!(Sha256::of(&opened), *content, "{name}");
    }
}

#[test]
fn the_golden_statement_leads_to_the_golden_keys() {
    let facts: Facts = serde_json::from_slice(&golden("facts.json")).unwrap();
    let first = KeyGeneration::of_genesis(facts.user_id, &golden("genesis.json")).unwrap();
    let second = first.followed_by(&golden("account-keys-1.json")).unwrap();
    let next = next_keys(&account(ACCOUNT_SEED));
    let slots = MasterKeys::parse(&golden("master-keys-1.blob")).unwrap();
    let master = slots.open(facts.user_id, SlotSecret::Recovery(&next.recovery)).unwrap();
    assert_eq!((second.number(), slots.generation()), (1, 1));
    assert_eq!(second.public_keys(), master.account_keys().public());
    assert_eq!(master.secret(), next.master.secret());
}

#[test]
fn facts_are_those_of_the_files() {
    let facts: Facts = serde_json::from_slice(&golden("facts.json")).unwrap();
    assert_eq!(facts, make().facts);
}

#[test]
#[ignore = "writes golden files that are missing; run it once after adding one"]
fn write_missing_golden_files() {
    fs::create_dir_all(path("")).unwrap();
    for (name, bytes) in make().files {
        if !path(name).exists() {
            fs::write(path(name), bytes).unwrap();
        }
    }
}
