//! The stand-in itself: what it knows, and what a test may do to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::{get, post};
use jiff::civil::DateTime;
use reqwest::Url;
use tidegate_tandem::source::Endpoints;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::fault::{Fault, Stage};
use super::id_token::Forgery;
use super::plan::Plan;
use super::{data, pages};

/// What the stand-in calls its client.
pub(super) const CLIENT_ID: &str = "stand-in-client";

/// How often each thing was asked for.
pub type Counts = BTreeMap<Stage, u32>;

pub(super) struct Book {
    pub(super) plan: Plan,
    faults: BTreeMap<Stage, VecDeque<Fault>>,
    counts: Counts,
    pub(super) forgery: Option<Forgery>,
    pub(super) bad_logins: u32,
    pub(super) signing: usize,
    pub(super) sessions: BTreeSet<String>,
    /// The challenge of each code that was not redeemed yet.
    pub(super) codes: BTreeMap<String, String>,
    pub(super) tokens: BTreeSet<String>,
    pub(super) drawn: u64,
    /// What is not told yet: an assignment, and times between which its events are withheld.
    pub(super) withheld: Vec<(String, DateTime, DateTime)>,
}

/// What handlers share.
#[derive(Clone)]
pub(super) struct Shared {
    book: Arc<Mutex<Book>>,
    pub(super) endpoints: Arc<Endpoints>,
}

/// Tandem Source for one account, on a free port of this machine. It ends when this is dropped.
pub struct TandemStandIn {
    base: Url,
    shared: Shared,
    task: JoinHandle<()>,
}

impl TandemStandIn {
    /// Starts it.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(plan: Plan) -> Self {
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listener = TcpListener::bind(address).await.expect("a port is free");
        let base = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let base = Url::parse(&base).expect("an address");
        let endpoints = Endpoints::below(&base, CLIENT_ID).expect("a base that has paths");
        let book = Book {
            plan,
            faults: BTreeMap::new(),
            counts: Counts::new(),
            forgery: None,
            bad_logins: 0,
            signing: 0,
            sessions: BTreeSet::new(),
            codes: BTreeMap::new(),
            tokens: BTreeSet::new(),
            drawn: 0,
            withheld: Vec::new(),
        };
        let shared = Shared { book: Arc::new(Mutex::new(book)), endpoints: Arc::new(endpoints) };
        let router = Router::new()
            .route("/sso/", get(pages::begin))
            .route("/accounts/api/login", post(pages::login))
            .route("/accounts/api/connect/authorize", get(pages::authorize))
            .route("/accounts/api/connect/authorize/continue", get(pages::authorize_further))
            .route("/accounts/api/connect/token", post(pages::token))
            .route("/accounts/api/.well-known/openid-configuration/jwks", get(pages::keys))
            .route("/source/api/reports/bff/pumper/{pumper}", get(data::account))
            .route("/source/api/reports/bff/pump-logs/{assignment}", get(data::log))
            .with_state(shared.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving does not fail");
        });
        Self { base, shared, task }
    }

    /// Its addresses, for a client.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        (*self.shared.endpoints).clone()
    }

    /// The address that all of them are below, for a program that is told one; its client is called `stand-in-client`.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// The account.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.shared.book().plan.clone()
    }

    /// Changes the account.
    pub fn change(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.shared.book().plan);
    }

    /// The next requests of a kind go wrong like this, one each.
    pub fn fail(&self, stage: Stage, faults: impl IntoIterator<Item = Fault>) {
        self.shared.book().faults.entry(stage).or_default().extend(faults);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut book = self.shared.book();
        book.faults.clear();
        book.forgery = None;
    }

    /// ID tokens are forged like this from now on; rightly made, if `None`.
    pub fn forge(&self, forgery: Option<Forgery>) {
        self.shared.book().forgery = forgery;
    }

    /// Ends every token, as the service does at times.
    pub fn end_tokens(&self) {
        self.shared.book().tokens.clear();
    }

    /// Signs with another key from now on; the former one is no longer there.
    pub fn rotate_keys(&self) {
        let mut book = self.shared.book();
        book.signing = 1 - book.signing;
    }

    /// Unlocks the account.
    pub fn unlock(&self) {
        self.shared.book().bad_logins = 0;
    }

    /// Uploads a pump's log up to this time of its clock, and not further.
    pub fn upload_until(&self, assignment_id: &str, until: DateTime) {
        let mut book = self.shared.book();
        for pump in book.plan.pumps.iter_mut().filter(|pump| pump.assignment_id == assignment_id) {
            pump.uploaded_until = Some(until);
        }
    }

    /// Withholds what a pump wrote between two times of its clock, until [`Self::release`]: late data.
    pub fn withhold(&self, assignment_id: &str, from: DateTime, to: DateTime) {
        self.shared.book().withheld.push((assignment_id.to_owned(), from, to));
    }

    /// Tells what was withheld.
    pub fn release(&self) {
        self.shared.book().withheld.clear();
    }

    /// How often each thing was asked for so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.book().counts.clone()
    }

    /// How often this was asked for so far.
    #[must_use]
    pub fn count(&self, stage: Stage) -> u32 {
        self.shared.book().counts.get(&stage).copied().unwrap_or(0)
    }
}

impl Drop for TandemStandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and lets it go wrong if it is to.
    pub(super) async fn admit(&self, stage: Stage) -> Option<Response<Body>> {
        let fault = {
            let mut book = self.book();
            *book.counts.entry(stage).or_default() += 1;
            book.faults.get_mut(&stage).and_then(VecDeque::pop_front)
        };
        fault?.answer().await
    }
}

impl Book {
    /// A text that was never given before.
    pub(super) fn draw(&mut self, what: &str) -> String {
        self.drawn += 1;
        format!("{what}-{}-{:016x}", self.drawn, self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}
