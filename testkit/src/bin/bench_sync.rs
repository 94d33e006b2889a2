//! `bench-sync`: Tidegate beside other tools on one store, and the page that tells of it. `just bench-sync` runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tidegate_testkit::bench_sync::main(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-sync: {message}");
            ExitCode::FAILURE
        }
    }
}
