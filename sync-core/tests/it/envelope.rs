use proptest::prelude::*;
use tidegate_protocol::{MemberId, ObjectKey, Space, UserId};
use tidegate_sync_core::envelope::{
    CHUNK_BYTES, HEADER_BYTES, Header, Kind, ObjectContext, ObjectName, open, open_with_key, padded_len, seal, sealed_len,
};
use tidegate_sync_core::keys::SpaceKeys;

use crate::setup::{account, bytes, member_space, record_context, rng, space_keys};

#[test]
fn padme_rounds_as_defined() {
    // By hand from the definition: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits become zero.
    for (len, padded) in [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
        (8, 8),
        (9, 10),
        (100, 104),
        (127, 128),
        (128, 128),
        (129, 144),
        (1000, 1024),
        (1025, 1088),
        (9_000, 9_216),
        (65_536, 65_536),
        (65_537, 67_584),
        (1_000_000, 1_015_808),
        (1 << 40, 1 << 40),
    ] {
        assert_eq!(padded_len(len), padded, "{len}");
    }
}

proptest! {
    #[test]
    fn padme_never_shrinks_costs_at_most_12_percent_and_is_stable(len in 0..(1_u64 << 50)) {
        let padded = padded_len(len);
        prop_assert!(padded >= len);
        prop_assert!(padded - len <= len * 12 / 100);
        prop_assert_eq!(padded_len(padded), padded);
    }

    #[test]
    fn any_content_opens_again(content in prop::collection::vec(any::<u8>(), 0..5_000), version: u64) {
        round_trip(&content, version);
    }

    #[test]
    fn text_that_compresses_opens_again(words in prop::collection::vec("[a-z]{1,8}", 0..2_000)) {
        round_trip(words.join(" ").as_bytes(), 1);
    }

    #[test]
    fn no_bytes_make_the_header_panic(sealed in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Header::parse(&sealed);
    }
}

fn round_trip(content: &[u8], version: u64) {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let context = record_context(space, version);
    let sealed = seal(keys.key(), &context, content, &mut rng(content.len() as u64)).unwrap();
    assert_eq!(open(&keyring, &context, &sealed).unwrap(), content);
}

#[test]
fn contents_of_every_length_around_the_boundaries_open_again() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let context = record_context(space, 1);
    let around = |len: usize| len.saturating_sub(20)..len + 20;
    let lengths = [0..70, around(CHUNK_BYTES), around(2 * CHUNK_BYTES), around(3 * CHUNK_BYTES), around(5 * CHUNK_BYTES)];
    for len in lengths.into_iter().flatten() {
        for content in [bytes(len as u64, len), vec![b'a'; len]] {
            let sealed = seal(keys.key(), &context, &content, &mut rng(1)).unwrap();
            assert_eq!(open(&keyring, &context, &sealed).unwrap(), content, "{len}");
        }
    }
}

#[test]
fn random_content_is_stored_raw_and_text_is_compressed() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, _) = space_keys(space, 3);
    for len in [1_000, 200_000] {
        let sealed = seal(keys.key(), &record_context(space, 1), &bytes(1, len), &mut rng(1)).unwrap();
        assert_eq!(Header::parse(&sealed).unwrap().flags, Header::RAW);
        assert_eq!(sealed.len() as u64, sealed_len(len as u64));
        let text = b"glucose 112 mg/dl, insulin 2.5 units; ".repeat(len / 38);
        let sealed = seal(keys.key(), &record_context(space, 1), &text, &mut rng(1)).unwrap();
        assert_eq!(Header::parse(&sealed).unwrap().flags, 0);
        assert!(sealed.len() < HEADER_BYTES + len / 4);
    }
}

#[test]
fn attachments_are_never_compressed() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let content = vec![b'a'; 100_000];
    let hmac = keys.attachment_key().content_hmac(&content);
    let context = ObjectContext { space, name: ObjectName::Attachment { hmac } };
    let sealed = seal(keys.key(), &context, &content, &mut rng(1)).unwrap();
    assert_eq!(Header::parse(&sealed).unwrap().flags, Header::RAW);
    assert_eq!(sealed.len() as u64, sealed_len(100_000));
    assert_eq!(open(&keyring, &context, &sealed).unwrap(), content);
}

#[test]
fn the_same_content_seals_differently_each_time() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, _) = space_keys(space, 3);
    let mut rng = rng(1);
    let first = seal(keys.key(), &record_context(space, 1), b"same", &mut rng).unwrap();
    let second = seal(keys.key(), &record_context(space, 1), b"same", &mut rng).unwrap();
    assert_ne!(first[HEADER_BYTES..], second[HEADER_BYTES..]);
}

