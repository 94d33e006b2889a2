//! Many writers of one key at once: exactly one wins, and no update is lost.

use tokio::task::JoinSet;

use crate::server::{S3Client, Server};

const WRITERS: usize = 64;
const ROUNDS: usize = 200;

/// Every writer puts `bodies(writer)` at once; returns the statuses.
async fn race(
    client: &S3Client,
    key: &str,
    condition: (&'static str, &str),
    bodies: impl Fn(usize) -> Vec<u8>,
) -> Vec<(usize, u16)> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (client, key, body) = (client.clone(), key.to_owned(), bodies(writer));
        let (name, value) = (condition.0, condition.1.to_owned());
        writers.spawn(async move { (writer, client.put_if(&key, &body, &[(name, &value)]).await.status.as_u16()) });
    }
    writers.join_all().await
}

fn winner(statuses: &[(usize, u16)]) -> usize {
    let winners: Vec<usize> = statuses.iter().filter(|(_, status)| *status == 200).map(|(writer, _)| *writer).collect();
    let refused = statuses.iter().filter(|(_, status)| *status == 412).count();
    assert_eq!((winners.len(), refused), (1, WRITERS - 1), "{statuses:?}");
    winners[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_64_creators_wins_in_each_of_200_rounds() {
    let server = Server::start().await;
    let client = server.client();
    for round in 0..ROUNDS {
        let key = format!("create/{round}");
        // Every tenth body is large enough to be decided by the commit alone.
        let copies = if round % 10 == 0 { 100_000 } else { 1 };
        let body = |writer: usize| format!("{writer:03}").repeat(copies).into_bytes();
        let writer = winner(&race(&client, &key, ("if-none-match", "*"), body).await);
        assert!(client.get(&key).await.expect(200).body == body(writer), "round {round}: another body than the winner's");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_64_swappers_wins_in_each_of_200_rounds_and_the_count_is_right() {
    let server = Server::start().await;
    let client = server.client();
    let mut etag = client.put("counter", b"0:start").await.header("etag").to_owned();
    for round in 1..=ROUNDS {
        let body = |writer: usize| format!("{round}:{writer}").into_bytes();
        let writer = winner(&race(&client, "counter", ("if-match", &etag), body).await);
        let stored = client.get("counter").await.expect(200);
        assert_eq!(stored.body, body(writer));
        etag = stored.header("etag").to_owned();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_increment_of_64_free_running_writers_is_lost() {
    const EACH: usize = 4;
    let server = Server::start().await;
    let client = server.client();
    client.put("sum", b"0").await.expect(200);
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let client = client.clone();
        writers.spawn(async move {
            let mut done = 0;
            while done < EACH {
                let read = client.get("sum").await.expect(200);
                let next = read.text().parse::<u64>().unwrap() + 1;
                let written = client.put_if("sum", next.to_string().as_bytes(), &[("if-match", read.header("etag"))]).await;
                match written.status.as_u16() {
                    200 => done += 1,
                    412 => {}
                    other => panic!("status {other}"),
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(client.get("sum").await.text(), (WRITERS * EACH).to_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_during_overwrites_is_one_whole_version() {
    let server = Server::start().await;
    let client = server.client();
    let versions: Vec<Vec<u8>> = (0..4_u8).map(|letter| vec![b'a' + letter; 300_000]).collect();
    client.put("torn", &versions[0]).await.expect(200);
    let mut tasks = JoinSet::new();
    for writer in 0..2 {
        let (client, versions) = (client.clone(), versions.clone());
        tasks.spawn(async move {
            for turn in 0..60 {
                client.put("torn", &versions[(writer + turn) % 4]).await.expect(200);
            }
        });
    }
    for _ in 0..4 {
        let (client, versions) = (client.clone(), versions.clone());
        tasks.spawn(async move {
            for _ in 0..100 {
                assert!(versions.contains(&client.get("torn").await.expect(200).body), "a torn body");
            }
        });
    }
    tasks.join_all().await;
    server.stop().await;
}
