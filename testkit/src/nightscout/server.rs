//! The stand-in's routes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::rules::{Documents, Verdict};

/// A running stand-in; it ends with the process, or the runtime.
#[derive(Debug, Clone)]
pub struct NightscoutStandIn {
    address: SocketAddr,
    site: Arc<Mutex<Site>>,
}

#[derive(Debug, Default)]
struct Site {
    /// SHA-1 of the API secret, in hex.
    api_secret_sha1: String,
    access_token: String,
    /// Whether API v1 goes by identifiers, as newer versions do.
    by_identifier: bool,
    /// The only token that is good.
    token: u64,
    /// How many requests yet meet a busy server.
    busy: u32,
    collections: BTreeMap<String, Documents>,
    /// Path and query of every request.
    asked: Vec<String>,
}

type Shared = State<Arc<Mutex<Site>>>;

impl NightscoutStandIn {
    /// Starts one. `api_secret_sha1` is the SHA-1 of its API secret, in hex; whether it goes by identifiers in API v1 is a matter of
    /// its version.
    ///
    /// # Panics
    /// Where no port of this machine can be listened on.
    pub async fn start(api_secret_sha1: &str, access_token: &str, by_identifier: bool) -> Self {
        let site = Site {
            api_secret_sha1: api_secret_sha1.to_owned(),
            access_token: access_token.to_owned(),
            by_identifier,
            ..Site::default()
        };
        let site = Arc::new(Mutex::new(site));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine is free");
        let address = listener.local_addr().expect("a listener has an address");
        let routes = Router::new()
            .route("/api/v1/treatments.json", post(treatments))
            .route("/api/v1/entries.json", post(entries))
            .route("/api/v2/authorization/request/{token}", get(authorize))
            .route("/api/v3/{collection}", post(create))
            .route("/api/v3/{collection}/{identifier}", delete(remove))
            .layer(middleware::from_fn_with_state(Arc::clone(&site), take_note))
            .with_state(Arc::clone(&site));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, site }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The documents of a collection.
    #[must_use]
    pub fn documents(&self, collection: &str) -> Vec<Value> {
        let site = lock(&self.site);
        let kept = site.collections.get(collection);
        kept.map(|kept| kept.0.iter().cloned().map(Value::Object).collect()).unwrap_or_default()
    }

    /// Path and query of every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.site).asked.clone()
    }

    /// From now on every token that was given out has run out.
    pub fn expire_tokens(&self) {
        lock(&self.site).token += 1;
    }

    /// The next requests are answered with 503 and `Retry-After: 0`.
    pub fn be_busy(&self, requests: u32) {
        lock(&self.site).busy = requests;
    }
}

fn lock(site: &Mutex<Site>) -> MutexGuard<'_, Site> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

fn says(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "message": message }))).into_response()
}

async fn take_note(State(site): Shared, request: Request, next: Next) -> Response {
    {
        let mut site = lock(&site);
        site.asked.push(request.uri().to_string());
        if site.busy > 0 {
            site.busy -= 1;
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response();
        }
    }
    next.run(request).await
}

async fn treatments(State(site): Shared, headers: HeaderMap, Json(documents): Json<Vec<Map<String, Value>>>) -> Response {
    put_v1(&site, &headers, documents, "treatments")
}

async fn entries(State(site): Shared, headers: HeaderMap, Json(documents): Json<Vec<Map<String, Value>>>) -> Response {
    put_v1(&site, &headers, documents, "entries")
}

fn put_v1(site: &Mutex<Site>, headers: &HeaderMap, documents: Vec<Map<String, Value>>, collection: &str) -> Response {
    let mut site = lock(site);
    if headers.get("api-secret").and_then(|secret| secret.to_str().ok()) != Some(site.api_secret_sha1.as_str()) {
        return says(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let by_identifier = site.by_identifier;
    let kept = site.collections.entry(collection.to_owned()).or_default();
    for document in &documents {
        if collection == "entries" {
            kept.put_entry(document.clone());
        } else {
            kept.put_treatment(document.clone(), by_identifier);
        }
    }
    Json(documents).into_response()
}

async fn authorize(State(site): Shared, Path(token): Path<String>) -> Response {
    let site = lock(&site);
    if token != site.access_token {
        return says(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    Json(json!({ "token": format!("token.{}", site.token), "sub": "tidegate" })).into_response()
}

fn is_let_in(site: &Site, headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    bearer == Some(format!("Bearer token.{}", site.token).as_str())
}

async fn create(
    State(site): Shared,
    Path(collection): Path<String>,
    headers: HeaderMap,
    Json(document): Json<Map<String, Value>>,
) -> Response {
    let mut site = lock(&site);
    if !is_let_in(&site, &headers) {
        return says(StatusCode::UNAUTHORIZED, "Missing or bad access token or JWT");
    }
    match site.collections.entry(collection).or_default().put_v3(document) {
        Verdict::Created => says(StatusCode::CREATED, "created"),
        Verdict::Updated => says(StatusCode::OK, "deduplicated"),
        Verdict::Refused(message) => says(StatusCode::BAD_REQUEST, &message),
    }
}

async fn remove(State(site): Shared, Path((collection, identifier)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let mut site = lock(&site);
    if !is_let_in(&site, &headers) {
        return says(StatusCode::UNAUTHORIZED, "Missing or bad access token or JWT");
    }
    let was_there = site.collections.entry(collection).or_default().delete_v3(&identifier);
    says(if was_there { StatusCode::OK } else { StatusCode::NOT_FOUND }, "")
}
