//! A running store and a client that signs.

use std::path::Path;

use reqwest::{Client, Response, StatusCode};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tidegate_embedded_s3::{AccessKey, Clock, Config, Store};
use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "family";
pub(crate) const ADMIN: &str = "admin";
pub(crate) const SECRET: &str = "a-secret-of-the-tests";

/// A store that serves on a loopback port until it is stopped or dropped.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) base: String,
    home: Option<TempDir>,
    stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// A new store with a bucket and one administrator.
    pub(crate) async fn start() -> Self {
        Self::start_with(vec![], Clock::system()).await
    }

    /// The same with more access keys, whose secret is [`SECRET`], and a clock.
    pub(crate) async fn start_with(more: Vec<AccessKey>, clock: Clock) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(home.path(), more, clock).await;
        server.home = Some(home);
        server
    }

    pub(crate) async fn start_in(home: &Path, more: Vec<AccessKey>, clock: Clock) -> Self {
        let mut config = Config::new(home, vec![AccessKey::administrator(ADMIN, SECRET)]);
        config.access_keys.extend(more);
        config.clock = clock;
        let store = Store::open(config).unwrap();
        store.create_bucket(BUCKET).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(store.clone().serve(listener, async {
            stopped.await.ok();
        }));
        Self { store, base, home: None, stop, done }
    }

    /// Stops serving and closes the store; returns the directory if it was made for this server.
    pub(crate) async fn stop(self) -> Option<TempDir> {
        self.stop.send(()).ok();
        self.done.await.unwrap().unwrap();
        drop(self.store);
        self.home
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.as_ref().expect("this server made its own directory").path()
    }

    pub(crate) fn client(&self) -> S3Client {
        self.client_of(ADMIN)
    }

    pub(crate) fn client_of(&self, key: &str) -> S3Client {
        S3Client::new(&self.base, key, SECRET, "us-east-1")
    }
}

/// Signs requests on the tests' bucket and sends them.
#[derive(Clone)]
pub(crate) struct S3Client {
    pub(crate) http: Client,
    pub(crate) signer: std::sync::Arc<Presigner>,
}

impl S3Client {
    pub(crate) fn new(base: &str, key: &str, secret: &str, region: &str) -> Self {
        let endpoint = Endpoint::new(base, BUCKET, AddressingStyle::Path).unwrap();
        let signer = Presigner::new(Credentials::new(key, secret, None), region, endpoint).into();
        Self { http: Client::builder().no_proxy().build().unwrap(), signer }
    }

    /// Sends a request that is signed in its Authorization header.
    pub(crate) async fn send(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let signed =
            self.signer.at(OffsetDateTime::now_utc()).sign_headers(method, key, query, headers, PayloadHash::of(body)).unwrap();
        let mut all: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.extend(signed.headers);
        self.raw(method, &signed.url, &all, body).await
    }

    /// Sends a request as it is given.
    pub(crate) async fn raw<N: AsRef<str>, V: AsRef<str>>(
        &self,
        method: Method,
        url: &str,
        headers: &[(N, V)],
        body: &[u8],
    ) -> Answer {
        let mut request = self.http.request(method.as_str().parse().unwrap(), url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name.as_ref(), value.as_ref());
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// A URL of 300 seconds, signed now.
    pub(crate) fn presign(&self, method: Method, key: &str, headers: &[(&str, &str)]) -> String {
        self.signer.at(OffsetDateTime::now_utc()).presign(method, key, &[], headers, 300).unwrap()
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> Answer {
        self.put_if(key, body, &[]).await
    }

    pub(crate) async fn put_if(&self, key: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        self.send(Method::Put, key, &[], headers, body).await
    }

    pub(crate) async fn get(&self, key: &str) -> Answer {
        self.get_if(key, &[]).await
    }

    pub(crate) async fn get_if(&self, key: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::Get, key, &[], headers, b"").await
    }

    pub(crate) async fn head(&self, key: &str) -> Answer {
        self.send(Method::Head, key, &[], &[], b"").await
    }

    pub(crate) async fn delete(&self, key: &str) -> Answer {
        self.send(Method::Delete, key, &[], &[], b"").await
    }

    pub(crate) async fn list(&self, query: &[(&str, &str)]) -> Answer {
        let mut all = vec![("list-type", "2")];
        all.extend_from_slice(query);
        self.send(Method::Get, "", &all, &[], b"").await
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The texts of every element `name`, in order.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let pieces = self.text().split(open.as_str()).skip(1);
        pieces.map(|piece| piece.split(close.as_str()).next().unwrap().to_owned()).collect()
    }

    pub(crate) fn code(&self) -> String {
        self.elements("Code").into_iter().next().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.code(), code, "{}", answer.text());
        answer
    }
}

/// SHA-256 in base64, as `x-amz-checksum-sha256` wants it.
pub(crate) fn sha256(body: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(body))
}
