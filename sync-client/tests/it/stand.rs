//! Where a test's clients live: a store that can be told to misbehave, or a broker with its store; and homes for devices.

use std::collections::VecDeque;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rusqlite::Connection;
use tempfile::TempDir;
use tidegate_broker::dev::{DevOptions, DevServer};
use tidegate_embedded_s3::{AccessKey, Clock as StoreClock, Config, Rule, Store};
use tidegate_sync_client::{
    Clock, Created, Credentials, Enrolment, Options, RecoveryCode, Remote, RetryPolicy, SecretString, SyncClient, SyncReport,
    Ticket,
};
use time::OffsetDateTime;
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "family";
const KEY_ID: &str = "direct";
const SECRET: &str = "a-secret-of-the-tests";

/// What a store answers in place of the truth.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// An error status, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// A hotel's page.
    Page,
    /// A redirect to a hotel's page.
    Redirect,
    /// A redirect to this server.
    RedirectTo(SocketAddr),
    /// Any other answer: status, headers, body.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Nothing: the connection closes.
    Hangup,
}

/// Faults to come, one a request; or one for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    queue: Arc<Mutex<VecDeque<Fault>>>,
    always: Arc<Mutex<Option<Fault>>>,
    after: Arc<Mutex<Option<(usize, Fault)>>>,
    attachments: Arc<Mutex<Option<(usize, Fault)>>>,
    held: tokio::sync::watch::Sender<bool>,
    cut_after: Arc<Mutex<Option<usize>>>,
    ignores_ranges: Arc<Mutex<bool>>,
}

impl Faults {
    pub(crate) fn next(&self, faults: &[Fault]) {
        self.queue.lock().unwrap().extend(faults);
    }

    pub(crate) fn always(&self, fault: Option<Fault>) {
        *self.always.lock().unwrap() = fault;
        *self.after.lock().unwrap() = None;
        *self.attachments.lock().unwrap() = None;
    }

    /// The truth for so many requests, then this for all.
    pub(crate) fn after(&self, requests: usize, fault: Fault) {
        *self.after.lock().unwrap() = Some((requests, fault));
    }

    /// Ends each connection after so many bytes of a body.
    pub(crate) fn cut_answers_after(&self, bytes: Option<usize>) {
        *self.cut_after.lock().unwrap() = bytes;
    }

    /// Whether ranges are passed over, as some stores and caches do.
    pub(crate) fn ignore_ranges(&self, ignore: bool) {
        *self.ignores_ranges.lock().unwrap() = ignore;
    }

    /// Whether every request waits until this is said to be over.
    pub(crate) fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// Waits until a request waits for that: its sync has the home, and has read what it begins with.
    pub(crate) async fn until_one_is_held(&self) {
        while self.held.receiver_count() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The truth for so many requests about attachments, then this for all of them.
    pub(crate) fn attachments_after(&self, requests: usize, fault: Fault) {
        *self.attachments.lock().unwrap() = Some((requests, fault));
    }

    /// What a store that knows no ranges answers to one that asks for a range.
    fn whole_object(
        &self,
        store: &Store,
        request: &http::Request<Incoming>,
    ) -> Option<http::Response<http_body_util::Full<Bytes>>> {
        let is_ignored = *self.ignores_ranges.lock().unwrap() && request.headers().contains_key("range");
        let key = request.uri().path().strip_prefix(&format!("/{BUCKET}/")).filter(|_| is_ignored)?;
        let bytes = store.read(BUCKET, key).unwrap();
        Some(http::Response::builder().header("etag", "\"whole\"").body(bytes.into()).unwrap())
    }

    fn take(&self, request: &http::Request<Incoming>) -> Option<Fault> {
        if request.uri().path().contains("/attachments/") {
            match self.attachments.lock().unwrap().as_mut() {
                Some((0, fault)) => return Some(*fault),
                Some((left, _)) => *left -= 1,
                None => {}
            }
        }
        let mut after = self.after.lock().unwrap();
        match after.as_mut() {
            Some((0, fault)) => return Some(*fault),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        self.always.lock().unwrap().or_else(|| self.queue.lock().unwrap().pop_front())
    }
}

/// An embedded store behind a front that can misbehave.
pub(crate) struct DirectStand {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) address: SocketAddr,
    /// By how many days the store's clock is ahead of the system's.
    pub(crate) days: Arc<AtomicI64>,
    data: TempDir,
}

/// Either way to the objects.
pub(crate) enum Stand {
    Direct(DirectStand),
    Broker { server: Box<DevServer>, data: TempDir },
}

/// A device's home, removed at the end.
pub(crate) struct TestHome(TempDir);

impl TestHome {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("home")
    }

