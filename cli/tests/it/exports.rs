//! `export` and `health`, by real processes; a stand-in for a Nightscout over real HTTP.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tidegate_sync_client::{Options, SyncClient};
use tidegate_testkit::nightscout::NightscoutStandIn;
use time::{Duration, OffsetDateTime};

use crate::backend::{Backend, Kind};
use crate::harness::Cli;

const API_SECRET: &str = "planted-api-secret";
/// `printf planted-api-secret | sha1sum`
const API_SECRET_SHA1: &str = "d4833971cece73f1da58ffedc15e99ebaa21a1d8";
const ACCESS_TOKEN: &str = "tidegate-76eaff2418bfb7e0";

/// A device with the member Ada, and the samples of a published log.
fn device(backend: &Backend) -> Cli {
    let (a, _) = backend.two_devices();
    let log = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem/fixtures/v1/samples.json")).unwrap();
    put(&a, &log);
    a
}

/// Stores samples, as ingestion does.
fn put(device: &Cli, samples: &[u8]) {
    let samples: Vec<_> = serde_json::from_slice(samples).unwrap();
    let client = SyncClient::open(&device.home, Options::default()).unwrap();
    let member = client.members().unwrap()[0].member_id;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.put_samples(member, "planted-pump", &samples)).unwrap();
}

/// Boluses that ended so many minutes ago.
fn boluses(minutes: &[i64]) -> Vec<u8> {
    let bolus = |(number, minutes): (usize, &i64)| {
        let ended = OffsetDateTime::now_utc() - Duration::minutes(*minutes);
        let wall = format!("{}T{:02}:{:02}:00", ended.date(), ended.hour(), ended.minute());
        let moment = json!({"wall": wall, "zone": "UTC", "utc": format!("{wall}Z"), "offset_seconds": 0, "resolution": "unique"});
        json!({"id": format!("planted-pump/0/{number}/bolus"), "version": 1_000_001, "start": moment, "end": moment,
            "kind": "insulin-bolus", "units": 1.5, "part": "normal", "outcome": "completed", "bolus_id": number})
    };
    serde_json::to_vec(&minutes.iter().enumerate().map(bolus).collect::<Vec<_>>()).unwrap()
}

fn export(device: &Cli, folder: &Path, format: &str, more: &[&str]) -> (Value, String) {
    let path = folder.join(format!("{format}.out"));
    let arguments = [&["export", "--format", format, "-o", path.to_str().unwrap()], more].concat();
    (device.json(&arguments), fs::read_to_string(&path).unwrap())
}

