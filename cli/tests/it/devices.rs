//! `devices`, `resolve` and what `status` names, by real processes.

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::Cli;

struct Pair {
    backend: Backend,
    a: Cli,
    b: Cli,
}

fn pair() -> Pair {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (a, b) = (backend.device("a"), backend.device("b"));
    let code = backend.path("code").to_str().unwrap().to_owned();
    a.json(&backend.enrol("init", &["--device-name", "laptop", "--recovery-file", &code]));
    a.json(&["member", "add", "Ada"]);
    a.json(&["sync"]);
    b.json(&backend.enrol("join", &["--device-name", "phone", "--recovery-file", &code]));
    b.json(&["sync"]);
    Pair { backend, a, b }
}

fn device(cli: &Cli, name: &str) -> Value {
    let listed = cli.json(&["devices"]);
    let devices = listed["devices"].as_array().unwrap();
    devices.iter().find(|device| device["name"] == name).unwrap_or_else(|| panic!("no {name} in {listed:#}")).clone()
}

#[test]
fn devices_are_listed_from_the_store_renamed_and_retired() {
    let Pair { mut backend, a, b } = pair();
    let phone = device(&a, "phone");
    assert_eq!(phone["state"], "active");
    assert!(phone["last_seen"].is_string(), "{phone}");
    let id = phone["device_id"].as_str().unwrap();

    assert_eq!(b.json(&["devices", "rename", "phone", "Ben's phone"])["name"], "Ben's phone");
    device(&a, "Ben's phone");
    let error = a.fails(&["devices", "rename", &id[..8], "mine now"], 10, "other-device");
    assert!(error["help"].as_str().unwrap().contains("on that device"), "{error}");
    a.fails(&["devices", "rename", "nobody", "x"], 10, "invalid-id");
    a.fails(&["devices", "retire", "0000ffff"], 15, "unknown-id");

    let ran = a.run(&["devices", "retire", "Ben's phone", "--json"]);
    assert_eq!((ran.code, &ran.document()["state"]), (Some(0), &Value::from("retired")));
    assert_eq!(ran.document()["sessions_revoked"], true, "{}", ran.stderr);
    let again = a.json(&["devices", "retire", "Ben's phone"]);
    assert_eq!(again["sessions_revoked"], true, "once more does no harm: {again}");
    a.json(&["sync"]);
    assert_eq!(device(&a, "Ben's phone")["state"], "retired");
    b.fails(&["sync"], 11, "device-revoked");

    // Without the store, what is known is shown.
    backend.kill();
    let ran = a.run(&["devices", "--json"]);
    assert_eq!((ran.code, ran.document()["devices"].as_array().unwrap().len()), (Some(0), 2));
    assert!(ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn a_conflict_ends_with_one_version_or_with_several() {
    let Pair { backend, a, b } = pair();
    let note = backend.file("note.txt", b"first");
    let put = a.json(&["put", &note, "--member", "Ada", "--kind", "note", "--title", "Dinner"]);
    let id = put["records"][0]["record_id"].as_str().unwrap().to_owned();
    a.json(&["sync"]);
    b.json(&["sync"]);
    for (cli, text) in [(&a, b"from a".as_slice()), (&b, b"from b")] {
        let file = backend.file("edit.txt", text);
        cli.json(&["put", &file, "--id", &id]);
    }
    a.json(&["sync"]);
    b.json(&["sync"]);
    assert_eq!(a.json(&["sync"])["conflicts"], 1);
    assert_eq!(a.json(&["status"])["conflicts"], 1);
    let versions: Vec<String> = a.json(&["conflicts"])["conflicts"][0]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["cid"].as_str().unwrap().to_owned())
        .collect();
    a.fails(&["resolve", &id, "--keep", "0000ffff"], 15, "unknown-id");
    let kept = a.get(&id);
    let resolved = a.json(&["resolve", &id, "--keep", &versions[0], &versions[1]]);
    assert_eq!(resolved["record_id"], id.as_str());
    let copy = resolved["apart"][0]["record_id"].as_str().unwrap().to_owned();
    a.json(&["sync"]);
    assert_eq!(b.json(&["sync"])["conflicts"], 0);
    for cli in [&a, &b] {
        assert_eq!(cli.get(&id), kept);
        assert_ne!(cli.get(&copy), kept);
        let listed = cli.json(&["list"]);
        let copied = listed["records"].as_array().unwrap().iter().find(|record| record["record_id"] == copy.as_str()).unwrap();
        assert_eq!((&copied["title"], &copied["kind"]), (&Value::from("Dinner"), &Value::from("note")));
    }
    a.fails(&["resolve", &id, "--keep", &versions[1]], 15, "change-unknown");
}

#[test]
fn a_deleted_record_goes_by_its_last_kind_and_title() {
    let Pair { backend, a, b } = pair();
    let note = backend.file("note.txt", b"to be deleted");
    let put = a.json(&["put", &note, "--member", "Ada", "--kind", "visit", "--title", "Ward 3"]);
    a.json(&["delete", put["records"][0]["record_id"].as_str().unwrap()]);
    a.json(&["sync"]);
    b.json(&["sync"]);
    for cli in [&a, &b] {
        for arguments in [&["list", "--deleted"][..], &["list", "--deleted", "--kind", "visit"]] {
            let listed = cli.json(arguments);
            let record = &listed["records"][0];
            assert_eq!((&record["kind"], &record["title"]), (&Value::from("visit"), &Value::from("Ward 3")), "{listed:#}");
        }
        assert!(cli.json(&["list", "--deleted", "--kind", "note"])["records"].as_array().unwrap().is_empty());
    }
}
