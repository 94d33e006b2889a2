//! A store that fails when it is told to: it stands between a broker and its real store.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use tidegate_broker::config::Config;
use tidegate_broker::serve::Server;
use tokio::net::TcpListener;

use crate::process::free_address;

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Writes of keys that begin so are refused.
    RefusesPut(&'static str),
    /// They are done, and their reply is lost.
    LosesReply(&'static str),
}

/// Between a broker and its store.
pub(crate) struct StoreProxy {
    pub(crate) url: String,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

#[derive(Clone)]
struct Line {
    store: String,
    trouble: Arc<Mutex<Option<Trouble>>>,
    client: reqwest::Client,
}

impl StoreProxy {
    pub(crate) async fn start(store: &str) -> Self {
        let trouble = Arc::new(Mutex::new(None));
        let line = Line { store: store.to_owned(), trouble: Arc::clone(&trouble), client: reqwest::Client::new() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(line);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, trouble }
    }

    pub(crate) fn set(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// Another replica of the broker, which reaches the store through this.
    pub(crate) async fn replica(&self, config: &Config) -> Server {
        let mut config = config.clone();
        config.store.endpoint_internal.clone_from(&self.url);
        replica(config).await
    }
}

/// Another replica of a broker, at an address of its own.
pub(crate) async fn replica(mut config: Config) -> Server {
    config.listen = free_address();
    config.admin_listen = free_address();
    let listen = config.listen;
    let mut server = Server::start(&config).await.unwrap();
    server.broker_url = format!("http://{listen}");
    server
}

async fn forward(State(line): State<Line>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let trouble = line.trouble.lock().unwrap().clone();
    let is_put_of = |prefix: &str| parts.method == reqwest::Method::PUT && path.contains(prefix);
    if matches!(&trouble, Some(Trouble::RefusesPut(prefix)) if is_put_of(prefix)) {
        return failure();
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let request = line.client.request(parts.method.clone(), format!("{}{path}", line.store));
    let reply = request.headers(parts.headers.clone()).body(body).send().await.unwrap();
    if matches!(&trouble, Some(Trouble::LosesReply(prefix)) if is_put_of(prefix)) {
        return failure();
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = reply.status();
    *response.headers_mut() = reply.headers().clone();
    *response.body_mut() = Body::from(reply.bytes().await.unwrap());
    response
}

fn failure() -> Response<Body> {
    let mut response = Response::new(Body::from("<Error><Code>InternalError</Code></Error>"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
