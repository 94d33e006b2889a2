//! `--transaction-file`: a subscription opens an account where an invite does elsewhere.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_app_store::{Roots, device_verification};
use tidegate_broker::config::{AppStoreSettings, OcspPolicy};
use tidegate_broker::dev::{DevOptions, DevServer, start};
use tidegate_testkit::apple::{BUNDLE_ID, PRODUCT_ID, TestCa, transaction};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::harness::Cli;

/// A broker that trusts this authority, and a folder for its data and the test's files.
async fn hosted() -> (TestCa, DevServer, TempDir) {
    let (ca, folder) = (TestCa::new(), tempfile::tempdir().unwrap());
    let mut settings = AppStoreSettings::new(BUNDLE_ID, 6_400_000_001);
    settings.roots = Roots::from_der([ca.root_der()]).unwrap();
    settings.ocsp = OcspPolicy::Off;
    settings.entitlement.products.insert(PRODUCT_ID.to_owned());
    let mut options = DevOptions::new(folder.path().join("broker"));
    options.app_store = Some(settings);
    (ca, start(options).await.unwrap(), folder)
}

fn sell(ca: &TestCa, mut overrides: Value) -> String {
    let millis = |after: Duration| i64::try_from((OffsetDateTime::now_utc() + after).unix_timestamp_nanos() / 1_000_000).unwrap();
    overrides["purchaseDate"] = millis(Duration::ZERO).into();
    overrides["signedDate"] = millis(Duration::ZERO).into();
    overrides["expiresDate"] = millis(Duration::days(30)).into();
    ca.sign(&transaction(overrides))
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_opens_an_account_and_a_second_device_joins() {
    let (ca, server, folder) = hosted().await;
    let broker = server.broker_url.clone();
    tokio::task::spawn_blocking(move || {
        let at = |name: &str| folder.path().join(name);
        let (a, b, c) = (Cli::new(&at("a")), Cli::new(&at("b")), Cli::new(&at("c")));
        let file = write(folder.path(), "transaction.txt", &sell(&ca, json!({})));
        let recovery = at("recovery.txt");
        let ways = ["--broker", &broker, "--transaction-file", &file, "--recovery-file", recovery.to_str().unwrap()];
        let created = a.json(&[&["init"], ways.as_slice()].concat());
        a.json(&["member", "add", "Ada"]);
        let note = write(folder.path(), "note.md", "# Hazelnut\n");
        a.json(&["put", &note, "--member", "Ada"]);
        assert_eq!(a.json(&["sync"])["pushed"].as_u64().map(|pushed| pushed > 0), Some(true));

        let joined = b.json(&[&["join"], ways.as_slice()].concat());
        assert_eq!(joined["user_id"], created["user_id"]);
        b.json(&["sync"]);
        assert_eq!(b.json(&["list"])["records"].as_array().unwrap().len(), 1);
        // Signing in again needs no recovery code.
        assert_eq!(a.json(&["join", "--broker", &broker, "--transaction-file", &file])["user_id"], created["user_id"]);
        // Somebody who has lost the code can't begin anew with the same purchase.
        let other = at("other.txt");
        let again = ["init", "--broker", &broker, "--transaction-file", &file, "--recovery-file", other.to_str().unwrap()];
        let error = c.fails(&again, 13, "already-linked");
        assert!(error["help"].as_str().unwrap().contains("recovery code"), "{error}");
    })
    .await
    .unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_a_device_comes_with_that_devices_id() {
    let (ca, server, folder) = hosted().await;
    let broker = server.broker_url.clone();
    tokio::task::spawn_blocking(move || {
        let (nonce, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of_a_device = json!({
            "deviceVerification": STANDARD.encode(device_verification(nonce, id)),
            "deviceVerificationNonce": nonce,
        });
        let jws = sell(&ca, of_a_device);
        let cli = Cli::new(&folder.path().join("home"));
        let init = |file: &str| {
            vec!["init".to_owned(), "--broker".to_owned(), broker.clone(), "--transaction-file".to_owned(), file.to_owned()]
        };
        let fails = |file: &str, exit, code| {
            let arguments = init(file);
            cli.fails(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), exit, code)
        };
        fails(&write(folder.path(), "nonsense.txt", "not a transaction"), 10, "transaction-malformed");
        fails(&write(folder.path(), "alone.txt", &jws), 11, "device-verification-required");
        let other = json!({ "signedTransactionInfo": jws, "deviceVerificationId": nonce }).to_string();
        fails(&write(folder.path(), "other.json", &other), 11, "device-verification-mismatch");
        let with = json!({ "signedTransactionInfo": jws, "deviceVerificationId": id }).to_string();
        let arguments = init(&write(folder.path(), "with.json", &with));
        cli.json(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    })
    .await
    .unwrap();
    server.shutdown().await;
}
