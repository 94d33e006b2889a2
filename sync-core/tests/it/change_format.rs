//! The change's JSON: golden, caps, and every malformed one refused by name.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_sync_core::manifest::{Change, FormatError, INLINE_BYTES, Location, MAX_NUMBER, MAX_TITLE_BYTES, Meta, Op, Target};

use crate::fixture::{golden, names, write_missing};
use crate::sample::{attachment, cid, delete, over, put, record_id, relocation, space, stored_as_object, stored_in_pack, user};

/// One of each kind of change.
fn samples() -> Vec<(&'static str, Change)> {
    let kind = |kind: &str| Meta { kind: Some(kind.to_owned()), ..Meta::default() };
    vec![
        ("change-put-inline.json", put(1)),
        ("change-put-object.json", stored_as_object(over(2, &[1]), 2)),
        ("change-put-pack.json", stored_in_pack(over(3, &[1, 2]), 3)),
        ("change-put-kept.json", Change { kept: true, version: 1, supersedes: Vec::new(), ..stored_as_object(put(4), 4) }),
        ("change-profile.json", Change { meta: Meta { title: Some("Zo\u{eb}".to_owned()), ..kind("profile") }.into(), ..put(5) }),
        ("change-attachment.json", attachment(6)),
        ("change-resolve.json", Change { op: Op::Resolve, version: 4, ..stored_as_object(over(7, &[2, 3]), 7) }),
        ("change-delete.json", delete(8, &[2, 7])),
        ("change-relocate.json", relocation(9, &[2, 6])),
    ]
}

/// What a later version may have written: fields in every place, a place for contents that is not known here, a fraction.
/// Unknown fields stand in the order of their names, after the known ones.
const LATER: &str = concat!(
    r#"{"cid":"11111111-2222-4333-8444-555555555555","target":"record","id":"0d9b6c52-4f1e-4a39-b7c8-aabbccddeeff","op":"put","#,
    r#""version":3,"supersedes":["00000000-0000-4000-8000-000000000001"],"hlc":"01a1fd8b9a000001","#,
    r#""meta":{"kind":"note","title":"Fever","priority":3,"tags":["a",{"b":null}]},"#,
    r#""content_hmac":"4b6f9f0c1f6f5a3c9b8a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a","#,
    r#""location":{"bundle":"first","length":77,"row":[1,2]},"size":99,"#,
    r#""mood":{"note":"later","score":0.30000000000000004},"reviewed":true}"#,
);

/// Inline content with a field that is not known here.
const LATER_INLINE: &str = concat!(
    r#"{"cid":"11111111-2222-4333-8444-666666666666","target":"record","id":"0d9b6c52-4f1e-4a39-b7c8-aabbccddeeff","op":"put","#,
    r#""version":1,"supersedes":[],"hlc":"01a1fd8b9a000002","meta":{},"#,
    r#""content_hmac":"4b6f9f0c1f6f5a3c9b8a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a","#,
    r#""location":{"inline":"aGk","language":"en"},"size":2}"#,
);

fn later() -> [(&'static str, &'static str); 2] {
    [("change-later-fields.json", LATER), ("change-later-inline.json", LATER_INLINE)]
}

#[test]
fn golden_changes_are_read_and_made_again_byte_for_byte() {
    for (name, change) in samples() {
        assert_eq!(String::from_utf8(golden(name)).unwrap(), String::from_utf8(change.to_json()).unwrap(), "{name}");
        assert_eq!(Change::parse(&golden(name)).unwrap(), change, "{name}");
        change.check().unwrap();
    }
}

#[test]
fn unknown_fields_are_copied_on_byte_for_byte() {
    for (name, json) in later() {
        assert_eq!(golden(name), json.as_bytes(), "{name}");
        let change = Change::parse(json.as_bytes()).unwrap();
        change.check().unwrap();
        assert_eq!(String::from_utf8(change.to_json()).unwrap(), json, "{name}");
    }
    let Some(Location::Unknown(place)) = Change::parse(LATER.as_bytes()).unwrap().location else { panic!("it is not known") };
    assert_eq!(place["length"], 77);
}

#[test]
fn every_golden_change_is_read() {
    let read: Vec<&str> = samples().iter().map(|(name, _)| *name).chain(later().iter().map(|(name, _)| *name)).collect();
    assert!(names("change-").iter().all(|name| read.contains(&name.as_str())));
}

#[test]
#[ignore = "writes golden files that are missing; run it once after adding one"]
fn write_missing_golden_changes() {
    samples().into_iter().for_each(|(name, change)| write_missing(name, &change.to_json()));
    later().into_iter().for_each(|(name, json)| write_missing(name, json.as_bytes()));
}

