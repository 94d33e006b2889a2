//! The policy of presigning, held against a table that is written down here and nowhere else.

use std::collections::BTreeSet;

use tidegate_broker::presign::policy::{Credential, SignedConditions, SignedMethod, authorize};
use tidegate_broker::presign::request::ObjectRequest;
use tidegate_protocol::account::{user_id, uuid_of_hash};
use tidegate_protocol::capability::{Precondition, StoreProfile};
use tidegate_protocol::presign::{PresignItem, Refusal};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::{AccountScope, Permission, Scopes, Share};
use tidegate_protocol::{
    ChainId, ContentHmac, DeviceId, Digest, GrantId, ListPrefix, MemberId, ObjectKey, RecordId, Sha256, Space, StateKey, UserId,
};

/// What each caller may do to each kind of object of one account, the owner's. `own` segments and device files carry the caller's
/// device id, wherever they lie.
///
/// - `owner`, `create`, `bootstrap`: callers of that account, by scope
/// - `stranger`: scope `full` of another account, nothing shared
/// - `reader`, `writer`: the same with `fm`, but not `other fm`, shared with it
/// - `unproven`: the writer's share in a token of scope `bootstrap`
const OBJECTS: &str = "
object                 | owner        | create  | bootstrap | stranger | reader   | writer       | unproven
genesis                | get head put | get put | get       | get      | get      | get          | get
public-keys            | get head put | get put | get       | get      | get      | get          | get
master-keys            | get head put | put     | get       | -        | -        | -            | -
access-grant           | get head put | -       | -         | -        | -        | -            | -
own device file        | get head put | -       | -         | -        | -        | -            | -
another device file    | get head     | -       | -         | -        | -        | -            | -
account own segment    | get head put | -       | -         | -        | -        | -            | -
account other segment  | get head     | -       | -         | -        | -        | -            | -
account checkpoint     | get head put | -       | -         | -        | -        | -            | -
account sync-manifest  | get head put | -       | -         | -        | -        | -            | -
fm own segment         | get head put | -       | -         | -        | get head | get head put | -
fm other segment       | get head     | -       | -         | -        | get head | get head     | -
fm checkpoint          | get head put | -       | -         | -        | get head | get head     | -
fm sync-manifest       | get head put | -       | -         | -        | get head | get head put | -
fm record              | get head put | -       | -         | -        | get head | get head put | -
fm attachment          | get head put | -       | -         | -        | get head | get head put | -
fm pack                | get head put | -       | -         | -        | get head | get head put | -
other fm own segment   | get head put | -       | -         | -        | -        | -            | -
other fm other segment | get head     | -       | -         | -        | -        | -            | -
other fm checkpoint    | get head put | -       | -         | -        | -        | -            | -
other fm sync-manifest | get head put | -       | -         | -        | -        | -            | -
other fm record        | get head put | -       | -         | -        | -        | -            | -
other fm attachment    | get head put | -       | -         | -        | -        | -            | -
other fm pack          | get head put | -       | -         | -        | -        | -            | -
state link             | -            | -       | -         | -        | -        | -            | -
state account keys     | -            | -       | -         | -        | -        | -            | -
state invite slot      | -            | -       | -         | -        | -        | -            | -
state invite revoked   | -            | -       | -         | -        | -        | -            | -
state device revoked   | -            | -       | -         | -        | -        | -            | -
state renewal          | -            | -       | -         | -        | -        | -            | -
state audit            | -            | -       | -         | -        | -        | -            | -
";

