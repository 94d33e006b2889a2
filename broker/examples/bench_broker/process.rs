//! A child process: pinned to a core, ended with its owner, measured by the kernel's own accounts.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::Fallible;

/// The kernel's unit of processor time (`sysconf(_SC_CLK_TCK)`, 100 on every Linux of today).
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Process(Child);

impl Process {
    /// Starts the program on one core.
    pub(crate) fn start(core: &str, command: &Command) -> Fallible<Self> {
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", core]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                pinned.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            pinned.current_dir(folder);
        }
        Ok(Self(pinned.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| format!("taskset: {error}"))?))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Processor time so far, of all threads.
    pub(crate) fn processor_seconds(&self) -> Fallible<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name, in brackets, may hold spaces: fields count from behind it, user time is the 12th of these, system time the 13th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).ok_or("a short /proc/pid/stat")?.parse::<f64>().map_err(|error| error.to_string());
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> Fallible<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; nothing waits for more than that.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
