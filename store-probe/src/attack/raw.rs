//! A GET whose path is sent byte by byte, as HTTP clients would not.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::answer::{Answer, Lost, Reply};

const LONGEST: Duration = Duration::from_secs(15);
const MOST_BYTES: u64 = 64 * 1024;

/// `None` for an address that is not plain HTTP.
pub(crate) async fn get(url: &str) -> Option<Reply> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    let exchange = async {
        let address =
            if host.rsplit(']').next().is_some_and(|end| end.contains(':')) { host.to_owned() } else { format!("{host}:80") };
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let lost = |reason: String| Lost { host: host.to_owned(), reason };
    Some(match tokio::time::timeout(LONGEST, exchange).await {
        Ok(Ok(answer)) => read(&answer).ok_or_else(|| lost("no HTTP".to_owned())),
        Ok(Err(error)) => Err(lost(error.to_string())),
        Err(_) => Err(lost("no answer in time".to_owned())),
    })
}

/// Status and everything behind the status line: enough to see whether a secret is in it.
fn read(answer: &[u8]) -> Option<Answer> {
    let line_end = answer.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&answer[..line_end]).ok()?;
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(&answer[line_end..]) })
}
