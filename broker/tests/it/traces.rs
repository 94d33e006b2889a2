//! Traces: a real process, and a stand-in collector that takes OTLP over real HTTP.

use std::fs;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use reqwest::Method;
use tokio::net::TcpListener;

use crate::config::Folder;
use crate::device::{Account, Device, Reply, send};
use crate::process::free_address;
use crate::secrets::{Running, configuration, store, text};

type Taken = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A collector that takes all that comes.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    taken: Taken,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let taken = Taken::default();
        let take =
            async |State(taken): State<Taken>, headers: HeaderMap, body: Bytes| taken.lock().unwrap().push((headers, body));
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { endpoint, taken }
    }

    /// All that came, as the text that is in it.
    pub(crate) fn bytes(&self) -> String {
        self.taken.lock().unwrap().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let taken = self.taken.lock().unwrap();
        let decode = |body: &Bytes| ExportTraceServiceRequest::decode(body.clone()).unwrap().resource_spans;
        taken.iter().flat_map(|(_, body)| decode(body)).collect()
    }

    fn spans(&self) -> Vec<Span> {
        self.resources().into_iter().flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn value(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    let value = found.value.clone()?.value?;
    if let Value::IntValue(number) = value {
        return Some(number.to_string());
    }
    let Value::StringValue(text) = value else { panic!("{name} is {value:?}") };
    Some(text)
}

struct Traced {
    _folder: Folder,
    store: Running,
    broker: Running,
    url: String,
}

fn start(traces: &str) -> Traced {
    let folder = Folder::new();
    let store = store(&folder);
    let file = folder.path("broker.toml");
    // Nobody logs in, so nobody asks the issuer.
    let configuration = configuration(&folder, store.ready["store"].as_str().unwrap(), "http://127.0.0.1:9");
    fs::write(&file, format!("{configuration}\n[traces]\n{traces}\n")).unwrap();
    let broker = Running::start(&["serve", "--config", text(&file)]);
    let url = broker.ready["broker"].as_str().unwrap().to_owned();
    Traced { _folder: folder, store, broker, url }
}

async fn get(url: &str) -> Reply {
    send(Method::GET, url, &[("x-request-id", "asked-by-a-test")], Vec::new()).await
}

// The collector answers while the test waits for a process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_is_a_span_with_its_calls_to_the_store_within() {
    let collector = Collector::start().await;
    let Traced { _folder, store, broker, url } = start(&format!("endpoint = \"{}\"", collector.endpoint));
    assert_eq!(get(&format!("{url}/v1/capabilities")).await.status, 200);
    assert_eq!(get(&format!("{url}/not/a/route/of/ours")).await.status, 404);
    let device = Device::new(&url).await;
    assert_ne!(device.session("no-invite", Some(&Account::new(1))).await.code(), "ok");
    assert_eq!(get(&format!("{}/readyz", broker.ready["admin"].as_str().unwrap())).await.status, 204);
    // What waits is sent before it ends.
    broker.end();
    drop(store);

    let resources = collector.resources();
    let resource = resources[0].resource.as_ref().unwrap();
    assert_eq!(value(&resource.attributes, "service.name").as_deref(), Some("tidegate-broker"));
    assert!(value(&resource.attributes, "service.instance.id").is_some());
    let spans = collector.spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}: {spans:#?}"));
    let answered = find("GET /v1/capabilities");
    assert_eq!(answered.kind, SpanKind::Server as i32);
    assert_eq!(value(&answered.attributes, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(value(&answered.attributes, "http.route").as_deref(), Some("/v1/capabilities"));
    assert_eq!(value(&answered.attributes, "tidegate.request_id").as_deref(), Some("asked-by-a-test"));
    assert!(answered.end_time_unix_nano > answered.start_time_unix_nano);
    let refused = find("POST /v1/self-host/session");
    assert_eq!(value(&refused.attributes, "error.type").as_deref(), Some("invite-invalid"));
    assert_ne!(refused.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32), "it is the caller's");
    // Paths that are no routes are in no span: they may hold anything.
    assert_eq!(value(&find("GET none").attributes, "http.response.status_code").as_deref(), Some("404"));
    assert!(!collector.bytes().contains("/not/a/route"));
    let ready = find("GET /readyz");
    let calls: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == ready.span_id).collect();
    assert!(calls.iter().all(|call| call.name == "store list" && call.trace_id == ready.trace_id), "{calls:#?}");
    assert!(spans.iter().any(|span| span.name == "store list" && span.kind == SpanKind::Client as i32), "{spans:#?}");
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_request() {
    let nobody = free_address();
    let traced = start(&format!("endpoint = \"http://{nobody}/v1/traces\"\npercent = 50"));
    for _ in 0..10 {
        assert_eq!(get(&format!("{}/v1/capabilities", traced.url)).await.status, 200);
    }
    let said = traced.broker.end();
    assert!(said.contains("answered"), "{said}");
    assert!(!said.contains("\"otel."), "spans of traces are no log lines: {said}");
}

#[test]
fn an_address_that_is_none_is_refused_with_its_setting() {
    let folder = Folder::new();
    for (endpoint, said) in [
        ("127.0.0.1:4318", "must be an http or https address"),
        ("ftp://collector/v1/traces", "must be an http or https address"),
        ("http://name:planted-password@collector/v1/traces", "must hold no name and no password"),
    ] {
        let toml = format!("{}\n[traces]\nendpoint = \"{endpoint}\"\n", folder.toml());
        let error = folder.load(&toml, &[]).unwrap_err();
        let mistakes: Vec<String> = error.mistakes.iter().map(ToString::to_string).collect();
        assert!(mistakes.iter().any(|mistake| mistake.contains("traces.endpoint") && mistake.contains(said)), "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("planted-password"));
    }
}