#[test]
fn contents_up_to_the_cap_seal_and_beyond_it_do_not() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let (keys, keyring) = space_keys(space, 3);
    let context = ObjectContext { space, name: ObjectName::Doorbell };
    let cap = usize::try_from(Kind::Doorbell.max_content_bytes()).unwrap();
    let full = vec![b'a'; cap];
    let sealed = seal(keys.key(), &context, &full, &mut rng(1)).unwrap();
    assert_eq!(open(&keyring, &context, &sealed).unwrap(), full);
    let error = seal(keys.key(), &context, &vec![b'a'; cap + 1], &mut rng(1)).unwrap_err();
    assert_eq!(error.to_string(), "a doorbell holds at most 262144 bytes, this has 262145");
    // Within the cap as content, but not as stored.
    let error = seal(keys.key(), &context, &bytes(1, cap), &mut rng(1)).unwrap_err();
    assert_eq!(error.code(), "content-too-large");
}

#[test]
fn a_key_of_another_space_does_not_seal() {
    let user = UserId::from_bytes([1; 16]);
    let (keys, _) = space_keys(Space::Account(user), 3);
    let error = seal(keys.key(), &record_context(member_space(user), 1), b"x", &mut rng(1)).unwrap_err();
    assert_eq!(error.code(), "wrong-space-key");
}

#[test]
fn the_local_store_key_seals_bodies_of_the_local_database() {
    let account = account(1);
    let key = account.master.local_store_key();
    let row = |row: &str| ObjectContext { space: Space::Account(account.user), name: ObjectName::Local { row: row.to_owned() } };
    let sealed = seal(&key, &row("bodies/1"), b"a body", &mut rng(1)).unwrap();
    assert_eq!(open_with_key(&key, &row("bodies/1"), &sealed).unwrap(), b"a body");
    assert_eq!(open_with_key(&key, &row("bodies/2"), &sealed).unwrap_err().code(), "envelope-commitment-mismatch");
    let other = crate::setup::account(2).master.local_store_key();
    assert_eq!(open_with_key(&other, &row("bodies/1"), &sealed).unwrap_err().code(), "envelope-unknown-key");
}

#[test]
fn the_context_of_an_object_follows_from_its_key() {
    let user = UserId::from_bytes([1; 16]);
    let member: MemberId = crate::setup::member();
    let digest = "00112233445566778899aabbccddeeff";
    let in_member = format!("users/{user}/family-members/{member}");
    let record = crate::setup::record();
    let device = crate::setup::account(1).certificate.device();
    let hmac = "ab".repeat(32);
    for (key, kind) in [
        (format!("{in_member}/records/{record}.v7.{digest}.blob"), Kind::Record),
        (format!("{in_member}/attachments/{hmac}/data.{digest}.blob"), Kind::Attachment),
        (format!("{in_member}/packs/{digest}.blob"), Kind::Pack),
        (format!("{in_member}/devices/{device}/manifest/00000000000000aa-0000000000000001.{digest}.blob"), Kind::Segment),
        (format!("{in_member}/checkpoints/{digest}.blob"), Kind::Checkpoint),
        (format!("{in_member}/sync-manifest.blob"), Kind::Doorbell),
        (format!("users/{user}/devices/{device}/device.blob"), Kind::Device),
    ] {
        let key: ObjectKey = key.parse().unwrap();
        assert_eq!(ObjectContext::of_key(&key).unwrap().kind(), kind, "{key}");
    }
    let genesis: ObjectKey = format!("users/{user}/genesis.json").parse().unwrap();
    assert_eq!(ObjectContext::of_key(&genesis), None);
}

#[test]
fn every_kind_has_its_own_byte_and_name() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_byte(kind.byte()), Some(kind));
    }
    let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len());
    assert_eq!((Kind::from_byte(0), Kind::from_byte(9)), (None, None));
}

#[test]
fn what_the_store_sees_of_a_sealed_name_is_no_plaintext() {
    let space = member_space(UserId::from_bytes([1; 16]));
    let keys = SpaceKeys::generate(space, &mut rng(3));
    let content = b"Grandmother's cardiology report".repeat(40);
    let sealed = seal(keys.key(), &record_context(space, 1), &content, &mut rng(1)).unwrap();
    assert!(!sealed.windows(11).any(|window| window == b"Grandmother"));
    assert!(!sealed.windows(10).any(|window| window == b"cardiology"));
}
