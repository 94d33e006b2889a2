//! `tidegate-broker`: the operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_broker::cli::main()
}
