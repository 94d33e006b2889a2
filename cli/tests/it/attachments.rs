//! Large attachments through the command line: killed on the way up and down, gone on with, and kept within limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Random, finish};

const MIB: u64 = 1 << 20;

struct World {
    backend: Backend,
    a: Cli,
    b: Cli,
}

impl World {
    fn new(kind: Kind) -> Self {
        let backend = Backend::start(kind);
        let (a, b) = backend.two_devices();
        Self { backend, a, b }
    }

    fn attach(&self, name: &str, bytes: &[u8]) -> String {
        let file = self.backend.file(name, bytes);
        let attached = self.a.json(&["attach", &file, "--member", "Ada"]);
        attached["attachments"][0]["hmac"].as_str().unwrap().to_owned()
    }

    /// Gets an attachment into a file and gives its bytes.
    fn get(&self, cli: &Cli, id: &str) -> Vec<u8> {
        let file = self.backend.path("got");
        cli.json(&["get", id, "-o", file.to_str().unwrap()]);
        fs::read(file).unwrap()
    }
}

fn attachments_of(cli: &Cli) -> PathBuf {
    cli.home.join("attachments")
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

/// Starts a command and kills it as a power cut would once this holds; whether it was killed before it had ended.
fn kill_when(cli: &Cli, arguments: &[&str], holds: impl Fn() -> bool) -> bool {
    let mut child: Child = cli.command(arguments).spawn().unwrap();
    let begun = Instant::now();
    while !holds() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(100), "{arguments:?} hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let ran = finish(child, arguments);
    assert!(ran.code.is_none_or(|code| code == 0), "killed or done, but never failed: {ran:?}");
    ran.code.is_none()
}

fn uploads_killed_in_the_middle_go_on(kind: Kind) {
    let world = World::new(kind);
    let bytes = Random::new(7).bytes(300 << 20);
    let id = world.attach("scan.dcm", &bytes);
    let data = world.backend.stored_at();
    let before = bytes_below(&data);
    // Twice in the middle of it. Of what the store has by then, up to four parts are not whole yet, each time; some stores keep
    // what has come of them.
    for parts in [6, 12] {
        let killed = kill_when(&world.a, &["sync"], || bytes_below(&data) >= before + parts * 16 * MIB);
        assert!(killed, "it was over before {parts} parts were there");
        assert_eq!(world.a.json(&["status"])["pending"], 1);
    }
    let report = world.a.json(&["sync"]);
    let sent = report["bytes_up"].as_u64().unwrap();
    assert!(sent < (300 - 48) * MIB, "four of nineteen parts were there: {report}");
    assert!(sent > 16 * MIB, "it was stopped in the middle: {report}");
    world.b.json(&["sync"]);
    assert!(world.get(&world.b, &id) == bytes);
}

#[test]
fn an_upload_killed_in_the_middle_goes_on_from_the_parts_in_the_store() {
    uploads_killed_in_the_middle_go_on(Kind::DirectS3);
}

#[test]
fn an_upload_killed_in_the_middle_goes_on_through_a_broker() {
    uploads_killed_in_the_middle_go_on(Kind::EmbeddedDev);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn seaweedfs_direct_goes_on_with_an_upload_killed_in_the_middle() {
    uploads_killed_in_the_middle_go_on(Kind::SeaweedFsDirect);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn seaweedfs_with_broker_goes_on_with_an_upload_killed_in_the_middle() {
    uploads_killed_in_the_middle_go_on(Kind::SeaweedFsBroker);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn minio_direct_goes_on_with_an_upload_killed_in_the_middle() {
    uploads_killed_in_the_middle_go_on(Kind::MinioDirect);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn minio_with_broker_goes_on_with_an_upload_killed_in_the_middle() {
    uploads_killed_in_the_middle_go_on(Kind::MinioBroker);
}

fn downloads_killed_in_the_middle_go_on(kind: Kind) {
    let world = World::new(kind);
    let bytes = Random::new(8).bytes(200 << 20);
    let id = world.attach("film.mp4", &bytes);
    world.a.json(&["sync"]);
    world.b.json(&["sync"]);
    let folder = attachments_of(&world.b);
    let names = |folder: &Path| -> Vec<PathBuf> { fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect() };
    // Into a device: what has come is sealed in the home.
    let killed = kill_when(&world.b, &["get", &id, "-o", "/dev/null"], || bytes_below(&folder) >= 20 * MIB);
    assert!(killed, "it was over before 20 MiB were there");
    let partial = names(&folder);
    assert_eq!((partial.len(), partial[0].extension().unwrap().to_str()), (1, Some("part")), "{partial:?}");
    // Into a file: what has come is beside it, and nowhere else.
    let to = tempfile::tempdir().unwrap();
    let file = to.path().join("film");
    let arguments = ["get", &id, "-o", file.to_str().unwrap()];
    for least in [20 * MIB, 60 * MIB] {
        let killed = kill_when(&world.b, &arguments, || bytes_below(to.path()) >= least);
        assert!(killed, "it was over before {least} bytes were there");
        assert_eq!(names(to.path()), [to.path().join(format!(".tidegate-{id}.part"))]);
    }
    assert!(bytes_below(to.path()) >= 60 * MIB, "what was fetched stays");
    world.b.json(&arguments);
    assert!(fs::read(&file).unwrap() == bytes);
    assert_eq!(names(to.path()), [file]);
    assert_eq!(names(&folder), partial, "a long one that is in a file is not here too");
    world.b.json(&["get", &id, "-o", "/dev/null"]);
    let kept = names(&folder);
    assert!(kept.len() == 1 && kept[0].extension().is_none(), "what was read has its name: {kept:?}");
}

#[test]
fn a_download_killed_in_the_middle_goes_on_where_it_stopped() {
    downloads_killed_in_the_middle_go_on(Kind::EmbeddedDev);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn seaweedfs_direct_goes_on_with_a_download_killed_in_the_middle() {
    downloads_killed_in_the_middle_go_on(Kind::SeaweedFsDirect);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn seaweedfs_with_broker_goes_on_with_a_download_killed_in_the_middle() {
    downloads_killed_in_the_middle_go_on(Kind::SeaweedFsBroker);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn minio_with_broker_goes_on_with_a_download_killed_in_the_middle() {
    downloads_killed_in_the_middle_go_on(Kind::MinioBroker);
}

#[test]
fn the_cache_stays_within_its_limit_and_gives_back_what_it_dropped() {
    let world = World::new(Kind::EmbeddedDev);
    let contents: Vec<Vec<u8>> = (0..3).map(|seed| Random::new(20 + seed).bytes(1 << 20)).collect();
    let ids: Vec<String> = contents.iter().enumerate().map(|(n, bytes)| world.attach(&format!("{n}.jpg"), bytes)).collect();
    let usage = world.a.json(&["cache", "--limit", "1500KiB"]);
    assert_eq!(
        (&usage["attachments"], &usage["evicted"]["attachments"]),
        (&Value::from(3), &Value::from(0)),
        "all wait to be sent"
    );
    world.a.json(&["sync"]);
    let usage = world.a.json(&["cache"]);
    assert_eq!((&usage["attachments"], &usage["limit_bytes"]), (&Value::from(1), &Value::from(1500 * 1024)));
    for (id, bytes) in ids.iter().zip(&contents) {
        assert!(world.a.get(id) == *bytes);
        assert_eq!(world.a.json(&["cache"])["attachments"], 1);
    }
    let usage = world.a.json(&["cache", "--clear"]);
    assert_eq!((&usage["attachments"], &usage["evicted"]["attachments"]), (&Value::from(0), &Value::from(1)));
    world.a.fails(&["cache", "--limit", "much"], 2, "wrong-usage");
}

#[test]
fn a_pipe_gives_an_attachment_too() {
    let world = World::new(Kind::EmbeddedDev);
    let ran = world.a.run_with_input(&["attach", "-", "--name", "piped", "--member", "Ada", "--json"], &[7; 100_000]);
    let id = ran.document()["attachments"][0]["hmac"].as_str().unwrap().to_owned();
    assert_eq!(world.a.get(&id), [7; 100_000]);
    assert_eq!(world.a.json(&["list"])["attachments"][0]["media_type"], "text/plain");
}
