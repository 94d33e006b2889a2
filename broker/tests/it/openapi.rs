//! docs/openapi.json says what the handlers do.

use std::path::Path;

use reqwest::Method;
use tidegate_protocol::problem::ProblemCode;

use crate::device::send;
use crate::world::World;

/// `REWRITE_DOCS=1 cargo test -p tidegate-broker` writes the file anew.
pub(crate) const REWRITE: &str = "REWRITE_DOCS";

#[test]
fn the_checked_in_document_is_the_handlers_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let expected = serde_json::to_string_pretty(&tidegate_broker::openapi::api()).unwrap() + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "rewrite it with {REWRITE}=1");
}

#[test]
fn the_catalogue_of_codes_is_the_protocols_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let expected = tidegate_broker::openapi::catalogue();
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "rewrite it with {REWRITE}=1");
}

#[tokio::test]
async fn the_page_for_people_names_every_route_and_code_and_runs_nothing() {
    let world = World::new().await;
    let reply = send(Method::GET, &format!("{}/docs", world.broker_url), &[], vec![]).await;
    assert_eq!((reply.status, reply.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    assert!(reply.headers["content-security-policy"].starts_with("default-src 'none'; style-src 'unsafe-inline'"));
    let page = String::from_utf8(reply.body).unwrap();
    let document = serde_json::to_value(tidegate_broker::openapi::api()).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!(" {path}</code>")), "{path}");
    }
    for code in ProblemCode::ALL {
        assert!(page.contains(&format!("<code>{code}</code>")), "{code}");
    }
    assert!(!page.contains("<script") && !page.contains("http-equiv"));
}

#[test]
fn every_route_is_described() {
    let document = serde_json::to_value(tidegate_broker::openapi::api()).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/.well-known/jwks.json",
            "/auth/login",
            "/healthz",
            "/readyz",
            "/v1/account",
            "/v1/account/link",
            "/v1/account/reset",
            "/v1/account/rotate",
            "/v1/app-store/notifications",
            "/v1/capabilities",
            "/v1/credentials",
            "/v1/delete",
            "/v1/devices",
            "/v1/devices/{device}",
            "/v1/multipart/abort",
            "/v1/multipart/complete",
            "/v1/multipart/create",
            "/v1/multipart/parts",
            "/v1/oidc/session",
            "/v1/ops/log-drain",
            "/v1/presign",
            "/v1/presigned-url/{key}",
            "/v1/self-host/session",
            "/v1/session/logout",
            "/v1/session/renew",
            "/v1/status",
            "/v1/subscription/session",
            "/v1/sync/tandem",
            "/v1/tandem/credentials/validate",
        ]
    );
}
