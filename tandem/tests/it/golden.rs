//! The JSON of events and samples is a contract: what these files hold does not change. They are written once, with
//! `WRITE_GOLDEN=1`, and never over.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_tandem::{ByteOrder, LAYOUTS, Normaliser, Sample, decode_archive};

use crate::log::settings;

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "v1", name].iter().collect()
}

fn check(name: &str, found: &Value) {
    let path = path(name);
    if !path.exists() && std::env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&path, serde_json::to_string_pretty(found).unwrap() + "\n").unwrap();
    }
    let golden: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(found, &golden, "{name}");
}

fn decoded(name: &str) -> (Value, Value) {
    let answer = decode_archive(&fs::read(path(name)).unwrap(), ByteOrder::Service).unwrap();
    assert!(answer.rejected.is_empty());
    let pump = answer.assignment.clone().unwrap_or_else(|| "archive".to_owned());
    let mut normaliser = Normaliser::new(tidegate_tandem::Settings { pump, ..settings("America/New_York") });
    normaliser.add(answer.events);
    normaliser.add_clock_changes(answer.clock_changes);
    let samples = normaliser.samples(None);
    let events: Vec<_> = normaliser.events().collect();
    (json!(events), json!(samples))
}

#[test]
fn an_answer_of_the_service_keeps_its_meaning() {
    let (events, samples) = decoded("log.json");
    check("events.json", &events);
    check("samples.json", &samples);
}

#[test]
fn records_keep_their_meaning() {
    let (events, samples) = decoded("records.hex");
    check("records-events.json", &events);
    check("records-samples.json", &samples);
}

#[test]
fn golden_samples_are_read_as_what_they_are() {
    for name in ["samples.json", "records-samples.json"] {
        let text = fs::read_to_string(path(name)).unwrap();
        let samples: Vec<Sample> = serde_json::from_str(&text).unwrap();
        assert_eq!(json!(samples), serde_json::from_str::<Value>(&text).unwrap());
    }
}

#[test]
fn the_documentation_names_every_event_with_its_code() {
    let page: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "docs", "tandem.md"].iter().collect();
    let page = fs::read_to_string(page).unwrap();
    for layout in LAYOUTS {
        let row = format!("| {} | `{}` |", layout.code, layout.name);
        assert!(page.contains(&row), "{row}");
    }
}
