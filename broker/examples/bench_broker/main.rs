//! Times `POST /v1/presign` of the real broker, on one core, beside handlers that do less: FastAPI with boto3, and axum with
//! aws-sdk-s3's own presigner.
//!
//! `bench_broker [--seconds N] [--rounds N] [--rivals yes|no] [--docs FOLDER]` needs `wrk` and `taskset` in PATH, `tidegate-broker` built beside it, and, for the
//! first of the rivals, `RIVAL_PYTHON` (a Python with fastapi, uvicorn and boto3). `bench_broker soak [--seconds N] [--rate N]` sends a steady load instead, and
//! fails on any answer but 200 and on memory that grows.

mod client;
mod connection;
mod floor;
mod page;
mod process;
mod rival;
mod server;
mod soak;
mod wrk;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use client::{Batch, Client};
use floor::{FLOOR, Floor};
use page::Page;
use rival::Rival;
use server::Server;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Cores of the server and of what loads it.
pub(crate) const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
/// Starts that the time to the first answer is the median of.
const STARTS: usize = 11;
/// Connections at once: few, for the delay of a request; many, for the rate.
const CONNECTIONS: [usize; 2] = [1, 32];

struct Options {
    seconds: u64,
    rounds: usize,
    has_rivals: bool,
    docs: Option<String>,
    rate: u64,
}

impl Options {
    fn parse(arguments: &[String]) -> Fallible<Self> {
        let mut options = Self { seconds: 5, rounds: 3, has_rivals: true, docs: None, rate: 1000 };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} takes a value", pair[0]).into()) };
            match name.as_str() {
                "--seconds" => options.seconds = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                "--rivals" => options.has_rivals = value == "yes",
                "--docs" => options.docs = Some(value.clone()),
                "--rate" => options.rate = value.parse()?,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, [])) if command == rival::SERVE => rival::serve_aws_sdk(),
        Some((command, [])) if command == floor::SERVE => floor::serve_floor(),
        Some((command, rest)) if command == "soak" => {
            Options::parse(rest).and_then(|options| soak::run(options.seconds, options.rate))
        }
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
    let mut page = Page::new(options.seconds, options.rounds);
    let server = Server::prepare()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(server.start()?.first_answer);
    }
    page.first_answers(starts);
    let broker = server.start()?;
    page.idle_kib(broker.process.resident_kib()?);
    let client = Client::new(&server)?;
    let floor = Floor::start()?;
    let rivals = if options.has_rivals { Rival::start_all()? } else { Vec::new() };
    // In turns: what else the machine does meets all of them.
    for _ in 0..options.rounds {
        let load = floor.load(client.load(Batch::OneGet, options.seconds)?);
        page.add(FLOOR, Batch::OneGet, CONNECTIONS[1], wrk::run(&floor.process, &load, CONNECTIONS[1], options.seconds)?);
        for batch in Batch::ALL {
            for connections in CONNECTIONS {
                let measure = wrk::run(&broker.process, &client.load(batch, options.seconds)?, connections, options.seconds)?;
                page.add("tidegate", batch, connections, measure);
            }
            for rival in &rivals {
                let measure = wrk::run(&rival.process, &rival.load(batch)?, CONNECTIONS[1], options.seconds)?;
                page.add(rival.name, batch, CONNECTIONS[1], measure);
            }
        }
    }
    page.loaded_kib(broker.process.resident_kib()?);
    page.print(options.docs.as_deref())
}