/// The same for folders.
const FOLDERS: &str = "
folder                 | owner | create | bootstrap | stranger | reader | writer | unproven
public-keys            | list  | -      | list      | -        | -      | -      | -
master-keys            | list  | -      | list      | -        | -      | -      | -
access-grants          | list  | -      | -         | -        | -      | -      | -
family-members         | list  | -      | -         | -        | -      | -      | -
account devices        | list  | -      | -         | -        | -      | -      | -
account checkpoints    | list  | -      | -         | -        | -      | -      | -
fm devices             | list  | -      | -         | -        | list   | list   | -
fm checkpoints         | list  | -      | -         | -        | list   | list   | -
fm records             | list  | -      | -         | -        | list   | list   | -
fm attachments         | list  | -      | -         | -        | list   | list   | -
fm packs               | list  | -      | -         | -        | list   | list   | -
other fm devices       | list  | -      | -         | -        | -      | -      | -
other fm checkpoints   | list  | -      | -         | -        | -      | -      | -
other fm records       | list  | -      | -         | -        | -      | -      | -
other fm attachments   | list  | -      | -         | -        | -      | -      | -
other fm packs         | list  | -      | -         | -        | -      | -      | -
";

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
fm record             | -              | if-none-match *   | 16777216
fm attachment         | -              | if-none-match *   | 70254592
fm pack               | -              | if-none-match *   | 5242880
";

const BODY: &[u8] = b"the exact bytes that go up";
const ETAG: &str = "\"e.1-_Z\"";

fn owner() -> UserId {
    user_id(BODY)
}

fn uuid(last: u8) -> [u8; 16] {
    let mut bytes = [0xc0; 16];
    bytes[15] = last;
    bytes
}

fn guest() -> UserId {
    UserId::from_bytes(uuid(1))
}

fn owners_device() -> DeviceId {
    DeviceId::from_bytes(uuid(2))
}

fn owners_other_device() -> DeviceId {
    DeviceId::from_bytes(uuid(3))
}

fn guests_device() -> DeviceId {
    DeviceId::from_bytes(uuid(4))
}

fn member() -> MemberId {
    MemberId::from_bytes(uuid(5))
}

fn other_member() -> MemberId {
    MemberId::from_bytes(uuid(6))
}

fn caller(column: &str) -> Scopes {
    let own = |account| Scopes { user: owner(), device: owners_device(), account, shares: Vec::new() };
    let foreign = |account, permission: Option<Permission>| Scopes {
        user: guest(),
        device: guests_device(),
        account,
        shares: permission.map(|permission| Share { owner: owner(), member: member(), permission }).into_iter().collect(),
    };
    match column {
        "owner" => own(AccountScope::Full),
        "create" => own(AccountScope::Create),
        "bootstrap" => own(AccountScope::Bootstrap),
        "stranger" => foreign(AccountScope::Full, None),
        "reader" => foreign(AccountScope::Full, Some(Permission::Read)),
        "writer" => foreign(AccountScope::Full, Some(Permission::ReadWrite)),
        "unproven" => foreign(AccountScope::Bootstrap, Some(Permission::ReadWrite)),
        unknown => panic!("no caller {unknown}"),
    }
}

