//! The table, printed and put into docs/benchmarks.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Fallible;
use crate::client::Batch;
use crate::floor::FLOOR;
use crate::rival::{AWS_SDK, FASTAPI};
use crate::wrk::Measure;

const BEGIN: &str = "<!-- bench-broker: begin -->\n";
const END: &str = "<!-- bench-broker: end -->\n";

pub(crate) struct Page {
    command: String,
    load_at_start: String,
    first_answers: Vec<Duration>,
    idle_kib: u64,
    loaded_kib: u64,
    measures: BTreeMap<(Batch, usize, &'static str), Vec<Measure>>,
}

impl Page {
    pub(crate) fn new(seconds: u64, rounds: usize) -> Self {
        let load_at_start = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            command: format!("just bench-broker --seconds {seconds} --rounds {rounds}"),
            load_at_start: load_at_start.split(' ').next().unwrap_or("?").to_owned(),
            first_answers: Vec::new(),
            idle_kib: 0,
            loaded_kib: 0,
            measures: BTreeMap::new(),
        }
    }

    /// Of starts in turn; the first is left out, for it probes the store.
    pub(crate) fn first_answers(&mut self, starts: Vec<Duration>) {
        self.first_answers = starts.into_iter().skip(1).collect();
        self.first_answers.sort_unstable();
    }

    pub(crate) fn idle_kib(&mut self, kib: u64) {
        self.idle_kib = kib;
    }

    pub(crate) fn loaded_kib(&mut self, kib: u64) {
        self.loaded_kib = kib;
    }

    pub(crate) fn add(&mut self, name: &'static str, batch: Batch, connections: usize, measure: Measure) {
        self.measures.entry((batch, connections, name)).or_default().push(measure);
    }

    pub(crate) fn print(&self, docs: Option<&str>) -> Fallible<()> {
        let text = self.text();
        print!("{text}");
        let Some(docs) = docs else { return Ok(()) };
        let path = Path::new(docs).join("benchmarks.md");
        let page = fs::read_to_string(&path)?;
        let (before, rest) = page.split_once(BEGIN).ok_or("the page has no place for the table")?;
        let (_, after) = rest.split_once(END).ok_or("the table's place has no end")?;
        Ok(fs::write(path, format!("{before}{BEGIN}{text}{END}{after}"))?)
    }

    fn text(&self) -> String {
        let median = self.first_answers.get(self.first_answers.len() / 2).copied().unwrap_or_default();
        let mut text = format!(
            "Made by `{}`, load average {} at the start. Idle the broker has {:.1} MiB resident, after the load {:.1} MiB; the first 200 came {:.1} ms after \
             the process was started (median of {}).\n\n",
            self.command,
            self.load_at_start,
            mib(self.idle_kib),
            mib(self.loaded_kib),
            median.as_secs_f64() * 1e3,
            self.first_answers.len(),
        );
        text += "| | server | requests/s | requests/s of processor time | half, 99 % answered within | times theirs |\n|---|---|---|---|---|---|\n";
        for ((batch, connections, name), measures) in &self.measures {
            let [rate, processor_rate, half, p99] = medians(measures);
            let ours = self.measures.get(&(*batch, *connections, "tidegate")).map(|measures| medians(measures)[1]);
            let ratio = match ours {
                Some(ours) if *name == AWS_SDK || *name == FASTAPI => format!("{:.0}", ours / processor_rate),
                Some(ours) if *name == FLOOR => format!("{:.2}", ours / processor_rate),
                Some(_) | None => String::new(),
            };
            let _ = writeln!(
                text,
                "| {}, {connections} at once | {name} | {rate:.0} | **{processor_rate:.0}** | {half:.2} / {p99:.2} ms | {ratio} |",
                batch.name(),
            );
        }
        text
    }
}

/// Of the rounds: requests a second, the same of processor time, the two delays.
fn medians(measures: &[Measure]) -> [f64; 4] {
    let of = |value: fn(&Measure) -> f64| {
        let mut values: Vec<f64> = measures.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    [of(Measure::per_second), of(Measure::per_processor_second), of(|measure| measure.half_ms), of(|measure| measure.p99_ms)]
}

#[expect(clippy::cast_precision_loss, reason = "KiB of one process")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
