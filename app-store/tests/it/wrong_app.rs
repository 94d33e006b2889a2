//! Apple's signature on what is not for this broker: another app, environment, kind or notification.

use serde_json::{Value, json};
use tidegate_app_store::{Refusal, VerifiedJws, VerifiedNotification, VerifiedRenewalInfo, VerifiedTransaction};
use tidegate_protocol::problem::ProblemCode;
use tidegate_testkit::apple::{notification, renewal_info, transaction};

use crate::stand::{NOW, app, ca, verifier, verify};

fn signed(payload: &Value) -> VerifiedJws {
    verify(&verifier(), &ca().sign(payload), NOW).unwrap()
}

fn refused<T>(read: Result<T, Refusal>) -> ProblemCode {
    read.err().expect("it must be refused").code()
}

fn read_transaction(overrides: Value) -> Result<VerifiedTransaction, Refusal> {
    VerifiedTransaction::read(&signed(&transaction(overrides)), &app())
}

fn read_notification(data: Value) -> Result<VerifiedNotification, Refusal> {
    VerifiedNotification::read(&signed(&notification("DID_RENEW", None, data)), &app())
}

#[test]
fn a_transaction_of_another_bundle_is_refused() {
    for bundle_id in ["org.example.health2", "org.example", "ORG.EXAMPLE.HEALTH", ""] {
        assert_eq!(refused(read_transaction(json!({ "bundleId": bundle_id }))), ProblemCode::AppStoreWrongBundle, "{bundle_id}");
    }
}

#[test]
fn a_transaction_of_another_environment_is_refused() {
    let mut app = app();
    app.environments.retain(|environment| environment.as_str() == "Production");
    let sandbox = VerifiedTransaction::read(&signed(&transaction(json!({ "environment": "Sandbox" }))), &app);
    assert_eq!(refused(sandbox), ProblemCode::AppStoreWrongEnvironment);
    assert_eq!(refused(read_transaction(json!({ "environment": "Elsewhere" }))), ProblemCode::AppStoreWrongEnvironment);
}

#[test]
fn xcodes_environments_are_refused_even_under_a_signature() {
    let mut app = app();
    app.environments = ["Xcode", "LocalTesting"].map(|name| name.to_owned().into()).to_vec();
    for environment in ["Xcode", "LocalTesting"] {
        let read = VerifiedTransaction::read(&signed(&transaction(json!({ "environment": environment }))), &app);
        assert_eq!(refused(read), ProblemCode::AppStoreWrongEnvironment, "{environment}");
    }
}

#[test]
fn one_kind_of_payload_does_not_pass_for_another() {
    let transaction = signed(&transaction(json!({})));
    let renewal_info = signed(&renewal_info(json!({})));
    let notification = signed(&notification("TEST", None, json!({})));
    let app = app();
    assert_eq!(refused(VerifiedTransaction::read(&renewal_info, &app)), ProblemCode::AppStorePayloadInvalid);
    assert_eq!(refused(VerifiedTransaction::read(&notification, &app)), ProblemCode::AppStorePayloadInvalid);
    assert_eq!(refused(VerifiedRenewalInfo::read(&transaction, &app)), ProblemCode::AppStorePayloadInvalid);
    assert_eq!(refused(VerifiedRenewalInfo::read(&notification, &app)), ProblemCode::AppStorePayloadInvalid);
    assert_eq!(refused(VerifiedNotification::read(&transaction, &app)), ProblemCode::AppStorePayloadInvalid);
    assert_eq!(refused(VerifiedNotification::read(&renewal_info, &app)), ProblemCode::AppStorePayloadInvalid);
}

#[test]
fn a_payload_that_lacks_a_field_or_is_no_json_is_refused() {
    for field in ["transactionId", "originalTransactionId", "bundleId", "productId", "type", "signedDate", "environment"] {
        assert_eq!(refused(read_transaction(json!({ field: null }))), ProblemCode::AppStorePayloadInvalid, "{field}");
    }
    for payload in ["", "null", "[]", "{", "{}", "\u{FEFF}{}"] {
        let jws = ca().sign_bytes(ca().header().to_string().as_bytes(), payload.as_bytes());
        let jws = verify(&verifier(), &jws, NOW).unwrap();
        assert_eq!(refused(VerifiedTransaction::read(&jws, &app())), ProblemCode::AppStorePayloadInvalid, "{payload}");
    }
}

