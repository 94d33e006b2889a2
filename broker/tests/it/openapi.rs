//! docs/openapi.json says what the handlers do.

use std::path::Path;

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
fn every_route_is_described() {
    let document = serde_json::to_value(tidegate_broker::openapi::api()).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/.well-known/jwks.json",
            "/healthz",
            "/readyz",
            "/v1/account/link",
            "/v1/app-store/notifications",
            "/v1/capabilities",
            "/v1/credentials",
            "/v1/delete",
            "/v1/multipart/abort",
            "/v1/multipart/complete",
            "/v1/multipart/create",
            "/v1/multipart/parts",
            "/v1/ops/log-drain",
            "/v1/presign",
            "/v1/presigned-url/{key}",
            "/v1/self-host/session",
            "/v1/session/renew",
            "/v1/status",
            "/v1/subscription/session",
            "/v1/sync/tandem",
            "/v1/tandem/credentials/validate",
        ]
    );
}
