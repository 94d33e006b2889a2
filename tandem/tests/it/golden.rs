//! The JSON of events and samples is a contract: what these files hold does not change. They are written once, with
//! `WRITE_GOLDEN=1`, and never over.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_tandem::{ByteOrder, LAYOUTS, Line, Normaliser, Sample, decode_archive, samples_of};

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

fn decoded(name: &str) -> (Value, Value, Value) {
    let answer = decode_archive(&fs::read(path(name)).unwrap(), ByteOrder::Service).unwrap();
    assert!(answer.rejected.is_empty());
    let pump = answer.assignment.clone().unwrap_or_else(|| "archive".to_owned());
    let mut normaliser = Normaliser::new(tidegate_tandem::Settings { pump, ..settings("America/New_York") });
    normaliser.add(answer.events);
    normaliser.add_clock_changes(answer.clock_changes);
    let samples = normaliser.samples(None);
    let events: Vec<_> = normaliser.events().collect();
    (json!(events), json!(normaliser.lines(None)), json!(samples))
}

#[test]
fn an_answer_of_the_service_keeps_its_meaning() {
    let (events, lines, samples) = decoded("log.json");
    check("events.json", &events);
    check("lines.json", &lines);
    check("samples.json", &samples);
}

#[test]
fn records_keep_their_meaning() {
    let (events, _, samples) = decoded("records.hex");
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
fn golden_lines_are_read_as_what_they_are_and_make_the_golden_samples() {
    let read = |name| fs::read_to_string(path(name)).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&read("lines.json")).unwrap();
    let line = |entry: &Value| match serde_json::from_value(entry.clone()) {
        Ok(rate) => Line::Rate(rate),
        Err(_) => Line::Sample(serde_json::from_value(entry.clone()).unwrap()),
    };
    let lines: Vec<Line> = entries.iter().map(line).collect();
    assert_eq!(json!(lines), json!(entries));
    assert!(lines.iter().any(|line| matches!(line, Line::Rate(_))));
    assert_eq!(json!(samples_of(&lines, None)), serde_json::from_str::<Value>(&read("samples.json")).unwrap());
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
