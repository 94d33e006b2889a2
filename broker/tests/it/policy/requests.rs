//! Items that are no request: refused by name before any policy is asked.

use tidegate_broker::presign::request::ObjectRequest;
use tidegate_protocol::presign::PresignItem;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ContentHmac, Digest, ObjectKey, Sha256};

use super::world::{BODY, ETAG, folder, item, member, object, owner, owners_device, parse_code, put, uploads};

#[test]
fn delete_is_never_signed_for_anyone() {
    for row in ["genesis", "own device file", "fm record", "account checkpoint", "state link"] {
        assert_eq!(parse_code(&item("DELETE", object(row, owners_device()))), ProblemCode::DeleteNotSigned, "{row}");
    }
    assert_eq!(parse_code(&item("DELETE", "users/*")), ProblemCode::DeleteNotSigned);
}

#[test]
fn other_methods_are_not_signed() {
    for method in ["", "get", "Get", "GET ", "POST", "PATCH", "OPTIONS", "COPY", "delete", "LIST\r\nX: y"] {
        assert_eq!(parse_code(&item(method, ObjectKey::Genesis { user: owner() })), ProblemCode::MethodInvalid, "{method:?}");
    }
}

#[test]
fn malformed_keys_are_refused_and_say_why() {
    let (user, device) = (owner(), owners_device());
    let record = object("fm record", device).to_string();
    let digest = Digest::of(BODY);
    let bad = [
        (String::new(), "empty"),
        ("/".to_owned(), "empty"),
        (format!("/{record}"), "empty"),
        (record.replace("/records/", "//records/"), "empty"),
        (record.replace("/records/", "/./records/"), "'.'"),
        (record.replace("/records/", "/records/../records/"), "'..'"),
        (format!("users/{user}/../{user}/genesis.json"), "'..'"),
        (format!("users/{user}/devices/../genesis.json"), "'..'"),
        (format!("users/{user}/%2e%2e/genesis.json"), "'%'"),
        (format!("users/{user}/genesis.json%00"), "'%'"),
        (format!("users/{user}/genesis.json\0"), "'\\0'"),
        (format!("users/{user}/genesis.json\n"), "'\\n'"),
        (format!("users/{user}/genesis.json?versionId=1"), "'?'"),
        (format!("users/{user}/genesis.json#x"), "'#'"),
        (format!("users/{user}/devices/*/device.blob"), "'*'"),
        (format!("users/{user}/devices/${{x}}/device.blob"), "'$'"),
        (format!("users/{user}\\genesis.json"), "'\\\\'"),
        (format!("users/{user}/genesis json"), "' '"),
        (format!("users/{user}/genesis.jsön"), "'ö'"),
        (format!("users/{}/genesis.json", user.to_string().to_uppercase()), "only a-z"),
        (format!("users/{}/genesis.json", user.as_uuid().simple()), "user id"),
        (format!("users/{user}/genesis.json/"), "empty"),
        (format!("users/{user}/genesis.jso"), "shape"),
        (format!("users/{user}"), "shape"),
        (format!("users/{user}/sync-manifest.blob/x"), "shape"),
        ("_tidegate/anything".to_owned(), "shape"),
        (format!("users/{user}/master-keys/00.{digest}.blob"), "number"),
        (format!("users/{user}/master-keys/4294967296.{digest}.blob"), "number"),
        (format!("users/{user}/checkpoints/{}.blob", &digest.to_string()[1..]), "digest"),
        (format!("users/{user}/{}", "a".repeat(600)), "bytes"),
    ];
    for (key, reason) in bad {
        for asked in [item("GET", &key), item("HEAD", &key), put(&key)] {
            let refusal = ObjectRequest::parse(&asked, &uploads()).expect_err(&key);
            assert_eq!(refusal.code, ProblemCode::KeyInvalid, "{key:?}");
            assert!(refusal.message.contains(reason), "{key:?}: {}", refusal.message);
            assert!(refusal.message.len() < 300 && !refusal.message.contains(char::is_control), "{}", refusal.message);
        }
    }
}

#[test]
fn folders_that_nobody_lists_are_refused() {
    let (user, fm) = (owner(), member());
    let bad = [
        String::new(),
        "/".to_owned(),
        "users/".to_owned(),
        "users".to_owned(),
        format!("users/{user}"),
        format!("users/{user}/"),
        format!("users/{}/", &user.to_string()[..8]),
        format!("users/{user}/devices"),
        format!("users/{user}/devices//"),
        format!("users/{user}/devices/../"),
        format!("users/{user}/devices/*/"),
        format!("users/{user}/devices/{}/", owners_device()),
        format!("users/{user}/devices/{}/manifest/", owners_device()),
        format!("users/{user}/records/"),
        format!("users/{user}/family-members/{fm}/"),
        format!("users/{user}/family-members/{fm}"),
        format!("users/{user}/family-members/{fm}/rec"),
        format!("users/{user}/family-members/{fm}/access-grants/"),
        format!("users/{user}/family-members/{fm}/attachments/{}/", ContentHmac::from_bytes([8; 32])),
        format!("/users/{user}/devices/"),
        format!("users/{user}/devices/\n"),
        format!("users/{user}/devices%2f"),
        "_tidegate/".to_owned(),
        "_tidegate/links/".to_owned(),
        ObjectKey::Genesis { user }.to_string(),
    ];
    for prefix in bad {
        assert_eq!(parse_code(&item("LIST", &prefix)), ProblemCode::ListPrefixInvalid, "{prefix:?}");
    }
}

