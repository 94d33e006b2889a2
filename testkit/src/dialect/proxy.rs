//! The proxy: everything goes through as it came, the Host header included, since signatures cover it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

use super::rule::{Dialect, Head, Known, Refusal};

/// No test sends more in one request.
const MOST_BYTES: usize = 256 << 20;

/// A store of another dialect on loopback. It ends with its process.
#[derive(Debug, Clone)]
pub struct StandIn {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dialect: Dialect,
    store: String,
    client: reqwest::Client,
    known: Mutex<Known>,
    refused: AtomicUsize,
}

impl StandIn {
    /// Starts one on this address before the store at this URL, on a thread of its own.
    ///
    /// # Panics
    /// If the address is taken.
    #[must_use]
    pub fn start(dialect: Dialect, listen: SocketAddr, store: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let shared = Arc::new(Shared {
            dialect,
            store: store.to_owned(),
            client: client.expect("a plain client is always built"),
            known: Mutex::default(),
            refused: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind(listen).await.expect("the address is free");
                ready.send(()).expect("the starter waits");
                axum::serve(listener, router).await
            })
        });
        is_ready.recv().expect("the stand-in listens");
        Self { shared }
    }

    /// How many requests it has refused by its dialect.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let head = Head {
        method: &parts.method,
        path: &path,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        now: Instant::now(),
    };
    let is_put = head.is_put();
    {
        // Looked at and noted in one step: of two PUTs at once exactly one is the first.
        let mut known = shared.known();
        if let Some(refusal) = shared.dialect.refuses(&head, &known) {
            shared.refused.fetch_add(1, Ordering::SeqCst);
            return refused(refusal);
        }
        if is_put {
            known.under_way.insert(path.clone());
        }
    }
    if is_put && head.is_conditional() {
        tokio::time::sleep(shared.dialect.hold()).await;
    }
    let target = format!("{}{}", shared.store, parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let answer = forward(&shared.client, parts.method, &target, parts.headers, body).await;
    if is_put {
        let mut known = shared.known();
        known.under_way.remove(&path);
        if answer.status().is_success() {
            known.written.insert(path, Instant::now());
        }
    }
    answer
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn forward(client: &reqwest::Client, method: axum::http::Method, url: &str, headers: HeaderMap, body: Body) -> Response {
    let Ok(bytes) = to_bytes(body, MOST_BYTES).await else { return StatusCode::BAD_REQUEST.into_response() };
    let Ok(answer) = client.request(method, url).headers(headers).body(bytes).send().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    // The frame of the message is made anew.
    headers.remove("transfer-encoding");
    headers.remove("connection");
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn refused(Refusal { status, code }: Refusal) -> Response {
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
    (status, [("content-type", "application/xml")], body).into_response()
}
