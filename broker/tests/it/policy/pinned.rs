//! What a signature pins: parameters, headers, conditions, sizes and bytes.

use tidegate_broker::presign::policy::{Credential, SignedConditions, SignedMethod};
use tidegate_protocol::capability::{Precondition, StoreProfile};
use tidegate_protocol::presign::PresignItem;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256};

use super::world::{BODY, ETAG, caller, code, decide, folder, item, object, owners_device, put};

/// What a PUT of each kind pins besides length, type and hash, on a store that honours conditions, and the most bytes it may have.
const WRITES: &str = "
object                | asked          | signed            | most bytes
genesis               | -              | if-none-match *   | 16384
public-keys           | -              | if-none-match *   | 16384
master-keys           | -              | if-none-match *   | 16384
access-grant          | -              | if-none-match *   | 16384
own device file       | -              | -                 | 16384
own device file       | create-only    | if-none-match *   | 16384
own device file       | if-match       | if-match \"e.1-_Z\" | 16384
account own segment   | -              | if-none-match *   | 8388608
account checkpoint    | -              | if-none-match *   | 67108864
account sync-manifest | -              | -                 | 262144
account sync-manifest | create-only    | if-none-match *   | 262144
account sync-manifest | if-match       | if-match \"e.1-_Z\" | 262144
fm own segment        | -              | if-none-match *   | 8388608
fm checkpoint         | -              | if-none-match *   | 67108864
fm sync-manifest      | -              | -                 | 262144
fm sync-manifest      | create-only    | if-none-match *   | 262144
fm sync-manifest      | if-match       | if-match \"e.1-_Z\" | 262144
fm record             | -              | if-none-match *   | 17825792
fm attachment         | -              | if-none-match *   | 70254592
fm pack               | -              | if-none-match *   | 5242880
";

/// One row of [`WRITES`].
struct Write {
    key: ObjectKey,
    item: PresignItem,
    condition: Option<(&'static str, &'static str)>,
    most: u64,
}

fn writes() -> impl Iterator<Item = Write> {
    WRITES.trim().lines().skip(1).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [row, asked, signed, most] = cells[..] else { panic!("{line}") };
        let key = object(row, owners_device());
        let mut item = put(&key);
        match asked {
            "-" => {}
            "create-only" => item.create_only = true,
            "if-match" => item.if_match = Some(ETAG.to_owned()),
            unknown => panic!("no condition {unknown}"),
        }
        Write { key, item, condition: signed.split_once(' '), most: most.parse().expect("a number of bytes") }
    })
}

fn condition<'a>(signed: &'a SignedConditions<'_>) -> Option<(&'a str, &'a str)> {
    let conditions: Vec<_> = signed.headers.iter().filter(|(name, _)| name.starts_with("if-")).collect();
    assert!(conditions.len() <= 1, "{conditions:?}");
    conditions.first().map(|(name, value)| (*name, &**value))
}

#[test]
fn a_get_pins_nothing_but_the_host_and_is_signed_by_the_key_that_reads() {
    let key = object("fm record", owners_device());
    let signed = decide(&caller("owner"), &item("GET", &key), &StoreProfile::ATOMIC).unwrap();
    let expected = SignedConditions {
        method: SignedMethod::Get,
        key: key.to_string().into(),
        query: vec![],
        headers: vec![],
        credential: Credential::Read,
        signed_bytes: 0,
    };
    assert_eq!(signed, expected);
}

#[test]
fn a_head_also_pins_the_checksum_mode() {
    let key = object("fm record", owners_device());
    let signed = decide(&caller("owner"), &item("HEAD", &key), &StoreProfile::ATOMIC).unwrap();
    let expected = SignedConditions {
        method: SignedMethod::Head,
        key: key.to_string().into(),
        query: vec![],
        headers: vec![("x-amz-checksum-mode", "ENABLED".into())],
        credential: Credential::Read,
        signed_bytes: 0,
    };
    assert_eq!(signed, expected);
}

#[test]
fn a_put_pins_length_type_and_hash_and_is_signed_by_the_key_that_writes() {
    let key = object("fm record", owners_device());
    let signed = decide(&caller("owner"), &put(&key), &StoreProfile::ATOMIC).unwrap();
    let expected = SignedConditions {
        method: SignedMethod::Put,
        key: key.to_string().into(),
        query: vec![],
        headers: vec![
            ("content-length", "26".into()),
            ("content-type", "application/octet-stream".into()),
            ("if-none-match", "*".into()),
            ("x-amz-checksum-sha256", "WqDXRnaEDTazMgsl6prQHa5uu6Bhc1rQEgGF9kdD9jY=".into()),
        ],
        credential: Credential::Write,
        signed_bytes: 26,
    };
    assert_eq!(signed, expected);
}

#[test]
fn a_list_pins_its_five_parameters_and_goes_to_the_bucket() {
    let prefix = folder("fm records");
    let asked =
        PresignItem { max_keys: Some(17), continuation_token: Some("1ueGcx+LP/R x1Tr=~".to_owned()), ..item("LIST", &prefix) };
    let signed = decide(&caller("reader"), &asked, &StoreProfile::ATOMIC).unwrap();
    let expected = SignedConditions {
        method: SignedMethod::Get,
        key: "".into(),
        query: vec![
            ("continuation-token", "1ueGcx+LP/R x1Tr=~".to_owned()),
            ("encoding-type", "url".to_owned()),
            ("list-type", "2".to_owned()),
            ("max-keys", "17".to_owned()),
            ("prefix", prefix.clone()),
        ],
        headers: vec![],
        credential: Credential::Read,
        signed_bytes: 0,
    };
    assert_eq!(signed, expected);

    let first_page = decide(&caller("reader"), &item("LIST", &prefix), &StoreProfile::ATOMIC).unwrap();
    assert_eq!(first_page.query.len(), 4);
    assert!(first_page.query.contains(&("max-keys", "1000".to_owned())));
}

