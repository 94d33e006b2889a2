//! A store in a process of its own, that can be killed and measured: this test program, run once more.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tidegate_embedded_s3::{AccessKey, Config, Store};
use tokio::net::TcpListener;

use crate::server::{ADMIN, BUCKET, S3Client, SECRET};

/// Names the data directory to the process that serves it.
const DATA_DIR: &str = "STORE_PROCESS_DATA_DIR";
const READY: &str = "the store serves ";

/// A running process.
pub(crate) struct StoreProcess {
    child: Child,
    base: String,
    /// The test harness in it says something now and then, and would fail if nobody could hear it.
    _stdout: BufReader<ChildStdout>,
}

impl StoreProcess {
    pub(crate) fn start(data_dir: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "process::serves_where_it_is_told_to", "--nocapture"]).env(DATA_DIR, data_dir);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let base = stdout
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .find_map(|line| line.split_once(READY).map(|(_, base)| base.to_owned()))
            .unwrap();
        Self { child, base, _stdout: stdout }
    }

    pub(crate) fn client(&self) -> S3Client {
        S3Client::new(&self.base, ADMIN, SECRET, "us-east-1")
    }

    /// Ends it as a power cut would: nothing is told to it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Bytes of memory that it has held at most.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

/// Not a test but the process of [`StoreProcess`]; it does nothing where it is not told to.
#[test]
fn serves_where_it_is_told_to() {
    let Some(data_dir) = env::var_os(DATA_DIR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(Config::new(data_dir, vec![AccessKey::administrator(ADMIN, SECRET)])).unwrap();
        tokio::task::block_in_place(|| store.create_bucket(BUCKET)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{READY}http://{}", listener.local_addr().unwrap());
        store.serve(listener, std::future::pending()).await.unwrap();
    });
}
