//! The places that the same tests run against.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tidegate_testkit::dialect::{Dialect, StandIn};
use tidegate_testkit::port::free_port;
use tidegate_testkit::seaweedfs::{Identity, SeaweedFs, Setup};

use crate::harness::{Bucket, Cli, Compose, Server, broker_command, minio};

const BUCKET: &str = "tidegate-test";
const ACCESS_KEY: &str = "owner";
const SECRET_KEY: &str = "owner-secret-for-tests";

/// What stands behind the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `tidegate-broker dev`.
    EmbeddedDev,
    /// `tidegate-broker store serve`, with keys of one's own.
    DirectS3,
    /// `tidegate-broker serve` over `tidegate-broker store serve`.
    BrokerOverStore,
    /// `tidegate-broker serve` over SeaweedFS.
    SeaweedFsBroker,
    /// SeaweedFS, with keys of one's own.
    SeaweedFsDirect,
    /// `tidegate-broker serve` over MinIO.
    MinioBroker,
    /// MinIO, with keys of one's own.
    MinioDirect,
    /// `tidegate-broker serve` over a stand-in for AWS S3.
    AwsBroker,
    /// A stand-in for AWS S3, with keys of one's own.
    AwsDirect,
    /// `tidegate-broker serve` over a stand-in for Cloudflare R2.
    R2Broker,
    /// A stand-in for Cloudflare R2, with keys of one's own.
    R2Direct,
    /// `minio/compose.yaml` with MinIO.
    ComposeMinio,
    /// `minio/compose.yaml` with SeaweedFS.
    ComposeSeaweedFs,
    /// `minio/compose.yaml` with MinIO, and Caddy before it and the broker.
    ComposeTls,
}

/// Running servers, the flags that lead to them, and room for homes.
pub(crate) struct Backend {
    kind: Kind,
    pub(crate) folder: TempDir,
    servers: Vec<Server>,
    weed: Option<SeaweedFs>,
    compose: Option<Compose>,
    stand_in: Option<StandIn>,
    place: Vec<String>,
    ports: Ports,
}

/// Chosen once, so that a restart comes back at the same addresses.
#[derive(Clone, Copy)]
struct Ports {
    broker: u16,
    admin: u16,
    store: u16,
    /// The store's own, where a stand-in has the other.
    behind: u16,
}

impl Backend {
    /// The bucket of every store here.
    pub(crate) const BUCKET: &str = BUCKET;
    /// Key and secret of its owner.
    pub(crate) const OWNER: [&str; 2] = [ACCESS_KEY, SECRET_KEY];

    pub(crate) fn start(kind: Kind) -> Self {
        let ports = Ports { broker: free_port(), admin: free_port(), store: free_port(), behind: free_port() };
        let folder = tempfile::tempdir().unwrap();
        let mut backend =
            Self { kind, folder, servers: Vec::new(), weed: None, compose: None, stand_in: None, place: Vec::new(), ports };
        backend.start_servers();
        backend
    }

    /// Kills every server.
    pub(crate) fn kill(&mut self) {
        self.servers.clear();
        self.weed = None;
        if let Some(compose) = &self.compose {
            compose.run(&["kill"]);
        }
    }

    /// Kills the store and leaves the broker alone.
    pub(crate) fn kill_store(&mut self) {
        self.servers.remove(0);
    }

