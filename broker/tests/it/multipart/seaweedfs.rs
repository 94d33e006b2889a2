//! The same over a real SeaweedFS.

use tempfile::TempDir;
use tidegate_broker::config::{Config, Limits, ServerIdKey, TokenLifetimes};
use tidegate_broker::serve::Server;
use tidegate_broker::{
    Addressing, AuditSettings, InviteRequest, NewSigningKey, SigningKeys, StoreConfig, StoreCredential, TrustedProxies,
    issue_invite,
};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::session::SessionReply;
use tidegate_testkit::port::free_port;
use tidegate_testkit::seaweedfs::{Identity, SeaweedFs, Setup};
use time::{Duration, OffsetDateTime};

use super::upload::{Content, Uploader, of_actual_length, outcome};
use crate::device::{Account, Device, use_url};
use crate::world::client_of;

pub(crate) const BUCKET: &str = "family";

/// A broker over a SeaweedFS of its own.
pub(crate) struct Weed {
    pub(crate) server: Server,
    pub(crate) config: Config,
    _store: SeaweedFs,
    _folder: TempDir,
}

impl Weed {
    pub(crate) async fn start() -> Self {
        Self::start_with(None, |_| {}).await
    }

    /// The same with SeaweedFS's own configuration of roles, and with other settings of the broker.
    pub(crate) async fn start_with(roles: Option<serde_json::Value>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = ["read", "write", "state"].map(secret);
        let identity = |index: usize, name, actions| Identity { name, secret: &secrets[index], actions };
        let identities = [
            identity(0, "read", &["Read", "List"]),
            identity(1, "write", &["Write"]),
            identity(2, "state", &["Read", "Write", "List"]),
        ];
        let store = SeaweedFs::start(&Setup { roles: roles.as_ref(), ..Setup::new(folder.path(), BUCKET, &identities) });
        let mut config = config(&store.endpoint());
        change(&mut config);
        let server = Server::start(&config).await.unwrap();
        Self { server, config, _store: store, _folder: folder }
    }

    /// A device of a new account.
    pub(crate) async fn enrolled(&self, name: &str, seed: u8) -> (Device, SessionReply) {
        let request = InviteRequest { user: name.to_owned(), devices: 1, lives: Duration::days(1) };
        let Config { signing_keys, public_url, .. } = &self.config;
        let invite = issue_invite(signing_keys, public_url, &request, OffsetDateTime::now_utc()).unwrap();
        let device = Device::new(&self.server.broker_url).await;
        let session = device.create_account(&invite.token, &Account::new(seed)).await;
        (device, session)
    }
}

pub(crate) fn secret(name: &str) -> String {
    format!("{name}-secret-for-tests")
}

pub(crate) fn config(store: &str) -> Config {
    let listen = ([127, 0, 0, 1], free_port()).into();
    let key = NewSigningKey::generate(OffsetDateTime::UNIX_EPOCH);
    let credential = |name: &str| StoreCredential::new(name, secret(name));
    Config {
        listen,
        admin_listen: ([127, 0, 0, 1], 0).into(),
        public_url: format!("http://{listen}"),
        signing_keys: SigningKeys::from_pems([(key.kid.as_str(), key.pem.as_str())], None).unwrap(),
        server_id_key: ServerIdKey::new([7; 32]),
        store: StoreConfig {
            endpoint_internal: store.to_owned(),
            endpoint_public: store.to_owned(),
            region: "us-east-1".to_owned(),
            bucket: BUCKET.to_owned(),
            addressing: Addressing::Path,
            profile: StoreProfile::ATOMIC,
            probing: None,
            read: credential("read"),
            write: credential("write"),
            state: credential("state"),
        },
        credentials: None,
        limits: Limits::of_loopback(),
        trusted_proxies: TrustedProxies::default(),
        tls: None,
        audit: AuditSettings::OFF,
        traces: None,
        cors_origins: Vec::new(),
        tokens: TokenLifetimes::default(),
        self_host_pumpsync: false,
        log_drain_secret: None,
        relay: None,
        app_store: None,
        oidc: Vec::new(),
    }
}

