//! One command measured: wall time, processor time and peak memory of the process.
//!
//! A small process of this program starts the command and waits for it with `wait4`. Started from the benchmark itself, the
//! command would be charged with the benchmark's own memory: until it has loaded its program it shares or copies that.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wait4::Wait4 as _;

use super::Fallible;

/// The first argument of the measuring process.
pub(crate) const COMMAND: &str = "measure";

/// What a command took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// From start to end, in seconds.
    pub(crate) wall: f64,
    /// User and system time of all its threads, in seconds.
    pub(crate) cpu: f64,
    /// Most memory resident at a time, in KiB.
    pub(crate) peak_kib: u64,
}

#[derive(Serialize, Deserialize)]
struct Report {
    taken: Taken,
    code: Option<i32>,
}

/// Runs a command and measures it. It has the environment that `command` names and no other.
///
/// # Errors
/// With the command's last words if it fails.
pub(crate) fn measured(command: &Command) -> Fallible<Taken> {
    let report = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut outer = Command::new(this);
    outer.arg(COMMAND).arg(report.path()).arg(command.get_program()).args(command.get_args());
    outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    let output = outer.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let read = fs::read(report.path()).ok().and_then(|bytes| serde_json::from_slice::<Report>(&bytes).ok());
    match read {
        Some(Report { taken, code: Some(0) }) => Ok(taken),
        Some(_) | None => Err(failure(command, &output.stdout, &output.stderr)),
    }
}

/// The measuring process: `measure REPORT PROGRAM ARGUMENT...`.
///
/// # Errors
/// If the program does not start.
pub(crate) fn run_measured(words: &[OsString]) -> Result<(), String> {
    let [report, program, arguments @ ..] = words else { return Err("measure needs a report and a program".to_owned()) };
    let began = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", Path::new(program).display()))?;
    let ended = child.wait4().map_err(|error| error.to_string())?;
    let wall = began.elapsed().as_secs_f64();
    let cpu = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
    let taken = Taken { wall, cpu, peak_kib: ended.rusage.maxrss / 1024 };
    let json = serde_json::to_vec(&Report { taken, code: ended.status.code() }).map_err(|error| error.to_string())?;
    fs::write(report, json).map_err(|error| error.to_string())
}

/// Runs a command that is not measured, and gives what it prints.
///
/// # Errors
/// With the command's last words if it fails.
pub(crate) fn run(command: &mut Command) -> Fallible<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() { Ok(output.stdout) } else { Err(failure(command, &output.stdout, &output.stderr)) }
}

fn failure(command: &Command, stdout: &[u8], stderr: &[u8]) -> String {
    let words: Vec<_> = command.get_args().take(6).map(|word| word.to_string_lossy()).collect();
    let text = [stdout, stderr].map(String::from_utf8_lossy).concat();
    let tail: Vec<&str> = text.lines().rev().take(12).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    format!("{} {} ... failed:\n{}", command.get_program().to_string_lossy(), words.join(" "), tail.join("\n"))
}
