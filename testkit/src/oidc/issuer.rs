//! The server: its description, its keys, and both ways in which a command line logs in. Everybody who comes is let in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::{Form, Query, Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::key::SigningKey;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What is answered in place of the right thing.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This status and body.
    Body(u16, Vec<u8>),
    /// A redirect to this address.
    Redirect(String),
    /// The right thing, but not before this path is answered otherwise.
    Late,
}

type Parameters = BTreeMap<String, String>;

#[derive(Default)]
struct Book {
    url: String,
    keys: Vec<SigningKey>,
    /// By path.
    wrong: BTreeMap<String, Answer>,
    changed: Arc<Notify>,
    requests: Vec<String>,
    /// What is said of whoever logs in, beside what every token has.
    person: Value,
    /// Logins that were begun, by code or device code.
    begun: BTreeMap<String, Parameters>,
    /// How often a device's login is answered with `authorization_pending`.
    pending: u32,
    offers_device_code: bool,
}

/// The server. It ends when this is dropped.
pub struct StandInIssuer {
    /// Where it listens: its issuer.
    pub url: String,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Drop for StandInIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandInIssuer {
    /// Starts it on a free port of this machine. The first of the keys signs; all are published.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(keys: &[SigningKey]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let book = Book { url: url.clone(), keys: keys.to_vec(), offers_device_code: true, ..Book::default() };
        let book = Arc::new(Mutex::new(book));
        let router = Router::new()
            .route(DISCOVERY, get(discovery))
            .route("/jwks", get(jwks))
            .route("/authorize", get(authorize))
            .route("/device", post(device))
            .route("/token", post(token))
            .layer(from_fn_with_state(Arc::clone(&book), note))
            .with_state(Arc::clone(&book));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving does not fail");
        });
        Self { url, book, task }
    }

    /// Publishes these keys from now on; the first signs.
    pub fn set_keys(&self, keys: &[SigningKey]) {
        self.book().keys = keys.to_vec();
    }

    /// Answers this path so, from now on; `None`: rightly again.
    pub fn answer(&self, path: &str, answer: Option<Answer>) {
        match answer {
            Some(answer) => drop(self.book().wrong.insert(path.to_owned(), answer)),
            None => drop(self.book().wrong.remove(path)),
        }
        self.book().changed.notify_waiters();
    }

    /// Answers for the description with this.
    pub fn answer_discovery(&self, answer: Option<Answer>) {
        self.answer(DISCOVERY, answer);
    }

    /// How often this path was asked for.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.book().requests.iter().filter(|request| *request == path).count()
    }

    /// Claims of whoever logs in from now on, `sub` among them.
    pub fn log_in_as(&self, person: Value) {
        self.book().person = person;
    }

    /// Lets so many questions of a device pass before its login is approved.
    pub fn set_pending(&self, questions: u32) {
        self.book().pending = questions;
    }

    /// Whether logins by device code are offered.
    pub fn offer_device_code(&self, offers: bool) {
        self.book().offers_device_code = offers;
    }

    /// The claims of a right token that was issued at this time.
    #[must_use]
    pub fn claims(&self, client: &str, subject: &str, nonce: Option<&str>, now: i64) -> Value {
        claims(&self.url, client, nonce, now, json!({ "sub": subject }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn claims(issuer: &str, client: &str, nonce: Option<&str>, now: i64, person: Value) -> Value {
    let mut claims = json!({ "iss": issuer, "aud": client, "iat": now, "exp": now + 300 });
    let all = claims.as_object_mut().expect("it is an object");
    if let Some(nonce) = nonce {
        all.insert("nonce".to_owned(), nonce.into());
    }
    if let Value::Object(person) = person {
        all.extend(person);
    }
    claims
}

async fn note(State(book): State<Arc<Mutex<Book>>>, request: Request, next: Next) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let wrong = {
        let mut book = lock(&book);
        book.requests.push(path.clone());
        book.wrong.get(&path).cloned()
    };
    match wrong {
        None => next.run(request).await,
        Some(Answer::Late) => {
            until_not_late(&book, &path).await;
            next.run(request).await
        }
        Some(Answer::Body(status, body)) => {
            (StatusCode::from_u16(status).expect("a status"), [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Some(Answer::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
    }
}

async fn until_not_late(book: &Mutex<Book>, path: &str) {
    let changed = Arc::clone(&lock(book).changed);
    loop {
        let change = changed.notified();
        tokio::pin!(change);
        // From here on no change is missed.
        change.as_mut().enable();
        if !matches!(lock(book).wrong.get(path), Some(Answer::Late)) {
            return;
        }
        change.await;
    }
}

async fn discovery(State(book): State<Arc<Mutex<Book>>>) -> Json<Value> {
    let book = lock(&book);
    let url = &book.url;
    let mut document = json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    });
    if book.offers_device_code {
        document["device_authorization_endpoint"] = format!("{url}/device").into();
    }
    Json(document)
}

async fn jwks(State(book): State<Arc<Mutex<Book>>>) -> Json<Value> {
    let keys: Vec<Value> = lock(&book).keys.iter().map(SigningKey::jwk).collect();
    Json(json!({ "keys": keys }))
}

async fn authorize(State(book): State<Arc<Mutex<Book>>>, Query(parameters): Query<Parameters>) -> Response<Body> {
    let needed = ["client_id", "redirect_uri", "state", "code_challenge", "scope"];
    let is_whole = needed.iter().all(|name| parameters.contains_key(*name))
        && parameters.get("code_challenge_method").is_some_and(|method| method == "S256")
        && parameters.get("response_type").is_some_and(|kind| kind == "code");
    if !is_whole {
        return refused("invalid_request");
    }
    let code = Uuid::new_v4().to_string();
    let (redirect_uri, state) = (parameters["redirect_uri"].clone(), parameters["state"].clone());
    let mut book = lock(&book);
    let issuer = book.url.replace(':', "%3A").replace('/', "%2F");
    book.begun.insert(code.clone(), parameters);
    (StatusCode::FOUND, [(header::LOCATION, format!("{redirect_uri}?code={code}&state={state}&iss={issuer}"))]).into_response()
}

async fn device(State(book): State<Arc<Mutex<Book>>>, Form(parameters): Form<Parameters>) -> Response<Body> {
    if !parameters.contains_key("client_id") {
        return refused("invalid_client");
    }
    let code = Uuid::new_v4().to_string();
    let mut book = lock(&book);
    book.begun.insert(code.clone(), parameters);
    let url = &book.url;
    Json(json!({
        "device_code": code,
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("{url}/activate"),
        "verification_uri_complete": format!("{url}/activate?user_code=WDJB-MJHT"),
        "expires_in": 600,
        "interval": 1,
    }))
    .into_response()
}

async fn token(State(book): State<Arc<Mutex<Book>>>, Form(parameters): Form<Parameters>) -> Response<Body> {
    let mut book = lock(&book);
    let said = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let begun = match said("grant_type") {
        DEVICE_GRANT => {
            if book.pending > 0 {
                book.pending -= 1;
                return refused("authorization_pending");
            }
            book.begun.remove(said("device_code"))
        }
        "authorization_code" => {
            let begun = book.begun.remove(said("code"));
            let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, said("code_verifier").as_bytes()).as_ref());
            begun.filter(|begun| begun["code_challenge"] == challenge && begun["redirect_uri"] == said("redirect_uri"))
        }
        _ => return refused("unsupported_grant_type"),
    };
    let Some(begun) = begun.filter(|begun| begun["client_id"] == said("client_id")) else { return refused("invalid_grant") };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(0));
    let claims = claims(&book.url, &begun["client_id"], begun.get("nonce").map(String::as_str), now, book.person.clone());
    let Some(key) = book.keys.first() else { return refused("server_error") };
    Json(json!({ "access_token": "not for us", "token_type": "Bearer", "expires_in": 300, "id_token": key.token(&claims) }))
        .into_response()
}

fn refused(error: &str) -> Response<Body> {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}