/// The object of the owner's account that a row of [`OBJECTS`] means, named after [`BODY`] where a name is a hash.
fn object(row: &str, own_device: DeviceId) -> ObjectKey {
    let (user, sha256) = (owner(), Sha256::of(BODY));
    let digest = sha256.digest();
    let in_space = |space: Space, kind: &str| match kind {
        "own segment" => ObjectKey::Segment { space, device: own_device, chain: ChainId::new(7), seq: 9, digest },
        "other segment" => ObjectKey::Segment { space, device: owners_other_device(), chain: ChainId::new(7), seq: 9, digest },
        "checkpoint" => ObjectKey::Checkpoint { space, digest },
        "sync-manifest" => ObjectKey::Doorbell { space },
        kind => {
            let member = space.member().expect("only a member's space has it");
            match kind {
                "record" => ObjectKey::Record { user, member, record: RecordId::from_bytes(uuid(7)), version: 6, digest },
                "attachment" => ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes([8; 32]), digest },
                "pack" => ObjectKey::Pack { user, member, digest },
                unknown => panic!("no object {unknown}"),
            }
        }
    };
    match row {
        "genesis" => ObjectKey::Genesis { user },
        "public-keys" => ObjectKey::PublicKeys { user, generation: 1, digest },
        "master-keys" => ObjectKey::MasterKeys { user, generation: 0, digest },
        "access-grant" => ObjectKey::AccessGrant { user, grant: GrantId::new(uuid_of_hash(&sha256)) },
        "own device file" => ObjectKey::DeviceFile { user, device: own_device },
        "another device file" => ObjectKey::DeviceFile { user, device: owners_other_device() },
        "state link" => ObjectKey::State(StateKey::Link { identity: sha256 }),
        "state account keys" => ObjectKey::State(StateKey::AccountKeys { user, generation: 1 }),
        "state invite slot" => {
            ObjectKey::State(StateKey::InviteSlot { invite: RecordId::from_bytes(uuid(7)).as_uuid(), thumbprint: sha256 })
        }
        "state invite revoked" => ObjectKey::State(StateKey::InviteRevoked { invite: RecordId::from_bytes(uuid(7)).as_uuid() }),
        "state device revoked" => ObjectKey::State(StateKey::DeviceRevoked { device: own_device }),
        "state renewal" => ObjectKey::State(StateKey::Renewal { user, device: own_device }),
        "state audit" => ObjectKey::State(StateKey::Audit { user, day: 20_000, id: RecordId::from_bytes(uuid(7)).as_uuid() }),
        row => match row.split_once(' ') {
            Some(("account", kind)) => in_space(Space::Account(user), kind),
            Some(("fm", kind)) => in_space(Space::Member(user, member()), kind),
            Some(("other", rest)) => in_space(Space::Member(user, other_member()), rest.strip_prefix("fm ").expect("other fm")),
            Some(_) | None => panic!("no object {row}"),
        },
    }
}

fn folder(row: &str) -> String {
    let user = owner();
    let (fm, other) = (member(), other_member());
    match row {
        "account devices" => format!("users/{user}/devices/"),
        "account checkpoints" => format!("users/{user}/checkpoints/"),
        row => match (row.strip_prefix("fm "), row.strip_prefix("other fm ")) {
            (Some(kind), _) => format!("users/{user}/family-members/{fm}/{kind}/"),
            (None, Some(kind)) => format!("users/{user}/family-members/{other}/{kind}/"),
            (None, None) => format!("users/{user}/{row}/"),
        },
    }
}

/// The cells of a table: row, column, what stands there.
fn cells(table: &'static str) -> Vec<(&'static str, &'static str, BTreeSet<&'static str>)> {
    let mut lines = table.trim().lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let header = lines.next().expect("a table has a header");
    let mut cells = Vec::new();
    for line in lines {
        assert_eq!(line.len(), header.len(), "{line:?}");
        for (column, cell) in header.iter().zip(&line).skip(1) {
            cells.push((line[0], *column, cell.split_whitespace().filter(|word| *word != "-").collect()));
        }
    }
    cells
}

fn item(method: &str, key: impl ToString) -> PresignItem {
    PresignItem { method: method.to_owned(), key: key.to_string(), ..PresignItem::default() }
}

fn put(key: impl ToString) -> PresignItem {
    PresignItem { length: Some(BODY.len() as u64), sha256: Some(Sha256::of(BODY).to_string()), ..item("PUT", key) }
}

fn decide(scopes: &Scopes, item: &PresignItem, profile: &StoreProfile) -> Result<SignedConditions, Refusal> {
    authorize(scopes, &ObjectRequest::parse(item)?, profile)
}

fn code(result: Result<SignedConditions, Refusal>) -> ProblemCode {
    result.expect_err("expected a refusal").code
}

fn parse_code(item: &PresignItem) -> ProblemCode {
    ObjectRequest::parse(item).expect_err("expected a refusal").code
}

fn condition(signed: &SignedConditions) -> Option<(&str, &str)> {
    let conditions: Vec<_> = signed.headers.iter().filter(|(name, _)| name.starts_with("if-")).collect();
    assert!(conditions.len() <= 1, "{conditions:?}");
    conditions.first().map(|(name, value)| (*name, value.as_str()))
}

