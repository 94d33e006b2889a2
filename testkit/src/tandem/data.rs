//! The stand-in's data: a person's pumps, and a pump's log of at most 28 days.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Response, header};
use jiff::civil::{Date, DateTime};
use serde_json::{Value, json};

use super::fault::{self, Stage};
use super::log::LogPlan;
use super::pages::text;
use super::plan::PlannedPump;
use super::server::{Book, Shared};

/// The most days of a request.
const MOST_DAYS: i32 = 28;

pub(super) async fn account(State(shared): State<Shared>, Path(pumper): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Some(response) = admit(&shared, Stage::Account, &headers).await {
        return response;
    }
    let book = shared.book();
    let plan = &book.plan;
    if pumper != plan.pumper_id {
        return fault::json(404, &json!({ "message": "Pumper not found" }));
    }
    let pumps: Vec<Value> = plan.pumps.iter().map(pump).collect();
    fault::json(
        200,
        &json!({
            "firstName": plan.first_name, "lastName": plan.last_name, "name": format!("{} {}", plan.first_name, plan.last_name),
            "dateOfBirth": format!("{}T00:00:00", plan.born), "lowGlucoseThreshold": 70, "highGlucoseThreshold": 180, "country": "DE",
            "pumps": pumps,
        }),
    )
}

fn pump(pump: &PlannedPump) -> Value {
    let range = pump.log.as_ref().map(|log| (log.first_day.at(0, 0, 0, 0), end_of(pump, log)));
    let (start, end) = (range.map(|range| range.0.to_string()), range.map(|range| range.1.to_string()));
    let settings = range.map(
        |_| json!({ "id": "1", "deviceAssignmentId": pump.assignment_id, "settingsHash": "x", "details": { "profiles": {} } }),
    );
    json!({
        "assignmentId": pump.assignment_id, "serialNumber": pump.serial_number, "modelNumber": "1004000", "modelName": pump.model_name,
        "softwareVersion": "7.8.1", "partNumber": "1007000", "glucoseUnit": range.map(|_| "mg/dL"),
        "availableDataRange": { "start": start, "end": end }, "maxDateOfEvents": end,
        "lastUploadDate": range.map(|_| "2026-11-02T08:15:00Z"), "lastUploadClientType": range.map(|_| "tconnect"), "settings": settings,
    })
}

fn end_of(pump: &PlannedPump, log: &LogPlan) -> DateTime {
    let last = log.last_day().at(23, 59, 59, 0);
    pump.uploaded_until.map_or(last, |until| until.min(last))
}

pub(super) async fn log(
    State(shared): State<Shared>,
    Path(assignment): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Some(response) = admit(&shared, Stage::Log, &headers).await {
        return response;
    }
    let names: Vec<&str> = query.keys().map(String::as_str).collect();
    if names != ["endDate", "eventCodes", "pumperId", "startDate"] {
        let issue = json!({ "code": "unrecognized_keys", "path": ["query", "eventIds"], "message": "Unrecognized key" });
        return fault::json(400, &json!({ "name": "ZodError", "issues": [issue] }));
    }
    let book = shared.book();
    let Some((from, to)) = days(&query) else {
        return fault::json(400, &json!({ "name": "ZodError", "message": "Invalid date range" }));
    };
    let pump = book.plan.pumps.iter().find(|pump| pump.assignment_id == assignment);
    let (Some(pump), true) = (pump, query["pumperId"] == book.plan.pumper_id) else {
        return fault::json(404, &json!({ "message": "Device not found" }));
    };
    let Some(log) = &pump.log else { return fault::json(200, &json!({ "events": [], "clockChanges": [] })) };
    let mut events: Vec<Value> = Vec::new();
    for day in from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to) {
        events.extend(log.events_of(day, &assignment).into_iter().filter(|event| is_told(&book, pump, event)));
    }
    let changes: Vec<Value> = log.clock_changes(&assignment).into_iter().filter(|event| is_told(&book, pump, event)).collect();
    fault::json(200, &json!({ "events": events, "clockChanges": changes }))
}

/// The days of a request, if it may ask for so many.
fn days(query: &BTreeMap<String, String>) -> Option<(Date, Date)> {
    let from: Date = query["startDate"].strip_suffix("T00:00:00Z")?.parse().ok()?;
    let to: Date = query["endDate"].strip_suffix("T23:59:59Z")?.parse().ok()?;
    let length = from.until(to).ok()?.get_days() + 1;
    (1..=MOST_DAYS).contains(&length).then_some((from, to))
}

/// Whether an event was uploaded and is not withheld.
fn is_told(book: &Book, pump: &PlannedPump, event: &Value) -> bool {
    let Some(at) = event["pumpDateTime"].as_str().and_then(|text| text.parse::<DateTime>().ok()) else { return true };
    let uploaded = pump.uploaded_until.is_none_or(|until| at <= until);
    let withheld =
        book.withheld.iter().any(|(assignment, from, to)| *assignment == pump.assignment_id && (*from..*to).contains(&at));
    uploaded && !withheld
}

/// What every request for data must have.
async fn admit(shared: &Shared, stage: Stage, headers: &HeaderMap) -> Option<Response<Body>> {
    if let Some(response) = shared.admit(stage).await {
        return Some(response);
    }
    let source = &shared.endpoints.source;
    if text(headers, header::ORIGIN) != source.origin().ascii_serialization() || text(headers, header::REFERER) != source.as_str()
    {
        return Some(fault::firewall());
    }
    let bearer = text(headers, header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    if !shared.book().tokens.contains(bearer) {
        return Some(fault::json(401, &json!({ "message": "Unauthorized" })));
    }
    None
}