#[tokio::test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_takes_an_upload_in_parts_and_makes_no_other_object() {
    let weed = Weed::start().await;
    let (device, session) = weed.enrolled("anna", 1).await;
    let (content, token) = (Content::new(1), session.access_token.as_str());
    let client = Uploader::new(&device, token, session.user_id, &content);
    let upload = client.create().await;
    client.put_part(&upload, 1).await;
    client.put_part(&upload, 5).await;
    assert_eq!(client.numbers(&upload).await, [1, 5]);
    assert_eq!(outcome(&client.complete(&upload).await), "parts-mismatch");
    let signed = client.sign(&upload, 2).await;
    assert!(use_url(&signed, content.part(3).to_vec()).await.status >= 400, "other bytes under a pinned hash");
    assert!(use_url(&of_actual_length(&signed), content.part(5).to_vec()).await.status >= 400, "another length");
    let mut unpinned = signed.clone();
    unpinned["headers"].as_object_mut().unwrap().remove("x-amz-checksum-sha256");
    assert!(use_url(&unpinned, content.part(3).to_vec()).await.status >= 400, "without the pinned hash");
    let mut moved = signed.clone();
    moved["url"] = signed["url"].as_str().unwrap().replace("partNumber=2", "partNumber=3").into();
    assert!(use_url(&moved, content.part(2).to_vec()).await.status >= 400, "at another place");
    let mut copy = signed.clone();
    copy["headers"]["x-amz-copy-source"] = format!("/{BUCKET}/users/{}/genesis.json", session.user_id).into();
    assert!(use_url(&copy, content.part(2).to_vec()).await.status >= 400, "a copy");
    assert_eq!(client.numbers(&upload).await, [1, 5]);
    for number in 2..=4 {
        client.put_part(&upload, number).await;
    }
    assert_eq!(outcome(&client.complete(&upload).await), "ok");
    client.assert_stored().await;
    assert_eq!(outcome(&client.complete(&upload).await), "ok");
    assert_eq!(outcome(&client.parts(&upload).await), "stored");
    assert!(use_url(&signed, content.part(2).to_vec()).await.status >= 400, "a part after the completion");
    assert!(matches!(outcome(&client.abort(&upload).await).as_str(), "aborted" | "absent"));
    client.assert_stored().await;
}

#[tokio::test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_swapped_parts_and_second_uploads_end_as_they_should() {
    let weed = Weed::start().await;
    let (device, session) = weed.enrolled("anna", 1).await;
    let (content, token) = (Content::new(2), session.access_token.as_str());
    let client = Uploader::new(&device, token, session.user_id, &content);
    let (first, second, third) = (client.create().await, client.create().await, client.create().await);
    client.put_all(&first).await;
    client.put_all(&second).await;
    for (number, bytes) in [(1, content.part(2)), (2, content.part(1))] {
        let swapped = device.presign(token, client.item(&first, number, bytes)).await;
        assert_eq!(use_url(&swapped, bytes.to_vec()).await.status, 200);
    }
    // It keeps every part that was sent under a number, lists them in no order and without their hashes, and makes the object of those
    // that the completion names by ETag: whichever the broker names, the object is right or there is none.
    let is_over = match outcome(&client.complete(&first).await).as_str() {
        "parts-mismatch" => false,
        "ok" => true,
        other => panic!("{other}"),
    };
    if is_over {
        client.assert_stored().await;
    } else {
        assert_eq!(client.read(None).await.status, 404);
    }
    assert_eq!(outcome(&client.complete(&second).await), "ok");
    client.assert_stored().await;
    // One that is over takes no parts; one that is not is made good.
    if !is_over {
        client.put_part(&first, 1).await;
        client.put_part(&first, 2).await;
    }
    assert_eq!(outcome(&client.complete(&first).await), "ok");
    client.assert_stored().await;
    assert_eq!(outcome(&client.abort(&third).await), "aborted");
    assert_eq!(outcome(&client.parts(&third).await), "stored");
    let store = &weed.config.store;
    let left = client_of(store, &store.state).list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert!(left.uploads().is_empty(), "{left:?}");
}

#[tokio::test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
async fn seaweedfs_nobody_touches_the_upload_of_another() {
    let weed = Weed::start().await;
    let (device, session) = weed.enrolled("anna", 1).await;
    let (other_device, other_session) = weed.enrolled("ben", 2).await;
    let content = Content::new(3);
    let mine = Uploader::new(&device, &session.access_token, session.user_id, &content);
    let theirs = Uploader::new(&other_device, &other_session.access_token, other_session.user_id, &content);
    let upload = mine.create().await;
    mine.put_part(&upload, 5).await;
    assert_eq!(outcome(&theirs.parts(&upload).await), "upload-id-invalid");
    assert_eq!(outcome(&theirs.abort(&upload).await), "upload-id-invalid");
    assert_eq!(outcome(&theirs.complete(&upload).await), "upload-id-invalid");
    assert_eq!(mine.numbers(&upload).await, [5]);
}
