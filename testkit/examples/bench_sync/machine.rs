//! The machine that it ran on, as the page names it.

use std::fs;

/// What matters of a machine for these figures.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// The load average over five minutes when the run began: what other work there was.
    pub(crate) load: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib: u64 =
            field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unnamed processor".to_owned()),
            memory_gib: memory_kib >> 20,
            load: read("/proc/loadavg").split(' ').nth(1).unwrap_or("unknown").to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().split('-').next().unwrap_or_default().to_owned(),
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let Self { cores, processor, memory_gib, kernel, load } = self;
        format!(
            "{cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}, load average {load} at the start, tools and store on the one \
             machine, over loopback"
        )
    }
}
