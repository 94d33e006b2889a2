//! `tidegate` in a home of its own, with an environment of nothing but what the test says.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No command of a test takes longer, not even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One device.
#[derive(Clone)]
pub(crate) struct Cli {
    pub(crate) home: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), environment: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The same in another home.
    #[cfg(unix)]
    pub(crate) fn in_home(&self, home: &Path) -> Self {
        Self { home: home.to_owned(), environment: self.environment.clone() }
    }

    /// The command, ready to start.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.env_clear().env("HOME", &self.home).env("TIDEGATE_HOME", &self.home);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|path| ("LLVM_PROFILE_FILE", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments).spawn().unwrap(), arguments)
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A command that fails early does not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        finish(child, arguments)
    }

    /// Runs with `--json`, expects it to work, and gives the document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{arguments:?} failed: {ran:?}");
        ran.document()
    }

    /// Runs with `--json`, expects it to fail with this exit code and error code, and gives the error.
    pub(crate) fn fails(&self, arguments: &[&str], exit: i32, code: &str) -> Value {
        self.run(&[arguments, &["--json"]].concat()).expect_failure(exit, code)
    }

    /// The bytes that `get` prints.
    pub(crate) fn get(&self, id: &str) -> Vec<u8> {
        let ran = self.run(&["get", id]);
        assert_eq!(ran.code, Some(0), "get {id} failed: {ran:?}");
        ran.stdout
    }
}

impl Ran {
    /// Standard output, which must be exactly one JSON document.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!("not one JSON document ({error}): {self:?}, {}", String::from_utf8_lossy(&self.stdout))
        })
    }

    /// Checks exit code and error code, and that message and help say something.
    pub(crate) fn expect_failure(&self, exit: i32, code: &str) -> Value {
        let document = self.document();
        let error = &document["error"];
        assert_eq!((self.code, error["code"].as_str()), (Some(exit), Some(code)), "{document:#}\n{}", self.stderr);
        let (message, help) = (error["message"].as_str().unwrap(), error["help"].as_str().unwrap());
        assert!(message.len() > 10 && help.len() > 5, "{document:#}");
        assert!(!message.contains('\n') && (!message.ends_with('.') || message.ends_with("...")), "one sentence: {message:?}");
        error.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

/// Waits for a process, with its output read meanwhile; a process that hangs fails the test.
pub(crate) fn finish(child: Child, arguments: &[&str]) -> Ran {
    let id = child.id();
    let started = Instant::now();
    let waiter = std::thread::spawn(move || child.wait_with_output());
    while !waiter.is_finished() {
        assert!(started.elapsed() < TIMEOUT, "process {id} ({arguments:?}) hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    let Output { status, stdout, stderr } = waiter.join().unwrap().unwrap();
    Ran { code: status.code(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
}
