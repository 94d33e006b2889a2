//! Keys: one spelling each, and nothing else is a key.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidegate_protocol::limits::max_stored_bytes;
use tidegate_protocol::{InvalidKey, MAX_KEY_BYTES, MAX_NUMBER, ObjectKey};

use crate::generate::{member, object_key, tamper, tampering, user};

const USER: &str = "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01";
const MEMBER: &str = "0b0e9c54-8f3e-4a55-9d0b-6d3f1c2a7e10";
const DEVICE: &str = "d3b0a1f2-1c5e-8e6f-9a7b-0c1d2e3f4a5b";
const DIGEST: &str = "00112233445566778899aabbccddeeff";

fn parse(text: &str) -> Result<ObjectKey, InvalidKey> {
    text.parse()
}

/// Every key of the layout, spelled out.
fn expected_keys() -> Vec<String> {
    let account = format!("users/{USER}");
    let fm = format!("{account}/family-members/{MEMBER}");
    let hash = DIGEST.repeat(2);
    let mut keys = vec![
        format!("{account}/genesis.json"),
        format!("{account}/public-keys/1.{DIGEST}.blob"),
        format!("{account}/master-keys/0.{DIGEST}.blob"),
        format!("{account}/access-grants/{DEVICE}.blob"),
        format!("{account}/devices/{DEVICE}/device.blob"),
        format!("{fm}/records/{DEVICE}.v17.{DIGEST}.blob"),
        format!("{fm}/attachments/{hash}/data.{DIGEST}.blob"),
        format!("{fm}/packs/{DIGEST}.blob"),
        format!("_tidegate/links/{hash}.json"),
        format!("_tidegate/links/{hash}/{USER}.json"),
        format!("_tidegate/accounts/{USER}/1.json"),
        format!("_tidegate/accounts/{USER}/environment.json"),
        format!("_tidegate/accounts/{USER}/1/{DIGEST}.json"),
        format!("_tidegate/accounts/{USER}/links/{hash}.json"),
        format!("_tidegate/accounts/{USER}/slots/{DEVICE}/{hash}.json"),
        format!("_tidegate/accounts/{USER}/resets/{hash}.json"),
        format!("_tidegate/gone/{hash}.json"),
        format!("_tidegate/deletions/{USER}.json"),
        format!("_tidegate/invites/{DEVICE}/slots/{hash}.json"),
        format!("_tidegate/invites/{DEVICE}/revoked.json"),
        format!("_tidegate/revocations/devices/{DEVICE}.json"),
        format!("_tidegate/revocations/sessions/{USER}/{DEVICE}.json"),
        format!("_tidegate/revocations/sessions/{USER}/all.json"),
        format!("_tidegate/revocations/recent/1763717400.device.{DEVICE}.json"),
        format!("_tidegate/revocations/recent/1763717400.user.{USER}.json"),
        format!("_tidegate/revocations/identities/{hash}.json"),
        format!("_tidegate/id-tokens/{hash}/{hash}.json"),
        format!("_tidegate/renewals/{USER}/{DEVICE}.json"),
        format!("_tidegate/entitlements/{hash}.json"),
        format!("_tidegate/notifications/{DEVICE}.json"),
        "_tidegate/recoveries/production.json".to_owned(),
        "_tidegate/recoveries/sandbox.json".to_owned(),
        format!("_tidegate/audit/{USER}/20000/{DEVICE}.json"),
    ];
    for space in [account, fm] {
        keys.push(format!("{space}/sync-manifest.blob"));
        keys.push(format!("{space}/checkpoints/{DIGEST}.blob"));
        keys.push(format!("{space}/devices/{DEVICE}/manifest/00000000000000ff-0000000000000011.{DIGEST}.blob"));
    }
    keys
}