#[test]
fn every_object_is_granted_exactly_as_the_table_says() {
    let mut granted = 0;
    for (row, column, expected) in cells(OBJECTS) {
        let scopes = caller(column);
        let key = object(row, scopes.device);
        assert_eq!(key.to_string().parse(), Ok(key.clone()), "{row}");
        for (method, item) in [("get", item("GET", &key)), ("head", item("HEAD", &key)), ("put", put(&key))] {
            let outcome = decide(&scopes, &item, &StoreProfile::ATOMIC);
            if expected.contains(method) {
                let signed = outcome.unwrap_or_else(|refusal| panic!("{column} {method} {row}: {refusal:?}"));
                assert_eq!(signed.method.as_str(), method.to_uppercase(), "{column} {method} {row}");
                assert_eq!(signed.key, key.to_string(), "{column} {method} {row}");
                granted += 1;
            } else {
                assert_eq!(outcome.map_err(|refusal| refusal.code), Err(ProblemCode::NotAllowed), "{column} {method} {row}");
            }
        }
    }
    assert!(granted > 100, "the table grants {granted}");
}

#[test]
fn every_folder_is_granted_exactly_as_the_table_says() {
    for (row, column, expected) in cells(FOLDERS) {
        let outcome = decide(&caller(column), &item("LIST", folder(row)), &StoreProfile::ATOMIC);
        if expected.contains("list") {
            let signed = outcome.unwrap_or_else(|refusal| panic!("{column} {row}: {refusal:?}"));
            assert!(signed.query.contains(&("prefix", folder(row))), "{column} {row}: {signed:?}");
        } else {
            assert_eq!(outcome.map_err(|refusal| refusal.code), Err(ProblemCode::NotAllowed), "{column} {row}");
        }
    }
}

