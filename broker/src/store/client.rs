//! The few storage calls that the broker makes itself, through aws-sdk-s3.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tidegate_protocol::ObjectKey;
use time::OffsetDateTime;
use tracing::Instrument as _;

use super::profile::{Addressing, StoreConfig};
use crate::current::Current;
use crate::metrics::Metrics;
use crate::traces;

const CONNECT: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(8);
const OPERATION: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 3;
/// A conditional PUT that meets another of its key is sent again so often: the other one is done in less than a second, or never.
const MEETINGS: u32 = 32;
/// Before the first of these; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Documents and genesis are small; whatever is larger is not read into memory.
const MAX_READ_BYTES: i64 = 256 * 1024;

/// A storage call that failed after its retries.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The store did not do it.
    #[error("the store failed at {operation}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Call {
        operation: &'static str,
        code: Option<String>,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An object is not what it has to be.
    #[error("the object {key} is {fault}")]
    Object { key: String, fault: &'static str },
}

impl StoreError {
    /// Whether the store refuses the call as such: the credential may not, or the store cannot.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Call { code, .. } => {
                matches!(code.as_deref(), Some("AccessDenied" | "NotImplemented" | "MethodNotAllowed"))
            }
            Self::Object { .. } => false,
        }
    }
}

/// A small object that was read.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: Option<String>,
}

/// What HEAD says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) last_modified: Option<OffsetDateTime>,
}

/// One line of a LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) last_modified: OffsetDateTime,
}

/// Some lines of a LIST.
#[derive(Debug, Clone)]
pub(crate) struct ListedPage {
    pub(crate) objects: Vec<Listed>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

/// What a PUT must find.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition<'a> {
    Absent,
    Etag(&'a str),
    None,
}

/// What the store said to one PUT.
enum Put {
    Done,
    /// The condition does not hold.
    Lost,
    /// Another PUT of the key is under way: nothing is decided.
    Met(StoreError),
}

/// The state credential's access to the bucket at the internal endpoint.
#[derive(Clone)]
pub(crate) struct StoreClient {
    client: Arc<Current<Client>>,
    pub(super) bucket: String,
    metrics: Option<Arc<Metrics>>,
    #[cfg(test)]
    pub(crate) fuse: Arc<super::fuse::Fuse>,
}

impl StoreClient {
    pub(crate) fn new(store: &StoreConfig) -> Self {
        Self {
            client: Arc::new(Current::new(sdk_client(store))),
            bucket: store.bucket.clone(),
            metrics: None,
            #[cfg(test)]
            fuse: Arc::default(),
        }
    }

    /// From the next call on it uses the credentials of the other.
    pub(crate) fn become_like(&self, other: &Self) {
        self.client.set(Client::clone(&other.client()));
    }

    pub(super) fn client(&self) -> Arc<Client> {
        self.client.get()
    }

    /// The same, whose calls are timed.
    pub(crate) fn timed(self, metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Some(Arc::clone(metrics)), ..self }
    }

    /// Times a call: with its retries, as whoever waits for it sees it.
    pub(super) async fn time<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SdkError<E>> {
        let begun = Instant::now();
        let trace = traces::store_call(operation);
        let answer = call.instrument(trace.clone()).await;
        trace.record("tidegate.store.outcome", outcome_of(&answer));
        if let Some(metrics) = &self.metrics {
            metrics.store_call(operation, outcome_of(&answer), begun.elapsed());
        }
        #[cfg(test)]
        self.fuse.burn().await;
        answer
    }

