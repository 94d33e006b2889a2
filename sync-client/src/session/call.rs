//! One call to the broker: a proof with the server's nonce, and an answer or a problem.

use bytes::Bytes;
use reqwest::header::HeaderName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::capability::Capabilities;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::session::{DPOP_HEADER, DPOP_NONCE_HEADER, DPOP_SCHEME};

use super::Session;
use super::proof::ProofRequest;
use crate::error::Error;
use crate::remote::normal_url;
use crate::transport::{Answer, Outgoing, Payload, Peer, RequestKind};

/// A presign reply of 1,000 URLs has about 1 MB.
const MAX_REPLY_BYTES: u64 = 8 * 1024 * 1024;
/// How often one call is repeated for a fresh nonce: once, and once more where a balancer changed the replica in between.
const MAX_NONCES: u32 = 2;

/// Which token a call carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    /// None.
    None,
    /// The access token, in `Authorization` and in the proof's `ath`.
    Access(&'a str),
    /// The renewal token: it stands in the body, and in the proof's `ath`.
    Renewal(&'a str),
}

impl Session {
    /// What the broker says of itself. Checks that it calls itself what it was called, and that its protocol is known here.
    pub(super) async fn capabilities(&self) -> Result<Capabilities, Error> {
        let url = format!("{}/v1/capabilities", self.url);
        let answer = self.send(RequestKind::Renew, reqwest::Method::GET, url, vec![], Payload::Empty).await?;
        let capabilities: Capabilities = read(&answer)?;
        let public = normal_url("public URL of the broker", &capabilities.public_url)?;
        if public != self.url {
            return Err(Error::BrokerUrlMismatch { given: self.url.clone(), public });
        }
        if capabilities.api_version != 1 {
            return Err(Error::BrokerVersion { found: capabilities.api_version });
        }
        Ok(capabilities)
    }

    /// Posts a body that may depend on the nonce, and reads the reply.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        kind: RequestKind,
        path: &str,
        token: Token<'_>,
        body: impl Fn(Option<&str>) -> Vec<u8>,
    ) -> Result<T, Error> {
        self.call(&reqwest::Method::POST, kind, path, token, body).await
    }

    /// The same by any method; without a body where it has no bytes.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &reqwest::Method,
        kind: RequestKind,
        path: &str,
        token: Token<'_>,
        body: impl Fn(Option<&str>) -> Vec<u8>,
    ) -> Result<T, Error> {
        let mut nonces = 0;
        loop {
            let answer = self.call_once(method, kind, path, token, &body).await?;
            match read(&answer) {
                Err(Error::Problem { code: ProblemCode::UseDpopNonce, .. }) if nonces < MAX_NONCES => nonces += 1,
                reply => return reply,
            }
        }
    }

    async fn call_once(
        &self,
        method: &reqwest::Method,
        kind: RequestKind,
        path: &str,
        token: Token<'_>,
        body: &impl Fn(Option<&str>) -> Vec<u8>,
    ) -> Result<Answer, Error> {
        let url = format!("{}{path}", self.url);
        let nonce = self.nonce();
        let body = body(nonce.as_deref());
        let (bound, access) = match token {
            Token::None => (None, None),
            Token::Access(token) => (Some(token), Some(token)),
            Token::Renewal(token) => (Some(token), None),
        };
        let proof = self.dpop.prove(&ProofRequest {
            method: method.as_str(),
            url: &url,
            body: &body,
            nonce: nonce.as_deref(),
            token: bound,
            now: self.http.clock().now(),
            jti: &crate::random::token(),
        });
        let mut headers = vec![(DPOP_HEADER.to_owned(), proof)];
        headers.extend(access.map(|token| ("authorization".to_owned(), format!("{DPOP_SCHEME} {token}"))));
        if body.is_empty() {
            return self.send(kind, method.clone(), url, headers, Payload::Empty).await;
        }
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        self.send(kind, method.clone(), url, headers, Payload::Held(Bytes::from(body))).await
    }

    async fn send(
        &self,
        kind: RequestKind,
        method: reqwest::Method,
        url: String,
        headers: Vec<(String, String)>,
        body: Payload,
    ) -> Result<Answer, Error> {
        let limit = (MAX_REPLY_BYTES, "the broker's reply".to_owned());
        let answer = self.http.send(Outgoing { peer: Peer::Broker, kind, method, url, headers, body, limit }).await?;
        if let Some(nonce) = answer.header(&HeaderName::from_static(DPOP_NONCE_HEADER)) {
            self.keep_nonce(nonce);
        }
        Ok(answer)
    }
}

/// The JSON of a body.
pub(super) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("requests of the protocol always serialise")
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    if answer.is_of_somebody_else() {
        return Err(answer.not_ours());
    }
    if answer.status.is_success() {
        return serde_json::from_slice(&answer.body).map_err(|error| answer.malformed(error.to_string()));
    }
    let Ok(problem) = serde_json::from_slice::<ProblemDocument>(&answer.body) else {
        // A balancer or a proxy in front of the broker, or no broker at all.
        let is_passing = answer.status.is_server_error() || answer.status.as_u16() == 429;
        return Err(if is_passing { answer.unavailable() } else { answer.malformed(format!("HTTP {}", answer.status.as_u16())) });
    };
    Err(Error::Problem {
        code: problem.code,
        message: problem.message,
        correlation_id: problem.correlation_id,
        retry_after: answer.retry_after(),
    })
}
