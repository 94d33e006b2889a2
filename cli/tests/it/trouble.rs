//! What goes wrong with stores and homes: named by `sync` and `status`, the rest syncs on, and the command that
//! `docs/recovery.md` gives mends it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tidegate_protocol::Digest;

use crate::backend::{Backend, Kind};
use crate::harness::{Bucket, Cli};

/// Two devices of a family that are in step, and a way into the bucket.
struct World {
    backend: Backend,
    bucket: Bucket,
    a: Cli,
    b: Cli,
}

impl World {
    fn new() -> Self {
        let backend = Backend::start(Kind::DirectS3);
        let (a, b) = backend.two_devices();
        Self { bucket: backend.bucket(), backend, a, b }
    }

    /// A record of these bytes, not sent yet; its id.
    fn put(&self, cli: &Cli, bytes: &[u8]) -> String {
        let put = cli.json(&["put", &self.backend.file("note.bin", bytes), "--member", "Ada"]);
        put["records"][0]["record_id"].as_str().unwrap().to_owned()
    }

    /// The same, sent.
    fn send(&self, cli: &Cli, bytes: &[u8]) -> String {
        let record = self.put(cli, bytes);
        cli.json(&["sync"]);
        record
    }

    /// The key of the segment of the member's history that this act stores.
    fn segment_of(&self, act: impl FnOnce(&Self)) -> String {
        self.new_key(&["/family-members/", "/manifest/"], act)
    }

    fn new_key(&self, parts: &[&str], act: impl FnOnce(&Self)) -> String {
        let before = self.bucket.keys(parts);
        act(self);
        let new: Vec<String> = self.bucket.keys(parts).into_iter().filter(|key| !before.contains(key)).collect();
        assert_eq!(new.len(), 1, "{new:?}");
        new.into_iter().next().unwrap()
    }

    /// Both devices edit and read each other's edits, whatever else is wrong.
    fn goes_on(&self) {
        self.goes_on_by(&["sync"]);
    }

    fn goes_on_by(&self, sync: &[&str]) {
        for (one, other) in [(&self.a, &self.b), (&self.b, &self.a)] {
            let record = self.send(one, b"goes on");
            other.json(sync);
            assert_eq!(other.get(&record), b"goes on");
        }
    }
}

fn code(backend: &Backend) -> String {
    backend.path("code").to_str().unwrap().to_owned()
}

/// The one entry of a list in `sync` or `status`, which must say what to do.
fn only<'a>(document: &'a Value, list: &str) -> &'a Value {
    let entries = document[list].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{list} in {document:#}");
    assert!(entries[0]["help"].as_str().unwrap().len() > 10, "{document:#}");
    &entries[0]
}

/// The record has not arrived.
fn lacks(cli: &Cli, record: &str) {
    let ran = cli.run(&["get", record]);
    assert!(ran.code == Some(15) && ran.stderr.contains("record-unknown"), "{ran:?}");
}

fn none(document: &Value, lists: &[&str]) {
    for list in lists {
        assert!(document[list].as_array().unwrap().is_empty(), "{list} in {document:#}");
    }
}

/// `sync` and `status` name it alike, and people are told on standard error.
fn is_named(cli: &Cli, list: &str, field: &str, expected: &str) {
    let status = cli.json(&["status"]);
    assert_eq!(only(&status, list)[field], expected, "{status:#}");
    let told = cli.run(&["status"]);
    assert_eq!(told.code, Some(0));
    assert!(told.stderr.contains(expected) || list == "held", "{}", told.stderr);
}

