//! Edits that cross: deletes and edits, equal contents, deleted records that are written again, attachments.

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Random};

struct Pair {
    backend: Backend,
    a: Cli,
    b: Cli,
}

impl Pair {
    fn new() -> Self {
        let backend = Backend::start(Kind::DirectS3);
        let (a, b) = backend.two_devices();
        Self { backend, a, b }
    }

    /// A record that both devices have.
    fn shared(&self, bytes: &[u8]) -> String {
        let put = self.a.json(&["put", &self.backend.file("note.txt", bytes), "--member", "Ada", "--kind", "note"]);
        self.settle();
        put["records"][0]["record_id"].as_str().unwrap().to_owned()
    }

    fn edit(&self, cli: &Cli, record: &str, bytes: &[u8]) -> u64 {
        let put = cli.json(&["put", &self.backend.file("note.txt", bytes), "--id", record]);
        put["records"][0]["version"].as_u64().unwrap()
    }

    fn settle(&self) {
        for cli in [&self.a, &self.b, &self.a, &self.b] {
            cli.json(&["sync"]);
        }
    }

    fn both(&self) -> [&Cli; 2] {
        [&self.a, &self.b]
    }
}

fn conflicts(cli: &Cli) -> usize {
    cli.json(&["conflicts"])["conflicts"].as_array().unwrap().len()
}

/// The states of a record's versions, newest first.
fn states(cli: &Cli, record: &str) -> Vec<String> {
    let history = cli.json(&["history", record]);
    let versions = history["versions"].as_array().unwrap().iter();
    versions.map(|version| version["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_edit_survives_a_delete_that_did_not_know_of_it() {
    let pair = Pair::new();
    let record = pair.shared(b"first");
    pair.a.json(&["delete", &record]);
    pair.edit(&pair.b, &record, b"edited meanwhile");
    pair.settle();
    for cli in pair.both() {
        assert_eq!(cli.get(&record), b"edited meanwhile");
        assert_eq!(conflicts(cli), 0, "a delete is nobody's version");
    }
    // A delete that knows of it takes it.
    pair.a.json(&["delete", &record]);
    pair.settle();
    for cli in pair.both() {
        let ran = cli.run(&["get", &record]);
        assert!(ran.code == Some(15) && ran.stderr.contains("record-deleted"), "{ran:?}");
    }
}

#[test]
fn equal_edits_of_two_devices_are_one() {
    let pair = Pair::new();
    let record = pair.shared(b"first");
    for cli in pair.both() {
        assert_eq!(pair.edit(cli, &record, b"the same thought"), 2);
    }
    pair.settle();
    for cli in pair.both() {
        assert_eq!((cli.get(&record), conflicts(cli)), (b"the same thought".to_vec(), 0));
    }
}

#[test]
fn a_deleted_record_may_be_written_again() {
    let pair = Pair::new();
    let record = pair.shared(b"first");
    pair.b.json(&["delete", &record]);
    pair.settle();
    assert_eq!(pair.edit(&pair.a, &record, b"again"), 3);
    pair.settle();
    for cli in pair.both() {
        assert_eq!((cli.get(&record), conflicts(cli)), (b"again".to_vec(), 0));
        assert_eq!(states(cli, &record), ["winner", "deleted", "past"]);
        assert_eq!(cli.json(&["list"])["records"][0]["kind"], "note", "it is what it was");
        assert!(cli.json(&["list", "--deleted"])["records"].as_array().unwrap().is_empty());
    }
}

#[test]
fn an_earlier_version_is_restored_on_a_device_that_never_had_it() {
    let pair = Pair::new();
    let record = pair.shared(&[1; 2_000]);
    pair.edit(&pair.a, &record, &[2; 2_000]);
    pair.edit(&pair.a, &record, &[3; 2_000]);
    pair.settle();
    let history = pair.b.json(&["history", &record]);
    let versions = history["versions"].as_array().unwrap();
    let second = versions.iter().find(|version| version["version"] == 2).unwrap();
    let restored = pair.b.json(&["restore", &record, "--change", second["cid"].as_str().unwrap()]);
    assert_eq!(restored["version"], 4, "{restored}");
    pair.settle();
    for cli in pair.both() {
        assert_eq!((cli.get(&record), states(cli, &record)[0].as_str()), (vec![2; 2_000], "winner"));
        assert_eq!(conflicts(cli), 0);
    }
}

#[test]
fn an_attachment_is_stored_once_and_survives_a_delete_that_did_not_know_of_it() {
    let pair = Pair::new();
    let (one, other) = (pair.shared(b"one"), pair.shared(b"other"));
    let photo = Random::new(5).bytes(30_000);
    let file = pair.backend.file("rash.jpg", &photo);
    let attach = |cli: &Cli, record: &str| cli.json(&["attach", &file, "--member", "Ada", "--record", record]);
    let attached = attach(&pair.a, &one);
    let hmac = attached["attachments"][0]["hmac"].as_str().unwrap().to_owned();
    assert_eq!(attached["attachments"][0]["deduplicated"], false);
    pair.settle();
    assert_eq!(attach(&pair.b, &other)["attachments"][0]["deduplicated"], true, "the name of a content is its own");
    pair.b.json(&["sync"]);
    pair.a.json(&["delete", &hmac]);
    pair.settle();
    assert_eq!(pair.backend.bucket().keys(&["/attachments/"]).len(), 1);
    for cli in pair.both() {
        let out = pair.backend.path("out.jpg");
        cli.json(&["get", &hmac, "-o", out.to_str().unwrap()]);
        assert_eq!(std::fs::read(&out).unwrap(), photo);
        std::fs::remove_file(&out).unwrap();
        let listed = cli.json(&["list"]);
        let at = |record: &str| {
            let records = listed["records"].as_array().unwrap();
            records.iter().find(|shown| shown["record_id"] == record).unwrap()["attachments"].clone()
        };
        assert_eq!((at(&one), at(&other)), (Value::Array(Vec::new()), serde_json::json!([hmac])));
    }
}

#[test]
fn members_of_two_devices_at_once_are_all_there() {
    let pair = Pair::new();
    for (cli, name) in [(&pair.a, "Ben"), (&pair.b, "Cleo")] {
        cli.json(&["member", "add", name]);
        cli.json(&["put", &pair.backend.file("note.txt", name.as_bytes()), "--member", name]);
    }
    pair.settle();
    for cli in pair.both() {
        let listed = cli.json(&["member", "list"]);
        let mut names: Vec<&str> =
            listed["members"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Ada", "Ben", "Cleo"]);
        assert_eq!(cli.json(&["list"])["records"].as_array().unwrap().len(), 2);
    }
}