#[test]
fn fields_in_another_order_are_read_and_written_in_the_one_order() {
    let reordered: Value = serde_json::from_slice(&put(1).to_json()).unwrap();
    let json = serde_json::to_vec(&reordered).unwrap();
    assert_ne!(json, put(1).to_json());
    assert_eq!(Change::parse(&json).unwrap().to_json(), put(1).to_json());
}

/// A sample with one field changed.
fn with(change: &Change, field: &str, value: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&change.to_json()).unwrap();
    json[field] = value;
    serde_json::to_vec(&json).unwrap()
}

fn without(change: &Change, field: &str) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&change.to_json()).unwrap();
    assert!(json.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    serde_json::to_vec(&json).unwrap()
}

/// Why these bytes are no stored change.
fn refusal(json: &[u8]) -> FormatError {
    match Change::parse(json).and_then(|change| change.check()) {
        Ok(()) => panic!("accepted: {}", String::from_utf8_lossy(json)),
        Err(error) => error,
    }
}

fn assert_malformed(json: &[u8], why: &str) {
    let error = refusal(json);
    assert_eq!(error.code(), "malformed-document");
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn fields_that_are_missing_or_of_another_type_are_refused() {
    for field in ["cid", "target", "id", "op", "version", "supersedes", "hlc"] {
        assert_malformed(&without(&put(1), field), "a field is missing");
    }
    let upper = cid(1).to_string().to_uppercase();
    let bad = [
        ("hlc", json!("01A1FD8B9A000000")),
        ("hlc", json!("1")),
        ("hlc", json!(7)),
        ("cid", json!(upper)),
        ("cid", json!("not an id")),
        ("supersedes", json!([upper])),
        ("supersedes", json!(null)),
        ("id", json!("../etc")),
        ("id", json!("4b6f9f0c1f6f5a3c9b8a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a")),
        ("target", json!("device")),
        ("op", json!("merge")),
        ("version", json!(-1)),
        ("version", json!(1.5)),
        ("version", json!("1")),
        ("kept", json!(1)),
        ("content_hmac", json!("00")),
        ("location", json!({})),
        ("location", json!({"inline": "aGk", "length": 2})),
        ("location", json!({"inline": "aGk="})),
        ("location", json!({"inline": "aGl"})),
        ("location", json!({"inline": "a+/"})),
        ("location", json!({"key": "users/../genesis.json", "length": 2})),
        ("location", json!({"key": "x"})),
        ("location", json!({"pack": "x", "length": 2})),
        ("meta", json!({"title": 3})),
        ("meta", json!([])),
        ("size", json!(null)),
    ];
    for (field, value) in bad {
        assert_malformed(&with(&put(1), field, value), "a field is missing, repeated or of another type");
    }
}

#[test]
fn a_field_that_comes_twice_is_refused() {
    let json = String::from_utf8(put(1).to_json()).unwrap();
    for twice in [r#"{"version":1,"#, r#"{"op":"put","#, r#"{"hlc":"0000000000000000","#] {
        assert_malformed(json.replacen('{', twice, 1).as_bytes(), "repeated");
    }
}

#[test]
fn what_is_not_json_is_refused_without_quoting_it() {
    assert_malformed(b"{", "cut short");
    assert_malformed(b"", "cut short");
    assert_malformed(b"\xff", "not JSON");
    assert_malformed(&[put(1).to_json(), b"x".to_vec()].concat(), "not JSON");
    assert_malformed(&"[".repeat(100_000).into_bytes(), "malformed");
    let error = refusal(&with(&put(1), "hlc", json!("diagnosis"))).to_string();
    assert!(!error.contains("diagnosis"), "{error}");
}

#[test]
fn numbers_beyond_2_to_the_53_are_refused_everywhere() {
    let beyond = [json!(MAX_NUMBER + 1), json!(u64::MAX), json!(-(1_i64 << 53)), json!(i64::MIN), json!(1e16), json!(-1e300)];
    for number in beyond {
        if number.as_u64().is_some() {
            assert_malformed(&with(&put(1), "version", number.clone()), "2^53 - 1");
            assert_malformed(&with(&stored_as_object(put(1), 1), "size", number.clone()), "2^53 - 1");
        }
        assert_malformed(&with(&put(1), "later", number.clone()), "2^53 - 1");
        assert_malformed(&with(&put(1), "later", json!({"a": [{"b": number}]})), "2^53 - 1");
        assert_malformed(&with(&put(1), "meta", json!({"later": number})), "2^53 - 1");
        assert_malformed(&with(&put(1), "location", json!({"inline": "Y29udGVudCAx", "later": number})), "2^53 - 1");
        assert_malformed(&with(&put(1), "location", json!({"later": number})), "2^53 - 1");
    }
    let huge = String::from_utf8(with(&put(1), "later", json!(0)))
        .unwrap()
        .replace(r#""later":0"#, r#""later":123456789012345678901234567890"#);
    assert_malformed(huge.as_bytes(), "2^53 - 1");
    for number in [json!(MAX_NUMBER), json!(-9_007_199_254_740_991_i64), json!(0.1), json!(-1.5e-300)] {
        let json = with(&put(1), "later", number);
        let again = Change::parse(&json).unwrap().to_json();
        assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), serde_json::from_slice::<Value>(&json).unwrap());
    }
}

