//! The answer to the completion of an upload is really lost, on its way from the store or from the broker: the object counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;
use tidegate_broker::dev::DevOptions;
use tidegate_broker::serve::Server;
use tidegate_broker::{InviteRequest, issue_invite};
use tidegate_protocol::ContentHmac;
use tidegate_sync_client::{Class, ContentId, Enrolment, NewAttachment, Remote, Requests, Source, SyncClient};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::attachments::noise;
use crate::stand::{BUCKET, DirectStand, TestHome, options, sync};

/// The end of an upload in parts, as a store is asked for it (CompleteMultipartUpload), and as a broker is.
const AT_STORE: &str = "uploadId=";
const AT_BROKER: &str = "/v1/multipart/complete";

/// Which way something is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Request,
    Answer,
}

/// Passes everything on, but for the first POSTs to a URL that holds a certain text: there the connection ends.
struct Losing {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
}

impl Losing {
    async fn before(upstream: SocketAddr, text: &'static str, lost: Lost, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, left) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(times)));
        let count = Arc::clone(&left);
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let Ok(server) = TcpStream::connect(upstream).await else { return };
                tokio::spawn(pass(client, server, text, lost, Arc::clone(&count)));
            }
        });
        Self { address, left }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn has_lost(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, text: &str, lost: Lost, left: Arc<AtomicUsize>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let head = up[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
                let is_it = head.starts_with(b"POST ") && head.windows(text.len()).any(|part| part == text.as_bytes());
                if is_it && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    if lost == Lost::Request {
                        return;
                    }
                    is_losing = true;
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if is_losing {
                    return;
                }
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn address_of(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Attaches what goes up in parts.
fn attach(client: &SyncClient) -> (ContentHmac, Vec<u8>) {
    let bytes = noise((64 << 20) + 7, 90);
    let member = client.add_member("Ada").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, &bytes).unwrap();
    let (name, media_type) = ("scan.dcm".to_owned(), "application/dicom".to_owned());
    let attachment = NewAttachment { member, record: None, name, media_type, body: Source::File(file) };
    (client.attach(attachment).unwrap().hmac, bytes)
}

/// Syncs what was attached, and reads it on the other device.
async fn goes_there_and_back(a: &SyncClient, b: &SyncClient, (hmac, bytes): (ContentHmac, Vec<u8>)) -> Requests {
    let report = sync(a).await;
    assert_eq!((report.quarantined.len(), a.status().unwrap().pending), (0, 0));
    sync(b).await;
    assert!(b.get(ContentId::Attachment(hmac)).await.unwrap().bytes == bytes);
    report.traffic.requests
}

async fn straight_to_a_store(lost: Lost, times: usize) {
    let stand = DirectStand::start().await;
    let losing = Losing::before(stand.address, AT_STORE, lost, times).await;
    let (a_home, b_home) = (TestHome::new(), TestHome::new());
    let enrolment = |url: &str| {
        let remote = Remote::direct(url, BUCKET, "us-east-1", false).unwrap();
        Enrolment { remote, ticket: None, device_name: "laptop".to_owned() }
    };
    let created = SyncClient::create_account(&a_home.path(), enrolment(&losing.url()), options()).await.unwrap();
    let straight = enrolment(&format!("http://{}", stand.address));
    let b = SyncClient::join(&b_home.path(), straight, &created.recovery_code, None, options()).await.unwrap();
    let attached = attach(&created.client);
    let gives_up = times >= options().retry.tries as usize;
    if gives_up {
        assert_eq!(created.client.sync(&|_| {}).await.unwrap_err().class(), Class::Retry);
    }
    let requests = goes_there_and_back(&created.client, &b, attached).await;
    assert!(losing.has_lost());
    if gives_up && lost == Lost::Answer {
        assert!(requests.head == 1 && requests.put < 5, "HEAD decides, and none of five parts goes up again: {requests:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_from_the_store_is_lost_is_repeated() {
    straight_to_a_store(Lost::Answer, 1).await;
    straight_to_a_store(Lost::Request, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_decides_in_the_next_sync_where_every_answer_from_the_store_was_lost() {
    straight_to_a_store(Lost::Answer, 3).await;
    straight_to_a_store(Lost::Request, 3).await;
}

/// A broker that reaches its store through one proxy, and that clients reach through another.
async fn through_a_broker(at_store: Option<Lost>, at_broker: Option<Lost>) {
    let data = tempfile::tempdir().unwrap();
    let dev = tidegate_broker::dev::start(DevOptions::new(data.path())).await.unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let never = "no URL holds this";
    let store = Losing::before(
        address_of(&dev.store_url),
        if at_store.is_some() { AT_STORE } else { never },
        at_store.unwrap_or(Lost::Answer),
        1,
    )
    .await;
    let front =
        Losing::before(port, if at_broker.is_some() { AT_BROKER } else { never }, at_broker.unwrap_or(Lost::Answer), 1).await;
    let mut config = dev.config().clone();
    (config.listen, config.admin_listen) = (port, ([127, 0, 0, 1], 0).into());
    config.public_url = front.url();
    config.store.endpoint_internal = store.url();
    let server = Server::start(&config).await.unwrap();
    let enrolment = |name: &str| {
        let request = InviteRequest { user: "ada".to_owned(), devices: 1, lives: time::Duration::days(1) };
        let invite = issue_invite(&config.signing_keys, &config.public_url, &request, OffsetDateTime::now_utc()).unwrap();
        let ticket = Some(SecretString::from(invite.token).into());
        Enrolment { remote: Remote::broker(&front.url()).unwrap(), ticket, device_name: name.to_owned() }
    };
    let (a_home, b_home) = (TestHome::new(), TestHome::new());
    let created = SyncClient::create_account(&a_home.path(), enrolment("laptop"), options()).await.unwrap();
    let b = SyncClient::join(&b_home.path(), enrolment("phone"), &created.recovery_code, None, options()).await.unwrap();
    let attached = attach(&created.client);
    goes_there_and_back(&created.client, &b, attached).await;
    assert_eq!((store.has_lost(), front.has_lost()), (at_store.is_some(), at_broker.is_some()), "{at_store:?} {at_broker:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_decides_where_the_store_s_answer_to_the_broker_is_lost() {
    through_a_broker(Some(Lost::Answer), None).await;
    through_a_broker(Some(Lost::Request), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_s_answer_to_complete_may_be_lost() {
    through_a_broker(None, Some(Lost::Answer)).await;
    through_a_broker(Some(Lost::Answer), Some(Lost::Answer)).await;
}
