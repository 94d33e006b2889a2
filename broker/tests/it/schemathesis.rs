//! Somebody else's property tests of the HTTP API, made from its own description: schemathesis (of PyPI), every check of it.
//!
//! It cannot make DPoP proofs, so a proxy before the broker signs what it sends: wherever it says so with the one header that it was
//! given. What it sends without, or with another, goes on as it is.

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use tidegate_protocol::session::DPOP_HEADER;
use tokio::net::TcpListener;

use crate::device::Device;
use crate::world::World;

/// What stands in place of a proof where the proxy is to make one.
const SIGN: &str = "sign-this";
const EXAMPLES: &str = "30";
const EXPECTATIONS: &str = include_str!("schemathesis.toml");

struct Proxy {
    device: Device,
    token: String,
    client: reqwest::Client,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs schemathesis of PyPI (SCHEMATHESIS_PROGRAM)"]
async fn schemathesis_finds_nothing() {
    let program = std::env::var_os("SCHEMATHESIS_PROGRAM").expect("SCHEMATHESIS_PROGRAM names schemathesis");
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let proxy = Arc::new(Proxy { device, token: session.access_token, client });
    let router = Router::new().fallback(pass).with_state(proxy);
    tokio::spawn(async { axum::serve(listener, router).await });
    let document = format!("{url}/openapi.json");
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), EXPECTATIONS).unwrap();
    let status = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(["run", &document, "--checks", "all", "--header", &format!("DPoP: {SIGN}")]);
        command.args(["--max-examples", &examples, "--seed", "7", "--no-color", "--request-timeout", "60"]).status().unwrap()
    });
    assert!(status.await.unwrap().success(), "what it found stands above");
}

/// Hands a request on, signed where that is asked for.
async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    for hop in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(hop);
    }
    if parts.headers.get(DPOP_HEADER).is_some_and(|value| value == SIGN) {
        let proof = proxy.device.proof(parts.method.as_str(), parts.uri.path(), &body, Some(&proxy.token));
        parts.headers.insert(DPOP_HEADER, proxy.device.sign(&proof).parse().unwrap());
        parts.headers.insert(AUTHORIZATION, format!("DPoP {}", proxy.token).parse().unwrap());
    }
    let url = format!("{}{}", proxy.device.broker, parts.uri);
    let reply = proxy.client.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = reply.status();
    *response.headers_mut() = reply.headers().clone();
    for hop in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(hop);
    }
    *response.body_mut() = Body::from(reply.bytes().await.unwrap());
    response
}