#[test]
fn fields_without_a_place_are_refused() {
    let key = object("account sync-manifest", owners_device());
    let prefix = folder("account devices");
    let put_fields: [fn(&mut PresignItem); 6] = [
        |item| item.upload_id = Some("70000000.mac.id".to_owned()),
        |item| item.part_number = Some(1),
        |item| item.length = Some(1),
        |item| item.sha256 = Some(Sha256::of(BODY).to_string()),
        |item| item.if_match = Some(ETAG.to_owned()),
        |item| item.create_only = true,
    ];
    let list_fields: [fn(&mut PresignItem); 2] =
        [|item| item.max_keys = Some(1), |item| item.continuation_token = Some("x".to_owned())];
    for (base, fields) in [
        (item("GET", &key), [&put_fields[..], &list_fields[..]].concat()),
        (item("HEAD", &key), [&put_fields[..], &list_fields[..]].concat()),
        (item("LIST", &prefix), put_fields.to_vec()),
        // One of them alone names no part.
        (put(&key), [&put_fields[..2], &list_fields[..]].concat()),
    ] {
        assert!(ObjectRequest::parse(&base, &uploads()).is_ok(), "{base:?}");
        for set in fields {
            let mut item = base.clone();
            set(&mut item);
            assert_eq!(parse_code(&item), ProblemCode::InvalidRequest, "{item:?}");
        }
    }
}

#[test]
fn a_put_without_length_or_hash_is_refused() {
    let key = object("fm record", owners_device());
    assert_eq!(parse_code(&PresignItem { length: None, ..put(&key) }), ProblemCode::LengthMissing);
    assert_eq!(parse_code(&PresignItem { sha256: None, ..put(&key) }), ProblemCode::Sha256Missing);
    let right = Sha256::of(BODY).to_string();
    for bad in [String::new(), right.to_uppercase(), right[1..].to_owned(), format!("{right}0"), format!(" {}", &right[1..])] {
        let item = PresignItem { sha256: Some(bad.clone()), ..put(&key) };
        assert_eq!(parse_code(&item), ProblemCode::InvalidRequest, "{bad:?}");
    }
}

#[test]
fn etags_that_could_mean_more_than_one_tag_are_refused() {
    let key = object("account sync-manifest", owners_device());
    let with = |etag: &str| PresignItem { if_match: Some(etag.to_owned()), ..put(&key) };
    let longest = format!("\"{}\"", "a".repeat(128));
    for good in ["\"a\"", "\"d41d8cd98f00b204e9800998ecf8427e-12\"", ETAG, &longest] {
        assert!(ObjectRequest::parse(&with(good), &uploads()).is_ok(), "{good}");
    }
    let too_long = format!("\"{}\"", "a".repeat(129));
    for bad in [
        "",
        "\"",
        "\"\"",
        "*",
        "\"*\"",
        "a",
        "\"a",
        "a\"",
        "W/\"a\"",
        "\"a\", \"b\"",
        "\"a,b\"",
        "\"a*\"",
        "\"a\"\"",
        "\"a b\"",
        "\"a\r\nx-amz-acl: y\"",
        "\"ä\"",
        "\"a\" ",
        &too_long,
    ] {
        assert_eq!(parse_code(&with(bad)), ProblemCode::ConditionInvalid, "{bad:?}");
    }
    let both = PresignItem { create_only: true, ..with(ETAG) };
    assert_eq!(parse_code(&both), ProblemCode::ConditionInvalid);
}

#[test]
fn list_parameters_out_of_range_are_refused() {
    let prefix = folder("account devices");
    for (max_keys, fits) in [(0, false), (1, true), (1_000, true), (1_001, false), (u32::MAX, false)] {
        let asked = PresignItem { max_keys: Some(max_keys), ..item("LIST", &prefix) };
        let outcome = ObjectRequest::parse(&asked, &uploads());
        assert_eq!(outcome.map_err(|refusal| refusal.code).err(), (!fits).then_some(ProblemCode::ListParameterInvalid));
    }
    let (longest, too_long) = ("x".repeat(1024), "x".repeat(1025));
    for (token, fits) in [
        ("x", true),
        (" ~", true),
        (&*longest, true),
        (&*too_long, false),
        ("", false),
        ("a\n", false),
        ("\u{7f}", false),
        ("ä", false),
    ] {
        let asked = PresignItem { continuation_token: Some(token.to_owned()), ..item("LIST", &prefix) };
        let outcome = ObjectRequest::parse(&asked, &uploads());
        assert_eq!(outcome.map_err(|refusal| refusal.code).err(), (!fits).then_some(ProblemCode::ListParameterInvalid));
    }
}
