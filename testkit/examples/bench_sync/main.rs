//! `bench-sync`, the macro-benchmark of sync: real programs as child processes, one store, the same files for all.
//!
//! Each figure is of one command of a tool: wall time, requests as the store itself counts them, and peak memory of the
//! process. Rounds take turns among the tools, so that a busy moment of the machine hits all of them; the tables show medians.

mod arguments;
mod bounds;
mod device;
mod files;
mod machine;
mod measure;
mod outcome;
mod page;
mod plot;
mod scenario;
mod store;
mod table;
mod tool;

use std::ffi::OsString;
use std::process::ExitCode;

/// What a failed step says.
type Fallible<T> = Result<T, String>;

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-sync: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the program with these arguments. The error is what is wrong with the arguments, or which step of which tool failed.
fn run(arguments: Vec<OsString>) -> Result<(), String> {
    if arguments.first().is_some_and(|first| first == measure::COMMAND) {
        return measure::run_measured(&arguments[1..]);
    }
    if arguments.first().is_some_and(|first| first == device::COMMAND) {
        return device::run(&arguments[1..]);
    }
    let arguments = arguments::parse(arguments)?;
    let outcome = scenario::run(&arguments)?;
    println!("{}", table::markdown(&outcome));
    if arguments.assert_bounds {
        bounds::check(&outcome)?;
    }
    if let Some(folder) = &arguments.docs {
        page::write(folder, &outcome)?;
    }
    Ok(())
}
