//! The broker as an operator runs it, `tidegate-broker serve`, over an embedded store in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_broker::NewSigningKey;
use time::OffsetDateTime;

use crate::process::Process;
use crate::{Fallible, LOAD_CORE, SERVER_CORE};

const PATIENCE: Duration = Duration::from_secs(60);

/// A store that runs, and a configuration.
pub(crate) struct Server {
    folder: TempDir,
    pub(crate) signing_key: NewSigningKey,
    pub(crate) address: SocketAddr,
    _store: Process,
}

/// A broker that answers.
pub(crate) struct Running {
    pub(crate) process: Process,
    /// From the process's start to the first 200.
    pub(crate) first_answer: Duration,
}

impl Server {
    pub(crate) fn prepare() -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("keys"))?;
        let signing_key = NewSigningKey::generate(OffsetDateTime::now_utc());
        fs::write(at("keys").join(format!("{}.pem", signing_key.kid)), signing_key.pem.as_bytes())?;
        fs::write(at("server-id.key"), "5a".repeat(32))?;
        for name in ["read", "write", "state"] {
            fs::write(at(name), format!("secret-of-{name}-for-this-run"))?;
        }
        fs::write(at("store.toml"), STORE_KEYS)?;
        let mut command = Command::new(program()?);
        command.args(["store", "serve", "--listen", "127.0.0.1:0", "--bucket", "bench", "--json"]);
        command.arg("--data").arg(at("store")).arg("--keys-file").arg(at("store.toml"));
        let mut store = Process::start(LOAD_CORE, &command)?;
        let mut ready = String::new();
        BufReader::new(store.child().stdout.take().ok_or("no output")?).read_line(&mut ready)?;
        let ready: serde_json::Value = serde_json::from_str(&ready)?;
        let endpoint = ready["store"].as_str().ok_or("the store did not say where it listens")?;
        let free = || TcpListener::bind("127.0.0.1:0")?.local_addr();
        let (address, admin) = (free()?, free()?);
        fs::write(at("broker.toml"), configuration(address, admin, endpoint))?;
        Ok(Self { folder, signing_key, address, _store: store })
    }

    /// Starts the broker. The first time it probes the store; from then on it finds what it found.
    pub(crate) fn start(&self) -> Fallible<Running> {
        let mut command = Command::new(program()?);
        // The configuration names its files from where it lies.
        command.args(["serve", "--config", "broker.toml"]).current_dir(self.folder.path()).env("TIDEGATE_LOG", "off");
        let begun = Instant::now();
        let mut process = Process::start(SERVER_CORE, &command)?;
        while !self.answers() {
            if let Some(status) = process.child().try_wait()? {
                return Err(format!("the broker ended: {status}").into());
            }
            if begun.elapsed() > PATIENCE {
                return Err("the broker does not answer".into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let first_answer = begun.elapsed();
        // Audit lines go there; nobody reads them, and a full pipe would stop the broker.
        let mut output = process.child().stdout.take().ok_or("no output")?;
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(Running { process, first_answer })
    }

    /// Whether `GET /v1/capabilities` is answered with 200.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(b"GET /v1/capabilities HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply)?;
            Ok(reply.starts_with("HTTP/1.1 200"))
        };
        ask().unwrap_or(false)
    }
}

/// The program of the same build: examples lie in a folder beside it.
fn program() -> Fallible<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(|examples| examples.parent()).ok_or("no folder")?;
    Ok(folder.join("tidegate-broker"))
}

/// No limit that the load would meet: one user sends it all.
fn configuration(address: SocketAddr, admin: SocketAddr, endpoint: &str) -> String {
    format!(
        r#"listen = "{address}"
admin_listen = "{admin}"
public_url = "http://{address}"
server_id_key_file = "server-id.key"
[signing]
keys_dir = "keys"
[limits]
daily_bytes = 1099511627776
replay_entries = 16000000
[rates]
address_per_minute = 0
session_per_minute = 0
failures_per_minute = 0
user_per_minute = 0
store_per_minute = 0
[store]
endpoint_internal = "{endpoint}"
bucket = "bench"
[store.read]
access_key_id = "read"
secret_access_key_file = "read"
[store.write]
access_key_id = "write"
secret_access_key_file = "write"
[store.state]
access_key_id = "state"
secret_access_key_file = "state"
"#
    )
}

const STORE_KEYS: &str = r#"[[key]]
id = "read"
secret_file = "read"
allow = [{ actions = ["GetObject", "ListBucket"], prefix = "users/" }]
[[key]]
id = "write"
secret_file = "write"
allow = [{ actions = ["PutObject"], prefix = "users/" }]
[[key]]
id = "state"
secret_file = "state"
administrator = true
"#;
