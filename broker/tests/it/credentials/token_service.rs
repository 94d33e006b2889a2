//! A stand-in for STS that keeps what it was asked and answers what it was told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

/// One call: its form and its `Authorization`.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) form: BTreeMap<String, String>,
    pub(super) authorization: String,
}

#[derive(Clone)]
pub(super) struct TokenService {
    pub(super) url: Url,
    calls: Arc<Mutex<Vec<Call>>>,
    answer: Arc<Mutex<(StatusCode, String)>>,
}

impl TokenService {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let service = Self { url, calls: Arc::default(), answer: Arc::default() };
        let router = Router::new().route("/", post(answer)).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        service
    }

    pub(super) fn answers(&self, status: StatusCode, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    pub(super) fn gives_until(&self, expiration: OffsetDateTime) {
        self.gives("ASIA", "made-secret", expiration);
    }

    pub(super) fn gives(&self, key: &str, secret: &str, expiration: OffsetDateTime) {
        let expiration = tidegate_protocol::wire::timestamp::format(expiration).unwrap();
        self.answers(
            StatusCode::OK,
            format!(
                "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
                 <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>made-token</SessionToken>\
                 <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            ),
        );
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(State(service): State<TokenService>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    service.calls.lock().unwrap().push(Call { form, authorization });
    service.answer.lock().unwrap().clone()
}