    /// Kills every server and starts it again over the same data.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start_servers();
    }

    /// A device in a home that does not exist yet.
    pub(crate) fn device(&self, name: &str) -> Cli {
        let cli = Cli::new(&self.folder.path().join(name));
        if self.has_broker() {
            let cli = cli.with("TIDEGATE_INVITE", self.invite());
            return if self.kind == Kind::ComposeTls { cli.with("SSL_CERT_FILE", self.root_certificate()) } else { cli };
        }
        cli.with("AWS_ACCESS_KEY_ID", ACCESS_KEY).with("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    }

    /// `init` or `join` at this backend, with these further arguments.
    pub(crate) fn enrol<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let place = self.place.iter().map(String::as_str);
        [command].into_iter().chain(place).chain(more.iter().copied()).collect()
    }

    /// Two devices of one account with the member Ada, both synced.
    pub(crate) fn two_devices(&self) -> (Cli, Cli) {
        let (a, b) = (self.device("a"), self.device("b"));
        let code = self.path("code").to_str().unwrap().to_owned();
        a.json(&self.enrol("init", &["--recovery-file", &code]));
        a.json(&["member", "add", "Ada"]);
        a.json(&["sync"]);
        b.json(&self.enrol("join", &["--recovery-file", &code]));
        b.json(&["sync"]);
        (a, b)
    }

    pub(crate) const fn has_broker(&self) -> bool {
        match self.kind {
            Kind::EmbeddedDev | Kind::BrokerOverStore | Kind::SeaweedFsBroker | Kind::MinioBroker => true,
            Kind::AwsBroker | Kind::R2Broker | Kind::ComposeMinio | Kind::ComposeSeaweedFs | Kind::ComposeTls => true,
            Kind::AwsDirect | Kind::R2Direct | Kind::DirectS3 | Kind::SeaweedFsDirect | Kind::MinioDirect => false,
        }
    }

    /// The bucket, behind the devices' backs.
    pub(crate) fn bucket(&self) -> Bucket {
        assert_ne!(self.kind, Kind::EmbeddedDev, "its store has other keys");
        assert!(self.compose.is_none(), "it has other keys");
        Bucket::new(&self.store_url(), BUCKET, ACCESS_KEY, SECRET_KEY)
    }

    /// The same with one of the broker's three credentials of MinIO.
    pub(crate) fn bucket_of(&self, credential: &str) -> Bucket {
        assert_eq!(self.kind, Kind::MinioBroker);
        let (key, secret) = self.credential(credential);
        Bucket::new(&self.store_url(), BUCKET, &key, &secret)
    }

    /// The stand-in before the store.
    pub(crate) const fn stand_in(&self) -> &StandIn {
        self.stand_in.as_ref().expect("a backend with a stand-in")
    }

    /// The containers.
    pub(crate) const fn compose(&self) -> &Compose {
        self.compose.as_ref().expect("a backend of Compose")
    }

    pub(crate) fn store_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.store)
    }

    /// A file of the test.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start_servers(&mut self) {
        let store = self.store_url();
        let direct = ["--s3", &store, "--bucket", BUCKET].map(str::to_owned).to_vec();
        match self.kind {
            Kind::EmbeddedDev => {
                let server = Server::dev(&self.path("data"), &format!("127.0.0.1:{}", self.ports.broker));
                self.place = vec!["--broker".to_owned(), server.field("broker")];
                self.servers.push(server);
            }
            Kind::DirectS3 => {
                self.servers.push(self.store());
                self.place = direct;
            }
            Kind::BrokerOverStore => {
                self.servers.push(self.store());
                self.start_broker(&store);
            }
            Kind::SeaweedFsDirect => {
                self.weed = Some(self.seaweedfs());
                self.place = direct;
            }
            Kind::SeaweedFsBroker => {
                self.weed = Some(self.seaweedfs());
                self.start_broker(&store);
            }
            Kind::MinioDirect => {
                self.servers.push(self.minio());
                self.place = direct;
            }
            Kind::MinioBroker => {
                self.servers.push(self.minio());
                self.start_broker(&store);
            }
            Kind::AwsDirect | Kind::R2Direct => {
                self.start_stand_in();
                self.place = direct;
            }
            Kind::AwsBroker | Kind::R2Broker => {
                self.start_stand_in();
                self.start_broker(&store);
            }
            Kind::ComposeMinio => self.start_compose("minio"),
            Kind::ComposeSeaweedFs => self.start_compose("seaweedfs"),
            Kind::ComposeTls => self.start_compose("minio,tls"),
        }
    }

    /// The embedded store behind a stand-in, which stays when the store is started again.
    fn start_stand_in(&mut self) {
        self.servers.push(self.store_at(self.ports.behind));
        let dialect = if matches!(self.kind, Kind::AwsBroker | Kind::AwsDirect) { Dialect::Aws } else { Dialect::R2 };
        let (listen, store) = (([127, 0, 0, 1], self.ports.store).into(), format!("http://127.0.0.1:{}", self.ports.behind));
        self.stand_in.get_or_insert_with(|| StandIn::start(dialect, listen, &store));
    }

    fn start_compose(&mut self, profiles: &str) {
        let Ports { broker, store: store_port, .. } = self.ports;
        let folder = self.path("compose");
        let compose = self.compose.get_or_insert_with(|| Compose::set_up(&folder, profiles, broker, store_port));
        compose.up();
        self.place = vec!["--broker".to_owned(), compose.broker.clone()];
    }

    /// A file with the certificate that vouches for the names of a backend with TLS.
    fn root_certificate(&self) -> String {
        self.file("root.crt", self.compose().root_certificate().as_bytes())
    }

    fn minio(&self) -> Server {
        minio::start(self.folder.path(), self.ports.store, BUCKET, ACCESS_KEY, SECRET_KEY)
    }

    /// The embedded store alone.
    fn store(&self) -> Server {
        self.store_at(self.ports.store)
    }

    fn store_at(&self, port: u16) -> Server {
        let secret = self.file("store-secret", SECRET_KEY.as_bytes());
        let (data, listen) = (self.path("data"), format!("127.0.0.1:{port}"));
        let data = data.to_str().unwrap();
        let key = ["--access-key", ACCESS_KEY, "--secret-key-file", &secret, "--bucket", BUCKET];
        let serve = ["store", "serve", "--data", data, "--listen", &listen];
        Server::broker(serve.iter().chain(&key))
    }

    fn start_broker(&mut self, store: &str) {
        let broker = Server::broker(["serve", "--config", &self.broker_config(store)]);
        self.place = vec!["--broker".to_owned(), broker.field("broker")];
        self.servers.push(broker);
    }

    /// SeaweedFS with one owner and the three identities that a broker has.
    fn seaweedfs(&self) -> SeaweedFs {
        let identity = |name, secret, actions| Identity { name, secret, actions };
        let identities = [
            identity(ACCESS_KEY, SECRET_KEY, &["Read", "Write", "List"]),
            identity("read", "read-secret-for-tests", &["Read", "List"]),
            identity("write", "write-secret-for-tests", &["Write"]),
            identity("state", "state-secret-for-tests", &["Read", "Write", "List"]),
        ];
        SeaweedFs::start(&Setup { port: Some(self.ports.store), ..Setup::new(self.folder.path(), BUCKET, &identities) })
    }

    /// A configuration as an operator would write it, keys and all.
    fn broker_config(&self, store: &str) -> String {
        let (keys, server_id) = (self.path("signing"), self.path("server-id.key"));
        if !keys.exists() {
            let made = broker_command()
                .args(["keys", "generate", "--dir"])
                .arg(&keys)
                .arg("--server-id-key-file")
                .arg(&server_id)
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        let Ports { broker, admin, .. } = self.ports;
        let credential = |name: &str| {
            let (id, secret) = self.credential(name);
            let file = self.file(&format!("{name}-secret"), secret.as_bytes());
            format!("[store.{name}]\naccess_key_id = \"{id}\"\nsecret_access_key_file = \"{file}\"\n")
        };
        let config = format!(
            "listen = \"127.0.0.1:{broker}\"\nadmin_listen = \"127.0.0.1:{admin}\"\npublic_url = \"http://127.0.0.1:{broker}\"\n\
             server_id_key_file = \"{}\"\n[signing]\nkeys_dir = \"{}\"\n[store]\nendpoint_internal = \"{store}\"\nbucket = \"{BUCKET}\"\n\
             conditional_create = \"atomic\"\nconditional_replace = \"atomic\"\naccept_copy_risk = {}\n{}{}{}",
            server_id.display(),
            keys.display(),
            self.has_one_key(),
            credential("read"),
            credential("write"),
            credential("state"),
        );
        self.file("broker.toml", config.as_bytes())
    }

    /// The embedded store has one key when it is run alone; the broker is told that this is known.
    const fn has_one_key(&self) -> bool {
        matches!(self.kind, Kind::BrokerOverStore | Kind::AwsBroker | Kind::R2Broker)
    }

    /// Key and secret of one of the broker's three credentials.
    pub(crate) fn credential(&self, name: &str) -> (String, String) {
        if self.has_one_key() {
            return (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned());
        }
        if self.kind == Kind::MinioBroker {
            return (minio::user(name), minio::secret(name));
        }
        (name.to_owned(), format!("{name}-secret-for-tests"))
    }

    fn invite(&self) -> String {
        self.invite_for("family")
    }

    /// An invite for as many devices as a test needs.
    pub(crate) fn invite_for(&self, user: &str) -> String {
        let source: [String; 2] = match self.kind {
            Kind::ComposeMinio | Kind::ComposeSeaweedFs | Kind::ComposeTls => return self.invite_of_compose(user),
            Kind::BrokerOverStore | Kind::SeaweedFsBroker | Kind::MinioBroker | Kind::AwsBroker | Kind::R2Broker => {
                ["--config".to_owned(), self.path("broker.toml").to_str().unwrap().to_owned()]
            }
            Kind::EmbeddedDev | Kind::DirectS3 | Kind::SeaweedFsDirect | Kind::MinioDirect | Kind::AwsDirect | Kind::R2Direct => {
                ["--data".to_owned(), self.path("data").to_str().unwrap().to_owned()]
            }
        };
        invite(&source, user, 8)
    }

    /// As the handbook for self-hosting says.
    fn invite_of_compose(&self, user: &str) -> String {
        let create = ["invite", "create", "--config", "/etc/tidegate/broker.toml", "--user", user, "--devices", "8"];
        let exec = ["exec", "-T", "broker", "/usr/bin/tidegate-broker", "--json"];
        let made = self.compose().run(&[exec.as_slice(), &create].concat());
        let document: serde_json::Value = serde_json::from_str(&made).unwrap();
        document["invite"].as_str().unwrap().to_owned()
    }

    /// `tidegate-broker doctor` by the broker's own configuration: its exit code and its checks.
    pub(crate) fn doctor(&self) -> (i32, serde_json::Value) {
        let ran = broker_command().args(["--json", "doctor", "--config"]).arg(self.path("broker.toml")).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        (ran.status.code().unwrap(), document["checks"].clone())
    }

    /// Where the store has its bytes.
    pub(crate) fn stored_at(&self) -> PathBuf {
        match self.kind {
            Kind::EmbeddedDev | Kind::DirectS3 | Kind::BrokerOverStore => self.path("data"),
            Kind::AwsBroker | Kind::AwsDirect | Kind::R2Broker | Kind::R2Direct => self.path("data"),
            Kind::SeaweedFsBroker | Kind::SeaweedFsDirect => self.path("weed"),
            Kind::MinioBroker | Kind::MinioDirect => self.path("minio"),
            Kind::ComposeMinio | Kind::ComposeSeaweedFs | Kind::ComposeTls => self.path("compose/data"),
        }
    }

    /// The data folder of `tidegate-broker dev`.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }
}

/// `tidegate-broker invite create`.
pub(crate) fn invite(source: &[String; 2], user: &str, devices: u32) -> String {
    let made = broker_command()
        .args(["--json", "invite", "create", &source[0], &source[1], "--user", user, "--devices", &devices.to_string()])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap_or_else(|error| panic!("{error}: {made:?}"));
    document["invite"].as_str().unwrap_or_else(|| panic!("{document}")).to_owned()
}

/// The invite of the data folder of a development server.
pub(crate) fn invite_of(data: &Path, user: &str, devices: u32) -> String {
    invite(&["--data".to_owned(), data.to_str().unwrap().to_owned()], user, devices)
}
