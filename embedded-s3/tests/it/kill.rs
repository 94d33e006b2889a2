//! SIGKILL while clients write: what was acknowledged is there and whole, and what was not is there whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::process::StoreProcess;
use crate::server::S3Client;

const ROUNDS: u64 = 50;
const WRITERS: u64 = 6;
/// Keys of a writer, so that it overwrites and deletes its own.
const KEYS: u64 = 5;

/// What a key may hold: the last acknowledged state, and that of a request whose answer never came.
type Ledger = BTreeMap<String, Vec<Option<Vec<u8>>>>;

/// A reproducible body: in the index, at its limit, or in a file.
fn body(round: u64, writer: u64, turn: u64) -> Vec<u8> {
    let sizes = [1, 1_024, 64 * 1024, 64 * 1024 + 1, 300_000];
    let size = sizes[usize::try_from((round + writer + turn) % 5).unwrap()];
    let seed = format!("{round}/{writer}/{turn};");
    seed.bytes().cycle().take(size).collect()
}

/// Writes until the store is gone; returns what its keys may hold.
async fn write(client: S3Client, round: u64, writer: u64, known: Ledger, stop: Arc<AtomicBool>) -> Ledger {
    let mut ledger = known;
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{writer}/{}", turn % KEYS);
        let wanted = (turn % 7 != 6).then(|| body(round, writer, turn));
        let now = now();
        let (method, length) = match &wanted {
            Some(body) => (reqwest::Method::PUT, body.len()),
            None => (reqwest::Method::DELETE, 0),
        };
        let signed_method = if wanted.is_some() { tidegate_sigv4::Method::Put } else { tidegate_sigv4::Method::Delete };
        let url = client.signer.at(now).presign(signed_method, &key, &[], &[], 300).unwrap();
        let request = client.http.request(method, url).header("content-length", length);
        // Until the answer is here, both may be.
        let before = ledger.entry(key.clone()).or_insert_with(|| vec![None]).clone();
        ledger.get_mut(&key).unwrap().push(wanted.clone());
        match request.body(wanted.clone().unwrap_or_default()).send().await {
            Ok(answer) if answer.status().is_success() => drop(ledger.insert(key, vec![wanted])),
            Ok(answer) => panic!("{} after {} states", answer.status(), before.len()),
            Err(_) => break,
        }
    }
    ledger
}

fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}

/// Holds every key against the ledger, and forgets what it turned out not to hold.
async fn check(client: &S3Client, ledgers: &mut [Ledger], round: u64) {
    for ledger in ledgers {
        for (key, states) in ledger.iter_mut() {
            let answer = client.get(key).await;
            let found = match answer.status.as_u16() {
                200 => Some(answer.body),
                404 => None,
                other => panic!("round {round}: {key} is answered with {other}"),
            };
            let sizes: Vec<_> = states.iter().map(|state| state.as_ref().map(Vec::len)).collect();
            assert!(states.contains(&found), "round {round}: {key} has {:?} of {sizes:?}", found.as_ref().map(Vec::len));
            *states = vec![found];
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_load_lose_and_damage_nothing_that_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::new()).collect();
    for round in 0..ROUNDS {
        let process = StoreProcess::start(home.path());
        check(&process.client(), &mut ledgers, round).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers = ledgers
            .drain(..)
            .zip(0..)
            .map(|(ledger, writer)| tokio::spawn(write(process.client(), round, writer, ledger, Arc::clone(&stop))));
        let writers: Vec<_> = writers.collect();
        tokio::time::sleep(Duration::from_millis(40 + round * 37 % 120)).await;
        process.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            ledgers.push(writer.await.unwrap());
        }
    }
    let written: usize = ledgers.iter().map(BTreeMap::len).sum();
    assert_eq!(u64::try_from(written).unwrap(), WRITERS * KEYS);
    let process = StoreProcess::start(home.path());
    check(&process.client(), &mut ledgers, ROUNDS).await;
    process.kill();
}
