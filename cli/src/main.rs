//! `tidegate`: your family's health data in plain object storage, synced and readable by you alone.

mod access;
mod arguments;
mod beside;
mod client_failure;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod document;
mod failure;
mod home;
mod input;
mod item;
mod limit;
mod logging;
mod login;
mod moment;
mod output;
mod parse;
mod progress;
mod recovery;
mod save;
mod style;
mod table;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::OnceLock;

use arguments::Arguments;
use failure::Failure;
use output::Output;

/// Where the code stopped, for the report of a bug.
static PANICKED_AT: OnceLock<String> = OnceLock::new();

fn main() -> ExitCode {
    let arguments = match parse::arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let output = Output::new(&arguments.global);
    logging::start(arguments.global.verbose);
    match run(arguments, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(output.fail(&failure)),
    }
}

/// Runs the command; a panic in it is told as what it is, a bug, with the exit code that scripts know.
fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::bug(format!("the runtime could not be started: {error}")))?;
    panic::set_hook(Box::new(|panic| {
        // The first panic is the cause; later ones are its consequences.
        let _ = PANICKED_AT.set(panic.location().map_or_else(String::new, |place| format!(", at {place}")));
    }));
    let ran = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(commands::run(arguments, output))));
    ran.unwrap_or_else(|panic| {
        let place = PANICKED_AT.get().map_or("", String::as_str);
        Err(Failure::bug(format!("Tidegate stopped unexpectedly: {}{place}", panic_text(&*panic))))
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given")
}
