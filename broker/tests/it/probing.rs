//! What the broker finds out about its store before it serves, and what it makes of it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::Value;
use tidegate_broker::config::Config;
use tidegate_broker::serve::{ServeError, Server};
use tidegate_broker::{Probing, StoreCredential};
use tidegate_protocol::capability::{Attack, Precondition};
use tidegate_sigv4::{AddressingStyle, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use crate::store_proxy::replica;
use crate::world::World;

const PROFILE: &str = "_tidegate/store-profile.json";

fn probing(world: &World, change: impl FnOnce(&mut Probing)) -> Config {
    let mut config = world.config().clone();
    let mut probing = Probing::default();
    change(&mut probing);
    config.store.probing = Some(probing);
    (config.listen, config.admin_listen) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
    config
}

async fn capabilities(server: &Server) -> Value {
    reqwest::get(format!("{}/v1/capabilities", server.broker_url)).await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_probed_once_and_its_profile_kept_and_shown() {
    let world = World::new().await;
    let config = probing(&world, |_| {});
    let server = replica(config.clone()).await;
    let shown = capabilities(&server).await;
    assert_eq!(shown["store"]["conditionalCreate"], "atomic");
    assert_eq!(shown["store"]["conditionalReplace"], "atomic");
    let attacks = shown["store"]["findings"]["attacks"].as_array().unwrap();
    assert_eq!(attacks.len(), Attack::ALL.len());
    assert!(attacks.iter().all(|attack| attack["outcome"] == "refused"), "{attacks:?}");
    server.shutdown().await;
    assert_eq!(world.keys(), [PROFILE], "the probe leaves nothing else behind");

    let again = replica(config.clone()).await;
    assert_eq!(capabilities(&again).await["store"], shown["store"], "the kept profile is used");
    again.shutdown().await;

    let mut moved = config;
    moved.store.endpoint_public = moved.store.endpoint_public.replace("127.0.0.1", "localhost");
    let elsewhere = replica(moved).await;
    let probed_at = |shown: &Value| shown["store"]["findings"]["probedAt"].as_str().unwrap().to_owned();
    assert_ne!(probed_at(&capabilities(&elsewhere).await), probed_at(&shown), "another endpoint is probed anew");
    elsewhere.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_promises_more_than_was_found_keeps_the_broker_from_starting() {
    let world = World::new().await;
    let weaker = probing(&world, |probing| probing.conditional_create = Some(Precondition::Ignored));
    let server = replica(weaker).await;
    let shown = capabilities(&server).await;
    assert_eq!(
        (&shown["store"]["conditionalCreate"], &shown["store"]["conditionalReplace"]),
        (&"ignored".into(), &"atomic".into())
    );
    server.shutdown().await;
    // The same bucket, seen through something that swallows conditions.
    let line = Line::start(&world, Flaw::RefusesConditions).await;
    let mut stronger = probing(&world, |probing| probing.conditional_replace = Some(Precondition::Atomic));
    line.stand_before(&mut stronger);
    let Err(ServeError::Unfit { faults, .. }) = Server::start(&stronger).await else { panic!("it starts") };
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("store.conditional_replace"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_open_to_everybody_is_refused_unless_that_very_risk_is_accepted() {
    let world = World::new().await;
    let line = Line::start(&world, Flaw::OpenToReaders).await;
    let mut config = probing(&world, |probing| probing.accepted_risks = vec![Attack::AnonymousWrite]);
    line.stand_before(&mut config);
    let Err(ServeError::Unfit { faults, .. }) = Server::start(&config).await else { panic!("it starts") };
    let names: Vec<_> = faults.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    assert_eq!(names, ["anonymous-read", "anonymous-list"]);
    assert!(faults[0].contains("make the bucket private"), "{faults:?}");

    config.store.probing.as_mut().unwrap().accepted_risks = vec![Attack::AnonymousRead, Attack::AnonymousList];
    let server = replica(config).await;
    let shown = capabilities(&server).await;
    let attacks = shown["store"]["findings"]["attacks"].as_array().unwrap();
    let open = attacks.iter().find(|attack| attack["name"] == "anonymous-read").unwrap();
    assert_eq!(open["outcome"], "succeeded", "accepted risks are shown");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_no_verdict() {
    let world = World::new().await;
    let mut config = probing(&world, |_| {});
    config.store.write = StoreCredential::new("nobody", "secretsecret");
    let outcome = Server::start(&config).await;
    assert!(matches!(outcome, Err(ServeError::Probe { .. })), "{outcome:?}");
    assert_eq!(world.keys(), Vec::<String>::new(), "nothing is kept of what was not found out");
}

/// What is wrong with the store that stands behind a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Whoever brings no signature reads and lists.
    OpenToReaders,
    /// Conditions are answered with 501.
    RefusesConditions,
}

/// Between a broker and its store.
struct Line {
    url: String,
}

#[derive(Clone)]
struct Behind {
    store: String,
    host: String,
    flaw: Flaw,
    signer: Arc<Mutex<Presigner>>,
    client: reqwest::Client,
}

impl Line {
    async fn start(world: &World, flaw: Flaw) -> Self {
        let store = &world.config().store;
        let endpoint = Endpoint::new(&store.endpoint_internal, &store.bucket, AddressingStyle::Path).unwrap();
        let signer = Presigner::new(store.state.for_signing(), store.region.clone(), endpoint);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let behind = Behind {
            store: store.endpoint_internal.clone(),
            host: host.clone(),
            flaw,
            signer: Arc::new(Mutex::new(signer)),
            client: reqwest::Client::new(),
        };
        let router = Router::new().fallback(forward).with_state(behind);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: format!("http://{host}") }
    }

    fn stand_before(&self, config: &mut Config) {
        config.store.endpoint_internal.clone_from(&self.url);
        config.store.endpoint_public.clone_from(&self.url);
    }
}

async fn forward(State(behind): State<Behind>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let is_conditional = parts.headers.contains_key("if-match") || parts.headers.contains_key("if-none-match");
    if behind.flaw == Flaw::RefusesConditions && is_conditional && parts.method != reqwest::Method::GET {
        let mut response = Response::new(Body::from("<Error><Code>NotImplemented</Code></Error>"));
        *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
        return response;
    }
    let is_anonymous = !parts.headers.contains_key("authorization") && !path.contains("X-Amz-Signature=");
    let mut url = format!("{}{path}", behind.store);
    // The store sees the line's name, which is what was signed.
    parts.headers.insert("host", behind.host.parse().unwrap());
    if behind.flaw == Flaw::OpenToReaders && is_anonymous && parts.method == reqwest::Method::GET {
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let key = path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key).to_owned();
        let query: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/")))
            .collect();
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signer = behind.signer.lock().unwrap();
        let signed =
            signer.at(OffsetDateTime::now_utc()).sign_headers(Method::Get, &key, &query, &[], PayloadHash::of(b"")).unwrap();
        url = signed.url;
        parts.headers.clear();
        for (name, value) in signed.headers {
            parts.headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let reply = behind.client.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = reply.status();
    *response.headers_mut() = reply.headers().clone();
    *response.body_mut() = Body::from(reply.bytes().await.unwrap());
    response
}
