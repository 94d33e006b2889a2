//! A sync as it goes on, drawn on standard error where that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_sync_client::Progress;

use crate::output::Output;
use crate::style::size;

/// A bar that goes away when it is done.
pub(crate) struct SyncBar(ProgressBar);

impl SyncBar {
    pub(crate) fn new(output: Output, what: &'static str) -> Self {
        let drawn = output.shows_progress() && std::io::stderr().is_terminal();
        let target = if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("  {spinner} {prefix} {wide_bar} {pos}/{len}  {msg}");
        bar.set_style(style.expect("the template is a constant and well-formed"));
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    pub(crate) fn update(&self, progress: Progress) {
        self.0.set_length(progress.started);
        self.0.set_position(progress.done);
        self.0.set_message(format!("{} up, {} down", size(progress.bytes_up), size(progress.bytes_down)));
    }

    /// Does something with the bar out of the way: a line that is written meanwhile would be drawn over.
    pub(crate) fn hidden<T>(&self, write: impl FnOnce() -> T) -> T {
        let written = self.0.suspend(write);
        self.0.reset();
        written
    }
}

impl Drop for SyncBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