/// The notices that a device has, by code.
fn notices(document: &Value) -> Vec<&str> {
    let mut codes: Vec<&str> =
        document["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect();
    codes.dedup();
    codes
}

fn copy_home(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_home(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_withheld_segment_is_a_hole_and_the_rest_is_read() {
    let world = World::new();
    let mut withheld = String::new();
    let key = world.segment_of(|world| withheld = world.send(&world.a, b"withheld"));
    world.send(&world.a, b"after it");
    let bytes = world.bucket.take(&key);

    let report = world.b.json(&["sync"]);
    let hole = only(&report, "holes");
    assert!(hole["chain"].is_string() && hole["device_id"].is_string(), "{report:#}");
    assert!(key.contains(hole["chain"].as_str().unwrap()));
    is_named(&world.b, "holes", "reason", hole["reason"].as_str().unwrap());
    lacks(&world.b, &withheld);
    world.goes_on();

    world.bucket.put(&key, &bytes);
    none(&world.b.json(&["sync", "--full"]), &["holes", "quarantined"]);
    none(&world.b.json(&["status"]), &["holes"]);
    assert_eq!(world.b.get(&withheld), b"withheld");
}

#[test]
fn a_lost_segment_is_written_down_again_by_a_device_that_has_merged_it() {
    let world = World::new();
    let mut lost = String::new();
    let key = world.segment_of(|world| lost = world.send(&world.a, b"lost by the store"));
    world.send(&world.a, b"after it");
    world.bucket.take(&key);
    assert_eq!(only(&world.b.json(&["sync"]), "holes")["seq"].as_u64(), Some(number_of(&key)));

    let report = world.a.json(&["sync", "--full"]);
    assert!(notices(&report).contains(&"store-lost-segments"), "{report:#}");
    none(&world.b.json(&["sync", "--full"]), &["holes", "quarantined"]);
    assert_eq!(world.b.get(&lost), b"lost by the store");
    world.goes_on();
}

/// The number in the name of a segment.
fn number_of(key: &str) -> u64 {
    let name = key.rsplit('/').next().unwrap();
    u64::from_str_radix(&name[17..33], 16).unwrap()
}

#[test]
fn a_store_that_went_back_in_time_is_brought_up_to_date() {
    let world = World::new();
    let kept = world.send(&world.a, b"before");
    world.b.json(&["sync"]);
    let backup = world.bucket.backup();
    let mut later = vec![world.send(&world.a, b"by a")];
    world.b.json(&["sync"]);
    later.push(world.send(&world.b, b"by b"));
    world.a.json(&["sync"]);
    world.bucket.restore(&backup);

    for cli in [&world.a, &world.b] {
        let report = cli.json(&["sync", "--full"]);
        assert!(notices(&report).contains(&"store-lost-segments") || cli.home == world.b.home, "{report:#}");
    }
    assert!(notices(&world.a.json(&["status"])).contains(&"store-lost-segments"));
    world.goes_on();
    let c = world.backend.device("c");
    c.json(&world.backend.enrol("join", &["--recovery-file", &code(&world.backend)]));
    none(&c.json(&["sync"]), &["holes", "quarantined"]);
    assert_eq!(c.get(&kept), b"before");
    assert_eq!((c.get(&later[0]), c.get(&later[1])), (b"by a".to_vec(), b"by b".to_vec()));
}

#[test]
fn a_spoilt_segment_is_set_aside_and_read_again_when_it_is_mended() {
    let world = World::new();
    let mut spoilt = String::new();
    let key = world.segment_of(|world| spoilt = world.send(&world.a, b"spoilt"));
    let sound = world.bucket.spoil(&key);
    let report = world.b.json(&["sync"]);
    let entry = only(&report, "quarantined");
    assert_eq!((&entry["what"], &entry["reason"]), (&Value::from("segment"), &Value::from("corrupt")), "{report:#}");
    assert!(entry["device_id"].is_string(), "{report:#}");
    is_named(&world.b, "quarantined", "reason", "corrupt");
    world.goes_on();
    lacks(&world.b, &spoilt);

    world.bucket.put(&key, &sound);
    none(&world.b.json(&["sync", "--full"]), &["quarantined", "holes"]);
    assert_eq!(world.b.get(&spoilt), b"spoilt");
}

#[test]
fn a_spoilt_or_missing_content_is_set_aside_and_read_again_when_it_is_mended() {
    for (is_missing, reason) in [(false, "corrupt"), (true, "missing-content")] {
        let world = World::new();
        let mut record = String::new();
        let key = world.new_key(&["/records/"], |world| record = world.send(&world.a, &[7; 3_000]));
        let sound = if is_missing { world.bucket.take(&key) } else { world.bucket.spoil(&key) };
        let report = world.b.json(&["sync"]);
        let entry = only(&report, "quarantined");
        assert_eq!((&entry["what"], &entry["reason"]), (&Value::from("content"), &Value::from(reason)), "{report:#}");
        is_named(&world.b, "quarantined", "reason", reason);
        assert_eq!(world.a.get(&record), [7; 3_000], "who holds it shows it");
        assert_ne!(world.b.run(&["get", &record]).code, Some(0));
        world.goes_on();

        world.bucket.put(&key, &sound);
        none(&world.b.json(&["sync", "--full"]), &["quarantined"]);
        none(&world.b.json(&["status"]), &["quarantined"]);
        assert_eq!(world.b.get(&record), [7; 3_000]);
    }
}

/// An object as a later version may write it, and its name.
fn of_a_later_version(like: &[u8]) -> Vec<u8> {
    let mut later = like.to_vec();
    // The suite stands behind the magic word, the kind and the flags.
    later[6] = 2;
    later
}

#[test]
fn a_segment_of_a_later_version_is_set_aside_by_name() {
    let world = World::new();
    let key = world.segment_of(|world| drop(world.send(&world.a, b"of this version")));
    let later = of_a_later_version(&world.bucket.get(&key));
    let folder = key.rsplit_once('/').unwrap().0;
    let name = format!("{folder}/{}-{}.{}.blob", "feedfacefeedface", "0000000000000001", Digest::of(&later));
    world.bucket.put(&name, &later);
    let report = world.b.json(&["sync", "--full"]);
    assert_eq!(only(&report, "quarantined")["reason"], "newer-format", "{report:#}");
    is_named(&world.b, "quarantined", "reason", "newer-format");
    world.goes_on();
}

#[test]
fn a_sync_manifest_of_a_later_version_is_left_alone_and_listings_take_its_place() {
    let world = World::new();
    let key = world.bucket.key(&["/sync-manifest.blob"]);
    let sound = world.bucket.get(&key);
    let later = of_a_later_version(&sound);
    world.bucket.put(&key, &later);
    let report = world.b.json(&["sync"]);
    let entry = only(&report, "quarantined");
    assert_eq!((&entry["what"], &entry["reason"]), (&Value::from("sync-manifest"), &Value::from("newer-format")), "{report:#}");
    is_named(&world.b, "quarantined", "reason", "newer-format");
    // By itself it lists once an hour.
    world.goes_on_by(&["sync", "--full"]);
    assert_eq!(world.bucket.get(&key), later, "nobody writes over what a later version has written");

    world.bucket.put(&key, &sound);
    for cli in [&world.a, &world.b] {
        none(&cli.json(&["sync", "--full"]), &["quarantined"]);
    }
    world.goes_on();
}

#[test]
fn a_spoilt_sync_manifest_is_written_anew() {
    let world = World::new();
    let key = world.bucket.key(&["/sync-manifest.blob"]);
    world.bucket.spoil(&key);
    world.goes_on();
    for cli in [&world.a, &world.b] {
        none(&cli.json(&["sync", "--full"]), &["quarantined", "holes"]);
    }
    world.bucket.take(&key);
    world.goes_on();
    none(&world.b.json(&["status"]), &["quarantined", "holes"]);
}

#[test]
fn a_copied_home_is_told_loses_nothing_and_joins_anew() {
    let world = World::new();
    world.send(&world.b, b"before the copy");
    let clone = world.backend.device("clone");
    copy_home(&world.b.home, &clone.home);
    let of_b = world.send(&world.b, b"by the original");
    let unsent = world.put(&clone, b"by the copy");
    let report = clone.json(&["sync"]);
    assert_eq!(notices(&report), ["restored-or-cloned"], "{report:#}");
    is_named_by_notice(&clone, "restored-or-cloned");
    for cli in [&world.b, &clone, &world.a] {
        cli.json(&["sync"]);
        assert_eq!((cli.get(&of_b), cli.get(&unsent)), (b"by the original".to_vec(), b"by the copy".to_vec()));
        none(&cli.json(&["status"]), &["holes", "quarantined"]);
    }
    world.goes_on();

    // What the page of recovery says: the copy becomes a device of its own.
    let anew = world.backend.device("anew");
    let joined = anew.json(&world.backend.enrol("join", &["--recovery-file", &code(&world.backend)]));
    anew.json(&["sync"]);
    assert_eq!(anew.get(&unsent), b"by the copy");
    assert_ne!(joined["device_id"], world.b.json(&["status"])["device_id"]);
    assert!(notices(&anew.json(&["status"])).is_empty());
}

fn is_named_by_notice(cli: &Cli, code: &str) {
    assert_eq!(notices(&cli.json(&["status"])), [code]);
    let told = cli.run(&["status"]).stderr;
    assert!(told.contains(code), "{told}");
}

#[test]
fn a_restored_home_is_told_and_goes_on_where_the_store_is() {
    let world = World::new();
    let edited = world.send(&world.b, b"first");
    let backup = world.backend.path("backup");
    world.put(&world.b, b"in the outbox of the backup");
    copy_home(&world.b.home, &backup);
    world.b.json(&["put", &world.backend.file("note.bin", b"second"), "--id", &edited]);
    let new = world.send(&world.b, b"after the backup");
    fs::remove_dir_all(&world.b.home).unwrap();
    copy_home(&backup, &world.b.home);

    let report = world.b.json(&["sync"]);
    assert_eq!(notices(&report), ["restored-or-cloned"], "{report:#}");
    is_named_by_notice(&world.b, "restored-or-cloned");
    assert_eq!((world.b.get(&edited), world.b.get(&new)), (b"second".to_vec(), b"after the backup".to_vec()));
    assert_eq!(world.b.json(&["status"])["pending"], 0);
    world.goes_on();
    let listed = world.a.json(&["list"]);
    let (again, conflicts) = (listed["records"].as_array().unwrap(), world.a.json(&["conflicts"]));
    assert_eq!(again.len(), 5, "what was in the outbox is there once: {listed:#}");
    assert!(conflicts["conflicts"].as_array().unwrap().is_empty(), "{conflicts:#}");
}

#[test]
fn many_deletes_are_held_named_and_sent_on_a_persons_word() {
    let world = World::new();
    let records: Vec<String> = (0..22).map(|number| world.put(&world.a, &[number])).collect();
    world.a.json(&["sync"]);
    world.b.json(&["sync"]);
    records.iter().for_each(|record| drop(world.a.json(&["delete", record])));
    none(&world.b.json(&["status"]), &["held"]);
    let status = world.a.json(&["status"]);
    let held = only(&status, "held");
    // The member's profile is a record, too.
    assert_eq!((&held["code"], &held["deletes"], &held["records"]), (&"mass-delete".into(), &22.into(), &23.into()));
    assert!(world.a.run(&["status"]).stderr.contains("--allow-mass-delete"));
    world.a.fails(&["sync"], 13, "mass-delete");
    // The others send and read on, and lose nothing.
    let other = world.send(&world.b, b"goes on");
    world.a.fails(&["sync"], 13, "mass-delete");
    assert_eq!(world.a.get(&other), b"goes on");
    assert_eq!(world.b.json(&["list"])["records"].as_array().unwrap().len(), 23);

    // One of them is taken back, then the rest goes.
    let history = world.a.json(&["history", &records[0]]);
    let past = history["versions"].as_array().unwrap().iter().find(|version| version["state"] == "past").unwrap();
    world.a.json(&["restore", &records[0], "--change", past["cid"].as_str().unwrap()]);
    world.a.json(&["sync", "--allow-mass-delete"]);
    none(&world.a.json(&["status"]), &["held"]);
    world.b.json(&["sync"]);
    assert_eq!(world.b.json(&["list"])["records"].as_array().unwrap().len(), 2);
}

#[test]
fn a_damaged_local_database_is_named_and_made_anew() {
    let world = World::new();
    let record = world.send(&world.a, &[3; 3_000]);
    world.b.json(&["sync"]);

    let database = world.b.home.join("tidegate.db");
    let length = fs::metadata(&database).unwrap().len();
    fs::write(&database, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    let error = world.b.fails(&["list"], 14, "local-database-damaged");
    assert!(error["help"].as_str().unwrap().contains("rebuild"), "{error}");
    world.b.json(&["rebuild"]);
    assert_eq!(world.b.get(&record), [3; 3_000]);
    world.goes_on();
}
