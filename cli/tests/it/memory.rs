//! How much memory a large attachment takes, on its way up and down: the peak of real processes, as the kernel keeps it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use jiff::civil::date;
use tidegate_testkit::tandem::Plan;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Random, finish};
use crate::tandem_ingest::{self, Service};

const MIB: u64 = 1 << 20;
/// The most that a process may take, in bytes, however large the attachment.
const LIMIT: u64 = 64 * MIB;
/// The same for reading a pump's log, however long.
const LIMIT_OF_INGEST: u64 = 128 * MIB;

/// What a command took.
struct Took {
    peak: u64,
    seconds: f64,
}

/// Runs a command and asks the kernel for its peak until it has ended.
fn measure(cli: &Cli, arguments: &[&str]) -> Took {
    let begun = Instant::now();
    let mut child = cli.command(arguments).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let seconds = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        if child.try_wait().unwrap().is_some() {
            break begun.elapsed().as_secs_f64();
        }
        assert!(begun.elapsed() < Duration::from_secs(600), "{arguments:?} hangs");
        std::thread::sleep(Duration::from_millis(1));
    };
    let ran = finish(child, arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(peak > MIB, "the kernel tells nothing of {arguments:?}");
    Took { peak, seconds }
}

/// An attachment of so many bytes there and back; prints a row for each command, and gives the highest peak.
fn there_and_back(kind: Kind, bytes: u64) -> u64 {
    let backend = Backend::start(kind);
    let (a, b) = backend.two_devices();
    let (there, back) = (backend.path("there.bin"), backend.path("back.bin"));
    let mut file = File::create(&there).unwrap();
    let mut random = Random::new(bytes);
    for _ in 0..bytes / MIB {
        file.write_all(&random.bytes(1 << 20)).unwrap();
    }
    let attach = measure(&a, &["attach", there.to_str().unwrap(), "--member", "Ada"]);
    let id = a.json(&["list"])["attachments"][0]["hmac"].as_str().unwrap().to_owned();
    let up = measure(&a, &["sync"]);
    b.json(&["sync"]);
    let down = measure(&b, &["get", &id, "-o", back.to_str().unwrap()]);
    let again = measure(&b, &["get", &id, "-o", back.to_str().unwrap()]);
    assert!(is_same(&there, &back));
    println!("| {kind:?}, {} MiB | peak (MiB) | seconds |\n|---|---|---|", bytes / MIB);
    for (what, took) in [("attach", &attach), ("sync, up", &up), ("get, down", &down), ("get, from the device", &again)] {
        println!("| {what} | {:.1} | {:.1} |", took.peak as f64 / MIB as f64, took.seconds);
    }
    [attach, up, down, again].iter().map(|took| took.peak).max().unwrap()
}

fn is_same(one: &std::path::Path, other: &std::path::Path) -> bool {
    let (mut one, mut other) = (File::open(one).unwrap(), File::open(other).unwrap());
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = one.read(&mut left).unwrap();
        if read == 0 {
            return other.read(&mut right).unwrap() == 0;
        }
        if other.read_exact(&mut right[..read]).is_err() || left[..read] != right[..read] {
            return false;
        }
    }
}

#[test]
fn a_large_attachment_takes_little_memory_straight_to_a_store() {
    let peak = there_and_back(Kind::DirectS3, 160 * MIB);
    assert!(peak <= LIMIT, "{peak} bytes");
}

#[test]
fn a_large_attachment_takes_little_memory_through_a_broker() {
    let peak = there_and_back(Kind::EmbeddedDev, 160 * MIB);
    assert!(peak <= LIMIT, "{peak} bytes");
}

/// A year of a pump's log, read and read again: what is held in memory is a window of 28 days, however long the log.
#[test]
fn a_year_of_a_pumps_log_takes_little_memory() {
    let service = Service::start(Plan::year(date(2025, 1, 1), 1));
    let backend = Backend::start(Kind::DirectS3);
    let cli = tandem_ingest::device(&backend);
    service.log_in(&backend, &cli);
    let first = measure(&cli, &["tandem", "ingest", "--since", "2025-01-01"]);
    let again = measure(&cli, &["tandem", "ingest", "--since", "2024-12-31"]);
    println!("| a year of a pump's log | peak (MiB) | seconds |\n|---|---|---|");
    for (what, took) in [("ingest", &first), ("ingest again, nothing new", &again)] {
        println!("| {what} | {:.1} | {:.1} |", took.peak as f64 / MIB as f64, took.seconds);
    }
    let records = cli.json(&["list"])["records"].as_array().unwrap().clone();
    assert!(records.len() >= 4 * 365, "{}", records.len());
    // Days that two windows share are written by both, if the second one knows more.
    assert!(records.iter().all(|record| record["version"].as_u64() <= Some(2)));
    assert!(first.peak.max(again.peak) <= LIMIT_OF_INGEST, "{} and {} bytes", first.peak, again.peak);
}

#[test]
#[ignore = "a measurement that needs SeaweedFS: just bench-attachment"]
fn bench_attachment_of_one_gib() {
    for kind in [Kind::DirectS3, Kind::EmbeddedDev, Kind::SeaweedFsDirect, Kind::SeaweedFsBroker] {
        let peak = there_and_back(kind, 1024 * MIB);
        assert!(peak <= LIMIT, "{peak} bytes");
    }
}
