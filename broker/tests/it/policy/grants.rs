//! Who may do what to which object and folder.

use std::collections::BTreeSet;

use tidegate_broker::presign::policy::authorize_reading;
use tidegate_protocol::account::user_id;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::presign::PresignItem;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256, Space, StateKey, UserId};

use super::world::{caller, code, decide, folder, item, member, object, other_member, owner, owners_device, put, uuid};

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
state link candidate   | -            | -       | -         | -        | -        | -            | -
state account keys     | -            | -       | -         | -        | -        | -            | -
state environment      | -            | -       | -         | -        | -        | -            | -
state invite slot      | -            | -       | -         | -        | -        | -            | -
state invite revoked   | -            | -       | -         | -        | -        | -            | -
state device revoked   | -            | -       | -         | -        | -        | -            | -
state sessions ended   | -            | -       | -         | -        | -        | -            | -
state ended lately     | -            | -       | -         | -        | -        | -            | -
state identity revoked | -            | -       | -         | -        | -        | -            | -
state id token use     | -            | -       | -         | -        | -        | -            | -
state renewal          | -            | -       | -         | -        | -        | -            | -
state store profile    | -            | -       | -         | -        | -        | -            | -
state entitlement      | -            | -       | -         | -        | -        | -            | -
state notification     | -            | -       | -         | -        | -        | -            | -
state account keys first | -            | -       | -         | -        | -        | -            | -
state account link     | -            | -       | -         | -        | -        | -            | -
state account slot     | -            | -       | -         | -        | -        | -            | -
state account reset    | -            | -       | -         | -        | -        | -            | -
state account deletion | -            | -       | -         | -        | -        | -            | -
state account gone     | -            | -       | -         | -        | -        | -            | -
state recovery         | -            | -       | -         | -        | -        | -            | -
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

/// The same for what temporary credentials reach.
const PREFIXES: &str = "
prefix                 | owner | create | bootstrap | stranger | reader | writer | unproven
account                | read  | -      | -         | -        | -      | -      | -
fm                     | read  | -      | -         | -        | read   | read   | -
other fm               | read  | -      | -         | -        | -      | -      | -
public-keys            | read  | -      | -         | -        | -      | -      | -
master-keys            | read  | -      | -         | -        | -      | -      | -
access-grants          | read  | -      | -         | -        | -      | -      | -
family-members         | read  | -      | -         | -        | -      | -      | -
account devices        | read  | -      | -         | -        | -      | -      | -
account checkpoints    | read  | -      | -         | -        | -      | -      | -
fm devices             | read  | -      | -         | -        | read   | read   | -
fm checkpoints         | read  | -      | -         | -        | read   | read   | -
fm records             | read  | -      | -         | -        | read   | read   | -
fm attachments         | read  | -      | -         | -        | read   | read   | -
fm packs               | read  | -      | -         | -        | read   | read   | -
other fm records       | read  | -      | -         | -        | -      | -      | -
";

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

