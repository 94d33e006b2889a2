//! A server process that says when it is ready, and ends with the test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::broker_binary::broker_binary;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// The line that it printed when it was ready.
    pub(crate) ready: Value,
    /// Kept open, so that later lines do not fail.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// `tidegate-broker` with these arguments and `--json`; waits for its first line.
    pub(crate) fn broker<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut child = broker_command().arg("--json").args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(ready["ready"], true, "{ready}");
        Self { child, ready, _stdout: Some(stdout) }
    }

    /// `tidegate-broker dev`: broker and store in one process.
    pub(crate) fn dev(data: &Path, listen: &str) -> Self {
        Self::broker([OsStr::new("dev"), OsStr::new("--data"), data.as_os_str(), OsStr::new("--listen"), OsStr::new(listen)])
    }

    /// Another server; `is_ready` is asked until it says so.
    pub(crate) fn other(command: &mut Command, is_ready: impl Fn() -> bool) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, ready: Value::Null, _stdout: None };
        let started = Instant::now();
        while !is_ready() {
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// A field of the first line.
    pub(crate) fn field(&self, name: &str) -> String {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready)).to_owned()
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `tidegate-broker` with a bare environment: every `TIDEGATE_*` variable is a setting to it.
pub(crate) fn broker_command() -> Command {
    let mut command = Command::new(broker_binary());
    command.env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// The status that a plain GET gets, if anything answers.
pub(crate) fn status_of(url: &str) -> Option<u16> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { reqwest::get(url).await.ok().map(|answer| answer.status().as_u16()) })
}
