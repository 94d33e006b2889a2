//! Where words go: results to standard output, remarks, warnings and errors to standard error, and with `--json` one document.

use std::io::{self, Write};

use serde::Serialize;

use crate::arguments::Global;
use crate::failure::{Class, Failure, Named};
use crate::style::Style;

/// How this run speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    progress: bool,
    stdout: Style,
    stderr: Style,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            progress: !(global.no_progress || global.quiet),
            stdout: Style::of(&io::stdout(), global.no_color),
            stderr: Style::of(&io::stderr(), global.no_color),
        }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress bars may be drawn (they still need a terminal).
    pub(crate) const fn shows_progress(&self) -> bool {
        self.progress
    }

    /// The result of a command: the document for `--json`, else what `human` writes.
    pub(crate) fn result<T: Serialize>(&self, document: &T, human: impl FnOnce(Style) -> String) -> Result<(), Failure> {
        if !self.json {
            return self.bytes(human(self.stdout).as_bytes());
        }
        let mut text =
            serde_json::to_vec(document).map_err(|error| Failure::bug(format!("a result has no JSON form: {error}")))?;
        text.push(b'\n');
        self.bytes(&text)
    }

    /// A line of narration on standard output; left out with `--json` or `-q`.
    #[cfg(feature = "demo")]
    pub(crate) fn say(&self, line: impl FnOnce(Style) -> String) -> Result<(), Failure> {
        if self.json || self.quiet {
            return Ok(());
        }
        self.bytes(format!("{}\n", line(self.stdout)).as_bytes())
    }

    /// Exactly these bytes on standard output.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Failure::from_output(&error))
    }

    /// A remark on standard error; left out with `-q`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.tell(&self.stderr.dim(text));
        }
    }

    /// Asks a person to do something elsewhere, on standard error, always: nothing goes on before. With `--json` as one line of it.
    pub(crate) fn ask<T: Serialize>(&self, document: &T, text: &str) {
        match serde_json::to_string(document) {
            Ok(line) if self.json => self.tell(&line),
            Ok(_) | Err(_) => self.tell(text),
        }
    }

    /// A warning on standard error, always.
    pub(crate) fn warn(&self, text: &str) {
        self.tell(&format!("{} {text}", self.stderr.warning("warning:")));
    }

    /// Says why the command failed and gives the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> u8 {
        match failure {
            Failure::OutputClosed => 0,
            Failure::Told(class) => class.exit_code(),
            Failure::Named(named) => {
                self.fail_named(named);
                named.class.exit_code()
            }
        }
    }

    fn fail_named(&self, named: &Named) {
        if self.json {
            // Standard output may be what failed; there is nowhere else for the document to go.
            let _ = self.result(&serde_json::json!({ "error": named }), |_| String::new());
            return;
        }
        self.tell(&format!("{} {}", self.stderr.bad("error:"), named.message));
        if !named.help.is_empty() {
            self.tell(&format!("  {} {}", self.stderr.dim("help:"), named.help));
        }
        let place = if named.class == Class::Usage { "" } else { "  code: " };
        if !place.is_empty() {
            self.tell(&self.stderr.dim(format!("{place}{}", named.code)));
        }
    }

    fn tell(&self, line: &str) {
        // A closed standard error must not end the command.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}