/// No wildcard: a new kind of object does not compile here until it has a row.
const fn kind(key: &ObjectKey) -> &'static str {
    match key {
        ObjectKey::Genesis { .. } => "genesis",
        ObjectKey::PublicKeys { .. } => "public-keys",
        ObjectKey::MasterKeys { .. } => "master-keys",
        ObjectKey::AccessGrant { .. } => "access-grant",
        ObjectKey::DeviceFile { .. } => "device file",
        ObjectKey::Segment { space: Space::Account(_), .. } => "account segment",
        ObjectKey::Segment { space: Space::Member(..), .. } => "member segment",
        ObjectKey::Checkpoint { space: Space::Account(_), .. } => "account checkpoint",
        ObjectKey::Checkpoint { space: Space::Member(..), .. } => "member checkpoint",
        ObjectKey::Doorbell { space: Space::Account(_) } => "account sync-manifest",
        ObjectKey::Doorbell { space: Space::Member(..) } => "member sync-manifest",
        ObjectKey::Record { .. } => "record",
        ObjectKey::Attachment { .. } => "attachment",
        ObjectKey::Pack { .. } => "pack",
        ObjectKey::State(StateKey::Link { .. }) => "link",
        ObjectKey::State(StateKey::LinkCandidate { .. }) => "link candidate",
        ObjectKey::State(StateKey::AccountKeys { .. }) => "account keys",
        ObjectKey::State(StateKey::AccountKeysCandidate { .. }) => "account keys first",
        ObjectKey::State(StateKey::AccountLink { .. }) => "account link",
        ObjectKey::State(StateKey::AccountSlot { .. }) => "account slot",
        ObjectKey::State(StateKey::AccountReset { .. }) => "account reset",
        ObjectKey::State(StateKey::AccountDeletion { .. }) => "account deletion",
        ObjectKey::State(StateKey::AccountGone { .. }) => "account gone",
        ObjectKey::State(StateKey::AccountEnvironment { .. }) => "account environment",
        ObjectKey::State(StateKey::InviteSlot { .. }) => "invite slot",
        ObjectKey::State(StateKey::InviteRevoked { .. }) => "invite revoked",
        ObjectKey::State(StateKey::DeviceRevoked { .. }) => "device revoked",
        ObjectKey::State(StateKey::SessionsEnded { .. }) => "sessions ended",
        ObjectKey::State(StateKey::EndedLately { .. }) => "ended lately",
        ObjectKey::State(StateKey::IdentityRevoked { .. }) => "identity revoked",
        ObjectKey::State(StateKey::IdTokenUse { .. }) => "id token use",
        ObjectKey::State(StateKey::Renewal { .. }) => "renewal",
        ObjectKey::State(StateKey::Entitlement { .. }) => "entitlement",
        ObjectKey::State(StateKey::Notification { .. }) => "notification",
        ObjectKey::State(StateKey::Recovery { .. }) => "recovery",
        ObjectKey::State(StateKey::Audit { .. }) => "audit",
        ObjectKey::State(StateKey::StoreProfile) => "store profile",
    }
}

#[test]
fn the_table_has_a_row_for_every_kind_of_object() {
    let kinds: BTreeSet<_> = cells(OBJECTS).iter().map(|(row, _, _)| kind(&object(row, owners_device()))).collect();
    assert_eq!(kinds.len(), 37, "{kinds:?}");
}

#[test]
fn every_object_is_granted_exactly_as_the_table_says() {
    let mut granted = 0;
    for (row, column, expected) in cells(OBJECTS) {
        let scopes = caller(column);
        let key = object(row, scopes.device);
        assert_eq!(key.to_string().parse(), Ok(key.clone()), "{row}");
        assert_eq!(code(decide(&scopes, &item("DELETE", &key), &StoreProfile::ATOMIC)), ProblemCode::DeleteNotSigned, "{row}");
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

fn prefix(row: &str) -> String {
    match row {
        "account" => format!("users/{}/", owner()),
        "fm" => format!("users/{}/family-members/{}/", owner(), member()),
        "other fm" => format!("users/{}/family-members/{}/", owner(), other_member()),
        row => folder(row),
    }
}

#[test]
fn credentials_are_made_exactly_as_the_table_says() {
    for (row, column, expected) in cells(PREFIXES) {
        let outcome = authorize_reading(&caller(column), &prefix(row).parse().unwrap());
        assert_eq!(outcome.is_ok(), expected.contains("read"), "{column} {row}: {outcome:?}");
    }
}

/// A credential is no way round the table of objects.
#[test]
fn whatever_credentials_reach_could_be_read_by_a_url() {
    let mut reached = 0;
    for (row, column, _) in cells(PREFIXES) {
        let (scopes, prefix) = (caller(column), prefix(row));
        if authorize_reading(&scopes, &prefix.parse().unwrap()).is_err() {
            continue;
        }
        for (object_row, _, expected) in cells(OBJECTS).into_iter().filter(|(_, of, _)| *of == column) {
            let key = object(object_row, scopes.device).to_string();
            if key.starts_with(&prefix) {
                assert!(expected.contains("get"), "{column} reads {object_row} through {row}");
                reached += 1;
            }
        }
    }
    assert!(reached > 40, "{reached}");
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
