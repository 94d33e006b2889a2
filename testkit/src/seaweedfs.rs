//! A real SeaweedFS of one's own: a process that ends with the value.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::json;

use crate::port::free_port;

/// How long it may take to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// A port that was free may be taken until it listens there; then it ends at once.
const STARTS: usize = 3;

/// Who may do what in the bucket.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Its access key too.
    pub name: &'a str,
    /// Its secret key.
    pub secret: &'a str,
    /// `Read`, `Write`, `List`.
    pub actions: &'a [&'a str],
}

/// What a SeaweedFS is started with.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Where its data and its configuration are, and its log (`weed.log`).
    pub folder: &'a Path,
    /// Where S3 is served; without it, a free port.
    pub port: Option<u16>,
    /// Made at the start, where it is not there.
    pub bucket: &'a str,
    /// Whom it lets in; nobody else.
    pub identities: &'a [Identity<'a>],
    /// Its configuration of roles, for temporary credentials.
    pub roles: Option<&'a serde_json::Value>,
    /// Where it tells its metrics: for a benchmark, in which it may use all the memory that it likes.
    pub metrics: Option<u16>,
}

impl<'a> Setup<'a> {
    /// At a free port, without roles, beside others in little memory.
    pub const fn new(folder: &'a Path, bucket: &'a str, identities: &'a [Identity<'a>]) -> Self {
        Self { folder, port: None, bucket, identities, roles: None, metrics: None }
    }
}

/// A running SeaweedFS.
#[derive(Debug)]
pub struct SeaweedFs {
    child: Child,
    port: u16,
}

impl SeaweedFs {
    /// Starts one over the folder, empty or of an earlier run, and waits until the bucket is there. `WEED_PROGRAM` names the program.
    ///
    /// # Panics
    /// If it cannot be started; with the end of its log.
    pub fn start(setup: &Setup<'_>) -> Self {
        let program = env::var_os("WEED_PROGRAM").expect("WEED_PROGRAM names the SeaweedFS program");
        write_configuration(setup);
        let began = Instant::now();
        (0..STARTS)
            .find_map(|_| Self::attempt(&program, setup, began))
            .unwrap_or_else(|| panic!("SeaweedFS does not start: {}", end_of_log(setup.folder)))
    }

    /// Where S3 is served.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn attempt(program: &OsString, setup: &Setup<'_>, began: Instant) -> Option<Self> {
        let (port, filer) = (setup.port.unwrap_or_else(free_port), free_port());
        let child = command(program, setup, port, filer).spawn().expect("the SeaweedFS program");
        let mut started = Self { child, port };
        // The S3 port is open before the bucket is made; the filer shows when it is.
        let bucket = format!("/buckets/{}/", setup.bucket);
        while began.elapsed() < PATIENCE {
            if http_get(filer, &bucket).is_some_and(|(status, _)| status == 200) && http_get(port, "/").is_some() {
                return Some(started);
            }
            if !matches!(started.child.try_wait(), Ok(None)) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        // Nothing to do about a server that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of a plain GET on this machine.
pub fn http_get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn write_configuration(setup: &Setup<'_>) {
    let identity = |identity: &Identity<'_>| {
        let actions: Vec<String> = identity.actions.iter().map(|action| format!("{action}:{}", setup.bucket)).collect();
        let credentials = json!([{ "accessKey": identity.name, "secretKey": identity.secret }]);
        json!({ "name": identity.name, "credentials": credentials, "actions": actions })
    };
    let identities: Vec<serde_json::Value> = setup.identities.iter().map(identity).collect();
    fs::create_dir_all(setup.folder.join("weed")).expect("a folder for the data");
    fs::write(setup.folder.join("s3.json"), json!({ "identities": identities }).to_string()).expect("a file of identities");
    if let Some(roles) = setup.roles {
        fs::write(setup.folder.join("iam.json"), roles.to_string()).expect("a file of roles");
    }
}

fn command(program: &OsString, setup: &Setup<'_>, port: u16, filer: u16) -> Command {
    let log = || fs::File::options().create(true).append(true).open(setup.folder.join("weed.log")).expect("a log");
    let at = |name: &str| setup.folder.join(name).display().to_string();
    let mut command = Command::new(program);
    // Tests run several side by side.
    if setup.metrics.is_none() {
        command.env("GOMEMLIMIT", "200MiB").env("GOGC", "50");
    }
    command.current_dir(setup.folder).stdin(Stdio::null()).stdout(log()).stderr(log());
    command.args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.args([format!("-dir={}", at("weed")), format!("-s3.config={}", at("s3.json")), format!("-bucket={}", setup.bucket)]);
    command.args([format!("-s3.port={port}"), format!("-filer.port={filer}")]);
    command.args(["master", "volume", "admin"].map(|server| format!("-{server}.port={}", free_port())));
    command.args(setup.roles.map(|_| format!("-s3.iam.config={}", at("iam.json"))));
    command.args(setup.metrics.map(|port| format!("-metricsPort={port}")));
    command
}

fn end_of_log(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("weed.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
