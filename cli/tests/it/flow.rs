//! One family, two devices, from the first command to the last: the same over every backend.

use std::fs;

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Random};

const NOTE: &[u8] = b"# Hazelnut\n\nHives after two biscuits; twelve drops helped.\n";
const EDIT_A: &[u8] = b"# Hazelnut\n\nHives after two biscuits. Edited on A.\n";
const EDIT_B: &[u8] = b"# Hazelnut\n\nHives after two biscuits. Edited on B.\n";

#[test]
fn family_of_two_devices_over_the_embedded_broker() {
    family_of_two_devices(Kind::EmbeddedDev);
}

#[test]
fn family_of_two_devices_directly_on_a_store() {
    family_of_two_devices(Kind::DirectS3);
}

#[test]
fn family_of_two_devices_over_a_broker_and_a_store_apart() {
    family_of_two_devices(Kind::BrokerOverStore);
}

/// The whole flow.
pub(crate) fn family_of_two_devices(kind: Kind) -> Backend {
    let mut backend = Backend::start(kind);
    let (a, b) = (backend.device("a"), backend.device("b"));
    let code = init(&backend, &a);
    let stored = store_and_sync(&backend, &a);
    join_and_read(&backend, &b, &code, &stored);
    edit_on_both_and_settle(&backend, &a, &b, &stored);
    delete_and_restore(&backend, &a, &b, &stored);
    backend.restart();
    nothing_is_lost_by_a_restart(&backend, &a, &b, &stored, &code);
    backend
}

/// What the first device put in.
struct Stored {
    note: String,
    /// 100,000 bytes that no text is: does not fit into a change.
    large: String,
    large_bytes: Vec<u8>,
    photo: String,
    photo_bytes: Vec<u8>,
}

fn init(backend: &Backend, a: &Cli) -> String {
    let code = backend.path("recovery-code");
    let file = code.to_str().unwrap().to_owned();
    let document = a.json(&backend.enrol("init", &["--device-name", "phone A", "--recovery-file", &file]));
    assert!(document["recovery_code"].is_null(), "a code that is in a file is not shown: {document}");
    assert_eq!((document["user_id"].as_str().unwrap().len(), document["device_id"].as_str().unwrap().len()), (36, 36));
    assert_eq!(fs::read_to_string(&code).unwrap().split_whitespace().count(), 24);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&code).unwrap().permissions()) & 0o777, 0o600);
    file
}

fn store_and_sync(backend: &Backend, a: &Cli) -> Stored {
    a.json(&["member", "add", "Ada"]);
    a.json(&["member", "add", "Ben"]);
    let members = a.json(&["member", "list"]);
    let names: Vec<&str> = array(&members, "members").iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names.contains(&"Ada"), names.contains(&"Ben")), (2, true, true));

    let (large_bytes, photo_bytes) = (Random::new(1).bytes(100_000), Random::new(2).bytes(100_000));
    let (note, large, photo) =
        (backend.file("hazelnut.md", NOTE), backend.file("scan.bin", &large_bytes), backend.file("photo.jpg", &photo_bytes));
    let put = a.json(&["put", &note, &large, "--member", "Ben"]);
    let records = array(&put, "records");
    assert_eq!((records.len(), &records[0]["version"]), (2, &Value::from(1)));
    let (note, large) = (text(&records[0], "record_id"), text(&records[1], "record_id"));

    let attached = a.json(&["attach", &photo, "--member", "Ben", "--record", &note]);
    let attachment = &array(&attached, "attachments")[0];
    assert_eq!((attachment["bytes"].as_u64(), attachment["deduplicated"].as_bool()), (Some(100_000), Some(false)));
    let again = a.json(&["attach", &photo, "--member", "Ben"]);
    assert_eq!(array(&again, "attachments")[0]["deduplicated"], true);
    let photo = text(attachment, "hmac");

    assert!(a.json(&["status"])["pending"].as_u64().unwrap() > 0);
    let report = a.json(&["sync"]);
    assert!(report["pushed"].as_u64().unwrap() >= 4, "{report}");
    for field in ["pulled", "conflicts", "quarantined", "requests", "bytes_up", "bytes_down", "seconds"] {
        assert!(!report[field].is_null(), "{field} is missing: {report}");
    }
    assert!(report["bytes_up"].as_u64().unwrap() > 200_000, "{report}");
    assert_eq!(a.json(&["status"])["pending"], 0);
    Stored { note, large, large_bytes, photo, photo_bytes }
}