    /// Whether the store answers and the state credential may list the bucket.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let listing = self.client().list_objects_v2().bucket(&self.bucket).prefix("_tidegate/").max_keys(1);
        self.time("list", listing.send()).await.map(drop).map_err(|error| failed("LIST", error))
    }

    pub(crate) async fn get(&self, key: &ObjectKey) -> Result<Option<Stored>, StoreError> {
        let key = key.to_string();
        let reply = match self.time("get", self.client().get_object().bucket(&self.bucket).key(&key).send()).await {
            Ok(reply) => reply,
            Err(error) if status_of(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(failed("GET", error)),
        };
        if reply.content_length().is_none_or(|length| length > MAX_READ_BYTES) {
            return Err(StoreError::Object { key, fault: "larger than any document" });
        }
        let etag = reply.e_tag().map(str::to_owned);
        let body = reply.body.collect().await;
        let bytes = body.map_err(|error| StoreError::Call { operation: "GET", code: None, source: Box::new(error) })?;
        Ok(Some(Stored { bytes: bytes.to_vec(), etag }))
    }

    pub(crate) async fn head(&self, key: &ObjectKey) -> Result<Option<Head>, StoreError> {
        match self.time("head", self.client().head_object().bucket(&self.bucket).key(key.to_string()).send()).await {
            Ok(reply) => Ok(Some(Head { last_modified: reply.last_modified().map(to_time) })),
            Err(error) if status_of(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed("HEAD", error)),
        }
    }

    /// Writes the object; `false` if the condition does not hold.
    ///
    /// 409 is no answer to the condition: AWS gives it to a conditional PUT that meets another one, which may yet fail. Whoever took it
    /// for a lost race could find nothing there.
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, condition: Condition<'_>) -> Result<bool, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..MEETINGS {
            match self.put_once(key, bytes.clone(), condition).await? {
                Put::Done => return Ok(true),
                Put::Lost => return Ok(false),
                Put::Met(_) => tokio::time::sleep(pause).await,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        match self.put_once(key, bytes, condition).await? {
            Put::Done => Ok(true),
            Put::Lost => Ok(false),
            Put::Met(error) => Err(error),
        }
    }

    async fn put_once(&self, key: &ObjectKey, bytes: Vec<u8>, condition: Condition<'_>) -> Result<Put, StoreError> {
        let request = self.client().put_object().bucket(&self.bucket).key(key.to_string()).content_type("application/json");
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Etag(etag) => request.if_match(etag),
            Condition::None => request,
        };
        match self.time("put", request.body(ByteStream::from(bytes)).send()).await {
            Ok(_) => Ok(Put::Done),
            Err(error) if matches!(condition, Condition::None) || error.code() == Some("NoSuchBucket") => {
                Err(failed("PUT", error))
            }
            Err(error) => match status_of(&error) {
                // 404: If-Match on a missing key (AWS, MinIO).
                Some(412 | 404) => Ok(Put::Lost),
                Some(409) => Ok(Put::Met(failed("PUT", error))),
                Some(_) | None => Err(failed("PUT", error)),
            },
        }
    }

    /// Writes a document under a name that is nobody else's.
    pub(crate) async fn put_document<T: Serialize + Sync>(&self, key: &ObjectKey, document: &T) -> Result<(), StoreError> {
        self.put(key, super::swap::to_bytes(document), Condition::None).await.map(drop)
    }

    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.delete_named(&key.to_string()).await
    }

    /// Deletes an object by its name in a listing, be it one of ours or not.
    pub(crate) async fn delete_named(&self, key: &str) -> Result<(), StoreError> {
        match self.time("delete", self.client().delete_object().bucket(&self.bucket).key(key).send()).await {
            Ok(_) => Ok(()),
            Err(error) if status_of(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed("DELETE", error)),
        }
    }

    /// Every object under the prefix.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let page = self.list_page(prefix, token).await?;
            listed.extend(page.objects);
            token = page.next;
            if token.is_none() {
                return Ok(listed);
            }
        }
    }

    /// The objects of one page under the prefix.
    pub(crate) async fn list_page(&self, prefix: &str, token: Option<String>) -> Result<ListedPage, StoreError> {
        let request = self.client().list_objects_v2().bucket(&self.bucket).prefix(prefix).set_continuation_token(token);
        let page = self.time("list", request.send()).await.map_err(|error| failed("LIST", error))?;
        let objects = page.contents().iter().filter_map(|object| {
            let (key, last_modified) = (object.key()?, object.last_modified()?);
            Some(Listed { key: key.to_owned(), last_modified: to_time(last_modified) })
        });
        Ok(ListedPage { objects: objects.collect(), next: page.next_continuation_token().map(str::to_owned) })
    }
}

