//! A stand-in for Apple's App Store Server API: real HTTP, tokens checked as Apple does, pages, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The issuer id that is accepted.
pub const ISSUER_ID: &str = "57246542-96fe-1a63-e053-0824d011072a";
/// The key id that is accepted.
pub const KEY_ID: &str = "2X9R4HXF34";
/// Apple's longest life of a token in seconds.
const MAX_TOKEN_SECONDS: i64 = 3_600;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing: this one is answered.
    Pass,
    /// A refusal in Apple's form.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Apple's code.
        code: i64,
    },
    /// 429, with this `Retry-After`.
    RateLimit(Option<String>),
    /// A page of HTML with status 200.
    Html,
    /// A redirect to this address.
    Redirect(String),
    /// No answer for this long.
    Slow(Duration),
    /// JSON of another shape.
    Garbage,
    /// So many bytes of a JSON text.
    Huge(usize),
}

#[derive(Default)]
struct Book {
    /// What is answered about a transaction, by its id.
    statuses: BTreeMap<String, Value>,
    /// Notifications by the time of their first sending, in milliseconds since 1970.
    history: Vec<(i64, String)>,
    page_size: usize,
    faults: VecDeque<Fault>,
    requests: Vec<String>,
    refused_tokens: Vec<String>,
}

/// The server. It ends when this is dropped.
pub struct ServerApi {
    /// Where it listens.
    pub url: String,
    private_key_pem: String,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    book: Arc<Mutex<Book>>,
    public_key: Vec<u8>,
    bundle_id: String,
}

