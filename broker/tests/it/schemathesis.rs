//! Somebody else's property tests of the HTTP API, made from its own description: schemathesis (of PyPI), every check of it.
//!
//! It cannot make DPoP proofs, so a proxy before the broker signs what it sends: wherever it says so with the one header that it was
//! given. What it sends without, or with another, goes on as it is. Some of what it sends ends its session, or its account: another
//! account goes on there, so that the operations that are left are tried by somebody whom the broker lets in.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tidegate_protocol::session::DPOP_HEADER;
use time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::device::{Account, Device};
use crate::world::World;

/// What stands in place of a proof where the proxy is to make one.
const SIGN: &str = "sign-this";
const EXAMPLES: &str = "30";
/// Those that answer by 401 to a renewal token or a statement that does not hold, whoever sends it.
const JUDGES: [&str; 2] = ["/v1/account/rotate", "/v1/session/renew"];
const EXPECTATIONS: &str = include_str!("schemathesis.toml");

struct Proxy {
    world: World,
    client: reqwest::Client,
    caller: Mutex<Arc<Caller>>,
    seen: std::sync::Mutex<Seen>,
}

/// Whom signed requests come from.
struct Caller {
    number: u8,
    device: Device,
    token: String,
}

/// What became of signed requests.
#[derive(Debug, Default)]
struct Seen {
    /// By status.
    replies: BTreeMap<u16, u32>,
    /// Refused by 401, whoever asked, by others than the judges.
    unauthorized: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs schemathesis of PyPI (SCHEMATHESIS_PROGRAM)"]
async fn schemathesis_finds_nothing() {
    let program = std::env::var_os("SCHEMATHESIS_PROGRAM").expect("SCHEMATHESIS_PROGRAM names schemathesis");
    let world = World::new().await;
    let caller = Caller::enrol(&world, 1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let proxy = Arc::new(Proxy { world, client, caller: Mutex::new(Arc::new(caller)), seen: std::sync::Mutex::default() });
    let router = Router::new().fallback(pass).with_state(Arc::clone(&proxy));
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
    let accounts = proxy.caller().await.number;
    let seen = proxy.seen.lock().unwrap();
    println!("signed requests of {accounts} accounts by status: {:?}", seen.replies);
    assert!(seen.unauthorized.is_empty(), "nobody is let in: {:?}", seen.unauthorized);
    assert!(seen.replies.range(200..300).map(|(_, count)| count).sum::<u32>() > 100, "{seen:?}");
}

impl Caller {
    /// A device with a full session of an account of its own.
    async fn enrol(world: &World, number: u8) -> Self {
        let device = world.device().await;
        let invite = world.invite(&format!("person-{number}"), 1, Duration::days(1)).unwrap();
        let session = device.create_account(&invite.token, &Account::new(number)).await;
        Self { number, device, token: session.access_token }
    }
}

impl Proxy {
    async fn caller(&self) -> Arc<Caller> {
        Arc::clone(&*self.caller.lock().await)
    }

    /// Another account in place of one that is not let in any more.
    async fn caller_after(&self, refused: &Caller) -> Arc<Caller> {
        let mut caller = self.caller.lock().await;
        if caller.number == refused.number {
            *caller = Arc::new(Caller::enrol(&self.world, refused.number + 1).await);
        }
        Arc::clone(&*caller)
    }

    async fn send_signed(&self, caller: &Caller, parts: &Parts, body: &Bytes) -> reqwest::Response {
        let mut headers = parts.headers.clone();
        let proof = caller.device.proof(parts.method.as_str(), parts.uri.path(), body, Some(&caller.token));
        headers.insert(DPOP_HEADER, caller.device.sign(&proof).parse().unwrap());
        headers.insert(AUTHORIZATION, format!("DPoP {}", caller.token).parse().unwrap());
        self.send(parts, headers, body).await
    }

    async fn send(&self, parts: &Parts, headers: HeaderMap, body: &Bytes) -> reqwest::Response {
        let url = format!("{}{}", self.world.broker_url, parts.uri);
        self.client.request(parts.method.clone(), url).headers(headers).body(body.clone()).send().await.unwrap()
    }

    fn note(&self, parts: &Parts, status: u16) {
        let mut seen = self.seen.lock().unwrap();
        *seen.replies.entry(status).or_default() += 1;
        if status == 401 && !JUDGES.contains(&parts.uri.path()) {
            seen.unauthorized.insert(format!("{} {}", parts.method, parts.uri));
        }
    }
}

/// Hands a request on, signed where that is asked for.
async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    for hop in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(hop);
    }
    let reply = if parts.headers.get(DPOP_HEADER).is_some_and(|value| value == SIGN) {
        let caller = proxy.caller().await;
        let mut reply = proxy.send_signed(&caller, &parts, &body).await;
        if reply.status() == StatusCode::UNAUTHORIZED && !JUDGES.contains(&parts.uri.path()) {
            let other = proxy.caller_after(&caller).await;
            reply = proxy.send_signed(&other, &parts, &body).await;
        }
        proxy.note(&parts, reply.status().as_u16());
        reply
    } else {
        proxy.send(&parts, parts.headers.clone(), &body).await
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = reply.status();
    *response.headers_mut() = reply.headers().clone();
    for hop in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(hop);
    }
    *response.body_mut() = Body::from(reply.bytes().await.unwrap());
    response
}