fn sdk_client(store: &StoreConfig) -> Client {
    let session_token = store.state.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    let secret = store.state.secret_access_key.expose_secret();
    let credentials = Credentials::new(&store.state.access_key_id, secret, session_token, None, "tidegate");
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(store.region.clone()))
        .endpoint_url(&store.endpoint_internal)
        .credentials_provider(credentials)
        .force_path_style(matches!(store.addressing, Addressing::Path))
        // The SDK's default CRC trailers break several stores.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if store.endpoint_internal.starts_with("http://") {
        // Where nothing is verified by them the system's roots are not read, some 150 files at every start.
        config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    }
    Client::from_conf(config.build())
}

fn to_time(time: &DateTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(time.as_nanos()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What 404 and 412 say is an answer like any other; 403 and 5xx are somebody's matter.
fn outcome_of<T, E>(answer: &Result<T, SdkError<E>>) -> &'static str {
    match answer.as_ref().map_err(|error| status_of(error)) {
        Ok(_) | Err(Some(404 | 409 | 412)) => "answered",
        Err(Some(400..=499)) => "refused",
        Err(_) => "failed",
    }
}

pub(super) fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

pub(super) fn failed<E>(operation: &'static str, error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    StoreError::Call { operation, code, source: Box::new(error) }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use std::net::TcpListener as StdListener;

    use futures_util::future::join_all;
    use tidegate_embedded_s3::{AccessKey, Config, Store};
    use tidegate_protocol::capability::StoreProfile;
    use tidegate_testkit::dialect::{Dialect, StandIn};
    use tokio::net::TcpListener;

    use super::super::StoreCredential;
    use super::*;

    const WRITERS: usize = 8;

    /// How many of as many writers at once were told that their condition held.
    async fn race(client: &StoreClient, key: &ObjectKey, condition: Condition<'_>, round: &str) -> usize {
        let writers = (0..WRITERS).map(|writer| client.put(key, format!("{round} {writer}").into_bytes(), condition));
        let told: Vec<bool> = join_all(writers).await.into_iter().map(|told| told.expect("nobody is turned away")).collect();
        told.into_iter().filter(|won| *won).count()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_racing_writers_on_a_store_like_aws_one_wins_and_each_other_is_told_that_it_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(Config::new(folder.path(), vec![AccessKey::administrator("state", "secret-of-the-tests")])).unwrap();
        store.create_bucket("bucket").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(store.serve(listener, std::future::pending()));
        let listen = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let stand_in = StandIn::start(Dialect::Aws, listen, &behind);
        let credential = StoreCredential::new("state", "secret-of-the-tests");
        let client = StoreClient::new(&StoreConfig {
            endpoint_internal: format!("http://{listen}"),
            endpoint_public: format!("http://{listen}"),
            region: "us-east-1".to_owned(),
            bucket: "bucket".to_owned(),
            addressing: Addressing::Path,
            profile: StoreProfile::ATOMIC,
            probing: None,
            read: credential.clone(),
            write: credential.clone(),
            state: credential,
        });
        let key: ObjectKey = "_tidegate/store-profile.json".parse().unwrap();

        assert_eq!(race(&client, &key, Condition::Absent, "create").await, 1);
        assert!(stand_in.refused() > 0, "nobody met another");
        let etag = client.get(&key).await.unwrap().unwrap().etag.unwrap();
        let before = stand_in.refused();
        assert_eq!(race(&client, &key, Condition::Etag(&etag), "replace").await, 1);
        assert!(stand_in.refused() > before, "nobody met another");
        assert_eq!(race(&client, &key, Condition::Etag(&etag), "stale").await, 0);
    }
}