#[test]
fn conditions_are_signed_where_the_store_honours_them() {
    for honoured in [Precondition::Atomic, Precondition::NotAtomic] {
        let profile = StoreProfile::unprobed(honoured, honoured);
        for Write { key, item, condition: expected, .. } in writes() {
            let signed = decide(&caller("owner"), &item, &profile).unwrap();
            assert_eq!(condition(&signed), expected, "{honoured:?} {key}");
        }
    }
}

#[test]
fn conditions_are_not_signed_where_the_store_ignores_or_refuses_them() {
    for deaf in [Precondition::Ignored, Precondition::Refused] {
        let profile = StoreProfile::unprobed(deaf, deaf);
        for Write { key, item, .. } in writes() {
            let signed = decide(&caller("owner"), &item, &profile).unwrap();
            assert_eq!(condition(&signed), None, "{deaf:?} {key}");
            assert_eq!(signed.headers.len(), 3, "{deaf:?} {key}");
        }
    }
}

#[test]
fn each_condition_follows_its_own_capability() {
    let create_alone = StoreProfile::unprobed(Precondition::Atomic, Precondition::Ignored);
    let replace_alone = StoreProfile::unprobed(Precondition::Refused, Precondition::Atomic);
    for Write { key, item, condition: expected, .. } in writes() {
        let by_create = expected.filter(|(name, _)| *name == "if-none-match");
        let by_replace = expected.filter(|(name, _)| *name == "if-match");
        assert_eq!(condition(&decide(&caller("owner"), &item, &create_alone).unwrap()), by_create, "{key}");
        assert_eq!(condition(&decide(&caller("owner"), &item, &replace_alone).unwrap()), by_replace, "{key}");
    }
}

#[test]
fn a_condition_on_an_object_that_is_written_once_is_refused() {
    for Write { key, item, .. } in writes() {
        if matches!(key, ObjectKey::DeviceFile { .. } | ObjectKey::Doorbell { .. }) {
            continue;
        }
        for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
            let replacing = PresignItem { if_match: Some(ETAG.to_owned()), ..item.clone() };
            let creating = PresignItem { create_only: true, ..item.clone() };
            assert_eq!(code(decide(&caller("owner"), &replacing, &profile)), ProblemCode::ConditionInvalid, "{key}");
            assert_eq!(code(decide(&caller("owner"), &creating, &profile)), ProblemCode::ConditionInvalid, "{key}");
        }
    }
}

#[test]
fn sizes_are_capped_by_kind_and_empty_objects_refused() {
    for Write { key, item, most, .. } in writes() {
        let with = |length| PresignItem { length: Some(length), ..item.clone() };
        let largest = decide(&caller("owner"), &with(most), &StoreProfile::ATOMIC).unwrap();
        assert_eq!(largest.signed_bytes, most, "{key}");
        assert!(largest.headers.contains(&("content-length", most.to_string().into())), "{key}");
        assert_eq!(code(decide(&caller("owner"), &with(most + 1), &StoreProfile::ATOMIC)), ProblemCode::TooLarge, "{key}");
        assert_eq!(code(decide(&caller("owner"), &with(u64::MAX), &StoreProfile::ATOMIC)), ProblemCode::TooLarge, "{key}");
        assert_eq!(code(decide(&caller("owner"), &with(0), &StoreProfile::ATOMIC)), ProblemCode::InvalidRequest, "{key}");
        assert!(decide(&caller("owner"), &with(1), &StoreProfile::ATOMIC).is_ok(), "{key}");
    }
}

#[test]
fn bytes_that_the_key_does_not_name_are_refused() {
    for Write { key, item, .. } in writes() {
        let other = PresignItem { sha256: Some(Sha256::of(b"other bytes").to_string()), ..item };
        let outcome = decide(&caller("owner"), &other, &StoreProfile::ATOMIC);
        if matches!(key, ObjectKey::DeviceFile { .. } | ObjectKey::Doorbell { .. }) {
            assert!(outcome.is_ok(), "{key}");
        } else {
            assert_eq!(code(outcome), ProblemCode::DigestMismatch, "{key}");
        }
    }
}

#[test]
fn every_digit_of_the_digest_counts() {
    let key = object("fm record", owners_device());
    let right = Sha256::of(BODY);
    for byte in 0..32 {
        for bit in 0..8 {
            let mut bytes = *right.as_bytes();
            bytes[byte] ^= 1 << bit;
            let item = PresignItem { sha256: Some(Sha256::from_bytes(bytes).to_string()), ..put(&key) };
            let outcome = decide(&caller("owner"), &item, &StoreProfile::ATOMIC);
            // The key holds the first half; the rest of the hash is pinned by the header as given.
            assert_eq!(outcome.is_ok(), byte >= 16, "byte {byte} bit {bit}");
        }
    }
}
