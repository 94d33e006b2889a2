//! Reports of answers that are not what they were.

use serde_json::json;
use tidegate_tandem::source::SourceError;
use tidegate_testkit::tandem::{Fault, Stage, TandemStandIn};

use super::{assert_nothing_personal, plan, shown, signed_in};

async fn report_of(status: u16, answer: serde_json::Value) -> (TandemStandIn, String, String) {
    let server = TandemStandIn::start(plan()).await;
    let (client, token) = signed_in(&server).await;
    server.fail(Stage::Account, [Fault::Json(status, answer)]);
    let error = client.account(&token).await.unwrap_err();
    let SourceError::Changed(report) = &error else { panic!("{error:?}") };
    let (form, shown) = (report.form.clone(), shown(&error));
    (server, form, shown)
}

#[tokio::test]
async fn a_report_shows_the_form_of_an_answer() {
    let answer = json!({
        "firstName": "Erika", "born": "1971-03-09T00:00:00", "at": "2026-10-01T10:00:00Z", "weight": 71.5, "age": 55, "ok": true,
        "devices": [{ "eventCode": 20, "serial": "1234567" }, {}, {}, {}],
    });
    let (server, form, shown) = report_of(200, answer).await;
    let expected = json!({
        "firstName": "(text of 5 characters)", "born": "0000-00-00T00:00:00", "at": "0000-00-00T00:00:00Z", "weight": 0.0, "age": 0, "ok": true,
        "devices": [{ "eventCode": 20, "serial": "(text of 7 characters)" }, {}, "and 2 more"],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&form).unwrap(), expected);
    assert_nothing_personal(&server, &shown);
}

#[tokio::test]
async fn a_refusal_is_shown_in_the_services_own_words() {
    let plan = plan();
    let answer = json!({
        "name": "ZodError",
        "issues": [{ "code": "unrecognized_keys", "path": ["query", "eventIds"], "message": format!("Unrecognized key of {} at 192.168.1.7", plan.username) }],
        "error": format!("person {} with serial 1234567 is not known to Erika Musterfrau", plan.pumper_id),
    });
    let (server, form, shown) = report_of(400, answer).await;
    for word in ["unrecognized_keys", "eventIds", "Unrecognized key of", "is not known to"] {
        assert!(form.contains(word), "{form}");
    }
    assert_nothing_personal(&server, &shown);
}

#[tokio::test]
async fn names_and_numbers_are_no_names_of_members() {
    let answer = json!({ "1234567": { "Erika Musterfrau": 1 }, "6a0b2c3d-0000-4000-8000-000000000001": 2, "erika.musterfrau@example.org": 3 });
    let (server, _, shown) = report_of(200, answer).await;
    assert_nothing_personal(&server, &shown);
}

#[tokio::test]
async fn a_report_is_short_however_long_the_answer_is() {
    let many: serde_json::Map<String, serde_json::Value> =
        (0..900).map(|i| (format!("m{i}"), json!({ "a": { "b": "x".repeat(50) } }))).collect();
    let mut deep = json!("bottom");
    for _ in 0..100 {
        deep = json!([deep, { "more": "text" }]);
    }
    let (_, form, _) = report_of(200, json!({ "many": many, "deep": deep })).await;
    assert!(form.len() <= 8 * 1024 + 3, "{}", form.len());
}