    /// A backup of it, or what a thief has who has the device.
    pub(crate) fn copy_to(&self, other: &Self) {
        std::fs::create_dir_all(other.path()).unwrap();
        for entry in std::fs::read_dir(self.path()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), other.path().join(entry.file_name())).unwrap();
        }
    }
}

impl DirectStand {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let rules = vec![Rule::everything()];
        let days: Arc<AtomicI64> = Arc::default();
        let ahead = Arc::clone(&days);
        let clock = StoreClock::from_fn(move || OffsetDateTime::now_utc() + time::Duration::days(ahead.load(Ordering::Relaxed)));
        let config = Config { clock, ..Config::new(data.path(), vec![AccessKey::new(KEY_ID, SECRET, rules)]) };
        let store = Store::open(config).unwrap();
        store.create_bucket(BUCKET).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Faults::default();
        tokio::spawn(front(listener, store.clone(), faults.clone()));
        Self { store, faults, address, days, data }
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::direct(&format!("http://{}", self.address), BUCKET, "us-east-1", false).unwrap()
    }
}

async fn front(listener: TcpListener, store: Store, faults: Faults) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        stream.set_nodelay(true).unwrap();
        let (service, store, faults) = (store.service(), store.clone(), faults.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request: http::Request<Incoming>| {
                let (service, fault, mut held) = (service.clone(), faults.take(&request), faults.held.subscribe());
                let cut_after = *faults.cut_after.lock().unwrap();
                let whole = faults.whole_object(&store, &request);
                async move {
                    held.wait_for(|held| !held).await.unwrap();
                    if let Some(whole) = whole {
                        return Ok(whole.map(|body| cut(body, cut_after)));
                    }
                    let Some(fault) = fault else { return Ok(service.answer(request).await.map(|body| cut(body, cut_after))) };
                    let answer = fault.answer::<http_body_util::Full<Bytes>>();
                    answer.map(|answer| answer.map(|body| cut(body, None))).ok_or_else(|| std::io::Error::other("hang up"))
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

type FrontBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// A body that ends in an error after so many bytes.
fn cut<B>(body: B, after: Option<usize>) -> FrontBody
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    let mut left = after.unwrap_or(usize::MAX);
    let data = body.into_data_stream().then(move |data| {
        let data = data.map_err(|error| std::io::Error::other(error.to_string())).map(|data| data.slice(..data.len().min(left)));
        left -= data.as_ref().map_or(0, Bytes::len);
        async move {
            match data {
                Ok(data) if data.is_empty() => {
                    // What was said before is to arrive.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(std::io::Error::other("cut"))
                }
                data => data.map(hyper::body::Frame::data),
            }
        }
    });
    StreamBody::new(data).boxed_unsync()
}

impl Fault {
    fn answer<B: Default + From<String>>(self) -> Option<http::Response<B>> {
        let response = http::Response::builder();
        match self {
            Self::Status(status, retry_after) => {
                let response = retry_after.into_iter().fold(response.status(status), |r, s| r.header("retry-after", s));
                Some(response.body(B::default()).unwrap())
            }
            Self::Page => {
                let page = B::from("<html><body>Welcome to the hotel</body></html>".to_owned());
                Some(response.status(200).header("content-type", "text/html; charset=utf-8").body(page).unwrap())
            }
            Self::Redirect => {
                Some(response.status(302).header("location", "http://login.hotel.example/").body(B::default()).unwrap())
            }
            Self::RedirectTo(address) => {
                let location = format!("http://{address}/elsewhere");
                Some(response.status(307).header("location", location).body(B::default()).unwrap())
            }
            Self::Answer(status, headers, body) => {
                let response = headers.iter().fold(response.status(status), |r, (name, value)| r.header(*name, *value));
                Some(response.body(B::from(body.to_owned())).unwrap())
            }
            Self::Hangup => None,
        }
    }
}

impl Stand {
    pub(crate) async fn direct() -> Self {
        Self::Direct(DirectStand::start().await)
    }

    pub(crate) async fn broker() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = tidegate_broker::dev::start(DevOptions::new(data.path())).await.unwrap();
        Self::Broker { server: Box::new(server), data }
    }

    pub(crate) fn remote(&self) -> Remote {
        match self {
            Self::Direct(stand) => stand.remote(),
            Self::Broker { server, .. } => Remote::broker(&server.broker_url).unwrap(),
        }
    }

    /// As if everything in the store had been stored so many days earlier.
    pub(crate) fn age(&self, days: i64) {
        let data = match self {
            Self::Direct(stand) => &stand.data,
            Self::Broker { data, .. } => data,
        };
        let index = find(data.path(), "index.sqlite").unwrap();
        let earlier = "UPDATE objects SET modified_ms = modified_ms - ?1 * 86400000";
        Connection::open(index).unwrap().execute(earlier, [days]).unwrap();
    }

    /// An invite of the one person of these tests.
    pub(crate) fn invite(&self, devices: u32) -> Option<Ticket> {
        match self {
            Self::Direct(_) => None,
            Self::Broker { server, .. } => {
                let invite = server.invite("ada", devices, time::Duration::days(1)).unwrap();
                Some(SecretString::from(invite.token).into())
            }
        }
    }

    pub(crate) fn enrolment(&self, device_name: &str) -> Enrolment {
        Enrolment { remote: self.remote(), ticket: self.invite(1), device_name: device_name.to_owned() }
    }

    pub(crate) fn store(&self) -> (&Store, &str) {
        match self {
            Self::Direct(stand) => (&stand.store, BUCKET),
            Self::Broker { server, .. } => (server.store(), &server.bucket),
        }
    }

    /// Creates the account on a first device.
    pub(crate) async fn create(&self, home: &Path) -> (SyncClient, RecoveryCode) {
        let Created { client, recovery_code } =
            SyncClient::create_account(home, self.enrolment("laptop"), options()).await.unwrap();
        (client, recovery_code)
    }

    /// Joins it on another.
    pub(crate) async fn join(&self, home: &Path, code: &RecoveryCode) -> SyncClient {
        SyncClient::join(home, self.enrolment("phone"), code, None, options()).await.unwrap()
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find_map(|path| if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) })
}

/// Options of the tests: access key in hand, patience short.
pub(crate) fn options() -> Options {
    Options {
        credentials: Some(Credentials::new(KEY_ID, SECRET, None)),
        retry: RetryPolicy { tries: 3, first_pause: Duration::from_millis(5), longest_pause: Duration::from_secs(2) },
        home_wait: Duration::from_millis(500),
        connect_timeout: Duration::from_secs(2),
        ..Options::default()
    }
}

/// A clock that is off by so much.
#[derive(Debug)]
pub(crate) struct OffClock(pub(crate) time::Duration);

impl Clock for OffClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.0
    }
}

pub(crate) async fn sync(client: &SyncClient) -> SyncReport {
    client.sync(&|_progress| {}).await.unwrap()
}
