//! What takes long as it goes on, drawn on standard error where that is a terminal.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_sync_client::Progress;
use tidegate_sync_client::tandem::IngestProgress;

use crate::output::Output;
use crate::style::size;

const STEPS: &str = "  {spinner} {prefix} {wide_bar} {pos}/{len}  {msg}";
const BYTES: &str = "  {spinner} {prefix} {wide_bar} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta}";

/// A bar that goes away when it is done.
pub(crate) struct SyncBar {
    bar: ProgressBar,
    in_bytes: AtomicBool,
}

impl SyncBar {
    pub(crate) fn new(output: Output, what: &'static str) -> Self {
        Self { bar: bar(output, what, STEPS), in_bytes: AtomicBool::new(false) }
    }

    /// Steps, or bytes once there are attachments to send: one of them may take longer than everything else.
    pub(crate) fn update(&self, progress: Progress) {
        if progress.bytes_to_send == 0 {
            self.bar.set_length(progress.started);
            self.bar.set_position(progress.done);
            self.bar.set_message(format!("{} up, {} down", size(progress.bytes_up), size(progress.bytes_down)));
            return;
        }
        if !self.in_bytes.swap(true, Ordering::Relaxed) {
            self.bar.set_style(style(BYTES));
        }
        self.bar.set_length(progress.bytes_to_send.max(progress.bytes_up));
        self.bar.set_position(progress.bytes_up);
    }

    /// Does something with the bar out of the way: a line that is written meanwhile would be drawn over.
    pub(crate) fn hidden<T>(&self, write: impl FnOnce() -> T) -> T {
        let written = self.bar.suspend(write);
        self.bar.reset();
        written
    }
}

impl Drop for SyncBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The same for the windows of a pump's log.
pub(crate) struct LogBar(ProgressBar);

impl LogBar {
    pub(crate) fn new(output: Output) -> Self {
        Self(bar(output, "reading", STEPS))
    }

    pub(crate) fn update(&self, progress: IngestProgress) {
        let IngestProgress { pump, pumps, window, windows, from, to, samples } = progress;
        self.0.set_length(windows as u64);
        self.0.set_position(window as u64 - 1);
        self.0.set_message(format!("pump {pump} of {pumps}, {from} to {to}, {samples} new samples"));
    }

    /// Does something with the bar out of the way.
    pub(crate) fn hidden<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for LogBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The same for the bytes of one file.
pub(crate) struct ByteBar(ProgressBar);

impl ByteBar {
    pub(crate) fn new(output: Output, what: &'static str) -> Self {
        Self(bar(output, what, BYTES))
    }

    /// So many bytes of so many are done.
    pub(crate) fn update(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for ByteBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn bar(output: Output, what: &'static str, template: &str) -> ProgressBar {
    let drawn = output.shows_progress() && std::io::stderr().is_terminal();
    let target = if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    bar.set_style(style(template));
    bar.set_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants and well-formed")
}
