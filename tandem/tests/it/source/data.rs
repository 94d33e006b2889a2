//! Pumps and logs.

use jiff::civil::date;
use serde_json::{Value, json};
use tidegate_tandem::source::{Account, Class, Client, Pump, SourceError, Token, Window};
use tidegate_tandem::{Concentration, Normaliser, Settings, What, Zone, decode_answer};
use tidegate_testkit::tandem::{Fault, LogPlan, Plan, PlannedPump, Stage, TandemStandIn};

use super::{assert_nothing_personal, plan, shown, signed_in, stand_in};

fn window(from: i8, to: i8) -> Window {
    Window::new(date(2026, 10, from), date(2026, 10, to)).unwrap()
}

async fn with_pumps(server: &TandemStandIn) -> (Client, Token, Account) {
    let (client, token) = signed_in(server).await;
    let account = client.account(&token).await.unwrap();
    (client, token, account)
}

#[tokio::test]
async fn every_pump_of_the_account_is_told_those_without_data_too() {
    let plan = plan().and_pump(PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000002", "7654321", None));
    let server = TandemStandIn::start(plan).await;
    let (_, _, account) = with_pumps(&server).await;
    let expected = Pump {
        assignment_id: "6a0b2c3d-0000-4000-8000-000000000001".to_owned(),
        serial_number: Some("1234567".to_owned()),
        model_name: Some("t:slim X2".to_owned()),
        software_version: Some("7.8.1".to_owned()),
        available: Some((date(2026, 10, 1).at(0, 0, 0, 0), date(2026, 10, 3).at(23, 59, 59, 0))),
        last_upload: Some("2026-11-02T08:15:00Z".parse().unwrap()),
    };
    assert_eq!(account.pumps[0], expected);
    assert_eq!((account.pumps[1].available, account.pumps[1].last_upload), (None, None));
}

#[tokio::test]
async fn a_log_has_what_the_pump_wrote_on_these_days() {
    let server = stand_in().await;
    let (client, token, account) = with_pumps(&server).await;
    let log = client.pump_log(&token, &account.pumps[0], window(1, 2)).await.unwrap();
    let log_plan = server.plan().pumps[0].log.clone().unwrap();
    let id = &account.pumps[0].assignment_id;
    let mut written = log_plan.events_of(date(2026, 10, 1), id);
    written.extend(log_plan.events_of(date(2026, 10, 2), id));
    assert_eq!(log.events, decode_answer(&json!(written)).unwrap().events);
    assert!(log.events.iter().all(|event| event.body.code().is_some()));
    assert_eq!((log.others, log.rejected.len()), (0, 0));
}

#[tokio::test]
async fn windows_of_a_log_make_the_samples_of_the_whole_log() {
    let plan = Plan::of(LogPlan::new(date(2026, 9, 20), 40, 11).and_clock_set(date(2026, 10, 10).at(16, 28, 0, 0), -3600));
    let server = TandemStandIn::start(plan).await;
    let (client, token, account) = with_pumps(&server).await;
    let zone = Zone::named("Europe/Berlin").unwrap();
    let settings = Settings { pump: "p".to_owned(), zone, concentration: Concentration::U100 };
    let mut normaliser = Normaliser::new(settings);
    let mut requests = 0;
    for window in Window::split(date(2026, 9, 20), date(2026, 10, 29)) {
        let log = client.pump_log(&token, &account.pumps[0], window).await.unwrap();
        normaliser.add(log.events);
        normaliser.add_clock_changes(log.clock_changes);
        requests += 1;
    }
    assert_eq!(requests, 2);
    let samples = normaliser.samples(None);
    let count = |is: fn(&What) -> bool| samples.iter().filter(|sample| is(&sample.what)).count();
    // A reading every five minutes, one more hour of them, each once.
    assert_eq!(count(|what| matches!(what, What::Glucose(_))), 40 * 288 + 12);
    assert_eq!(count(|what| matches!(what, What::Carbohydrates(_))), 40 * 3);
    assert_eq!(count(|what| matches!(what, What::InsulinBolus(_))), 40 * 3 + 8);
    assert!(count(|what| matches!(what, What::InsulinBasal(_))) > 40 * 10);
}

#[tokio::test]
async fn what_was_not_asked_for_is_left_out() {
    let server = stand_in().await;
    let (client, token, account) = with_pumps(&server).await;
    let id = &account.pumps[0].assignment_id;
    let event = |code: u32, sequence: u32, at: &str| {
        json!({ "deviceAssignmentId": id, "eventCode": code, "sequenceGroup": 0, "sequenceNumber": sequence, "pumpDateTime": at,
            "eventProperties": { "grams": 12, "carbs": 12 } })
    };
    let events = json!([
        event(48, 1, "2026-10-01T10:00:00"),
        event(48, 1, "2026-10-01T10:00:00"),
        event(48, 2, "2026-09-30T23:59:59"),
        event(99_999, 3, "2026-10-01T10:00:00"),
        { "eventCode": "48" },
    ]);
    server.fail(Stage::Log, [Fault::Json(200, json!({ "events": events, "clockChanges": null, "more": { "pages": [1, 2] } }))]);
    let log = client.pump_log(&token, &account.pumps[0], window(1, 1)).await.unwrap();
    assert_eq!(log.events.len(), 1);
    assert_eq!((log.others, log.rejected.len()), (2, 1));
}

#[tokio::test]
async fn a_changed_answer_is_an_error_that_shows_its_form_alone() {
    let plan = plan();
    let (person, id) = (plan.pumper_id.clone(), plan.pumps[0].assignment_id.clone());
    let unread = |sequence: u32| {
        json!({ "deviceAssignmentId": id, "eventCode": 20, "sequenceGroup": 0, "sequenceNumber": sequence,
            "pumpDateTime": "2026-10-01T10:00:00", "eventProperties": { "bolus": { "id": 7 } } })
    };
    let renamed = json!({ "id": 1, "code": 20, "at": "2026-10-01T10:00:00", "serial": plan.pumps[0].serial_number });
    let other_pump = json!({ "deviceAssignmentId": "6a0b2c3d-0000-4000-8000-00000000dead", "eventCode": 90, "sequenceGroup": 0,
        "sequenceNumber": 1, "pumpDateTime": "2026-10-01T00:00:00", "eventProperties": {} });
    let logs = [
        json!({ "items": [renamed.clone()] }),
        json!({ "events": null }),
        json!({ "events": [renamed] }),
        json!({ "events": (0..10).map(unread).collect::<Vec<Value>>() }),
        json!({ "events": [other_pump] }),
        json!([1, 2]),
        json!({ "events": { "0": "Erika" } }),
    ];
    let accounts = [
        json!({ "name": "Erika Musterfrau", "devices": [] }),
        json!({ "pumps": [{ "serialNumber": plan.pumps[0].serial_number }], "dateOfBirth": plan.born.to_string() }),
        json!({ "pumps": [{ "assignmentId": "../../../etc" }] }),
        json!({ "pumps": [{ "assignmentId": id, "availableDataRange": { "start": "yesterday", "end": "today" } }] }),
        json!({ "pumps": {}, person: "Erika Musterfrau", "Erika": 1 }),
    ];
    let server = TandemStandIn::start(plan).await;
    let (client, token, account) = with_pumps(&server).await;
    let mut errors = Vec::new();
    for answer in logs {
        server.fail(Stage::Log, [Fault::Json(200, answer)]);
        errors.push(client.pump_log(&token, &account.pumps[0], window(1, 3)).await.unwrap_err());
    }
    for answer in accounts {
        server.fail(Stage::Account, [Fault::Json(200, answer)]);
        errors.push(client.account(&token).await.unwrap_err());
    }
    server.fail(Stage::Log, [Fault::Html(200), Fault::Status(404), Fault::Status(400)]);
    for _ in 0..3 {
        errors.push(client.pump_log(&token, &account.pumps[0], window(1, 3)).await.unwrap_err());
    }
    for error in errors {
        assert_eq!(error.class(), Class::Changed, "{error:?}");
        assert!(error.report().is_some());
        assert_nothing_personal(&server, &shown(&error));
    }
}

#[tokio::test]
async fn an_assignment_that_is_no_identifier_asks_for_nothing() {
    let server = stand_in().await;
    let (client, token, mut account) = with_pumps(&server).await;
    account.pumps[0].assignment_id = "../../pumpers".to_owned();
    let error = client.pump_log(&token, &account.pumps[0], window(1, 1)).await.unwrap_err();
    assert!(matches!(error, SourceError::NotPrivate));
    assert_eq!(server.count(Stage::Log), 0);
}

#[tokio::test]
async fn late_data_and_what_was_not_uploaded_are_told_when_they_are_there() {
    let server = stand_in().await;
    let (client, token, account) = with_pumps(&server).await;
    let pump = &account.pumps[0];
    let count = async || client.pump_log(&token, pump, window(1, 3)).await.unwrap().events.len();
    let all = count().await;
    server.withhold(&pump.assignment_id, date(2026, 10, 2).at(8, 0, 0, 0), date(2026, 10, 2).at(9, 0, 0, 0));
    assert!(count().await < all);
    server.release();
    assert_eq!(count().await, all);
    server.upload_until(&pump.assignment_id, date(2026, 10, 2).at(12, 0, 0, 0));
    assert!(count().await < all * 2 / 3);
}

#[tokio::test]
async fn a_firewall_before_the_data_is_no_ended_token() {
    let server = stand_in().await;
    let (client, token, _) = with_pumps(&server).await;
    server.fail(Stage::Account, [Fault::Firewall]);
    assert_eq!(client.account(&token).await.unwrap_err().class(), Class::Blocked);
    server.end_tokens();
    assert!(matches!(client.account(&token).await, Err(SourceError::TokenRefused)));
}