#[test]
fn each_op_has_the_fields_that_it_needs_and_no_others() {
    let stored = stored_as_object(put(1), 1);
    assert_malformed(&with(&put(1), "version", json!(0)), "has a version and a content_hmac");
    assert_malformed(&without(&put(1), "content_hmac"), "has a version and a content_hmac");
    assert_malformed(&without(&put(1), "location"), "its content has no location");
    assert_malformed(&with(&put(1), "relocates", json!([cid(2)])), "has a version and a content_hmac");
    assert_malformed(&with(&put(1), "size", json!(3)), "its size is not that of its inline content");
    assert_malformed(&without(&stored, "sha256"), "does not begin with the digest in its key");
    assert_malformed(&with(&stored, "sha256", json!("00".repeat(32))), "does not begin with the digest in its key");
    assert_malformed(&without(&stored_in_pack(put(1), 1), "sha256"), "a range of a pack needs its sha256");
    assert_malformed(&with(&delete(1, &[]), "version", json!(0)), "a delete has a version and no location");
    assert_malformed(&with(&delete(1, &[]), "location", json!({"inline": ""})), "a delete has a version and no location");
    assert_malformed(&with(&delete(1, &[]), "kept", json!(true)), "a delete has a version and no location");
    assert_malformed(&with(&relocation(1, &[2]), "version", json!(1)), "a relocation has changes");
    assert_malformed(&with(&relocation(1, &[2]), "supersedes", json!([cid(2)])), "a relocation has changes");
    assert_malformed(&without(&relocation(1, &[2]), "relocates"), "a relocation has changes");
    assert_malformed(&without(&relocation(1, &[2]), "location"), "its content has no location");
}

#[test]
fn an_attachment_has_the_content_that_it_is_named_after() {
    let other = Change { content_hmac: put(9).content_hmac, ..attachment(1) };
    assert_malformed(&other.to_json(), "an attachment's id is the HMAC of its content");
}

#[test]
fn what_it_supersedes_is_ascending_without_itself_and_without_doubles() {
    let [first, second] = if cid(2) < cid(3) { [cid(2), cid(3)] } else { [cid(3), cid(2)] };
    assert!(Change::parse(&with(&put(1), "supersedes", json!([first, second]))).is_ok());
    assert_malformed(&with(&put(1), "supersedes", json!([second, first])), "not in ascending order");
    assert_malformed(&with(&put(1), "supersedes", json!([first, first])), "not in ascending order");
    assert_malformed(&with(&relocation(1, &[2]), "relocates", json!([second, first])), "not in ascending order");
    assert_malformed(&with(&put(1), "supersedes", json!([cid(1)])), "it supersedes itself");
}

#[test]
fn a_content_lies_only_where_contents_lie() {
    let elsewhere = [
        format!("users/{}/genesis.json", user()),
        format!("users/{}/sync-manifest.blob", user()),
        format!("users/{}/checkpoints/{}.blob", user(), "0".repeat(32)),
    ];
    for key in elsewhere {
        let json = with(&put(1), "location", json!({"key": key, "length": 2}));
        assert_malformed(&json, "its location is not a record or an attachment");
        let json = with(&put(1), "location", json!({"pack": key, "offset": 0, "length": 2}));
        assert_malformed(&json, "its location is not a pack");
    }
    let range = |offset: u64, length: u64| {
        let change = stored_in_pack(put(1), 1);
        let mut location: Value = serde_json::from_slice::<Value>(&change.to_json()).unwrap()["location"].take();
        location["offset"] = json!(offset);
        location["length"] = json!(length);
        with(&change, "location", location)
    };
    assert_malformed(&range(MAX_NUMBER, 1), "2^53 - 1");
    assert!(Change::parse(&range(MAX_NUMBER - 1, 1)).is_ok());
}

#[test]
fn a_content_in_another_space_is_noticed() {
    use tidegate_protocol::Space;
    let change = stored_as_object(put(1), 1);
    assert!(change.lies_in(space()) && put(1).lies_in(space()) && delete(1, &[]).lies_in(space()));
    assert!(stored_in_pack(put(1), 1).lies_in(space()));
    let another = "aaaaaaaa-9a1b-4c5d-8e7f-0123456789ab".parse().unwrap();
    assert!(!change.lies_in(Space::Member(user(), another)) && !change.lies_in(Space::Account(user())));
}

