//! `tidegate demo`, as a newcomer and as a script would run it.

use std::fs;

use serde_json::Value;

use crate::harness::Cli;

fn keys(document: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_document_is_that_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let document = Cli::new(&folder.path().join("unused")).json(&["demo"]);
    assert_eq!(keys(&document), ["bytes_down", "bytes_up", "devices", "ok", "plaintext_bytes_found", "requests", "seconds"]);
    assert_eq!((&document["ok"], &document["plaintext_bytes_found"]), (&Value::from(true), &Value::from(0)));
    assert_eq!(keys(&document["requests"]), ["delete", "get", "head", "list", "presign", "put"]);
    let devices = document["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 2);
    for device in devices {
        assert_eq!(keys(device), ["attachments", "name", "records", "sha256"]);
        assert_eq!((device["records"].as_u64(), device["attachments"].as_u64()), (Some(5), Some(1)));
    }
    assert_eq!(devices[0]["sha256"], devices[1]["sha256"]);
    assert!(document["bytes_up"].as_u64().unwrap() > 1_000 && document["seconds"].as_f64().unwrap() > 0.0);
    assert!(!folder.path().join("unused").exists(), "a demo touches no home");
}

#[test]
fn people_see_the_code_the_content_and_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let ran = Cli::new(folder.path()).run(&["demo"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = ran.text();
    for expected in ["recovery code", " 1 ", "24 ", "in conflict", "thermometer.png", "Bytes readable by the store: 0", "presign"]
    {
        assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
    }
    let requests = |name: &str| -> Vec<u64> {
        let row = |line: &str| {
            let numbers = line.trim_start().strip_prefix(name)?.split_whitespace().take(6);
            numbers.map(|number| number.parse().ok()).collect()
        };
        text.lines().find_map(row).unwrap_or_else(|| panic!("no requests of {name}:\n{text}"))
    };
    let (a, b, together) = (requests("phone A"), requests("tablet B"), requests("together"));
    let sums: Vec<u64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    assert_eq!(sums, together, "{text}");
    // Both read and write; who joins lists; nothing is deleted; and every request has a URL that the broker has signed.
    assert!([&a, &b].iter().all(|device| device[0] > 0 && device[1] > 0 && device[5] > 0), "{text}");
    assert!(b[3] > 0 && together[4] == 0, "{text}");
    assert!(!text.contains('\x1b'), "no colour where nobody looks");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn the_hosted_demo_follows_the_subscription() {
    let folder = tempfile::tempdir().unwrap();
    let document = Cli::new(folder.path()).json(&["demo", "--hosted"]);
    assert_eq!(document["ok"], true, "{document}");
    let subscription = &document["subscription"];
    assert_eq!(keys(subscription), ["after_expiry", "after_refund", "after_renewal", "local_records_readable"]);
    assert_eq!(subscription["after_expiry"], "subscription-expired");
    assert_eq!(subscription["after_renewal"], "ok");
    assert_eq!(subscription["after_refund"], "subscription-refunded");
    assert_eq!((&document["plaintext_bytes_found"], document["devices"].as_array().unwrap().len()), (&Value::from(0), 2));
}

#[test]
fn any_folder_can_be_shown_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("family");
    fs::create_dir_all(from.join("Grandma/2026")).unwrap();
    fs::write(from.join("Grandma/2026/letter.txt"), "short").unwrap();
    fs::write(from.join("x-ray.dcm"), [0u8, 159, 146, 150].repeat(30_000)).unwrap();
    fs::write(from.join("empty.json"), "").unwrap();
    let keep = folder.path().join("kept");
    let (from, keep) = (from.to_str().unwrap(), keep.to_str().unwrap());
    let document = Cli::new(folder.path()).json(&["demo", "--from", from, "--keep", keep]);
    assert_eq!(document["ok"], true);
    let of_b = &document["devices"][1];
    assert_eq!((of_b["records"].as_u64(), of_b["attachments"].as_u64()), (Some(3), Some(1)));

    // The homes that were kept work, offline, as any other.
    let listing = Cli::new(&folder.path().join("kept/B")).json(&["list"]);
    assert_eq!(listing["records"].as_array().unwrap().len(), 3);
    Cli::new(folder.path()).fails(&["demo", "--keep", keep], 10, "folder-not-empty");
}

#[test]
fn folders_that_cannot_be_shown_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    cli.fails(&["demo", "--from", &path("absent")], 15, "file-not-found");
    fs::create_dir(path("empty")).unwrap();
    cli.fails(&["demo", "--from", &path("empty")], 10, "folder-empty");
    fs::write(path("file"), "x").unwrap();
    cli.fails(&["demo", "--from", &path("file")], 10, "not-a-folder");
    fs::create_dir(path("huge")).unwrap();
    fs::File::create(path("huge/film.mp4")).unwrap().set_len((64 << 20) + 1).unwrap();
    let error = cli.fails(&["demo", "--from", &path("huge")], 10, "file-too-large");
    assert!(error["message"].as_str().unwrap().contains("film.mp4"), "{error}");
}
