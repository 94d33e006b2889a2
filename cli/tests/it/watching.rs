//! `sync --watch` and a second process on the same home: real processes, real signals.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command};

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Random};

/// A running `sync --watch --json`.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    fn start(cli: &Cli, more: &[&str]) -> Self {
        let mut child = cli.command(&[&["sync", "--watch", "--json"], more].concat()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Lines until one says that so much was sent; how much came before it counts, too.
    fn until_pushed(&mut self, wanted: u64) -> Value {
        let mut pushed = 0;
        loop {
            let line = self.line().expect("it goes on");
            pushed += line["pushed"].as_u64().unwrap_or_else(|| panic!("{line}"));
            if pushed >= wanted {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn ends(mut self) -> Option<i32> {
        while self.line().is_some() {}
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn enrolled(backend: &Backend) -> Cli {
    let cli = backend.device("a");
    cli.json(&backend.enrol("init", &["--recovery-file", backend.path("code").to_str().unwrap()]));
    cli.json(&["member", "add", "Ada"]);
    cli
}

fn put(backend: &Backend, cli: &Cli, name: &str, bytes: &[u8]) -> String {
    let file = backend.file(name, bytes);
    let put = cli.json(&["put", &file, "--member", "Ada"]);
    put["records"][0]["record_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_watch_tells_one_line_a_sync_sends_the_edits_of_others_and_ends_cleanly() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let cli = enrolled(&backend);
    for (signal, file) in [("TERM", "one.txt"), ("INT", "two.txt")] {
        let mut watch = Watch::start(&cli, &["--budget", "1"]);
        let first = watch.line().unwrap();
        for field in ["at", "pulled", "pushed", "conflicts", "quarantined", "requests", "bytes_up", "bytes_down", "seconds"] {
            assert!(!first[field].is_null(), "{field} in {first}");
        }
        assert!(first["next"]["in_seconds"].as_f64().unwrap() <= 60.0, "{first}");
        assert_eq!(first["next"]["why"], "poll");
        put(&backend, &cli, file, b"measured at noon");
        watch.until_pushed(1);
        assert_eq!(cli.json(&["status"])["pending"], 0);
        watch.signal(signal);
        assert_eq!(watch.ends(), Some(0), "{signal}");
    }
}

#[test]
fn a_watch_stops_where_a_person_is_needed_and_says_why() {
    let backend = Backend::start(Kind::DirectS3);
    let cli = enrolled(&backend);
    let stranger = cli.clone().with("AWS_SECRET_ACCESS_KEY", "another-secret");
    let ran = stranger.run(&["sync", "--watch", "--json"]);
    ran.expect_failure(11, "store-denied");
    cli.fails(&["sync", "--watch", "--store", "floppy"], 10, "store-unknown");
    assert_eq!(cli.run(&["sync", "--store", "r2"]).code, Some(2), "only a watch has a budget");
    assert_eq!(cli.run(&["sync", "--watch", "--budget", "-1"]).code, Some(2));
}

#[test]
fn a_process_killed_in_the_middle_of_a_sync_blocks_nobody() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let cli = enrolled(&backend);
    let mut random = Random::new(11);
    let mut records = Vec::new();
    for round in 0..10 {
        let bytes = random.bytes(60_000);
        records.push((put(&backend, &cli, &format!("{round}.bin"), &bytes), bytes));
        let mut watch = Watch::start(&cli, &[]);
        std::thread::sleep(std::time::Duration::from_micros(random.next() % 60_000));
        watch.signal("KILL");
        watch.child.wait().unwrap();
        // Not a moment of waiting for a lock that nobody holds any more.
        let ran = cli.run(&["sync", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let b = backend.device("b");
    b.json(&backend.enrol("join", &["--recovery-file", backend.path("code").to_str().unwrap()]));
    b.json(&["sync"]);
    for (id, bytes) in &records {
        assert_eq!(&b.get(id), bytes);
    }
}

#[test]
fn edits_of_many_processes_while_one_syncs_are_all_there_once() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let cli = enrolled(&backend);
    let mut random = Random::new(12);
    let mut watch = Watch::start(&cli, &["--budget", "1000"]);
    watch.line().unwrap();
    let mut records = Vec::new();
    for round in 0..30 {
        let length = usize::try_from(random.next() % 30_000).unwrap();
        let bytes = random.bytes(length);
        records.push((put(&backend, &cli, &format!("{round}.bin"), &bytes), bytes));
    }
    watch.until_pushed(30);
    watch.signal("TERM");
    assert_eq!(watch.ends(), Some(0));
    cli.json(&["sync"]);
    assert_eq!(cli.json(&["status"])["pending"], 0);
    let b = backend.device("b");
    b.json(&backend.enrol("join", &["--recovery-file", backend.path("code").to_str().unwrap()]));
    b.json(&["sync"]);
    for device in [&cli, &b] {
        assert_eq!(device.json(&["list"])["records"].as_array().unwrap().len(), records.len());
        assert_eq!(device.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 0);
        for (id, bytes) in &records {
            assert_eq!(&device.get(id), bytes);
        }
    }
}
