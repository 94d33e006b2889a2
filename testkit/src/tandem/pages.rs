//! The stand-in's login: cookies, a code for whoever has logged in, tokens for whoever asked for the code.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::fault::{self, Stage};
use super::id_token;
use super::server::{CLIENT_ID, Shared};

const SESSION: &str = "accounts.session";

pub(super) async fn begin(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    if let Some(response) = shared.admit(Stage::Begin).await {
        return response;
    }
    if !is_browser(&headers) {
        return fault::firewall();
    }
    let mut page = fault::html(200, "<!DOCTYPE html><html><title>Sign in</title></html>");
    page.headers_mut().insert(header::SET_COOKIE, header::HeaderValue::from_static("sso.begun=yes; Path=/; HttpOnly"));
    page
}

pub(super) async fn login(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    if let Some(response) = shared.admit(Stage::Login).await {
        return response;
    }
    if !is_browser(&headers) || text(&headers, header::REFERER) != shared.endpoints.sso.as_str() {
        return fault::firewall();
    }
    if !has_cookie(&headers, |name, _| name == "sso.begun") {
        return fault::json(400, &json!({ "message": "no session" }));
    }
    let given: Value = serde_json::from_str(&body).unwrap_or_default();
    let mut book = shared.book();
    if book.bad_logins >= book.plan.lock_after {
        return fault::json(401, &json!({ "code": "account/locked", "message": "Max attempted logins exceeded" }));
    }
    if given["username"] != book.plan.username.as_str() || given["password"] != book.plan.password.as_str() {
        book.bad_logins += 1;
        return fault::wrong_credentials();
    }
    book.bad_logins = 0;
    let session = book.draw("session");
    let mut response = fault::json(200, &json!({ "redirectUrl": "/", "status": "SUCCESS" }));
    let cookie = format!("{SESSION}={session}; Path=/accounts/; HttpOnly");
    response.headers_mut().insert(header::SET_COOKIE, cookie.parse().expect("a cookie is a header"));
    book.sessions.insert(session);
    response
}

/// First a redirect within the service, as the real one makes some.
pub(super) async fn authorize(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Some(response) = shared.admit(Stage::Authorize).await {
        return response;
    }
    let value = |name: &str| query.get(name).map_or("", String::as_str);
    let expected = [
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("redirect_uri", shared.endpoints.redirect_uri.as_str()),
        ("code_challenge_method", "S256"),
    ];
    if expected.iter().any(|(name, right)| value(name) != *right) || value("code_challenge").len() != 43 {
        return fault::json(400, &json!({ "error": "invalid_request" }));
    }
    let book = shared.book();
    if !has_cookie(&headers, |name, session| name == SESSION && book.sessions.contains(session)) {
        return fault::html(200, "<!DOCTYPE html><html><title>Sign in</title></html>");
    }
    fault::redirect(302, &format!("/accounts/api/connect/authorize/continue?challenge={}", value("code_challenge")))
}

pub(super) async fn authorize_further(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut book = shared.book();
    if !has_cookie(&headers, |name, session| name == SESSION && book.sessions.contains(session)) {
        return fault::html(200, "<!DOCTYPE html><html><title>Sign in</title></html>");
    }
    let code = book.draw("code");
    let challenge = query.get("challenge").cloned().unwrap_or_default();
    book.codes.insert(code.clone(), challenge);
    fault::redirect(302, &format!("{}?code={code}&scope=openid", shared.endpoints.redirect_uri))
}

pub(super) async fn token(State(shared): State<Shared>, Form(form): Form<BTreeMap<String, String>>) -> Response<Body> {
    if let Some(response) = shared.admit(Stage::Token).await {
        return response;
    }
    let value = |name: &str| form.get(name).map_or("", String::as_str);
    let mut book = shared.book();
    // A code is good for one attempt.
    let challenge = book.codes.remove(value("code"));
    let proven = URL_SAFE_NO_PAD.encode(digest(&SHA256, value("code_verifier").as_bytes()));
    let is_right = challenge.as_deref() == Some(proven.as_str())
        && value("grant_type") == "authorization_code"
        && value("client_id") == CLIENT_ID
        && value("redirect_uri") == shared.endpoints.redirect_uri.as_str();
    if !is_right {
        return fault::json(400, &json!({ "error": "invalid_grant" }));
    }
    let access_token = book.draw("access-token");
    book.tokens.insert(access_token.clone());
    let id_token = id_token::sign(&book.plan, &shared.endpoints.issuer, CLIENT_ID, book.signing, book.forgery);
    fault::json(
        200,
        &json!({ "access_token": access_token, "id_token": id_token, "token_type": "Bearer", "expires_in": book.plan.token_seconds,
            "scope": "openid profile email" }),
    )
}

pub(super) async fn keys(State(shared): State<Shared>) -> Response<Body> {
    if let Some(response) = shared.admit(Stage::Keys).await {
        return response;
    }
    let signing = shared.book().signing;
    fault::json(200, &id_token::key_set(signing))
}

fn is_browser(headers: &HeaderMap) -> bool {
    text(headers, header::USER_AGENT).starts_with("Mozilla/5.0")
}

pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn has_cookie(headers: &HeaderMap, is_it: impl Fn(&str, &str) -> bool) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split("; ")).filter_map(|cookie| cookie.split_once('=')).any(|(name, value)| is_it(name, value))
}