#[test]
fn samples_are_exported_in_every_format_to_a_file_and_to_a_pipe() {
    let backend = Backend::start(Kind::DirectS3);
    let device = device(&backend);
    let folder = tempfile::tempdir().unwrap();
    for format in ["nightscout", "csv", "fhir", "json", "apple-health"] {
        let (said, text) = export(&device, folder.path(), format, &[]);
        assert_eq!((&said["samples"], &said["bytes"]), (&json!(14), &json!(text.len())), "{format}");
        assert!(said["written"].as_u64().unwrap() >= 6 && said["unreadable"] == 0, "{format}: {said}");
        assert_eq!(device.run(&["export", "--format", format]).text(), text, "{format}");
        assert!(!text.contains("planted-pump") && !text.contains("6a0b2c3d") && !text.contains("Ada"), "{format}");
    }
    let v1 = export(&device, folder.path(), "nightscout", &["--api", "v1"]).1;
    assert!(v1.contains("enteredBy") && v1.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let none = export(&device, folder.path(), "csv", &["--since", "2026-11-02", "--until", "2026-11-03"]);
    assert_eq!((&none.0["samples"], none.1.lines().count()), (&json!(0), 1));
    assert_eq!(
        export(&device, folder.path(), "csv", &["--since", "2026-11-01", "--until", "2026-11-01", "--member", "Ada"]).0["samples"],
        14
    );

    device.fails(&["export", "--format", "csv"], 2, "output-missing");
    device.fails(&["export", "--format", "csv", "-o", "x", "--since", "yesterday"], 2, "date-invalid");
    device.fails(&["export", "--format", "csv", "-o", "x", "--api", "v1"], 2, "format-not-nightscout");
    device.fails(&["export", "--format", "nightscout", "--to", "http://127.0.0.1:1"], 2, "secret-missing");
    device.json(&["member", "add", "Bo"]);
    device.fails(&["export", "--format", "csv", "-o", "x"], 2, "member-missing");
}

#[test]
fn a_nightscout_gets_every_document_once_however_often_it_is_sent() {
    let backend = Backend::start(Kind::DirectS3);
    let device = device(&backend);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let secret = backend.file("secret", format!("{API_SECRET}\n").as_bytes());
    let token = backend.file("token", ACCESS_TOKEN.as_bytes());
    for (flag, file, by_identifier) in
        [("--api-secret-file", &secret, true), ("--api-secret-file", &secret, false), ("--access-token-file", &token, true)]
    {
        let site = runtime.block_on(NightscoutStandIn::start(API_SECRET_SHA1, ACCESS_TOKEN, by_identifier));
        let url = site.url();
        let arguments = ["export", "--format", "nightscout", "--to", &url, flag, file];
        site.be_busy(2);
        let said = device.json(&arguments);
        let kept = |site: &NightscoutStandIn| [site.documents("treatments"), site.documents("entries")].map(|kept| kept.len());
        assert_eq!(kept(&site).iter().sum::<usize>() as u64, said["written"].as_u64().unwrap());
        assert_eq!((kept(&site)[1], &said["replaced"]), (3, &json!(0)));
        let before = kept(&site);
        site.expire_tokens();
        let again = device.run(&[&arguments[..], &["-vv"]].concat());
        assert_eq!((again.code, kept(&site)), (Some(0), before));
        // The secret is in no URL but the one that Nightscout has for tokens, and in no word of ours.
        for asked in site.asked() {
            let is_exchange = asked == format!("/api/v2/authorization/request/{ACCESS_TOKEN}");
            assert!(
                is_exchange
                    || [API_SECRET, API_SECRET_SHA1, ACCESS_TOKEN, "token."].iter().all(|planted| !asked.contains(planted)),
                "{asked}"
            );
        }
        let words = again.stderr.clone() + &again.text();
        assert!([API_SECRET, API_SECRET_SHA1, ACCESS_TOKEN].iter().all(|planted| !words.contains(planted)), "{words}");
    }
}

#[test]
fn a_correction_takes_the_place_of_what_a_nightscout_would_not_change() {
    let backend = Backend::start(Kind::DirectS3);
    let (device, _) = backend.two_devices();
    let bolus = |version: u32, start: &str, units: f64| {
        let moment = |wall: &str| json!({"wall": wall, "zone": "UTC", "utc": format!("{wall}Z"), "offset_seconds": 0, "resolution": "unique"});
        let bolus = json!({"id": "planted-pump/0/7/bolus", "version": version, "start": moment(start), "end": moment("2026-11-01T10:02:00"),
            "kind": "insulin-bolus", "units": units, "part": "normal", "outcome": "completed", "bolus_id": 7});
        serde_json::to_vec(&[bolus]).unwrap()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = runtime.block_on(NightscoutStandIn::start(API_SECRET_SHA1, ACCESS_TOKEN, true));
    let (url, token) = (site.url(), backend.file("token", ACCESS_TOKEN.as_bytes()));
    let arguments = ["export", "--format", "nightscout", "--to", &url, "--access-token-file", &token];
    put(&device, &bolus(1_000_001, "2026-11-01T10:02:00", 1.0));
    device.json(&arguments);
    put(&device, &bolus(1_000_003, "2026-11-01T10:00:00", 1.5));
    assert_eq!(device.json(&arguments)["replaced"], 1);
    let kept = site.documents("treatments");
    assert_eq!((kept.len(), &kept[0]["insulin"], &kept[0]["created_at"]), (1, &json!(1.5), &json!("2026-11-01T10:00:00.000Z")));
}

#[test]
fn a_nightscout_that_refuses_is_said_by_name_and_no_secret_goes_in_the_clear() {
    let backend = Backend::start(Kind::DirectS3);
    let device = device(&backend);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let site = runtime.block_on(NightscoutStandIn::start(API_SECRET_SHA1, ACCESS_TOKEN, true));
    let wrong = backend.file("wrong", b"another-api-secret");
    let url = site.url();
    let to = |url: &str, flag: &str| -> Vec<String> {
        ["export", "--format", "nightscout", "--to", url, flag, &wrong].map(str::to_owned).to_vec()
    };
    let fails = |url: &str, flag: &str, exit, code| {
        let arguments = to(url, flag);
        let error = device.fails(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), exit, code);
        assert!(!error.to_string().contains("another-api-secret"), "{error}");
    };
    fails(&url, "--api-secret-file", 11, "nightscout-denied");
    fails(&url, "--access-token-file", 11, "nightscout-denied");
    fails("http://my.site.example", "--api-secret-file", 10, "nightscout-address-invalid");
    fails(&format!("{url}/?token=x"), "--api-secret-file", 10, "nightscout-address-invalid");
    fails(&format!("{url}/elsewhere"), "--api-secret-file", 10, "nightscout-refused");
    assert_eq!(site.documents("treatments").len() + site.documents("entries").len(), 0);
}

#[test]
fn what_is_pending_for_apple_health_is_confirmed_once() {
    let backend = Backend::start(Kind::DirectS3);
    let (device, _) = backend.two_devices();
    assert!(device.run(&["health", "pending"]).text().contains("nothing is pending"));
    put(&device, &boluses(&[50, 40, 30]));
    let batch = device.json(&["health", "pending", "--limit", "2"]);
    assert_eq!((batch["samples"].as_array().unwrap().len(), &batch["more"]), (2, &json!(true)));
    assert!(device.run(&["health", "pending"]).text().contains("InsulinDelivery"));
    let receipts: Vec<&Value> = batch["samples"].as_array().unwrap().iter().map(|sample| &sample["receipt"]).collect();
    let confirmation = json!({"format": "tidegate/health-confirmation/v1", "member_id": batch["member_id"], "store": batch["store"], "written": receipts});
    let file = backend.file("confirmation.json", confirmation.to_string().as_bytes());
    assert_eq!(device.json(&["health", "confirm", &file]), json!({"confirmed": 2, "already": 0, "stale": 0}));
    let again = device.run_with_input(&["health", "confirm", "-", "--json"], confirmation.to_string().as_bytes());
    assert_eq!(again.document(), json!({"confirmed": 0, "already": 2, "stale": 0}));
    assert_eq!(device.json(&["health", "pending"])["samples"].as_array().unwrap().len(), 1);
    // Another Apple Health has a ledger of its own.
    assert_eq!(device.json(&["health", "pending", "--store", "ipad"])["samples"].as_array().unwrap().len(), 3);
    let stores = device.json(&["health", "stores"]);
    assert_eq!(stores["stores"].as_array().unwrap().len(), 2);

    for (text, code) in [
        ("{}", "health-confirmation-invalid"),
        ("planted", "health-confirmation-invalid"),
        (&confirmation.to_string().replace("\"written\":[\"", "\"written\":[\"x"), "health-receipt-unknown"),
        (&confirmation.to_string().replace("confirmation/v1", "confirmation/v9"), "health-confirmation-invalid"),
    ] {
        let file = backend.file("wrong.json", text.as_bytes());
        let error = device.fails(&["health", "confirm", &file], 10, code);
        assert!(!error.to_string().contains("planted"));
    }
    device.fails(&["health", "confirm", "nowhere.json"], 15, "file-not-found");
}
