//! `tidegate-broker serve` as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tidegate_broker::{StoreConfig, StoreCredential};
use tidegate_testkit::port::free_port;

/// Far beyond what anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that serves. It is killed when this is dropped.
pub(crate) struct Serve {
    process: Child,
    logs: Receiver<String>,
}

impl Serve {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-broker"));
        command.args(["serve", "--json", "--config"]).arg(config).env_remove("TIDEGATE_CONFIG");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (line, logs) = channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.contains("\"ready\":true"), "{ready}");
        Self { process, logs }
    }

    /// Sends a signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it logs a line with this text.
    pub(crate) fn told(&self, text: &str) -> String {
        loop {
            let line = self.logs.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never says {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self) {
        self.signal("TERM");
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder with the keys of a broker, and configurations that name them.
pub(crate) struct Operator {
    pub(crate) folder: PathBuf,
    pub(crate) public_url: String,
    pub(crate) store: StoreConfig,
    /// Settings beside, as TOML.
    pub(crate) more: String,
}

impl Operator {
    /// Makes the keys.
    pub(crate) fn new(folder: &Path, public_url: &str, store: &StoreConfig) -> Self {
        let folder = folder.to_owned();
        let operator = Self { folder, public_url: public_url.to_owned(), store: store.clone(), more: String::new() };
        let (keys, id) = (operator.keys(), operator.folder.join("server-id.key"));
        let made = ["keys", "generate", "--dir", text(&keys), "--server-id-key-file", text(&id)];
        assert_eq!(crate::cli::run(&made).0, 0);
        operator
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// Writes the configuration of a process that listens there.
    pub(crate) fn write(&self, name: &str, listen: SocketAddr) -> PathBuf {
        let Self { folder, public_url, store, more } = self;
        let credential = |name: &str, of: &StoreCredential| {
            let secret = of.secret_access_key.expose_secret();
            format!("[store.{name}]\naccess_key_id = {:?}\nsecret_access_key = {secret:?}\n", of.access_key_id)
        };
        let credentials = [("read", &store.read), ("write", &store.write), ("state", &store.state)];
        let credentials: String = credentials.map(|(name, of)| credential(name, of)).concat();
        let toml = format!(
            "listen = \"{listen}\"\nadmin_listen = \"127.0.0.1:0\"\npublic_url = {public_url:?}\nserver_id_key_file = {:?}\n{more}\n\
             [signing]\nkeys_dir = {:?}\n[store]\nendpoint_internal = {:?}\nbucket = {:?}\n\
             conditional_create = \"atomic\"\nconditional_replace = \"atomic\"\n{credentials}",
            folder.join("server-id.key"),
            self.keys(),
            store.endpoint_internal,
            store.bucket,
        );
        let file = folder.join(name);
        std::fs::write(&file, toml).unwrap();
        file
    }

    /// An invite for one device of this user.
    pub(crate) fn invite(&self, config: &Path, user: &str) -> String {
        let (status, made) = crate::cli::run(&["invite", "create", "--config", text(config), "--user", user, "--devices", "3"]);
        assert_eq!(status, 0, "{made}");
        made["invite"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Where a server can listen, and listen again when it is started anew.
pub(crate) fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}
