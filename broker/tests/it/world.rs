//! A development server with a clock that tests turn.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tidegate_broker::clock::Clock;
use tidegate_broker::dev::{DevOptions, DevServer, start};
use tidegate_broker::{StoreConfig, StoreCredential};
use time::{Duration, OffsetDateTime};

use crate::device::{Account, Device};
use tidegate_protocol::session::SessionReply;

/// The broker's clock: begins at the system's time, because the store goes by that, and moves only when it is told.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<OffsetDateTime>>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(OffsetDateTime::from(SystemTime::now()))))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> std::time::Duration {
        (self.now() - OffsetDateTime::UNIX_EPOCH).unsigned_abs()
    }
}

/// A server, its folder and its clock.
pub(crate) struct World {
    pub(crate) server: DevServer,
    pub(crate) clock: TestClock,
    folder: TempDir,
}

impl Deref for World {
    type Target = DevServer;

    fn deref(&self) -> &DevServer {
        &self.server
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut DevOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new();
        let mut options = DevOptions { clock: Arc::new(clock.clone()), ..DevOptions::new(folder.path()) };
        change(&mut options);
        Self { server: start(options).await.unwrap(), clock, folder }
    }

    /// The PEM of the key that signs tokens, and its kid.
    pub(crate) fn signing_key(&self) -> (String, String) {
        let entries = std::fs::read_dir(self.folder.path().join("secrets/signing")).unwrap();
        let path = entries.map(|entry| entry.unwrap().path()).next().unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
    }

    /// Ends the server and starts it again in the same folder on the same port.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut DevOptions)) -> Self {
        let Self { server, clock, folder } = self;
        let listen = server.broker_url.strip_prefix("http://").unwrap().parse().unwrap();
        server.shutdown().await;
        let mut options = DevOptions { clock: Arc::new(clock.clone()), listen, ..DevOptions::new(folder.path()) };
        change(&mut options);
        Self { server: start(options).await.unwrap(), clock, folder }
    }

    /// A configuration file of this broker, as its operator would have it, with more settings at its end.
    pub(crate) fn config_file(&self, more: &str) -> PathBuf {
        let secrets = self.folder.path().join("secrets");
        let store = &self.config().store;
        let mut toml = format!(
            "public_url = {:?}\nserver_id_key_file = {:?}\nsigning.keys_dir = {:?}\n[store]\nendpoint_internal = {:?}\nbucket = {:?}\n",
            self.broker_url,
            secrets.join("server-id.key"),
            secrets.join("signing"),
            store.endpoint_internal,
            store.bucket
        );
        for (name, key) in [("read", &store.read), ("write", &store.write), ("state", &store.state)] {
            let secret = key.secret_access_key.expose_secret();
            toml += &format!("[store.{name}]\naccess_key_id = {:?}\nsecret_access_key = {secret:?}\n", key.access_key_id);
        }
        let path = self.folder.path().join("broker.toml");
        std::fs::write(&path, toml + more).unwrap();
        path
    }

    /// An invite for so many devices of `anna`.
    pub(crate) fn invite_for(&self, devices: u32) -> String {
        self.invite("anna", devices, Duration::days(7)).unwrap().token
    }

    pub(crate) async fn device(&self) -> Device {
        Device::new(&self.broker_url).await
    }

    /// A device with a full session of a new account.
    pub(crate) async fn enrolled(&self) -> (Device, SessionReply) {
        let device = self.device().await;
        let session = device.create_account(&self.invite_for(3), &Account::new(1)).await;
        (device, session)
    }

    /// Writes an object into the store behind the broker's back.
    pub(crate) async fn plant(&self, key: &str, body: &'static [u8]) {
        let store = &self.config().store;
        client_of(store, &store.state)
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from_static(body))
            .send()
            .await
            .unwrap();
    }

    /// Every byte of every file that broker and store have written.
    pub(crate) fn written(&self) -> Vec<Vec<u8>> {
        let (mut folders, mut files) = (vec![self.folder.path().to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(std::fs::read(path).unwrap_or_default()) }
            }
        }
        files
    }

    /// Keys of all stored objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.store().objects(&self.bucket).unwrap().into_iter().map(|object| object.key).collect()
    }
}

/// The store, as this credential sees it.
pub(crate) fn client_of(store: &StoreConfig, credential: &StoreCredential) -> Client {
    let secret = credential.secret_access_key.expose_secret();
    let credentials = Credentials::new(&credential.access_key_id, secret, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(store.region.clone()))
        .endpoint_url(&store.endpoint_internal)
        .credentials_provider(credentials)
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}
