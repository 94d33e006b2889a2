//! A presigned URL that the store no longer takes, though its time is not over: a fresh one within the same call.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use secrecy::SecretString;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::{Digest, MemberId, ObjectKey, RecordId};
use tidegate_sync_client::transport::{GetOptions, GetOutcome, PutCondition, Want};
use tidegate_sync_client::{Enrolment, Remote, SyncClient};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::stand::{TestHome, options};

/// The broker's clock; its store's is the real one.
#[derive(Debug, Default)]
struct ShiftedClock(AtomicI64);

impl tidegate_broker::clock::Clock for ShiftedClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_the_store_refuses_are_asked_for_anew_once_and_together() {
    let (data, home, clock) = (tempfile::tempdir().unwrap(), TestHome::new(), Arc::new(ShiftedClock::default()));
    let mut dev = DevOptions::new(data.path());
    dev.clock = Arc::clone(&clock) as Arc<dyn tidegate_broker::clock::Clock>;
    let server = tidegate_broker::dev::start(dev).await.unwrap();
    let invite = server.invite("ada", 1, Duration::days(1)).unwrap().token;
    let remote = Remote::broker(&server.broker_url).unwrap();
    let enrolment = Enrolment { remote, invite: Some(SecretString::from(invite)), device_name: "laptop".to_owned() };
    let client = SyncClient::create_account(&home.path(), enrolment, options()).await.unwrap().client;
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
