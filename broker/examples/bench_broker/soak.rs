//! A steady load for a long time: no failure, and memory that does not grow.

use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::client::{Batch, Client};
use crate::connection::Connection;
use crate::server::Server;

/// Connections that share the rate.
const CONNECTIONS: u64 = 8;
/// Requests of a connection between two nonces, which live for five minutes.
const REQUESTS_A_NONCE: u64 = 1000;
/// What memory may grow by once both generations of remembered proofs are full: they hold 330 seconds each.
const MOST_GROWTH: f64 = 1.10;
const WARM_SECONDS: u64 = 2 * 330;

/// Sends `rate` requests a second, one URL each, for so long.
pub(crate) fn run(seconds: u64, rate: u64) -> Fallible<()> {
    let server = Server::prepare()?;
    let broker = server.start()?;
    let client = Client::new(&server)?;
    let begun = Instant::now();
    let mut memory = Vec::new();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let client = &client;
                scope.spawn(move || send(client, begun, seconds, rate))
            })
            .collect();
        while begun.elapsed() < Duration::from_secs(seconds) {
            thread::sleep(Duration::from_secs(1));
            memory.push(broker.process.resident_kib()?);
        }
        let mut sent = 0;
        for sender in senders {
            sent += sender.join().map_err(|_| "a sender panicked")??;
        }
        let spent = broker.process.processor_seconds()?;
        let peak = memory.iter().max().copied().unwrap_or_default();
        println!(
            "{sent} requests in {seconds} s, each answered with 200; {spent:.1} s of processor time; at most {peak} KiB resident"
        );
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    refuse_growth(&memory, seconds, rate)
}

/// What one connection sends; how many requests that were.
fn send(client: &Client, begun: Instant, seconds: u64, rate: u64) -> Fallible<u64> {
    let body = Batch::OneGet.body(client.user());
    let mut connection = Connection::open(client.address())?;
    let mut nonce = String::new();
    let pause = Duration::from_secs(1) * u32::try_from(CONNECTIONS)? / u32::try_from(rate)?;
    let mut sent = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        if sent % REQUESTS_A_NONCE == 0 {
            nonce = connection.nonce()?;
        }
        let answer = connection.exchange(client.request(&body, &nonce)?.as_bytes())?;
        if answer.status != 200 || !answer.body.contains("X-Amz-Signature=") {
            return Err(format!("after {sent} requests: {} {}", answer.status, answer.body).into());
        }
        sent += 1;
        // By the clock, not by the pause alone: a slow answer is made up for.
        let due = begun + pause * u32::try_from(sent)?;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(sent)
}

/// A seconds' proofs are remembered for 330 to 660 seconds; from then on there are as many as before, and memory stays.
fn refuse_growth(memory: &[u64], seconds: u64, rate: u64) -> Fallible<()> {
    let at = |second: u64| memory.get(usize::try_from(second).unwrap_or(usize::MAX)).copied();
    let (Some(warm), Some(last)) = (at(WARM_SECONDS), memory.last().copied()) else {
        println!("{seconds} s are too few to tell whether memory grows: {} s of {rate} proofs each are remembered", WARM_SECONDS);
        return Ok(());
    };
    #[expect(clippy::cast_precision_loss, reason = "KiB of one process")]
    let growth = last as f64 / warm as f64;
    println!("resident after {WARM_SECONDS} s: {warm} KiB, at the end: {last} KiB, {growth:.3} of it");
    if growth > MOST_GROWTH { Err("memory grows".into()) } else { Ok(()) }
}
