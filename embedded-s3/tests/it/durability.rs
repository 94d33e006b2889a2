//! What is acknowledged stays, and what a crash leaves behind goes.

use std::fs;
use std::path::{Path, PathBuf};

use tidegate_embedded_s3::Clock;

use crate::server::Server;

/// Bytes of a body that is too large for the index.
const FILE: usize = 64 * 1024 + 1;

fn body_files(home: &Path) -> Vec<PathBuf> {
    let directories = fs::read_dir(home.join("bodies")).unwrap();
    directories.flat_map(|directory| fs::read_dir(directory.unwrap().path()).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn objects_survive_a_restart_as_they_were() {
    let server = Server::start().await;
    let client = server.client();
    let large = vec![5; 700_000];
    client.put_if("a", b"1", &[("x-amz-meta-k", "v"), ("content-type", "text/plain")]).await.expect(200);
    client.put("large", &large).await.expect(200);
    client.put("gone", b"1").await.expect(200);
    client.delete("gone").await.expect(204);
    let before = client.get("a").await;
    let home = server.stop().await.unwrap();

    let server = Server::start_in(home.path(), vec![], Clock::system()).await;
    let client = server.client();
    let after = client.get("a").await.expect(200);
    assert_eq!(after.body, b"1");
    for name in ["etag", "last-modified", "x-amz-meta-k", "content-type"] {
        assert_eq!(after.header(name), before.header(name));
    }
    assert!(client.get("large").await.expect(200).body == large);
    client.get("gone").await.expect(404);
    client.put_if("a", b"2", &[("if-none-match", "*")]).await.expect(412);
    client.put_if("a", b"2", &[("if-match", before.header("etag"))]).await.expect(200);
    server.stop().await;
    // The small one lies in the index.
    assert_eq!(body_files(home.path()).len(), 1);
}

#[tokio::test]
async fn a_crash_between_rename_and_commit_leaves_orphans_that_the_next_start_sweeps() {
    let server = Server::start().await;
    server.client().put("a", &[1; FILE]).await.expect(200);
    let home = server.stop().await.unwrap();
    let body = body_files(home.path()).pop().unwrap();
    // The body with the next number: synced and renamed, but its row was never committed. And one still being written.
    fs::write(body.with_file_name(format!("{:016x}", 99)), b"orphan").unwrap();
    fs::write(home.path().join("tmp").join(format!("{:016x}", 100)), b"half").unwrap();

    let server = Server::start_in(home.path(), vec![], Clock::system()).await;
    assert_eq!(body_files(home.path()), [body]);
    assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(server.store.objects("family").unwrap().len(), 1);
    let client = server.client();
    assert_eq!(client.get("a").await.expect(200).body, [1; FILE]);
    client.put("b", &[2; FILE]).await.expect(200);
    client.put("c", b"3").await.expect(200);
    assert_eq!(client.get("b").await.expect(200).body, [2; FILE]);
    assert_eq!(client.get("c").await.expect(200).body, b"3");
    server.stop().await;
}

#[tokio::test]
async fn replaced_refused_and_deleted_bodies_leave_no_files() {
    let server = Server::start().await;
    let client = server.client();
    for turn in 0..5 {
        client.put("a", &[turn; FILE]).await.expect(200);
    }
    // From a file into the index and back.
    client.put("c", &[1; FILE]).await.expect(200);
    client.put("c", b"1").await.expect(200);
    client.put("d", b"1").await.expect(200);
    client.put("d", &[1; FILE]).await.expect(200);
    client.put_if("a", &vec![1; 400_000], &[("if-none-match", "*")]).await.expect(412);
    for body in [b"1".as_slice(), &[1; FILE]] {
        client.put("b", body).await.expect(200);
        client.delete("b").await.expect(204);
    }
    let home = server.stop().await.unwrap();
    assert_eq!(body_files(home.path()).len(), 2);
    let index = rusqlite::Connection::open(home.path().join("index.sqlite")).unwrap();
    let small: i64 = index.query_row("SELECT count(*) FROM small_bodies", [], |row| row.get(0)).unwrap();
    assert_eq!(small, 1);
}

#[tokio::test]
async fn a_body_that_is_gone_or_cut_short_is_an_error_and_not_an_answer() {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", &[1; FILE]).await.expect(200);
    let body = body_files(server.home()).pop().unwrap();
    fs::write(&body, b"01234").unwrap();
    client.get("a").await.expect_error(500, "InternalError");
    fs::remove_file(&body).unwrap();
    client.get("a").await.expect_error(500, "InternalError");
    client.get_if("a", &[("range", "bytes=0-1")]).await.expect_error(500, "InternalError");
    client.put("a", b"again").await.expect(200);
    assert_eq!(client.get("a").await.expect(200).body, b"again");
}

#[tokio::test]
#[ignore = "needs a file system of a few MiB: TIDEGATE_SMALL_DIR=/path cargo test -- --ignored"]
async fn a_full_disk_stores_nothing_and_keeps_what_is_there() {
    let small = PathBuf::from(std::env::var("TIDEGATE_SMALL_DIR").unwrap()).join("store");
    let server = Server::start_in(&small, vec![], Clock::system()).await;
    let client = server.client();
    client.put("kept", b"1").await.expect(200);
    let piece = vec![1; 900_000];
    let mut stored = 0;
    let full = loop {
        let answer = client.put(&format!("fill/{stored}"), &piece).await;
        if answer.status != 200 {
            break answer;
        }
        stored += 1;
    };
    full.expect_error(507, "InsufficientStorage");
    assert_eq!(fs::read_dir(small.join("tmp")).unwrap().count(), 0);
    assert_eq!(server.store.objects("family").unwrap().len(), stored + 1);
    assert_eq!(client.get("kept").await.expect(200).body, b"1");
    client.delete("fill/0").await.expect(204);
    client.put("fill/again", b"1").await.expect(200);
    server.stop().await;
}
