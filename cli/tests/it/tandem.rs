//! `tandem decode`: events and samples of an archive, without an account and without a network.

use serde_json::Value;

use crate::harness::Cli;

const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem/fixtures/v1/log.json");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem/fixtures/v1/records.hex");

fn decode(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    Cli::new(folder.path()).json(&[&["tandem", "decode"], arguments].concat())
}

#[test]
fn an_answer_of_the_service_is_decoded() {
    let decoded = decode(&[LOG, "--zone", "America/New_York"]);
    assert_eq!(
        (&decoded["zone"], &decoded["pump"]),
        (&"America/New_York".into(), &"6a0b2c3d-0000-4000-8000-000000000001".into())
    );
    let golden = |name: &str| -> Value {
        let path = format!("{}/../tandem/fixtures/v1/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    assert_eq!(decoded["events"], golden("events.json"));
    assert_eq!(decoded["samples"], golden("samples.json"));
}

#[test]
fn records_are_decoded_from_a_pipe_and_in_both_orders() {
    let decoded = decode(&[RECORDS, "--pump", "old", "--zone", "Europe/Berlin"]);
    assert!(decoded["samples"].as_array().unwrap().iter().all(|sample| sample["id"].as_str().unwrap().starts_with("old/0/")));
    let folder = tempfile::tempdir().unwrap();
    let reversed: String =
        std::fs::read_to_string(RECORDS).unwrap().lines().filter(|line| !line.starts_with('#')).map(reverse).collect();
    let arguments = ["--json", "tandem", "decode", "-", "--bluetooth", "--pump", "old", "--zone", "Europe/Berlin"];
    let ran = Cli::new(folder.path()).run_with_input(&arguments, reversed.as_bytes());
    assert_eq!(ran.document(), decoded);
}

/// A line of hex digits, as over Bluetooth.
fn reverse(line: &str) -> String {
    let pairs: Vec<&str> = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let fields = [0..2, 2..6, 6..10, 10..14, 14..18, 18..22, 22..26];
    let swapped: String = fields.into_iter().flat_map(|field| pairs[field].iter().rev().copied()).collect();
    format!("{swapped}\n")
}

#[test]
fn people_get_counts_and_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(folder.path());
    let text = cli.run(&["tandem", "decode", LOG, "--zone", "America/New_York"]).text();
    for words in ["insulin bolus", "glucose", "basal-delivery", "unknown"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    cli.fails(&["tandem", "decode", LOG, "--zone", "Mars/Olympus"], 10, "zone-unknown");
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{\"events\": 7}").unwrap();
    cli.fails(&["tandem", "decode", broken.to_str().unwrap(), "--zone", "UTC"], 10, "pump-log-unreadable");
    assert_eq!(cli.run(&["tandem", "decode", LOG, "--concentration", "300"]).code, Some(2));
}
