//! `GET /openapi.json`: the HTTP API, described from the handlers themselves.

mod catalogue;
mod page;

use axum::Json;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

pub use catalogue::catalogue;
pub(crate) use page::page_for_people;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidegate broker",
        description = "Verifies who asks, mints device-bound tokens, hands out scoped presigned URLs. Every call but the `operation` \
            ones carries a DPoP proof (RFC 9449) with the server's nonce and, as `bh`, the SHA-256 of the body.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(
        crate::account::delete_account,
        crate::account::reset_account,
        crate::account::rotate,
        crate::identity::session,
        crate::identity::subscription_session,
        crate::identity::oidc::oidc_session,
        crate::identity::oidc::auth_login,
        crate::identity::status,
        crate::identity::link_account,
        crate::identity::app_store::notifications,
        crate::session::renew,
        crate::session::logout,
        crate::session::devices,
        crate::session::delete_device,
        crate::presign::presign,
        crate::presign::presigned_url,
        crate::multipart::create,
        crate::multipart::parts,
        crate::multipart::complete,
        crate::multipart::abort,
        crate::credentials::credentials,
        crate::delete::delete,
        crate::relay::validate,
        crate::relay::sync,
        crate::log_drain::log_drain,
        crate::health::capabilities,
        crate::health::healthz,
        crate::health::readyz,
        crate::health::jwks,
    ),
    modifiers(&Security),
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let description = "A DPoP proof, beside Authorization: DPoP {access token} where the call has one";
        let proof = ApiKey::Header(ApiKeyValue::with_description("DPoP", description));
        document.components.get_or_insert_default().add_security_scheme("dpop", SecurityScheme::ApiKey(proof));
    }
}

/// The document, without the address of any server.
#[must_use]
pub fn api() -> Document {
    Api::openapi()
}

pub(crate) async fn document() -> Json<Document> {
    Json(api())
}
