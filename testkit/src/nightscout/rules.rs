//! What becomes of a document, decided apart from HTTP.

use serde_json::{Map, Value};

/// Documents of one collection.
#[derive(Debug, Default)]
pub(super) struct Documents(pub(super) Vec<Map<String, Value>>);

/// What API v3 says to a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 201.
    Created,
    /// 200: it took the place of the one with its identifier.
    Updated,
    /// 400, with this message.
    Refused(String),
}

/// Fields that API v3 lets nobody change.
const IMMUTABLE: [&str; 5] = ["date", "utcOffset", "eventType", "device", "app"];
/// The least time that API v3 takes, in milliseconds since 1970.
const MIN_DATE: f64 = 946_684_800_000.0;

impl Documents {
    /// API v3: one document, by its identifier.
    pub(super) fn put_v3(&mut self, document: Map<String, Value>) -> Verdict {
        if let Some(refusal) = malformed(&document) {
            return Verdict::Refused(refusal.to_owned());
        }
        let same = self.0.iter_mut().find(|kept| kept["identifier"] == document["identifier"]);
        let Some(kept) = same else {
            self.0.push(document);
            return Verdict::Created;
        };
        let changed = |field: &&&str| document.get(**field).is_some_and(|value| kept.get(**field) != Some(value));
        if let Some(field) = IMMUTABLE.iter().find(changed) {
            return Verdict::Refused(format!("Field {field} cannot be modified by the client"));
        }
        *kept = document;
        Verdict::Updated
    }

    /// API v3: takes a document away for good; whether there was one.
    pub(super) fn delete_v3(&mut self, identifier: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|kept| kept["identifier"] != identifier);
        self.0.len() < before
    }

    /// API v1: a treatment, by its identifier where this version goes by it, else by time and type.
    pub(super) fn put_treatment(&mut self, treatment: Map<String, Value>, by_identifier: bool) {
        let fields: &[&str] =
            if by_identifier && treatment.contains_key("identifier") { &["identifier"] } else { &["created_at", "eventType"] };
        self.put_by(treatment, fields);
    }

    /// API v1: an entry, by time and type.
    pub(super) fn put_entry(&mut self, entry: Map<String, Value>) {
        self.put_by(entry, &["dateString", "type"]);
    }

    fn put_by(&mut self, document: Map<String, Value>, fields: &[&str]) {
        let same = self.0.iter_mut().find(|kept| fields.iter().all(|field| kept.get(*field) == document.get(*field)));
        match same {
            Some(kept) => *kept = document,
            None => self.0.push(document),
        }
    }
}

fn malformed(document: &Map<String, Value>) -> Option<&'static str> {
    let number = |field: &str| document.get(field).and_then(Value::as_f64);
    if document.get("identifier").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Some("Bad or missing identifier field");
    }
    if number("date").is_none_or(|date| date <= MIN_DATE) {
        return Some("Bad or missing date field");
    }
    if number("utcOffset").is_none_or(|offset| !(-1440.0..=1440.0).contains(&offset)) {
        return Some("Bad or missing utcOffset field");
    }
    if document.get("app").and_then(Value::as_str).is_none_or(|app| app.trim().is_empty()) {
        return Some("Bad or missing app field");
    }
    None
}