impl ServerApi {
    /// Starts it for this app on a free port of this machine, with a key of its own.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(bundle_id: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key is drawn");
        let pkcs8 = key.to_pkcs8v1().expect("a key has this form");
        let private_key_pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8.as_ref()));
        let book = Arc::new(Mutex::new(Book { page_size: 20, ..Book::default() }));
        let shared =
            Shared { book: Arc::clone(&book), public_key: key.public_key().as_ref().to_vec(), bundle_id: bundle_id.to_owned() };
        let router = Router::new()
            .route("/inApps/v1/subscriptions/{id}", get(subscriptions))
            .route("/inApps/v1/notifications/history", post(history))
            .with_state(shared);
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listener = TcpListener::bind(address).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving does not fail");
        });
        Self { url, private_key_pem, book, task }
    }

    /// The private key whose tokens are accepted, as App Store Connect gives it.
    #[must_use]
    pub fn private_key_pem(&self) -> &str {
        &self.private_key_pem
    }

    /// What is answered about this transaction from now on: signed transaction and renewal information of one subscription each.
    pub fn set_subscriptions(&self, transaction_id: &str, last: &[(String, Option<String>)]) {
        let last: Vec<Value> = last
            .iter()
            .map(|(transaction, renewal)| json!({ "status": 1, "signedTransactionInfo": transaction, "signedRenewalInfo": renewal }))
            .collect();
        let reply = json!({ "data": [{ "subscriptionGroupIdentifier": "21000001", "lastTransactions": last }] });
        self.book().statuses.insert(transaction_id.to_owned(), reply);
    }

    /// A notification that Apple tried to send at this time, in milliseconds since 1970.
    pub fn push_notification(&self, sent_at: i64, signed_payload: impl Into<String>) {
        self.book().history.push((sent_at, signed_payload.into()));
    }

    /// How many notifications a page has; Apple's has 20.
    pub fn set_page_size(&self, size: usize) {
        self.book().page_size = size;
    }

    /// The next requests go wrong like this, one each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.book().faults.extend(faults);
    }

    /// Method and path of every request so far, with its query.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.book().requests.clone()
    }

    /// Why tokens were refused so far.
    #[must_use]
    pub fn refused_tokens(&self) -> Vec<String> {
        self.book().refused_tokens.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ServerApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn subscriptions(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Some(refusal) = admit(&shared, &headers, format!("GET /inApps/v1/subscriptions/{id}")).await {
        return refusal;
    }
    match lock(&shared).statuses.get(&id) {
        Some(reply) => answer(StatusCode::OK, reply),
        None => refusal(404, 4_040_010, "Transaction id not found."),
    }
}

async fn history(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let token = query.get("paginationToken");
    let line = format!("POST /inApps/v1/notifications/history {}", token.map_or("-", String::as_str));
    if let Some(refusal) = admit(&shared, &headers, line).await {
        return refusal;
    }
    let question: Value = serde_json::from_str(&body).unwrap_or_default();
    let (Some(start), Some(end)) = (question["startDate"].as_i64(), question["endDate"].as_i64()) else {
        return refusal(400, 4_000_012, "Invalid request.");
    };
    let book = lock(&shared);
    let matching: Vec<&String> =
        book.history.iter().filter(|(sent, _)| (start..=end).contains(sent)).map(|(_, payload)| payload).collect();
    let place = match token.map(|token| token.strip_prefix("page-").and_then(|place| place.parse::<usize>().ok())) {
        None => 0,
        Some(Some(place)) if place <= matching.len() => place,
        Some(Some(_) | None) => return refusal(400, 4_000_014, "Invalid request. The pagination token is invalid."),
    };
    let page: Vec<Value> =
        matching.iter().skip(place).take(book.page_size).map(|payload| json!({ "signedPayload": payload })).collect();
    let next = place + page.len();
    let has_more = next < matching.len();
    let mut reply = json!({ "notificationHistory": page, "hasMore": has_more });
    if has_more {
        reply["paginationToken"] = json!(format!("page-{next}"));
    }
    answer(StatusCode::OK, &reply)
}

/// Notes the request, lets a fault happen, checks the token.
async fn admit(shared: &Shared, headers: &HeaderMap, line: String) -> Option<Response<Body>> {
    let fault = {
        let mut book = lock(shared);
        book.requests.push(line);
        book.faults.pop_front()
    };
    if let Some(response) = fail(fault.unwrap_or(Fault::Pass)).await {
        return Some(response);
    }
    let reason = check_token(headers, shared).err()?;
    lock(shared).refused_tokens.push(reason.to_owned());
    Some(text(StatusCode::UNAUTHORIZED, "text/plain", "Unauthenticated\n".to_owned()))
}

async fn fail(fault: Fault) -> Option<Response<Body>> {
    match fault {
        Fault::Pass => None,
        Fault::Refuse { status, code } => Some(refusal(status, code, "As the test wishes.")),
        Fault::RateLimit(after) => {
            let mut response = refusal(429, 4_290_000, "Rate limit exceeded.");
            if let Some(after) = after.and_then(|after| after.parse().ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, after);
            }
            Some(response)
        }
        Fault::Html => Some(text(StatusCode::OK, "text/html", "<html>Sign in to the network</html>".to_owned())),
        Fault::Redirect(to) => {
            let mut response = text(StatusCode::TEMPORARY_REDIRECT, "text/plain", String::new());
            response.headers_mut().insert(header::LOCATION, to.parse().expect("an address is a header"));
            Some(response)
        }
        Fault::Slow(time) => {
            tokio::time::sleep(time).await;
            None
        }
        Fault::Garbage => Some(answer(StatusCode::OK, &json!({ "data": 7, "notificationHistory": "none" }))),
        Fault::Huge(bytes) => Some(text(StatusCode::OK, "application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(bytes)))),
    }
}

/// Apple's rules for a request's token.
///
/// <https://developer.apple.com/documentation/appstoreserverapi/generating-json-web-tokens-for-api-requests>
fn check_token(headers: &HeaderMap, shared: &Shared) -> Result<(), &'static str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let token = bearer.ok_or("no bearer token")?;
    let (signed, signature) = token.rsplit_once('.').ok_or("not a JWT")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "not base64url")?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &shared.public_key);
    key.verify(signed.as_bytes(), &signature).map_err(|_| "another key's signature")?;
    let (head, claims) = signed.split_once('.').ok_or("not a JWT")?;
    let (head, claims) = (json_of(head)?, json_of(claims)?);
    let is_right = |value: &Value, expected: &str| value.as_str() == Some(expected);
    if !is_right(&head["alg"], "ES256") || !is_right(&head["kid"], KEY_ID) || !is_right(&head["typ"], "JWT") {
        return Err("a wrong header");
    }
    if !is_right(&claims["iss"], ISSUER_ID) || !is_right(&claims["aud"], "appstoreconnect-v1") {
        return Err("a wrong issuer or audience");
    }
    if !is_right(&claims["bid"], &shared.bundle_id) {
        return Err("another app");
    }
    let (Some(issued), Some(expires)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else { return Err("no dates") };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    if expires <= now || expires - issued > MAX_TOKEN_SECONDS {
        return Err("expired, or living too long");
    }
    Ok(())
}

fn json_of(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| "not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "not JSON")
}

fn refusal(status: u16, code: i64, message: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("the test gives a status");
    answer(status, &json!({ "errorCode": code, "errorMessage": message }))
}

fn answer(status: StatusCode, reply: &Value) -> Response<Body> {
    text(status, "application/json", reply.to_string())
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().expect("a media type is a header"));
    response
}

fn lock(shared: &Shared) -> MutexGuard<'_, Book> {
    shared.book.lock().unwrap_or_else(PoisonError::into_inner)
}
