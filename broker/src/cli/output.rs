//! Standard output: text for people, or JSON and nothing else.

use std::io::{self, Write as _};

use serde::Serialize;

use super::error::CliError;

/// Where a command's result goes.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the value as one line of JSON, or the text.
    pub(super) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) {
        let line = if self.json { serde_json::to_string(value).expect("plain results always serialise") } else { text() };
        print(&line);
    }

    pub(super) fn error(&self, error: &CliError) {
        if self.json {
            print(&serde_json::to_string(&error.document()).expect("plain results always serialise"));
            return;
        }
        let mut stderr = io::stderr().lock();
        drop(writeln!(stderr, "error: {}", error.message));
        for detail in &error.mistakes {
            drop(writeln!(stderr, "  {detail}"));
        }
        drop(writeln!(stderr, "help: {}", error.help));
    }
}

/// A reader that has gone away is no error of ours.
fn print(line: &str) {
    let mut stdout = io::stdout().lock();
    drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}
