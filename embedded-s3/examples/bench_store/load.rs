//! Clients that send one request after the other, each on its own connection, and time the answers.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tidegate_sigv4::Method;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Fallible;
use crate::server::Server;

/// One kind of request, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) method: Method,
    /// Bytes of an object.
    pub(crate) size: usize,
    pub(crate) clients: usize,
    pub(crate) duration: Duration,
}

/// What a load saw.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    /// Each request's, sorted.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) elapsed: Duration,
    /// Of the server.
    pub(crate) processor_seconds: f64,
}

impl Measure {
    pub(crate) fn per_second(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    /// Milliseconds that `share` of the requests did not take longer than.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count")]
        let index = (self.count() * share) as usize;
        self.latencies.get(index.min(self.latencies.len().saturating_sub(1))).map_or(0.0, Duration::as_secs_f64) * 1e3
    }

    /// Milliseconds of the server's processor for each request.
    pub(crate) fn processor_ms(&self) -> f64 {
        self.processor_seconds * 1e3 / self.count()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn count(&self) -> f64 {
        self.latencies.len() as f64
    }
}

impl Load {
    /// Runs it; GETs read what PUTs of the same size and number of clients wrote before.
    pub(crate) async fn run(self, server: &Server) -> Fallible<Measure> {
        let body: Vec<u8> = (0..self.size).map(|at| u8::try_from(at * 31 % 251).unwrap_or_default()).collect();
        let checksum = STANDARD.encode(Sha256::digest(&body));
        let started = Instant::now();
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            let mut connection = Connection::open(server).await?;
            let (server, body, checksum) = (server.signer(), body.clone(), checksum.clone());
            clients.spawn(async move {
                let mut latencies = Vec::new();
                let stored = server.stored(&self, client);
                while started.elapsed() < self.duration {
                    let turn = if self.method == Method::Put { latencies.len() } else { latencies.len() % stored.max(1) };
                    let key = format!("users/bench/{}/{}/{client}/{turn}", self.size, self.clients);
                    let request = server.request(self.method, &key, &body, &checksum)?;
                    let sent = Instant::now();
                    let length = connection.exchange(&request).await?;
                    latencies.push(sent.elapsed());
                    if self.method == Method::Get && length != self.size {
                        return Err(format!("{key} came with {length} bytes").into());
                    }
                }
                server.store(&self, client, latencies.len());
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(finished) = clients.join_next().await {
            latencies.extend(finished??);
        }
        let elapsed = started.elapsed();
        latencies.sort_unstable();
        Ok(Measure { latencies, elapsed, processor_seconds: 0.0 })
    }
}

/// A plain HTTP/1.1 connection: what is timed is the server, and little of the client.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn open(server: &Server) -> Fallible<Self> {
        let stream = TcpStream::connect(server.address()).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(256 * 1024, stream)))
    }

    /// Sends a request and reads its whole answer, which must be a success; the bytes of its body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Fallible<usize> {
        self.0.get_mut().write_all(request).await?;
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        let is_success = line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        let (status, mut length) = (line.clone(), 0);
        loop {
            line.clear();
            if self.0.read_line(&mut line).await? == 0 {
                return Err("the connection was closed".into());
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut left = length;
        let mut body = Vec::new();
        while left > 0 {
            let piece = self.0.fill_buf().await?;
            let taken = piece.len().min(left);
            if taken == 0 {
                return Err("the answer was cut short".into());
            }
            if !is_success {
                body.extend_from_slice(&piece[..taken]);
            }
            self.0.consume(taken);
            left -= taken;
        }
        if is_success { Ok(length) } else { Err(format!("{status}{}", String::from_utf8_lossy(&body)).into()) }
    }
}

/// The current time, for signatures.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
