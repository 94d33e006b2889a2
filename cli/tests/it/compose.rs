//! Self-hosting by Compose, from the host through the published ports: containers that are stopped and started again lose nothing.

use std::process::Child;

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::flow::family_of_two_devices;
use crate::harness::{Cli, Random, finish};

/// An upload in several parts, still under way when a container goes away.
const SCAN_BYTES: usize = 100 << 20;
const NOTES: usize = 40;

#[test]
#[ignore = "needs Docker: just test-compose"]
fn family_of_two_devices_over_compose() {
    family_of_two_devices(Kind::ComposeMinio);
}

#[test]
#[ignore = "needs Docker: just test-compose"]
fn family_of_two_devices_over_compose_with_the_other_store() {
    family_of_two_devices(Kind::ComposeSeaweedFs);
}

/// Certificates of an authority that only those devices trust which are told to; the plain ports are not what they are sent to.
#[test]
#[ignore = "needs Docker: just test-compose"]
fn family_of_two_devices_over_compose_with_tls() {
    let backend = family_of_two_devices(Kind::ComposeTls);
    let stranger = Cli::new(&backend.path("stranger")).with("TIDEGATE_INVITE", backend.invite_for("stranger"));
    stranger.fails(&backend.enrol("init", &[]), 12, "broker-unreachable");
}

#[test]
#[ignore = "needs Docker: just test-compose"]
fn compose_loses_nothing_when_broker_and_store_are_restarted_under_a_sync() {
    let backend = Backend::start(Kind::ComposeMinio);
    let (a, b) = backend.two_devices();
    let notes: Vec<Vec<u8>> = (0..NOTES).map(|n| format!("note {n}").into_bytes()).collect();
    let records: Vec<String> = notes.iter().enumerate().map(|(n, note)| put(&backend, &a, n, note)).collect();
    // What is acknowledged before a container goes is there afterwards; what is under way goes on.
    let syncing = start_sync(&a);
    backend.compose().run(&["restart", "broker"]);
    settle(&a, syncing);

    let scan = Random::new(31).bytes(SCAN_BYTES);
    let file = backend.file("scan.dcm", &scan);
    let attached = a.json(&["attach", &file, "--member", "Ada"]);
    let id = attached["attachments"][0]["hmac"].as_str().unwrap();
    let syncing = start_sync(&a);
    backend.compose().run(&["kill", "minio"]);
    backend.compose().up();
    settle(&a, syncing);

    let syncing = start_sync(&b);
    backend.compose().run(&["restart", "broker", "minio"]);
    backend.compose().up();
    settle(&b, syncing);
    for (record, note) in records.iter().zip(&notes) {
        assert_eq!(b.get(record), *note);
    }
    let got = backend.path("got");
    b.json(&["get", id, "-o", got.to_str().unwrap()]);
    assert!(std::fs::read(got).unwrap() == scan);
    for device in [&a, &b] {
        assert_eq!(device.json(&["status"])["holes"], Value::Array(Vec::new()));
    }
}

/// Asked from inside its container, the broker does not reach the ports that the host publishes on loopback; all else is in order.
#[test]
#[ignore = "needs Docker: just test-compose"]
fn the_doctor_of_the_handbook_runs_in_the_broker_s_container() {
    let backend = Backend::start(Kind::ComposeMinio);
    let doctor = ["doctor", "--config", "/etc/tidegate/broker.toml"];
    let exec = ["exec", "-T", "broker", "/usr/bin/tidegate-broker", "--json"];
    let (code, said) = backend.compose().try_run(&[exec.as_slice(), &doctor].concat());
    let document: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let checks: Vec<_> = document["checks"].as_array().unwrap().iter().filter(|check| check["status"] != "ok").collect();
    let states: Vec<_> = checks.iter().map(|check| (check["id"].as_str().unwrap(), check["status"].as_str().unwrap())).collect();
    let expected = [
        ("public-url", "failed"),
        ("public-url-tls", "skipped"),
        ("store-public-endpoint", "failed"),
        ("store-cors", "skipped"),
        ("temporary-credentials", "skipped"),
    ];
    assert_eq!(states, expected, "{document}");
    for failed in checks.iter().filter(|check| check["status"] == "failed") {
        assert!(failed["cause"].as_str().unwrap().contains("nothing answers at http://127.0.0.1:"), "{failed}");
    }
    assert_eq!(code, 12, "{document}");
}

fn put(backend: &Backend, device: &Cli, n: usize, note: &[u8]) -> String {
    let file = backend.file(&format!("note-{n}.txt"), note);
    let stored = device.json(&["put", &file, "--member", "Ada"]);
    stored["records"][0]["record_id"].as_str().unwrap().to_owned()
}

fn start_sync(device: &Cli) -> Child {
    device.command(&["sync", "--json"]).spawn().unwrap()
}

/// The interrupted sync ended well, or said that the other side was away; the next one has nothing left to do after it.
fn settle(device: &Cli, syncing: Child) {
    let ran = finish(syncing, &["sync"]);
    assert!(matches!(ran.code, Some(0 | 12)), "done, or try later: {ran:?}");
    device.json(&["sync"]);
    assert_eq!(device.json(&["status"])["pending"], 0);
}
