//! An embedded store with the three credentials of a broker.

use tempfile::TempDir;
use tidegate_embedded_s3::{AccessKey, Action, Config, Rule, Store};
use tidegate_sigv4::{AddressingStyle, Credentials};
use tidegate_store_probe::{Probe, Reach, Run, Target};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "family";
pub(crate) const SECRET: &str = "a-secret-of-the-tests";

/// A store that serves until it is dropped.
pub(crate) struct Embedded {
    pub(crate) store: Store,
    pub(crate) base: String,
    serving: JoinHandle<std::io::Result<()>>,
    _home: TempDir,
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Embedded {
    pub(crate) async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let users = |actions: &[Action]| vec![Rule::new(actions, "users/")];
        let keys = vec![
            AccessKey::new("read", SECRET, users(&[Action::GetObject, Action::ListBucket])),
            AccessKey::new("write", SECRET, users(&[Action::PutObject])),
            AccessKey::administrator("state", SECRET),
            AccessKey::new("direct", SECRET, users(&Action::ALL)),
        ];
        let store = Store::open(Config::new(home.path(), keys)).unwrap();
        store.create_bucket(BUCKET).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(store.clone().serve(listener, std::future::pending()));
        Self { store, base, serving, _home: home }
    }

    /// As a broker with three credentials uses it.
    pub(crate) fn target(&self) -> Target {
        target(&self.base)
    }

    /// The key of somebody without a broker.
    #[expect(clippy::unused_self, reason = "it is this store's")]
    pub(crate) fn all_below_users(&self) -> Credentials {
        Credentials::new("direct", SECRET, None)
    }

    /// Keys of all stored objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.store.objects(BUCKET).unwrap().into_iter().map(|object| object.key).collect()
    }
}

/// The three credentials at an address.
pub(crate) fn target(base: &str) -> Target {
    let credential = |name: &str| Credentials::new(name, SECRET, None);
    Target {
        endpoint_internal: base.to_owned(),
        endpoint_public: base.to_owned(),
        region: "us-east-1".to_owned(),
        bucket: BUCKET.to_owned(),
        addressing: AddressingStyle::Path,
        read: credential("read"),
        write: credential("write"),
        state: credential("state"),
        reach: Reach::Broker,
        cors_origins: Vec::new(),
    }
}

pub(crate) fn run() -> Run {
    Run::new(*b"testtest", OffsetDateTime::now_utc)
}

pub(crate) fn probe_of(target: Target) -> Probe {
    Probe::new(target, run()).unwrap()
}