fn join_and_read(backend: &Backend, b: &Cli, code: &str, stored: &Stored) {
    let document = b.json(&backend.enrol("join", &["--device-name", "tablet B", "--recovery-file", code]));
    assert_eq!(document["user_id"].as_str().unwrap().len(), 36);
    b.json(&["sync"]);
    let listing = b.json(&["list", "--member", "Ben"]);
    let records = array(&listing, "records");
    assert_eq!(records.len(), 2, "{listing:#}");
    let note = find(records, "record_id", &stored.note);
    assert_eq!(
        (note["title"].as_str(), note["kind"].as_str(), note["media_type"].as_str(), note["bytes"].as_u64()),
        (Some("hazelnut.md"), Some("note"), Some("text/markdown"), Some(NOTE.len() as u64))
    );
    assert_eq!(note["attachments"][0], stored.photo.as_str());
    assert_eq!(array(&listing, "attachments").len(), 1);
    assert_eq!(array(&b.json(&["list", "--member", "Ada"]), "records").len(), 0);
    assert_eq!(array(&b.json(&["list", "--kind", "note"]), "records").len(), 1);

    assert_eq!(b.get(&stored.note), NOTE);
    assert_eq!(b.get(&stored.large[..8]), stored.large_bytes, "the beginning of an id does");
    let attachment = &array(&listing, "attachments")[0];
    assert_eq!((attachment["local"].as_bool(), attachment["name"].as_str()), (Some(false), Some("photo.jpg")));
    assert_eq!(b.get(&stored.photo), stored.photo_bytes);
    assert_eq!(array(&b.json(&["list"]), "attachments")[0]["local"], true, "what was fetched stays");
    let saved = backend.path("saved.jpg");
    let got = b.json(&["get", &stored.photo, "-o", saved.to_str().unwrap()]);
    assert_eq!((got["bytes"].as_u64(), got["media_type"].as_str()), (Some(100_000), Some("image/jpeg")));
    assert_eq!(fs::read(saved).unwrap(), stored.photo_bytes);
}

fn edit_on_both_and_settle(backend: &Backend, a: &Cli, b: &Cli, stored: &Stored) {
    let (on_a, on_b) = (backend.file("a.md", EDIT_A), backend.file("b.md", EDIT_B));
    for (device, file) in [(a, &on_a), (b, &on_b)] {
        let put = device.json(&["put", file, "--id", &stored.note]);
        assert_eq!(array(&put, "records")[0]["version"], 2);
    }
    for device in [a, b, a] {
        device.json(&["sync"]);
    }
    let (of_a, of_b) = (a.json(&["conflicts"]), b.json(&["conflicts"]));
    assert_eq!(of_a, of_b, "both devices see the same conflict");
    let conflict = &array(&of_a, "conflicts")[0];
    assert_eq!(conflict["record_id"], stored.note.as_str());
    let versions = array(conflict, "versions");
    let state = |name: &str| find(versions, "state", name);
    let mut contents = Vec::new();
    for version in [state("winner"), state("conflict")] {
        let ran = a.run(&["get", &stored.note, "--change", &text(version, "cid")]);
        contents.push(ran.stdout);
    }
    assert_eq!(a.get(&stored.note), contents[0], "the winner is what `get` gives");
    assert_eq!(b.get(&stored.note), contents[0]);
    contents.sort();
    assert_eq!(contents, [EDIT_A.to_vec(), EDIT_B.to_vec()], "no edit is lost");
    let listed = a.json(&["list"]);
    assert_eq!(
        find(array(&listed, "records"), "record_id", &stored.note)["title"],
        "hazelnut.md",
        "a new version keeps its title"
    );

    // Restoring the losing version settles nothing by force: it becomes the newest.
    let loser = text(state("conflict"), "cid");
    let loser_content = a.run(&["get", &stored.note, "--change", &loser]).stdout;
    let restored = a.json(&["restore", &stored.note, "--change", &loser]);
    assert!(restored["version"].as_u64().unwrap() >= 3, "{restored}");
    a.json(&["sync"]);
    b.json(&["sync"]);
    assert_eq!(b.get(&stored.note), loser_content);
    assert_eq!(a.json(&["history", &stored.note]), b.json(&["history", &stored.note]));
}