#[test]
fn caps_hold_to_the_byte() {
    let titled = |title: String| Change { meta: Meta { title: Some(title), ..Meta::clone(&put(1).meta) }.into(), ..put(1) };
    let too_large = |change: Change| match Change::parse(&change.to_json()) {
        Err(FormatError::TooLarge { what, size, cap }) => {
            assert_eq!(size, cap + 1);
            what
        }
        other => panic!("{other:?}"),
    };
    // Bytes of UTF-8, not characters.
    let longest = "\u{20ac}".repeat(85) + "x";
    assert_eq!(longest.len(), MAX_TITLE_BYTES);
    assert!(Change::parse(&titled(longest.clone()).to_json()).is_ok());
    assert_eq!(too_large(titled(longest + "x")), "title");
    let meta = |meta: Meta| Change { meta: meta.into(), ..put(1) };
    assert_eq!(too_large(meta(Meta { kind: Some("k".repeat(65)), ..Meta::default() })), "kind");
    assert_eq!(too_large(meta(Meta { media_type: Some("m".repeat(257)), ..Meta::default() })), "media type");
    assert_eq!(too_large(meta(Meta { name: Some("n".repeat(257)), ..Meta::default() })), "name");
    let inline = |len: usize| Change { location: Some(Location::Inline(vec![7; len].into())), size: len as u64, ..put(1) };
    assert!(Change::parse(&inline(INLINE_BYTES).to_json()).is_ok());
    assert_eq!(too_large(inline(INLINE_BYTES + 1)), "inline content");
    assert_eq!(refusal(&inline(INLINE_BYTES + 1).to_json()).code(), "document-too-large");
}

#[test]
fn a_change_in_the_outbox_may_still_lack_its_place() {
    let unsent = Change { location: None, ..put(1) };
    assert_eq!(Change::parse(&unsent.to_json()), Ok(unsent.clone()));
    assert!(unsent.check().is_err());
}

#[test]
fn descriptions_are_compared_in_nfc() {
    let named = |name: &str| Meta { name: Some(name.to_owned()), record_id: Some(record_id(0)), ..Meta::default() };
    assert!(named("Bl\u{fc}te.jpg").says_the_same(&named("Blu\u{308}te.jpg")));
    assert!(named("\u{212b}").says_the_same(&named("A\u{30a}")), "Angstrom sign and A with ring");
    assert!(!named("Blute.jpg").says_the_same(&named("Bl\u{fc}te.jpg")));
    assert!(!named("\u{fb01}").says_the_same(&named("fi")), "compatibility forms differ");
    assert!(!named("a").says_the_same(&Meta { name: None, ..named("a") }));
    assert!(!named("a").says_the_same(&Meta { record_id: None, ..named("a") }));
}

/// Anything that JSON can hold, with numbers that the formats allow.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..=MAX_NUMBER).prop_map(Value::from),
        (-(1_i64 << 53) + 1..0).prop_map(Value::from),
        (-1e15..1e15).prop_map(Value::from),
        any::<f64>().prop_filter("small", |number| number.abs() < 1e15).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn parsing_is_total_and_what_parses_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(change) = Change::parse(&bytes) {
            prop_assert_eq!(Change::parse(&change.to_json()).unwrap(), change);
        }
    }

    /// Bytes that are nearly a change: one is altered, or some are cut out.
    #[test]
    fn parsing_is_total_on_near_misses(which in 0_usize..9, at: prop::sample::Index, byte: u8, cut in 0_usize..3) {
        let mut bytes = samples()[which].1.to_json();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        bytes.drain(place..(place + cut).min(bytes.len()));
        if let Ok(change) = Change::parse(&bytes) {
            prop_assert_eq!(Change::parse(&change.to_json()).unwrap(), change);
        }
    }

    #[test]
    fn whatever_later_versions_add_is_copied_on(extra in prop::collection::btree_map("later_.*", value(), 0..4), which in 0_usize..9) {
        let extra: serde_json::Map<String, Value> = extra.into_iter().collect();
        let (_, sample) = samples().swap_remove(which);
        let change = Change { meta: Meta { extra: extra.clone(), ..Meta::clone(&sample.meta) }.into(), extra, ..sample };
        let json = change.to_json();
        let read = Change::parse(&json).unwrap();
        prop_assert_eq!(&read, &change);
        prop_assert_eq!(read.to_json(), json);
    }

    #[test]
    fn any_record_id_and_attachment_name_come_back(id: [u8; 16], hmac: [u8; 32]) {
        let hmac = tidegate_protocol::ContentHmac::from_bytes(hmac);
        for target in [Target::Record(tidegate_protocol::RecordId::from_bytes(id)), Target::Attachment(hmac)] {
            let change = Change { target, content_hmac: Some(hmac), ..put(1) };
            prop_assert_eq!(Change::parse(&change.to_json()).unwrap(), change);
        }
    }
}
