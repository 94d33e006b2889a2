//! Bytes, times and codes in JSON; what is read loosely and what is not.

use proptest::prelude::*;
use serde_json::json;
use tidegate_protocol::delete::DeleteBatch;
use tidegate_protocol::multipart::{AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, UploadPartsRequest};
use tidegate_protocol::presign::{PresignBatch, PresignItem};
use tidegate_protocol::problem::{ProblemClass, ProblemCode, ProblemDocument};
use tidegate_protocol::session::{AccountProof, LinkRequest, RenewRequest, SelfHostSessionRequest};
use tidegate_protocol::wire::{Base64Url, timestamp};
use time::OffsetDateTime;
use time::macros::datetime;

proptest! {
    #[test]
    fn bytes_read_back(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let json = serde_json::to_string(&Base64Url(bytes.clone())).unwrap();
        prop_assert_eq!(serde_json::from_str::<Base64Url>(&json).unwrap().0, bytes);
    }

    #[test]
    fn times_read_back_to_the_millisecond(millis in 0_i64..253_402_300_799_999) {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
        let text = timestamp::format(time).unwrap();
        prop_assert_eq!(text.len(), "2026-11-21T09:30:00.000Z".len());
        prop_assert_eq!(timestamp::parse(&text).unwrap(), time);
    }
}

#[test]
fn padded_or_standard_base64_is_refused() {
    for text in ["AQ==", "+/8", "A", "AB C", "A\n", "AR"] {
        assert!(serde_json::from_value::<Base64Url>(json!(text)).is_err(), "{text:?}");
    }
}

#[test]
fn debug_output_of_bytes_shows_their_number_alone() {
    assert_eq!(format!("{:?}", Base64Url(b"secret".to_vec())), "Base64Url(6 bytes)");
}

#[test]
fn times_are_written_in_utc_with_milliseconds() {
    assert_eq!(timestamp::format(datetime!(2026-11-21 10:30:00.1239 +1)).unwrap(), "2026-11-21T09:30:00.123Z");
    assert_eq!(timestamp::parse("2026-11-21T10:30:00+01:00").unwrap(), datetime!(2026-11-21 09:30 UTC));
    assert!(timestamp::parse("2026-11-21 09:30:00").is_err());
}

#[test]
fn requests_with_unknown_fields_are_refused() {
    assert!(serde_json::from_value::<PresignItem>(json!({"method": "GET", "key": "k", "acl": "public"})).is_err());
    assert!(serde_json::from_value::<PresignBatch>(json!({"items": [], "x": 1})).is_err());
    assert!(serde_json::from_value::<DeleteBatch>(json!({"keys": [], "force": true})).is_err());
    assert!(serde_json::from_value::<LinkRequest>(json!({"user": "x"})).is_err());
    assert!(serde_json::from_value::<RenewRequest>(json!({"renewalToken": "x", "x": 1})).is_err());
    assert!(serde_json::from_value::<SelfHostSessionRequest>(json!({"invite": "x", "user": "y"})).is_err());
    let upload = json!({"key": "k", "uploadId": "u", "force": true});
    assert!(serde_json::from_value::<AbortUploadRequest>(upload.clone()).is_err());
    assert!(serde_json::from_value::<UploadPartsRequest>(upload).is_err());
    assert!(serde_json::from_value::<CreateUploadRequest>(json!({"key": "k", "length": 1, "sha256": "", "acl": ""})).is_err());
    assert!(
        serde_json::from_value::<CompleteUploadRequest>(json!({"key": "k", "uploadId": "u", "parts": [], "etag": ""})).is_err()
    );
    let proof = json!({"genesis": "", "purpose": "session", "signature": "", "key": ""});
    assert!(serde_json::from_value::<AccountProof>(proof).is_err());
    let other_purpose = json!({"genesis": "", "purpose": "reset-everything", "signature": ""});
    assert!(serde_json::from_value::<AccountProof>(other_purpose).is_err());
}

#[test]
fn a_field_given_twice_is_refused() {
    let twice = r#"{"method":"GET","key":"a","key":"b"}"#;
    assert!(serde_json::from_str::<PresignItem>(twice).is_err());
}

#[test]
fn an_item_leaves_out_what_it_does_not_say() {
    let item = PresignItem { method: "GET".to_owned(), key: "k".to_owned(), ..PresignItem::default() };
    assert_eq!(serde_json::to_value(&item).unwrap(), json!({"method": "GET", "key": "k"}));
}

#[test]
fn a_problem_of_a_newer_broker_is_still_read() {
    let newer = json!({
        "type": "urn:tidegate:problem:invented-later", "status": 418, "code": "invented-later",
        "message": "m", "correlationId": "c", "hint": "unknown field",
    });
    let document: ProblemDocument = serde_json::from_value(newer).unwrap();
    assert_eq!(document.code, ProblemCode::Unknown);
    assert_eq!(document.status, 418);
}

#[test]
fn codes_are_kebab_case_and_said_once() {
    let mut seen = std::collections::BTreeSet::new();
    for code in ProblemCode::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} twice");
        assert!(
            text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        );
        assert_eq!(serde_json::to_value(code).unwrap(), json!(text));
        assert_eq!(serde_json::from_value::<ProblemCode>(json!(text)).unwrap(), *code);
        assert_eq!(code.to_string(), text);
    }
    assert!(!seen.contains("unknown"));
}

#[test]
fn classes_agree_with_statuses() {
    for code in ProblemCode::ALL {
        let fits = match code.class() {
            ProblemClass::Retry => matches!(code.status(), 409 | 429 | 500 | 503),
            ProblemClass::Reauthenticate => code.status() == 401,
            ProblemClass::Conflict => code.status() == 409,
            ProblemClass::Invalid => (400..=415).contains(&code.status()) && !matches!(code.status(), 401 | 403 | 409),
            ProblemClass::Denied => code.status() == 403,
        };
        assert!(fits, "{code} {:?} {}", code.class(), code.status());
    }
}
