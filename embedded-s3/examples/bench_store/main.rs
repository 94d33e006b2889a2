//! Times PUT and GET of this store beside SeaweedFS and MinIO, every one with each write on the disk before its answer.
//!
//! `bench_store [--seconds N] [--rounds N] [--only NAME] [--docs FOLDER]`; `WEED_PROGRAM` and `MINIO_PROGRAM` name the other two, and who is not named
//! is left out. With `--docs` the table goes into `benchmarks.md` there.

mod load;
mod server;
mod table;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use load::{Load, Measure};
use server::{Kind, Server};

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Sizes of objects in bytes, with their names.
const SIZES: [(usize, &str); 2] = [(1 << 10, "1 KiB"), (1 << 20, "1 MiB")];
/// Clients at once, each with a connection of its own.
const CLIENTS: [usize; 2] = [1, 16];

/// What the command line asks for.
struct Options {
    seconds: u64,
    rounds: usize,
    only: Option<String>,
    docs: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Fallible<Self> {
        let mut options = Self { seconds: 3, rounds: 3, only: None, docs: None };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} takes a value", pair[0]).into()) };
            match name.as_str() {
                "--seconds" => options.seconds = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                "--only" => options.only = Some(value.clone()),
                "--docs" => options.docs = Some(value.clone()),
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) if command == server::SERVE => server::serve_embedded(rest),
        _ => Options::parse(&arguments).and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Fallible<()> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_available());
    let kinds: Vec<Kind> = kinds.filter(|kind| options.only.as_ref().is_none_or(|only| only == kind.name())).collect();
    let load_at_start = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut measured = Vec::new();
    // In turns, each time from an empty folder: what else the machine does meets all of them.
    for round in 0..options.rounds {
        for kind in &kinds {
            let server = Server::start(*kind)?;
            runtime.block_on(server.create_bucket())?;
            for (size, size_name) in SIZES {
                for clients in CLIENTS {
                    for method in [tidegate_sigv4::Method::Put, tidegate_sigv4::Method::Get] {
                        let load = Load { method, size, clients, duration: Duration::from_secs(options.seconds) };
                        let before = server.processor_seconds();
                        let measure = runtime.block_on(load.run(&server))?;
                        let measure = Measure { processor_seconds: server.processor_seconds() - before, ..measure };
                        eprintln!("{round} {:>9} {method:?} {size_name} x{clients:<2} {}", kind.name(), table::cell(&measure));
                        measured.push((*kind, load, measure));
                    }
                }
            }
        }
    }
    let text = table::markdown(&kinds, &measured, options, load_at_start.split(' ').next().unwrap_or_default());
    println!("{text}");
    match &options.docs {
        Some(folder) => table::insert(folder, &text),
        None => Ok(()),
    }
}
