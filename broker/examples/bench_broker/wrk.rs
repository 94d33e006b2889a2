//! wrk, with requests of which each has a proof of its own.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde::Deserialize;
use tempfile::NamedTempFile;

use crate::client::ROUTE;
use crate::process::Process;
use crate::{Fallible, LOAD_CORE};

/// What is sent, and where.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<String>,
    pub(crate) body: String,
    /// A DPoP proof a line, for one request each.
    pub(crate) proofs: Option<NamedTempFile>,
}

/// What a run saw.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Measure {
    requests: f64,
    seconds: f64,
    failed: f64,
    pub(crate) half_ms: f64,
    pub(crate) p99_ms: f64,
    #[serde(skip)]
    processor_seconds: f64,
}

impl Measure {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests / self.seconds
    }

    /// Requests for each second of the server's processor time: what other work on the machine changes little.
    pub(crate) fn per_processor_second(&self) -> f64 {
        self.requests / self.processor_seconds
    }
}

/// Loads the server for so long. Any answer but 200 is an error: a refusal would be cheaper than an answer.
pub(crate) fn run(server: &Process, load: &Load, connections: usize, seconds: u64) -> Fallible<Measure> {
    let script = NamedTempFile::with_suffix(".lua")?;
    fs::write(script.path(), SCRIPT)?;
    let body = NamedTempFile::new()?;
    fs::write(body.path(), &load.body)?;
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE, "wrk", "--threads", "1", "--timeout", "60s", "--latency"]);
    command
        .args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s"), "--script"])
        .arg(script.path());
    command.arg(format!("http://{}{ROUTE}", load.address)).arg("--").arg(body.path());
    if let (Some(token), Some(proofs)) = (&load.token, &load.proofs) {
        command.arg(token).arg(proofs.path());
    }
    let before = server.processor_seconds()?;
    let output = command.output().map_err(|error| format!("taskset, wrk: {error}"))?;
    let processor_seconds = server.processor_seconds()? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with('{')).ok_or_else(|| format!("wrk: {text}{output:?}"))?;
    let measure: Measure = serde_json::from_str(line)?;
    if measure.failed > 0.0 || measure.requests == 0.0 {
        return Err(format!("{} of {} requests were not answered with 200", measure.failed, measure.requests).into());
    }
    Ok(Measure { processor_seconds, ..measure })
}

const SCRIPT: &str = r#"
local proofs, at = nil, 0
local head, tail

function init(arguments)
  local file = assert(io.open(arguments[1]))
  local body = file:read("*a")
  head = "POST /v1/presign HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n"
  tail = "\r\n" .. body
  if arguments[2] then
    head = head .. "Authorization: DPoP " .. arguments[2] .. "\r\nDPoP: "
    tail = "\r\n" .. tail
    proofs = {}
    for line in io.lines(arguments[3]) do proofs[#proofs + 1] = line end
  end
end

function request()
  if not proofs then return head .. tail end
  at = at + 1
  -- Out of proofs, the last is sent again, refused, and counted as failed.
  return head .. (proofs[at] or proofs[#proofs]) .. tail
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"half_ms":%f,"p99_ms":%f}\n', summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"#;
