//! Stands between the doctor and a store, and spoils something.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use secrecy::ExposeSecret as _;
use tidegate_broker::config::Config;
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use url::form_urlencoded;

/// What is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The Host header becomes the store's own.
    ChangesHost,
    /// Whoever brings no signature is served.
    Open,
    /// Signatures are not looked at.
    ChecksNothing,
    /// Conditions are dropped.
    DropsConditions,
    /// A body in chunks with its trailer is stored as it comes.
    StoresChunksRaw,
}

#[derive(Clone)]
struct Line {
    store: String,
    prefix: String,
    fault: Fault,
    client: reqwest::Client,
    signer: std::sync::Arc<Presigner>,
}

/// The configuration with both endpoints behind the fault, or the public one alone.
pub(super) async fn behind(config: &Config, fault: Fault) -> Config {
    let store = &config.store;
    let key = Credentials::new(&store.state.access_key_id, store.state.secret_access_key.expose_secret(), None);
    let endpoint = Endpoint::new(&store.endpoint_internal, &store.bucket, AddressingStyle::Path).unwrap();
    let line = Line {
        store: store.endpoint_internal.clone(),
        prefix: format!("/{}/", store.bucket),
        fault,
        client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        signer: std::sync::Arc::new(Presigner::new(key, store.region.as_str(), endpoint)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(forward).with_state(line)).await });
    let mut config = config.clone();
    config.store.endpoint_public.clone_from(&url);
    if !matches!(fault, Fault::ChangesHost) {
        config.store.endpoint_internal = url;
    }
    config
}

async fn forward(State(line): State<Line>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let is_signed = !header("authorization").is_empty() || query.contains("X-Amz-Signature=");
    let signs_anew = match line.fault {
        Fault::ChangesHost => false,
        Fault::Open => !is_signed,
        Fault::ChecksNothing => true,
        Fault::DropsConditions => {
            is_signed
                && (parts.headers.contains_key("if-none-match") || parts.headers.contains_key("if-match"))
                && parts.method == "PUT"
        }
        Fault::StoresChunksRaw => header("content-encoding").contains("aws-chunked"),
    };
    let reply = if signs_anew { anew(&line, &parts, body).await } else { as_it_is(&line, &parts, body).await };
    let Ok(reply) = reply else { return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap() };
    let mut answer = Response::builder().status(reply.status());
    for (name, value) in reply.headers() {
        if name != "transfer-encoding" && name != "connection" {
            answer = answer.header(name, value);
        }
    }
    answer.body(Body::from(reply.bytes().await.unwrap_or_default())).unwrap()
}

async fn as_it_is(
    line: &Line,
    parts: &axum::http::request::Parts,
    body: axum::body::Bytes,
) -> reqwest::Result<reqwest::Response> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers.clone();
    headers.remove("transfer-encoding");
    if matches!(line.fault, Fault::ChangesHost) {
        headers.remove("host");
    }
    line.client.request(parts.method.clone(), format!("{}{path}", line.store)).headers(headers).body(body).send().await
}

/// The same request by the key that may do everything.
async fn anew(line: &Line, parts: &axum::http::request::Parts, body: axum::body::Bytes) -> reqwest::Result<reqwest::Response> {
    let path = parts.uri.path();
    let key = path.strip_prefix(&line.prefix).unwrap_or_default();
    let key: String = form_urlencoded::parse(key.replace('+', "%2B").as_bytes()).map(|(name, _)| name.into_owned()).collect();
    let query: Vec<(String, String)> = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-"))
        .collect();
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let drops = |name: &str| match line.fault {
        Fault::DropsConditions => matches!(name, "if-none-match" | "if-match"),
        Fault::StoresChunksRaw => matches!(name, "content-encoding" | "x-amz-decoded-content-length" | "x-amz-trailer"),
        Fault::ChangesHost | Fault::Open | Fault::ChecksNothing => false,
    };
    let own = [
        "host",
        "authorization",
        "x-amz-date",
        "x-amz-content-sha256",
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
    ];
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .filter(|(name, _)| !own.contains(name) && !drops(name))
        .collect();
    let method = match parts.method.as_str() {
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    };
    let signed =
        line.signer.at(OffsetDateTime::now_utc()).sign_headers(method, &key, &query, &headers, PayloadHash::of(&body)).unwrap();
    let mut request = line.client.request(parts.method.clone(), &signed.url).body(body);
    for (name, value) in headers.iter().copied().chain(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    {
        request = request.header(name, value);
    }
    request.send().await
}
