//! A body takes bounded memory, however large it is, on its way in, when it is copied and on its way out.

#![cfg(target_os = "linux")]

use tidegate_sigv4::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::StoreProcess;
use crate::server::S3Client;

/// Bytes that the process may hold beyond what it holds idle.
const BOUND: u64 = 48 << 20;

/// Sends a request head and a body of `length` bytes, and reads the answer; how many bytes came back.
async fn exchange(client: &S3Client, method: Method, length: u64) -> u64 {
    let url = client.presign(method, "large", &[]);
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head =
        format!("{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n", method.as_str());
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![0x5a; 1 << 20];
    let mut left = length;
    while left > 0 {
        let count = left.min(piece.len() as u64);
        stream.write_all(&piece[..usize::try_from(count).unwrap()]).await.unwrap();
        left -= count;
    }
    let (mut buffer, mut received) = (vec![0; 1 << 20], 0);
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        if received == 0 {
            assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..count]));
        }
        received += count as u64;
        if count == 0 {
            return received;
        }
    }
}

async fn takes_bounded_memory(size: u64, copied: bool) {
    let home = tempfile::tempdir().unwrap();
    let process = StoreProcess::start(home.path());
    let client = process.client();
    client.put("small", b"1").await.expect(200);
    let idle = process.peak_memory();
    exchange(&client, Method::Put, size).await;
    if copied {
        client.put_if("copy", b"", &[("x-amz-copy-source", "/family/large")]).await.expect(200);
    }
    assert!(exchange(&client, Method::Get, 0).await > size);
    let most = process.peak_memory();
    process.kill();
    assert!(most < idle + BOUND, "{} MiB beyond the {} MiB of an idle store", (most - idle) >> 20, idle >> 20);
}

#[tokio::test]
async fn a_body_of_256_mib_takes_bounded_memory() {
    takes_bounded_memory(256 << 20, true).await;
}

#[tokio::test]
#[ignore = "writes 5 GiB: cargo test -p tidegate-embedded-s3 -- --ignored a_body_of_5_gib"]
async fn a_body_of_5_gib_takes_bounded_memory() {
    takes_bounded_memory(5 << 30, false).await;
}