#[test]
fn every_key_of_the_layout_parses_and_formats_to_itself() {
    for text in expected_keys() {
        let key = parse(&text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"));
        assert_eq!(key.to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_formatted_key_parses_to_itself(key in object_key()) {
        let text = key.to_string();
        prop_assert!(text.len() <= MAX_KEY_BYTES);
        prop_assert_eq!(parse(&text), Ok(key));
    }

    #[test]
    fn whatever_parses_formats_back_to_itself(key in object_key(), acts in tampering()) {
        let text = tamper(&key.to_string(), &acts);
        if let Ok(key) = parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn parsing_is_total_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(key) = parse(&text) {
            prop_assert_eq!(key.to_string(), text.as_ref());
        }
    }

    #[test]
    fn parsing_is_total_on_texts_of_the_alphabet(text in "(users|_tidegate)(/[a-z0-9._-]{0,40}){0,9}/?") {
        if let Ok(key) = parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    /// An object at a path and others below it cannot both live in a store that keeps files.
    #[test]
    fn no_ancestor_of_a_key_is_a_key(key in object_key()) {
        let text = key.to_string();
        for (at, _) in text.match_indices('/') {
            prop_assert!(parse(&text[..at]).is_err(), "{}", &text[..at]);
        }
    }

    #[test]
    fn nothing_below_a_key_is_a_key(key in object_key(), below in "(/[a-z0-9._-]{1,36}){1,3}") {
        let descendant = format!("{key}{below}");
        prop_assert!(parse(&descendant).is_err());
    }

    #[test]
    fn a_stranger_to_the_alphabet_is_refused_wherever_it_stands(
        key in object_key(),
        at in any::<Index>(),
        stranger in any::<char>().prop_filter("in the alphabet", |c| {
            !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '/' | '-')
        }),
    ) {
        let mut text = key.to_string();
        let position = at.index(text.len() + 1);
        text.insert(position, stranger);
        prop_assert_eq!(parse(&text), Err(InvalidKey::Character { character: stranger, position }));
    }

    #[test]
    fn upper_case_is_refused(key in object_key(), at in any::<Index>()) {
        let text = key.to_string();
        let letters: Vec<_> = text.match_indices(|c: char| c.is_ascii_lowercase()).collect();
        let (position, letter) = letters[at.index(letters.len())];
        let mut upper = text.clone();
        upper.replace_range(position..=position, &letter.to_uppercase());
        let refused_for_it = matches!(parse(&upper), Err(InvalidKey::Character { .. }));
        prop_assert!(refused_for_it, "{}", upper);
    }

    #[test]
    fn empty_and_dot_segments_are_refused(
        key in object_key(),
        at in any::<Index>(),
        segment in select(vec!["", ".", ".."]),
    ) {
        let text = key.to_string();
        let mut segments: Vec<_> = text.split('/').collect();
        segments.insert(at.index(segments.len() + 1), segment);
        prop_assert_eq!(parse(&segments.join("/")), Err(InvalidKey::Segment));
    }

    #[test]
    fn over_long_texts_are_refused_before_anything_else(key in object_key(), tail in "[A-Z/.%]{512,600}") {
        let text = format!("{key}{tail}");
        prop_assert_eq!(parse(&text), Err(InvalidKey::TooLong { length: text.len() }));
    }

    /// The owner is what the text says, so a policy that looks at the one speaks of the other.
    #[test]
    fn the_owner_is_the_user_in_the_text(key in object_key()) {
        let text = key.to_string();
        let start = key.owner().map_or("_tidegate/".to_owned(), |owner| format!("users/{owner}/"));
        prop_assert!(text.starts_with(&start), "{}", text);
    }

    #[test]
    fn the_digest_is_the_one_in_the_text(key in object_key()) {
        let text = key.to_string();
        match key.digest() {
            Some(digest) => prop_assert!(text.contains(&digest.to_string())),
            None => prop_assert!(max_stored_bytes(&key) <= 256 * 1024, "large and not self-certifying: {}", text),
        }
    }

    #[test]
    fn a_user_id_cannot_reach_into_another_users_folder(one in user(), other in user(), member in member()) {
        prop_assume!(one != other);
        for text in [
            format!("users/{one}/../{other}/genesis.json"),
            format!("users/{one}//users/{other}/genesis.json"),
            format!("users/{one}/users/{other}/genesis.json"),
            format!("users/{one}{other}/genesis.json"),
            format!("users/{one}/family-members/{member}/../../../{other}/genesis.json"),
        ] {
            prop_assert!(parse(&text).is_err(), "{}", text);
        }
    }
}

#[test]
fn length_is_measured_in_bytes_and_512_are_allowed() {
    let fits = format!("users/{}", "a".repeat(MAX_KEY_BYTES - "users/".len()));
    assert!(matches!(parse(&fits), Err(InvalidKey::Part(_))), "{:?}", parse(&fits));
    assert_eq!(parse(&format!("{fits}a")), Err(InvalidKey::TooLong { length: MAX_KEY_BYTES + 1 }));
    assert_eq!(parse(&"é".repeat(257)), Err(InvalidKey::TooLong { length: 514 }));
}

#[test]
fn digests_of_another_length_or_alphabet_are_refused() {
    let bad = [
        "",
        "0",
        &DIGEST[1..],
        &format!("{DIGEST}0"),
        &DIGEST.repeat(2),
        &DIGEST.replace('0', "g"),
        "00112233445566778899aabbccddeef-",
    ];
    for digest in bad {
        for text in
            expected_keys().iter().filter(|text| text.contains(&format!(".{DIGEST}.")) || text.contains(&format!("/{DIGEST}.")))
        {
            let wrong = text.replace(&format!("{DIGEST}."), &format!("{digest}."));
            assert_ne!(&wrong, text);
            assert!(matches!(parse(&wrong), Err(InvalidKey::Part(_))), "{wrong}: {:?}", parse(&wrong));
        }
    }
}

#[test]
fn numbers_have_one_spelling_and_a_limit() {
    let master = |n: &str| parse(&format!("users/{USER}/master-keys/{n}.{DIGEST}.blob"));
    let record = |n: &str| parse(&format!("users/{USER}/family-members/{MEMBER}/records/{DEVICE}.{n}.{DIGEST}.blob"));
    let segment = |n: &str| parse(&format!("users/{USER}/devices/{DEVICE}/manifest/00000000000000ff-{n}.{DIGEST}.blob"));

    for good in ["0", "1", "10", "4294967295"] {
        assert!(master(good).is_ok(), "{good}");
    }
    for bad in ["", "00", "01", "007", "4294967296", "9007199254740991", "99999999999999999999", "-1", "1-", "0x1", "1e3", "a"] {
        assert_eq!(master(bad), Err(InvalidKey::Number), "{bad}");
    }
    for good in ["v0", "v1", "v9007199254740991"] {
        assert!(record(good).is_ok(), "{good}");
    }
    for bad in ["v", "v00", "v01", "v9007199254740992", "v18446744073709551616", "v-1", "vv1"] {
        assert_eq!(record(bad), Err(InvalidKey::Number), "{bad}");
    }
    for bad in ["1", "17", "w1"] {
        assert_eq!(record(bad), Err(InvalidKey::Layout), "{bad}");
    }
    for good in [0, 1, MAX_NUMBER] {
        assert!(segment(&format!("{good:016x}")).is_ok(), "{good}");
    }
    assert_eq!(segment(&format!("{:016x}", MAX_NUMBER + 1)), Err(InvalidKey::Number));
    for bad in ["0", "000000000000011", "00000000000000011", "000000000000001g", "0x00000000000011", "-000000000000011"] {
        assert!(matches!(segment(bad), Err(InvalidKey::Part(_))), "{bad}");
    }
}

#[test]
fn shapes_that_no_object_has_are_refused() {
    let fm = format!("users/{USER}/family-members/{MEMBER}");
    for text in [
        "users".to_owned(),
        format!("users/{USER}"),
        format!("users/{USER}/genesis.blob"),
        format!("users/{USER}/genesis.json.blob"),
        format!("users/{USER}/profile.json"),
        format!("users/{USER}/devices/{DEVICE}"),
        format!("users/{USER}/devices/{DEVICE}/manifest"),
        format!("users/{USER}/devices/{DEVICE}/manifest.blob"),
        format!("users/{USER}/records/{DEVICE}.v1.{DIGEST}.blob"),
        format!("users/{USER}/packs/{DIGEST}.blob"),
        format!("users/{USER}/attachments/{DIGEST}{DIGEST}/data.{DIGEST}.blob"),
        fm.clone(),
        format!("{fm}/genesis.json"),
        format!("{fm}/device.blob"),
        format!("{fm}/devices/{DEVICE}/device.blob"),
        format!("{fm}/public-keys/1.{DIGEST}.blob"),
        format!("{fm}/access-grants/{DEVICE}.blob"),
        format!("{fm}/records/{DEVICE}.v1.{DIGEST}"),
        format!("{fm}/records/{DEVICE}.v1.{DIGEST}.json"),
        format!("{fm}/records/{DEVICE}.v1.{DIGEST}.x.blob"),
        format!("{fm}/records/{DEVICE}.{DIGEST}.blob"),
        format!("{fm}/attachments/{DIGEST}{DIGEST}/meta.{DIGEST}.blob"),
        format!("{fm}/attachments/{DIGEST}{DIGEST}/{DIGEST}.blob"),
        format!("{fm}/family-members/{MEMBER}/packs/{DIGEST}.blob"),
        format!("user/{USER}/genesis.json"),
        "_tidegate".to_owned(),
        "_tidegate/pricing.exe".to_owned(),
        format!("_tidegate/users/{USER}/genesis.json"),
    ] {
        assert!(matches!(parse(&text), Err(InvalidKey::Layout)), "{text}: {:?}", parse(&text));
    }
}
