//! The labels, all of whose values are known beforehand.

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;

/// Every route, as the router names it.
const ROUTES: &[&str] = &[
    "/.well-known/jwks.json",
    "/auth/login",
    "/docs",
    "/healthz",
    "/metrics",
    "/openapi.json",
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
    "/v1/presigned-url/{*key}",
    "/v1/self-host/session",
    "/v1/session/logout",
    "/v1/session/renew",
    "/v1/status",
    "/v1/subscription/session",
    "/v1/sync/tandem",
    "/v1/tandem/credentials/validate",
];

/// The route's name among [`ROUTES`]; paths that no route answers are all one.
pub(crate) fn route_name(matched: &str) -> &'static str {
    ROUTES.iter().find(|route| **route == matched).copied().unwrap_or("none")
}

/// The method's name; those that HTTP does not know are all one.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) route: &'static str,
    pub(super) method: &'static str,
    pub(super) status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CodeLabels {
    pub(super) code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct UrlLabels {
    pub(super) method: &'static str,
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CacheLabels {
    pub(super) cache: &'static str,
    pub(super) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabels {
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StoreLabels {
    pub(super) operation: &'static str,
    pub(super) outcome: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_described_route_has_a_name_of_its_own() {
        for path in crate::openapi::api().paths.paths.keys() {
            let matched = path.replace("{key}", "{*key}");
            assert_eq!(route_name(&matched), matched);
        }
        assert_eq!(route_name("/v1/presigned-url/users/1"), "none");
        assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "other");
    }
}
