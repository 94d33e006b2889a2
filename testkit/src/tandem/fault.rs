//! What goes wrong with the stand-in's answers.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::Value;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The page that a browser begins at.
    Begin,
    /// Name and password.
    Login,
    /// The code of a login.
    Authorize,
    /// A code's tokens.
    Token,
    /// The signing keys.
    Keys,
    /// A person's pumps.
    Account,
    /// A pump's log.
    Log,
}

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing: this one is answered.
    Pass,
    /// This status, with JSON that says nothing.
    Status(u16),
    /// 429, with this `Retry-After`.
    RateLimit(Option<String>),
    /// A page of HTML with this status.
    Html(u16),
    /// The firewall's 403.
    Firewall,
    /// What wrong credentials are answered with; an account of the other region is, too.
    WrongCredentials,
    /// A redirect with this status to this address.
    Redirect(u16, String),
    /// JSON with this status.
    Json(u16, Value),
    /// So many bytes of a JSON text.
    Huge(usize),
    /// No answer at all.
    Stall,
    /// An answer that stops in its midst.
    Torn,
}

impl Fault {
    /// The answer; `None` if nothing goes wrong.
    pub(super) async fn answer(self) -> Option<Response<Body>> {
        let response = match self {
            Self::Pass => return None,
            Self::Status(status) => json(status, &serde_json::json!({ "message": "as the test wishes" })),
            Self::RateLimit(after) => {
                let mut response = json(429, &serde_json::json!({ "message": "Too many requests" }));
                if let Some(after) = after {
                    response.headers_mut().insert(header::RETRY_AFTER, after.parse().expect("the test gives a header"));
                }
                response
            }
            Self::Html(status) => {
                html(status, "<!DOCTYPE html><html><title>Erika Musterfrau - sign in to the network</title></html>")
            }
            Self::Firewall => firewall(),
            Self::WrongCredentials => wrong_credentials(),
            Self::Redirect(status, to) => redirect(status, &to),
            Self::Json(status, body) => json(status, &body),
            Self::Huge(bytes) => text(200, "application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(bytes))),
            Self::Stall => std::future::pending().await,
            Self::Torn => {
                let mut response = text(200, "application/json", String::new());
                // More is promised than comes; the connection ends with what is there.
                let parts = [Ok("{\"pumps\": ["), Err(std::io::Error::other("torn"))];
                *response.body_mut() = Body::from_stream(futures_util::stream::iter(parts));
                response
            }
        };
        Some(response)
    }
}

pub(super) fn wrong_credentials() -> Response<Body> {
    json(401, &serde_json::json!({ "code": "account/invalid_credentials", "message": "Invalid credentials" }))
}

pub(super) fn firewall() -> Response<Body> {
    html(403, "<html><body>The request is blocked.</body></html>")
}

pub(super) fn redirect(status: u16, to: &str) -> Response<Body> {
    let mut response = text(status, "text/plain", String::new());
    response.headers_mut().insert(header::LOCATION, to.parse().expect("an address is a header"));
    response
}

pub(super) fn json(status: u16, body: &Value) -> Response<Body> {
    text(status, "application/json; charset=utf-8", body.to_string())
}

pub(super) fn html(status: u16, page: &str) -> Response<Body> {
    text(status, "text/html", page.to_owned())
}

fn text(status: u16, media_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("the test gives a status");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().expect("a media type is a header"));
    response
}
