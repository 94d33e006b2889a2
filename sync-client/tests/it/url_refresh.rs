//! A presigned URL that the store no longer takes, though its time is not over: a fresh one within the same call.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use secrecy::SecretString;
use tempfile::TempDir;
use tidegate_broker::dev::{DevOptions, DevServer};
use tidegate_protocol::multipart::{PART_BYTES, composite_sha256, part_length};
use tidegate_protocol::{ContentHmac, Digest, MemberId, ObjectKey, RecordId, Sha256};
use tidegate_sync_client::transport::{CompleteOutcome, FileSlice, GetOptions, GetOutcome, PutCondition, Want};
use tidegate_sync_client::{Enrolment, Options, Remote, SyncClient};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::attachments::noise;
use crate::stand::{TestHome, options};

/// The broker's clock; its store's is the real one.
#[derive(Debug, Default)]
struct ShiftedClock(AtomicI64);

impl tidegate_broker::clock::Clock for ShiftedClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The client's clock stands: what it keeps is good for seconds alone where the broker's clock is behind, and a machine may
/// stand still for longer.
#[derive(Debug)]
struct StandingClock(OffsetDateTime);

impl tidegate_sync_client::Clock for StandingClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

/// A client of a broker with this clock.
async fn client_of(clock: &Arc<ShiftedClock>) -> (SyncClient, DevServer, TempDir, TestHome) {
    let (data, home) = (tempfile::tempdir().unwrap(), TestHome::new());
    let mut dev = DevOptions::new(data.path());
    dev.clock = Arc::clone(clock) as Arc<dyn tidegate_broker::clock::Clock>;
    let server = tidegate_broker::dev::start(dev).await.unwrap();
    let invite = server.invite("ada", 1, Duration::days(1)).unwrap().token;
    let remote = Remote::broker(&server.broker_url).unwrap();
    let enrolment = Enrolment { remote, ticket: Some(SecretString::from(invite).into()), device_name: "laptop".to_owned() };
    let options = Options { clock: Arc::new(StandingClock(OffsetDateTime::now_utc())), ..options() };
    let client = SyncClient::create_account(&home.path(), enrolment, options).await.unwrap().client;
    (client, server, data, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_the_store_refuses_are_asked_for_anew_once_and_together() {
    let clock = Arc::new(ShiftedClock::default());
    let (client, _server, _data, _home) = client_of(&clock).await;
    let transport = client.transport().unwrap();
    let member = MemberId::new(Uuid::new_v4());
    let mut keys = Vec::new();
    for index in 0..20_u8 {
        let body = vec![index; 100];
        let (record, digest) = (RecordId::new(Uuid::new_v4()), Digest::of(&body));
        let key = ObjectKey::Record { user: client.user_id(), member, record, version: 1, digest };
        transport.put(&key, Bytes::from(body), &PutCondition::Absent).await.unwrap();
        keys.push(key);
    }
    // Signed by a broker whose clock is behind, URLs are over before they arrive.
    clock.0.store(-1_000, Ordering::SeqCst);
    let before = transport.traffic().total();
    let wants: Vec<Want> = keys.iter().cloned().map(Want::Get).collect();
    transport.prepare(&wants).await.unwrap();
    clock.0.store(0, Ordering::SeqCst);
    let options = GetOptions::default();
    let reads = keys.iter().map(|key| transport.get(key, &options));
    for outcome in futures_util::future::join_all(reads).await {
        assert!(matches!(outcome.unwrap(), GetOutcome::Found(_)));
    }
    let requests = transport.traffic().total().since(&before).requests;
    // One call to prepare, one for all that was refused; each is repeated for a nonce, for the clock that it is of has jumped.
    assert_eq!((requests.presign, requests.get), (4, 40), "{requests:?}");

    // One that the broker goes on to sign wrongly is refused by name, after one more try.
    clock.0.store(-1_000, Ordering::SeqCst);
    let unread = ObjectKey::Record {
        user: client.user_id(),
        member,
        record: RecordId::new(Uuid::new_v4()),
        version: 1,
        digest: Digest::of(b"never written"),
    };
    transport.prepare(&[Want::Get(unread.clone())]).await.unwrap();
    let before = transport.traffic().total();
    let error = transport.get(&unread, &options).await.unwrap_err();
    assert_eq!(error.code(), "store-denied", "{error}");
    let requests = transport.traffic().total().since(&before).requests;
    assert_eq!((requests.get, requests.presign), (2, 1), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_under_urls_that_ran_out_midway_are_signed_and_sent_again() {
    let clock = Arc::new(ShiftedClock::default());
    let (client, _server, _data, _home) = client_of(&clock).await;
    let transport = client.transport().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = (folder.path().join("large"), noise(70 << 20, 5));
    std::fs::write(&path, &bytes).unwrap();
    let length = bytes.len() as u64;
    let hashes: Vec<Sha256> = bytes.chunks(16 << 20).map(Sha256::of).collect();
    let whole = composite_sha256(&hashes);
    let (user, hmac) = (client.user_id(), ContentHmac::from_bytes([1; 32]));
    let key = ObjectKey::Attachment { user, member: MemberId::new(Uuid::new_v4()), hmac, digest: whole.digest() };
    let upload = transport.create_upload(&key, length, &whole).await.unwrap();
    let parts: Vec<(u32, FileSlice)> = (1..)
        .zip(&hashes)
        .map(|(number, sha256)| {
            let (offset, length) = (u64::from(number - 1) * PART_BYTES, part_length(length, number).unwrap());
            (number, FileSlice { path: path.clone(), offset, length, sha256: *sha256 })
        })
        .collect();
    let want = |(number, slice): &(u32, FileSlice)| {
        let (key, upload, FileSlice { length, sha256, .. }) = (key.clone(), upload.clone(), slice.clone());
        Want::PutPart { key, upload, number: *number, length, sha256 }
    };
    let wants: Vec<Want> = parts.iter().map(want).collect();
    clock.0.store(-1_000, Ordering::SeqCst);
    transport.prepare(&wants).await.unwrap();
    clock.0.store(0, Ordering::SeqCst);
    let sends = parts.iter().map(|(number, slice)| transport.put_part(&key, &upload, *number, slice));
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    assert_eq!(transport.complete_upload(&key, &upload, &hashes).await.unwrap(), CompleteOutcome::Stored);
}