#[test]
fn delete_is_never_signed_for_anyone() {
    for (row, column, _) in cells(OBJECTS) {
        assert_eq!(parse_code(&item("DELETE", object(row, caller(column).device))), ProblemCode::DeleteNotSigned, "{row}");
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
fn a_get_pins_nothing_but_the_host_and_is_signed_by_the_key_that_reads() {
    let key = object("fm record", owners_device());
    let signed = decide(&caller("owner"), &item("GET", &key), &StoreProfile::ATOMIC).unwrap();
    let expected = SignedConditions {
        method: SignedMethod::Get,
        key: key.to_string(),
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
        key: key.to_string(),
        query: vec![],
        headers: vec![("x-amz-checksum-mode", "ENABLED".to_owned())],
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
        key: key.to_string(),
        query: vec![],
        headers: vec![
            ("content-length", "26".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("if-none-match", "*".to_owned()),
            ("x-amz-checksum-sha256", "WqDXRnaEDTazMgsl6prQHa5uu6Bhc1rQEgGF9kdD9jY=".to_owned()),
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
        key: String::new(),
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

#[test]
fn conditions_are_signed_where_the_store_honours_them() {
    for honoured in [Precondition::Atomic, Precondition::NotAtomic] {
        let profile = StoreProfile { conditional_create: honoured, conditional_replace: honoured };
        for Write { key, item, condition: expected, .. } in writes() {
            let signed = decide(&caller("owner"), &item, &profile).unwrap();
            assert_eq!(condition(&signed), expected, "{honoured:?} {key}");
        }
    }
}

#[test]
fn conditions_are_not_signed_where_the_store_ignores_or_refuses_them() {
    for deaf in [Precondition::Ignored, Precondition::Refused] {
        let profile = StoreProfile { conditional_create: deaf, conditional_replace: deaf };
        for Write { key, item, .. } in writes() {
            let signed = decide(&caller("owner"), &item, &profile).unwrap();
            assert_eq!(condition(&signed), None, "{deaf:?} {key}");
            assert_eq!(signed.headers.len(), 3, "{deaf:?} {key}");
        }
    }
}

#[test]
fn each_condition_follows_its_own_capability() {
    let create_alone = StoreProfile { conditional_create: Precondition::Atomic, conditional_replace: Precondition::Ignored };
    let replace_alone = StoreProfile { conditional_create: Precondition::Refused, conditional_replace: Precondition::Atomic };
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
        assert!(largest.headers.contains(&("content-length", most.to_string())), "{key}");
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

#[test]
fn create_scope_writes_the_genesis_of_its_own_account_alone() {
    let second = b"a second genesis";
    let of_second = |user| PresignItem {
        length: Some(second.len() as u64),
        sha256: Some(Sha256::of(second).to_string()),
        ..item("PUT", ObjectKey::Genesis { user })
    };
    let scopes = caller("create");
    assert_eq!(code(decide(&scopes, &of_second(owner()), &StoreProfile::ATOMIC)), ProblemCode::DigestMismatch);
    assert_eq!(code(decide(&scopes, &of_second(user_id(second)), &StoreProfile::ATOMIC)), ProblemCode::NotAllowed);
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
            let refusal = ObjectRequest::parse(&asked).expect_err(&key);
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
    let put_fields: [fn(&mut PresignItem); 4] = [
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
        (put(&key), list_fields.to_vec()),
    ] {
        assert!(ObjectRequest::parse(&base).is_ok(), "{base:?}");
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
        assert!(ObjectRequest::parse(&with(good)).is_ok(), "{good}");
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
        let outcome = ObjectRequest::parse(&PresignItem { max_keys: Some(max_keys), ..item("LIST", &prefix) });
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
        let outcome = ObjectRequest::parse(&asked);
        assert_eq!(outcome.map_err(|refusal| refusal.code).err(), (!fits).then_some(ProblemCode::ListParameterInvalid));
    }
}

#[test]
fn a_share_of_one_member_says_nothing_about_another_account_with_that_member() {
    let mut scopes = caller("writer");
    scopes.shares[0].owner = UserId::from_bytes(uuid(99));
    for (row, _, _) in cells(OBJECTS).into_iter().filter(|(row, column, _)| *column == "writer" && row.contains("fm ")) {
        let key = object(row, scopes.device);
        for item in [item("GET", &key), item("HEAD", &key), put(&key)] {
            assert_eq!(code(decide(&scopes, &item, &StoreProfile::ATOMIC)), ProblemCode::NotAllowed, "{row}");
        }
    }
}

#[test]
fn the_stronger_of_two_shares_of_one_space_counts_in_either_order() {
    let mut scopes = caller("reader");
    scopes.shares.extend(caller("writer").shares);
    let key = object("fm record", scopes.device);
    assert!(decide(&scopes, &put(&key), &StoreProfile::ATOMIC).is_ok());
    scopes.shares.reverse();
    assert!(decide(&scopes, &put(&key), &StoreProfile::ATOMIC).is_ok());
}

/// Every object of two accounts, two members and two devices, by every mix of scope and share: whatever is signed lies where the
/// caller has business, and is signed by the credential that can do no more.
#[test]
fn nothing_is_signed_outside_ones_own_account_and_shares() {
    let users = [owner(), guest()];
    let members = [member(), other_member()];
    let devices = [owners_device(), guests_device()];
    let permissions = [None, Some(Permission::Read), Some(Permission::ReadWrite)];
    let (keys, prefixes) = universe(&users, &members, &devices);
    let mut signed = 0;
    for user in users {
        for device in devices {
            for account in [AccountScope::Create, AccountScope::Bootstrap, AccountScope::Full] {
                for (share_owner, share_member) in users.iter().flat_map(|user| members.map(|member| (*user, member))) {
                    for permission in permissions {
                        let shares = permission
                            .map(|permission| Share { owner: share_owner, member: share_member, permission })
                            .into_iter()
                            .collect();
                        let scopes = Scopes { user, device, account, shares };
                        for key in &keys {
                            for item in [item("GET", key), item("HEAD", key), put(key)] {
                                let Ok(conditions) = decide(&scopes, &item, &StoreProfile::ATOMIC) else { continue };
                                assert_in_bounds(&scopes, key, &conditions);
                                signed += 1;
                            }
                        }
                        for prefix in &prefixes {
                            if decide(&scopes, &item("LIST", prefix), &StoreProfile::ATOMIC).is_ok() {
                                let text = prefix.to_string();
                                assert!(text.ends_with('/') && (in_own(&scopes, &text) || in_share(&scopes, &text)), "{text}");
                                signed += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(signed > 1_000, "{signed}");
}

fn universe(users: &[UserId], members: &[MemberId], devices: &[DeviceId]) -> (Vec<ObjectKey>, Vec<ListPrefix>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    let sha256 = Sha256::of(BODY);
    let digest = sha256.digest();
    for &user in users {
        keys.extend([
            ObjectKey::Genesis { user },
            ObjectKey::PublicKeys { user, generation: 1, digest },
            ObjectKey::MasterKeys { user, generation: 1, digest },
            ObjectKey::AccessGrant { user, grant: GrantId::new(uuid_of_hash(&sha256)) },
            ObjectKey::State(StateKey::AccountKeys { user, generation: 1 }),
        ]);
        keys.extend(devices.iter().map(|&device| ObjectKey::DeviceFile { user, device }));
        prefixes.extend([
            ListPrefix::PublicKeys(user),
            ListPrefix::MasterKeys(user),
            ListPrefix::AccessGrants(user),
            ListPrefix::FamilyMembers(user),
        ]);
        let mut spaces = vec![Space::Account(user)];
        for &member in members {
            spaces.push(Space::Member(user, member));
            keys.extend([
                ObjectKey::Record { user, member, record: RecordId::from_bytes(uuid(7)), version: 1, digest },
                ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes([8; 32]), digest },
                ObjectKey::Pack { user, member, digest },
            ]);
            prefixes.extend([
                ListPrefix::Records(user, member),
                ListPrefix::Attachments(user, member),
                ListPrefix::Packs(user, member),
            ]);
        }
        for space in spaces {
            keys.extend([ObjectKey::Checkpoint { space, digest }, ObjectKey::Doorbell { space }]);
            keys.extend(devices.iter().map(|&device| ObjectKey::Segment {
                space,
                device,
                chain: ChainId::new(1),
                seq: 1,
                digest,
            }));
            prefixes.extend([ListPrefix::Devices(space), ListPrefix::Checkpoints(space)]);
        }
    }
    (keys, prefixes)
}

fn in_own(scopes: &Scopes, path: &str) -> bool {
    path.starts_with(&format!("users/{}/", scopes.user))
}

fn in_share(scopes: &Scopes, path: &str) -> bool {
    let inside = |share: &Share| path.starts_with(&format!("users/{}/family-members/{}/", share.owner, share.member));
    scopes.account == AccountScope::Full && scopes.shares.iter().any(inside)
}

fn assert_in_bounds(scopes: &Scopes, key: &ObjectKey, signed: &SignedConditions) {
    let path = key.to_string();
    assert_eq!(signed.key, path);
    let public = path.ends_with("/genesis.json") || path.contains("/public-keys/");
    let writes = signed.method == SignedMethod::Put;
    assert_eq!(signed.credential, if writes { Credential::Write } else { Credential::Read }, "{path}");
    let reachable = in_own(scopes, &path) || in_share(scopes, &path);
    assert!(reachable || (public && signed.method == SignedMethod::Get), "{scopes:?} {path}");
    if writes {
        assert!(!path.contains("/devices/") || path.contains(&format!("/devices/{}/", scopes.device)), "{scopes:?} {path}");
        assert!(in_own(scopes, &path) || scopes.shares.iter().any(|share| share.permission == Permission::ReadWrite));
        assert!(in_own(scopes, &path) || !path.contains("/checkpoints/"), "{scopes:?} {path}");
    }
}