fn delete_and_restore(backend: &Backend, a: &Cli, b: &Cli, stored: &Stored) {
    let deleted = b.json(&["delete", &stored.large]);
    assert_eq!(deleted["record_id"], stored.large.as_str());
    b.json(&["sync"]);
    a.json(&["sync"]);
    a.fails(&["get", &stored.large, "-o", "never-written"], 15, "record-deleted");
    assert_eq!(array(&a.json(&["list"]), "records").len(), 1);
    let listed = a.json(&["list", "--deleted"]);
    assert_eq!(array(&listed, "records").len(), 1, "{listed:#}");
    let (record, attachments) = (&array(&listed, "records")[0], array(&listed, "attachments"));
    assert_eq!((&record["record_id"], &record["title"]), (&Value::from(stored.large.as_str()), &Value::from("scan.bin")));
    assert_eq!(attachments.len(), 0, "attachments that were not deleted are not listed");

    let history = a.json(&["history", &stored.large]);
    let states: Vec<&str> = array(&history, "versions").iter().map(|version| version["state"].as_str().unwrap()).collect();
    assert_eq!((states.len(), states.contains(&"deleted"), states.contains(&"past")), (2, true, true), "{history:#}");
    let past = text(find(array(&history, "versions"), "state", "past"), "cid");
    a.json(&["restore", &stored.large, "--change", &past]);
    a.json(&["sync"]);
    b.json(&["sync"]);
    assert_eq!(b.get(&stored.large), stored.large_bytes);

    let file = backend.file("wrong.jpg", &Random::new(4).bytes(20_000));
    let attached = a.json(&["attach", &file, "--member", "Ada"]);
    let hmac = text(&array(&attached, "attachments")[0], "hmac");
    a.json(&["sync"]);
    b.json(&["sync"]);
    assert_eq!(b.json(&["delete", &hmac[..8]])["hmac"], hmac.as_str());
    b.json(&["sync"]);
    a.json(&["sync"]);
    a.fails(&["get", &hmac, "-o", "never-written"], 15, "attachment-unknown");

    // Everything is young, or kept: nothing goes.
    for arguments in [&["gc", "--dry-run"][..], &["gc"]] {
        let collected = a.json(arguments);
        let nothing = serde_json::json!({ "objects": 0, "segments": 0, "checkpoints": 0, "bytes": 0 });
        assert_eq!(collected["deleted"], nothing, "{collected:#}");
        assert_eq!((array(&collected, "waiting").len(), array(&collected, "held").len()), (0, 0), "{collected:#}");
        assert_eq!(collected["dry_run"], arguments.len() == 2);
    }
    assert_eq!(array(&a.json(&["list", "--member", "Ada"]), "attachments").len(), 0);
}

fn nothing_is_lost_by_a_restart(backend: &Backend, a: &Cli, b: &Cli, stored: &Stored, code: &str) {
    let idle = a.json(&["sync"]);
    assert_eq!((idle["pushed"].as_u64(), idle["pulled"].as_u64()), (Some(0), Some(0)), "{idle:#}");
    let requests = &idle["requests"];
    let to_store: u64 = ["get", "put", "head", "list", "delete"].iter().map(|kind| requests[kind].as_u64().unwrap()).sum();
    assert_eq!(to_store, 1, "a sync with nothing new is one request: {idle:#}");

    let more = backend.file("after.txt", b"after the restart");
    a.json(&["put", &more, "--member", "Ada"]);
    a.json(&["sync"]);
    b.json(&["sync"]);
    assert_eq!(b.get(&stored.photo), stored.photo_bytes);
    let c = backend.device("c");
    c.json(&backend.enrol("join", &["--recovery-file", code]));
    c.json(&["sync"]);
    let titles = |device: &Cli| {
        let listing = device.json(&["list"]);
        let mut titles: Vec<String> = array(&listing, "records").iter().map(|record| text(record, "title")).collect();
        titles.sort();
        titles
    };
    assert_eq!(titles(&c), ["after.txt", "hazelnut.md", "scan.bin"]);
    assert_eq!((titles(a), titles(b)), (titles(&c), titles(&c)));
    assert_eq!(c.get(&stored.photo), stored.photo_bytes);
    let devices = c.json(&["devices"]);
    assert!(array(&devices, "devices").len() >= 2, "{devices:#}");
}

fn array<'a>(document: &'a Value, field: &str) -> &'a Vec<Value> {
    document[field].as_array().unwrap_or_else(|| panic!("no list {field} in {document:#}"))
}

fn text(document: &Value, field: &str) -> String {
    document[field].as_str().unwrap_or_else(|| panic!("no {field} in {document:#}")).to_owned()
}

fn find<'a>(list: &'a [Value], field: &str, value: &str) -> &'a Value {
    list.iter().find(|entry| entry[field] == value).unwrap_or_else(|| panic!("no {field} {value} in {list:#?}"))
}