#[test]
fn a_payload_that_names_a_field_twice_is_refused() {
    let payload = transaction(json!({})).to_string().replacen('{', r#"{"bundleId":"org.example.health","#, 1);
    let jws = ca().sign_bytes(ca().header().to_string().as_bytes(), payload.as_bytes());
    let jws = verify(&verifier(), &jws, NOW).unwrap();
    assert_eq!(refused(VerifiedTransaction::read(&jws, &app())), ProblemCode::AppStorePayloadInvalid);
}

#[test]
fn a_notification_of_another_bundle_is_refused() {
    assert_eq!(refused(read_notification(json!({ "bundleId": "org.example.other" }))), ProblemCode::AppStoreWrongBundle);
    assert_eq!(refused(read_notification(json!({ "bundleId": null }))), ProblemCode::AppStoreWrongBundle);
}

#[test]
fn a_notification_of_another_app_id_is_refused() {
    assert_eq!(refused(read_notification(json!({ "appAppleId": 6_400_000_002_i64 }))), ProblemCode::AppStoreWrongApp);
    assert_eq!(refused(read_notification(json!({ "appAppleId": null }))), ProblemCode::AppStoreWrongApp);
    let sandbox = json!({ "environment": "Sandbox", "appAppleId": null });
    assert!(read_notification(sandbox).is_ok(), "the sandbox names no number");
    let other_in_sandbox = json!({ "environment": "Sandbox", "appAppleId": 7 });
    assert_eq!(refused(read_notification(other_in_sandbox)), ProblemCode::AppStoreWrongApp);
}

#[test]
fn a_notification_of_another_environment_is_refused() {
    assert_eq!(refused(read_notification(json!({ "environment": "Xcode" }))), ProblemCode::AppStoreWrongEnvironment);
    assert_eq!(refused(read_notification(json!({ "environment": null }))), ProblemCode::AppStorePayloadInvalid);
}

#[test]
fn a_notification_that_names_no_app_is_refused() {
    let mut payload = notification("TEST", None, json!({}));
    payload.as_object_mut().unwrap().remove("data");
    assert_eq!(refused(VerifiedNotification::read(&signed(&payload), &app())), ProblemCode::AppStorePayloadInvalid);
}

#[test]
fn summaries_external_purchases_and_app_data_name_the_app_too() {
    let subjects = [
        ("summary", json!({ "environment": "Production", "bundleId": "org.example.health", "appAppleId": 6_400_000_001_i64 })),
        ("externalPurchaseToken", json!({ "externalPurchaseId": "SANDBOX_7", "bundleId": "org.example.health" })),
        ("appData", json!({ "environment": "Sandbox", "bundleId": "org.example.health" })),
    ];
    for (name, subject) in subjects {
        let mut payload = notification("RENEWAL_EXTENSION", Some("SUMMARY"), json!({}));
        payload.as_object_mut().unwrap().remove("data");
        payload[name] = subject.clone();
        VerifiedNotification::read(&signed(&payload), &app()).unwrap();
        payload[name]["bundleId"] = json!("org.example.other");
        assert_eq!(refused(VerifiedNotification::read(&signed(&payload), &app())), ProblemCode::AppStoreWrongBundle, "{name}");
    }
}

#[test]
fn the_first_subject_decides_whatever_stands_in_the_others() {
    let mut payload = notification("DID_RENEW", None, json!({ "bundleId": "org.example.other" }));
    payload["summary"] =
        json!({ "environment": "Production", "bundleId": "org.example.health", "appAppleId": 6_400_000_001_i64 });
    assert_eq!(refused(VerifiedNotification::read(&signed(&payload), &app())), ProblemCode::AppStoreWrongBundle);
}

#[test]
fn nested_payloads_of_another_subscription_or_environment_are_refused() {
    let outer = read_notification(json!({})).unwrap();
    let transaction = read_transaction(json!({})).unwrap();
    let read_info = |overrides| VerifiedRenewalInfo::read(&signed(&renewal_info(overrides)), &app()).unwrap();
    outer.check_nested(Some(&transaction), Some(&read_info(json!({})))).unwrap();
    let other = read_info(json!({ "originalTransactionId": "9" }));
    assert_eq!(refused(outer.check_nested(Some(&transaction), Some(&other))), ProblemCode::AppStoreNestedMismatch);
    let sandbox = read_transaction(json!({ "environment": "Sandbox" })).unwrap();
    assert_eq!(refused(outer.check_nested(Some(&sandbox), None)), ProblemCode::AppStoreNestedMismatch);
    let sandbox = read_info(json!({ "environment": "Sandbox" }));
    assert_eq!(refused(outer.check_nested(None, Some(&sandbox))), ProblemCode::AppStoreNestedMismatch);
}
