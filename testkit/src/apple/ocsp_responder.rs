//! A stand-in for Apple's OCSP responder: real HTTP, and every way to be of no use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_ocsp::OcspRequest;

use super::ca::TestCa;
use super::ocsp_answer::{OcspSigner, OcspSpec, OcspVerdict};

/// How the responder behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcspMode {
    /// All is well.
    Good,
    /// The leaf is revoked.
    LeafRevoked,
    /// The intermediate is revoked.
    IntermediateRevoked,
    /// It knows no certificate.
    Unknown,
    /// Its answers ended a day ago.
    Stale,
    /// Somebody else signs.
    WrongSigner,
    /// It signs with a certificate for something else.
    NoPurpose,
    /// It answers 503.
    Down,
    /// It answers after this many seconds.
    Slow(u64),
    /// Its answers have no end.
    Endless,
    /// It sends clients elsewhere.
    Redirecting,
}

struct Shared {
    ca: TestCa,
    mode: Mutex<OcspMode>,
    now: Mutex<OffsetDateTime>,
    requests: AtomicUsize,
}

/// A responder on loopback. It ends with the runtime that it was started on.
#[derive(Clone)]
pub struct OcspResponder {
    url: String,
    shared: Arc<Shared>,
}

impl OcspResponder {
    /// Starts a responder for a variant of `ca` whose certificates name it: [`OcspResponder::ca`].
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start(ca: &TestCa) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let url = format!("http://{}/ocsp", listener.local_addr().expect("it was just bound"));
        let ca = ca.chain_variant(|chain| {
            chain.leaf.ocsp_url = Some(url.clone());
            chain.intermediate.ocsp_url = Some(url.clone());
        });
        let shared = Arc::new(Shared {
            ca,
            mode: Mutex::new(OcspMode::Good),
            now: Mutex::new(OffsetDateTime::now_utc()),
            requests: AtomicUsize::new(0),
        });
        let router = Router::new().route("/ocsp", post(respond)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port, as an allow list names them.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches("/ocsp")
    }

    /// The authority that it answers for.
    #[must_use]
    pub fn ca(&self) -> &TestCa {
        &self.shared.ca
    }

    /// From now on it behaves so.
    pub fn behave(&self, mode: OcspMode) {
        *self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// What it takes for now: answers are dated by it.
    pub fn set_now(&self, now: OffsetDateTime) {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

async fn respond(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let mode = *shared.mode.lock().unwrap_or_else(PoisonError::into_inner);
    let now = *shared.now.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(about_leaf) = about_leaf(&shared.ca, &body) else { return StatusCode::BAD_REQUEST.into_response() };
    let good = OcspSpec::good(now);
    let day = time::Duration::days(1);
    let verdict = |is_revoked| if is_revoked { OcspVerdict::Revoked } else { OcspVerdict::Good };
    let spec = match mode {
        OcspMode::Good => good,
        OcspMode::LeafRevoked => OcspSpec { verdict: verdict(about_leaf), ..good },
        OcspMode::IntermediateRevoked => OcspSpec { verdict: verdict(!about_leaf), ..good },
        OcspMode::Unknown => OcspSpec { verdict: OcspVerdict::Unknown, ..good },
        OcspMode::Stale => OcspSpec { this_update: now - day * 2, next_update: Some(now - day), ..good },
        OcspMode::WrongSigner => OcspSpec { signer: OcspSigner::Stranger, ..good },
        OcspMode::NoPurpose => OcspSpec { signer: OcspSigner::WithoutPurpose, ..good },
        OcspMode::Endless => {
            return ([(CONTENT_TYPE, "application/ocsp-response")], vec![0x30; 4 << 20]).into_response();
        }
        OcspMode::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        OcspMode::Redirecting => {
            return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "http://127.0.0.1:1/elsewhere")]).into_response();
        }
        OcspMode::Slow(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            good
        }
    };
    ([(CONTENT_TYPE, "application/ocsp-response")], shared.ca.ocsp_answer(about_leaf, &spec)).into_response()
}

/// Which certificate is asked about; none if the question is not about this authority's.
fn about_leaf(ca: &TestCa, body: &[u8]) -> Option<bool> {
    let request = OcspRequest::from_der(body).ok()?;
    let serial = &request.tbs_request.request_list.first()?.req_cert.serial_number;
    let [leaf, intermediate, _] = ca.chain_der();
    let is =
        |der: &[u8]| Certificate::from_der(der).is_ok_and(|certificate| certificate.tbs_certificate.serial_number == *serial);
    if is(&leaf) { Some(true) } else { is(&intermediate).then_some(false) }
}
