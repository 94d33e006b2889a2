//! Files that somebody kept.

use base64::Engine as _;
use serde_json::json;
use tidegate_tandem::{ArchiveError, ByteOrder, decode_archive};

use crate::json::event;

const BASAL: &str = "011721a2ee48000186a100000003032003200000032000000000";
const BOLUS: &str = "00141a97d79e0002d870042100034069c8543fe4baf23fe4baf2";

fn names(file: &[u8]) -> Vec<&'static str> {
    decode_archive(file, ByteOrder::Service).unwrap().events.iter().map(|event| event.body.name()).collect()
}

#[test]
fn records_are_read_in_every_form() {
    let raw = hex::decode(format!("{BASAL}{BOLUS}")).unwrap();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&raw);
    let lines = format!("# kept in 2025\n{BASAL}  # a remark\n\n{}\n", BOLUS.to_uppercase());
    let quoted = format!("\"{base64}\"\n");
    for file in [&raw[..], base64.as_bytes(), quoted.as_bytes(), lines.as_bytes(), format!("{BASAL}{BOLUS}").as_bytes()] {
        assert_eq!(names(file), ["basal-delivery", "bolus-completed"]);
    }
}

#[test]
fn answers_are_read_as_a_whole_and_as_a_list() {
    let alarm = event(28, 1, "2026-05-06T10:00:00", &json!({ "alarmId": 1 }));
    for document in [json!([alarm]), json!({ "events": [alarm], "clockChanges": [] })] {
        assert_eq!(names(format!("\u{feff} {document}").as_bytes()), ["alarm-cleared"]);
    }
}

#[test]
fn what_is_no_archive_says_why() {
    let error = |file: &[u8]| decode_archive(file, ByteOrder::Service).unwrap_err();
    assert!(matches!(error(b" \n"), ArchiveError::Empty));
    assert!(matches!(error(b"{\"events\": ["), ArchiveError::Json(_)));
    assert!(matches!(error(b"{}"), ArchiveError::Answer(_)));
    assert!(matches!(error(format!("{BASAL}\n{}\n", &BOLUS[..50]).as_bytes()), ArchiveError::Line { line: 2, bytes: 25 }));
    assert!(matches!(error(&[0xff; 27]), ArchiveError::Length { bytes: 27 }));
}
