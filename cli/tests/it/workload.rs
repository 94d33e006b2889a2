//! A random family over a real store: devices that edit and sync at once as processes, killed at random moments, one restored
//! from a backup and one cloned. In the end all agree, and every acknowledged edit is somewhere to be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Ran, Random, finish};

const ROUNDS: u64 = 24;

/// What one process was asked to do.
struct Job {
    device: usize,
    arguments: Vec<String>,
    /// The content of a put, and the record that it replaces, if any.
    written: Option<Vec<u8>>,
    child: Child,
}

struct Family {
    backend: Backend,
    devices: Vec<Cli>,
    random: Random,
    /// Contents by record whose put was acknowledged.
    acknowledged: BTreeMap<String, Vec<Vec<u8>>>,
    killed: u64,
}

#[test]
fn a_random_family_over_the_embedded_store_loses_nothing() {
    random_family(Kind::BrokerOverStore);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn a_random_family_over_seaweedfs_loses_nothing() {
    random_family(Kind::SeaweedFsBroker);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn a_random_family_directly_on_seaweedfs_loses_nothing() {
    random_family(Kind::SeaweedFsDirect);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn a_random_family_over_minio_loses_nothing() {
    random_family(Kind::MinioBroker);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn a_random_family_directly_on_minio_loses_nothing() {
    random_family(Kind::MinioDirect);
}

pub(crate) fn random_family(kind: Kind) {
    let seed = crate::kill::seed();
    println!("TEST_SEED={seed}");
    let mut family = Family::found(kind, seed);
    for round in 0..ROUNDS {
        family.play(round);
        match round {
            7 => family.back_up(0),
            13 => family.restore(0),
            10 => family.copy(1),
            _ => {}
        }
    }
    family.settle();
    family.check();
    println!("{} processes were killed, {} contents were acknowledged", family.killed, family.count());
    assert!(family.killed > 0 && family.count() > 10);
}

impl Family {
    fn found(kind: Kind, seed: u64) -> Self {
        let backend = Backend::start(kind);
        let devices: Vec<Cli> = ["a", "b", "c"].iter().map(|name| backend.device(name)).collect();
        let code = backend.path("code").to_str().unwrap().to_owned();
        devices[0].json(&backend.enrol("init", &["--recovery-file", &code]));
        devices[0].json(&["member", "add", "Ada"]);
        devices[0].json(&["sync"]);
        for device in &devices[1..] {
            device.json(&backend.enrol("join", &["--recovery-file", &code]));
            device.json(&["sync"]);
        }
        Self { backend, devices, random: Random::new(seed), acknowledged: BTreeMap::new(), killed: 0 }
    }

    fn count(&self) -> usize {
        self.acknowledged.values().map(Vec::len).sum()
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.random.next() % below.max(1) as u64).unwrap()
    }

    /// Every device does something at the same time; some are killed.
    fn play(&mut self, round: u64) {
        let mut jobs: Vec<Job> = (0..self.devices.len()).map(|device| self.begin(round, device)).collect();
        // From the start of the process to well after its end: every second moment is in the first 16 ms.
        let within_ms = 1 << self.draw(8);
        std::thread::sleep(Duration::from_millis(self.random.next() % within_ms));
        for job in &mut jobs {
            if self.draw(3) == 0 {
                // It may have ended already.
                let _ = job.child.kill();
            }
        }
        for job in jobs {
            let arguments: Vec<&str> = job.arguments.iter().map(String::as_str).collect();
            let ran = finish(job.child, &arguments);
            self.killed += u64::from(ran.code.is_none());
            // A process that waits too long for another one's lock, or whose record is deleted meanwhile, says so.
            assert!(matches!(ran.code, None | Some(0 | 12 | 15)), "device {}: {arguments:?}: {ran:?}", job.device);
            if let (Some(0), Some(content)) = (ran.code, job.written) {
                self.acknowledge(&ran, content);
            }
        }
    }

    fn acknowledge(&mut self, ran: &Ran, content: Vec<u8>) {
        let record = ran.document()["records"][0]["record_id"].as_str().unwrap().to_owned();
        self.acknowledged.entry(record).or_default().push(content);
    }

    fn begin(&mut self, round: u64, device: usize) -> Job {
        let known: Vec<String> = self.acknowledged.keys().cloned().collect();
        let record = known.get(self.draw(known.len())).cloned();
        let mut written = None;
        let arguments: Vec<String> = match (self.draw(10), record) {
            (0..=2, _) | (3..=5, None) => self.put(round, device, None, &mut written),
            (3..=4, Some(record)) => self.put(round, device, Some(record), &mut written),
            (5, Some(record)) => vec!["delete".to_owned(), record],
            (_, _) => vec!["sync".to_owned()],
        };
        let mut flags: Vec<&str> = arguments.iter().map(String::as_str).collect();
        flags.push("--json");
        let child = self.devices[device].command(&flags).spawn().unwrap();
        Job { device, arguments, written, child }
    }

    fn put(&mut self, round: u64, device: usize, id: Option<String>, written: &mut Option<Vec<u8>>) -> Vec<String> {
        let length = [20, 400, 3_000, 60_000][self.draw(4)];
        let content = self.random.bytes(length);
        let file = self.backend.file(&format!("{round}-{device}.bin"), &content);
        *written = Some(content);
        let place = match id {
            // A new version of a record that the device may not know yet is a new record of that id: then it is a conflict.
            Some(id) => vec!["--id".to_owned(), id, "--member".to_owned(), "Ada".to_owned()],
            None => vec!["--member".to_owned(), "Ada".to_owned()],
        };
        [vec!["put".to_owned(), file], place].concat()
    }

    /// A copy of a device's home, with nothing unsent in it.
    fn back_up(&mut self, device: usize) {
        self.sync(device);
        copy_folder(&self.devices[device].home, &self.backend.path("backup"));
    }

    /// Puts the copy in the place of the home; what was acknowledged since is in the store.
    fn restore(&mut self, device: usize) {
        self.sync(device);
        let home = self.devices[device].home.clone();
        fs::remove_dir_all(&home).unwrap();
        copy_folder(&self.backend.path("backup"), &home);
    }

    /// A second device out of the first one's home: both go on under one name.
    fn copy(&mut self, device: usize) {
        let clone = self.backend.device("clone");
        copy_folder(&self.devices[device].home, &clone.home);
        self.devices.push(clone);
    }

    fn sync(&self, device: usize) {
        let document = self.devices[device].json(&["sync"]);
        assert_eq!(self.devices[device].json(&["status"])["pending"], 0, "{document}");
    }

    fn settle(&self) {
        for _ in 0..4 {
            (0..self.devices.len()).for_each(|device| self.sync(device));
        }
    }

    /// All devices show the same, and every acknowledged content is a version of its record.
    fn check(&self) {
        let first = view(&self.devices[0]);
        for device in &self.devices[1..] {
            assert_eq!(view(device), first);
        }
        let last = self.devices.last().unwrap();
        for (record, contents) in &self.acknowledged {
            let history = last.json(&["history", record]);
            let versions = history["versions"].as_array().unwrap();
            let readable = versions.iter().filter(|version| version["state"] != "deleted");
            let found: BTreeSet<Vec<u8>> =
                readable.map(|version| content_of(last, &self.backend, record, version["cid"].as_str().unwrap())).collect();
            for content in contents {
                assert!(found.contains(content), "an acknowledged version of {record} is lost: {history:#}");
            }
        }
        for device in &self.devices {
            let status = device.json(&["status"]);
            assert_eq!(status["holes"].as_array().unwrap().len(), 0, "{status:#}");
        }
    }
}

/// What a device shows of every record, with its whole history.
fn view(device: &Cli) -> BTreeMap<String, Value> {
    let listing = device.json(&["list", "--deleted"]);
    let records = listing["records"].as_array().unwrap().iter();
    let id = |record: &Value| record["record_id"].as_str().unwrap().to_owned();
    records.map(|record| (id(record), device.json(&["history", &id(record)]))).collect()
}

fn content_of(device: &Cli, backend: &Backend, record: &str, cid: &str) -> Vec<u8> {
    let file = backend.path("version").to_str().unwrap().to_owned();
    let _ = fs::remove_file(&file);
    let ran = device.run(&["get", record, "--change", cid, "-o", &file]);
    assert_eq!(ran.code, Some(0), "version {cid} of {record} cannot be read: {ran:?}");
    fs::read(file).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let goal = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &goal);
        } else {
            fs::copy(entry.path(), goal).unwrap();
        }
    }
}
