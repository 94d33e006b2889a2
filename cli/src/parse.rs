//! From the process's arguments to what they mean; a mistake in them is told as JSON too where `--json` is among them.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, Global};
use crate::failure::Failure;
use crate::output::Output;

/// The arguments, or the exit code once help, version or the mistake has been printed.
pub(crate) fn arguments() -> Result<Arguments, ExitCode> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let mut command = Arguments::command();
    if has_flag(&given, "--no-color") {
        command = command.color(ColorChoice::Never);
    }
    let parsed = command.try_get_matches_from(&given).and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| tell(&error, has_flag(&given, "--json")))
}

fn tell(error: &clap::Error, json: bool) -> ExitCode {
    let is_mistake = error.use_stderr();
    if is_mistake && json {
        let global = Global { home: None, json, quiet: false, verbose: 0, no_color: true, no_progress: true };
        return ExitCode::from(Output::new(&global).fail(&mistake(error)));
    }
    // Nobody is left to tell if the stream is closed.
    let _ = error.print();
    ExitCode::from(if is_mistake { 2 } else { 0 })
}

/// Clap's first paragraph is what is wrong; the rest is advice.
fn mistake(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let what = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error:");
    let message = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "no command was given".to_owned()
    } else {
        what.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    Failure::usage("wrong-usage", message, "see `tidegate --help`, or `tidegate COMMAND --help`")
}

/// Whether a flag stands before a `--`.
fn has_flag(given: &[OsString], flag: &str) -> bool {
    given.iter().take_while(|argument| *argument != "--").any(|argument| argument == flag)
}
