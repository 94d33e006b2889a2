//! What every transport must do, run over real HTTP by both.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tidegate_protocol::{Digest, ListPrefix, MemberId, ObjectKey, RecordId, Space, UserId};
use tidegate_sync_client::transport::{
    DeleteOutcome, GetOptions, GetOutcome, HeadOutcome, PutCondition, PutOutcome, Transport, Want,
};
use uuid::Uuid;

use crate::stand::{Stand, TestHome};

struct Subject {
    transport: Arc<dyn Transport>,
    user: UserId,
    member: MemberId,
    device: tidegate_protocol::DeviceId,
}

impl Subject {
    async fn new(stand: &Stand, home: &TestHome) -> Self {
        let (client, _) = stand.create(&home.path()).await;
        let member = MemberId::new(Uuid::new_v4());
        Self { transport: client.transport().unwrap(), user: client.user_id(), member, device: client.device_id() }
    }

    fn record(&self, body: &[u8]) -> ObjectKey {
        let record = RecordId::new(Uuid::new_v4());
        ObjectKey::Record { user: self.user, member: self.member, record, version: 1, digest: Digest::of(body) }
    }

    async fn put(&self, key: &ObjectKey, body: &'static [u8], condition: PutCondition) -> PutOutcome {
        self.transport.put(key, Bytes::from_static(body), &condition).await.unwrap()
    }

    async fn get(&self, key: &ObjectKey) -> GetOutcome {
        self.transport.get(key, &GetOptions::default()).await.unwrap()
    }
}

fn etag(outcome: PutOutcome) -> String {
    match outcome {
        PutOutcome::Stored { etag } => etag,
        PutOutcome::ConditionFailed => panic!("the condition should have held"),
    }
}

async fn conforms(stand: Stand) {
    let home = TestHome::new();
    let subject = Subject::new(&stand, &home).await;
    what_is_put_is_read_back(&subject).await;
    what_is_there_is_not_created_again(&subject).await;
    an_unchanged_object_is_not_modified(&subject).await;
    a_range_is_a_part(&subject).await;
    what_is_missing_is_an_outcome(&subject).await;
    a_rewritable_object_is_swapped_by_its_etag(&subject).await;
    a_listing_pages_through_everything(&subject).await;
    deletes_have_one_outcome_a_key(&subject).await;
    what_is_prepared_works_like_the_rest(&subject).await;
    traffic_is_counted(&subject).await;
}

async fn what_is_put_is_read_back(subject: &Subject) {
    let body = b"sealed bytes \x00\xff of any sort";
    let key = subject.record(body);
    let stored = etag(subject.put(&key, body, PutCondition::Absent).await);
    let GetOutcome::Found(fetched) = subject.get(&key).await else { panic!("not found") };
    assert_eq!(fetched.body.as_ref(), body);
    assert_eq!(fetched.etag, stored);
    assert!(fetched.last_modified.is_some());
    let HeadOutcome::Found { etag, length, .. } = subject.transport.head(&key).await.unwrap() else { panic!("not found") };
    assert_eq!((etag, length), (stored, body.len() as u64));
}

async fn what_is_there_is_not_created_again(subject: &Subject) {
    let body = b"once";
    let key = subject.record(body);
    etag(subject.put(&key, body, PutCondition::Absent).await);
    assert_eq!(subject.put(&key, body, PutCondition::Absent).await, PutOutcome::ConditionFailed);
}

async fn an_unchanged_object_is_not_modified(subject: &Subject) {
    let body = b"the same";
    let key = subject.record(body);
    let stored = etag(subject.put(&key, body, PutCondition::Absent).await);
    let same = GetOptions { if_none_match: Some(stored), ..GetOptions::default() };
    assert_eq!(subject.transport.get(&key, &same).await.unwrap(), GetOutcome::NotModified);
    let other = GetOptions { if_none_match: Some("\"0123\"".to_owned()), ..GetOptions::default() };
    assert!(matches!(subject.transport.get(&key, &other).await.unwrap(), GetOutcome::Found(_)));
}

async fn a_range_is_a_part(subject: &Subject) {
    let body = b"0123456789";
    let key = subject.record(body);
    etag(subject.put(&key, body, PutCondition::Absent).await);
    let options = GetOptions { range: Some(3..7), ..GetOptions::default() };
    let GetOutcome::Found(fetched) = subject.transport.get(&key, &options).await.unwrap() else { panic!("not found") };
    assert_eq!(fetched.body.as_ref(), b"3456");
}

async fn what_is_missing_is_an_outcome(subject: &Subject) {
    let key = subject.record(b"nowhere");
    assert_eq!(subject.get(&key).await, GetOutcome::Missing);
    assert_eq!(subject.transport.head(&key).await.unwrap(), HeadOutcome::Missing);
}

async fn a_rewritable_object_is_swapped_by_its_etag(subject: &Subject) {
    let key = ObjectKey::Doorbell { space: Space::Account(subject.user) };
    let first = etag(subject.put(&key, b"one", PutCondition::Absent).await);
    assert_eq!(subject.put(&key, b"two", PutCondition::Absent).await, PutOutcome::ConditionFailed);
    let second = etag(subject.put(&key, b"two", PutCondition::Matches(first.clone())).await);
    assert_eq!(subject.put(&key, b"three", PutCondition::Matches(first)).await, PutOutcome::ConditionFailed);
    let GetOutcome::Found(fetched) = subject.get(&key).await else { panic!("not found") };
    assert_eq!((fetched.body.as_ref(), fetched.etag), (b"two".as_slice(), second));

    let device = ObjectKey::DeviceFile { user: subject.user, device: subject.device };
    etag(subject.put(&device, b"again", PutCondition::None).await);
}

async fn a_listing_pages_through_everything(subject: &Subject) {
    const OBJECTS: usize = 1_003;
    let member = MemberId::new(Uuid::new_v4());
    let keys: Vec<(ObjectKey, Bytes)> = (0..OBJECTS)
        .map(|index| {
            let body = Bytes::from(format!("object {index}"));
            let digest = Digest::of(&body);
            let record = RecordId::new(Uuid::new_v4());
            (ObjectKey::Record { user: subject.user, member, record, version: 1, digest }, body)
        })
        .collect();
    let wants: Vec<Want> = keys
        .iter()
        .map(|(key, body)| Want::Put {
            key: key.clone(),
            length: body.len() as u64,
            sha256: tidegate_protocol::Sha256::of(body),
            condition: PutCondition::Absent,
        })
        .collect();
    subject.transport.prepare(&wants).await.unwrap();
    let puts = keys.iter().map(|(key, body)| subject.transport.put(key, body.clone(), &PutCondition::Absent));
    let outcomes: Vec<_> = futures_util::stream::iter(puts).buffer_unordered(16).collect().await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(PutOutcome::Stored { .. }))));

    let prefix = ListPrefix::Records(subject.user, member);
    let first = subject.transport.list(&prefix, None).await.unwrap();
    assert_eq!(first.entries.len(), 1_000);
    let second = subject.transport.list(&prefix, first.next.as_deref()).await.unwrap();
    assert_eq!((second.entries.len(), second.next), (OBJECTS - 1_000, None));
    let mut listed: Vec<ObjectKey> = first.entries.into_iter().chain(second.entries).map(|entry| entry.key).collect();
    let mut stored: Vec<ObjectKey> = keys.into_iter().map(|(key, _)| key).collect();
    listed.sort();
    stored.sort();
    assert_eq!(listed, stored);
}

async fn deletes_have_one_outcome_a_key(subject: &Subject) {
    let body = b"to go";
    let (there, absent) = (subject.record(body), subject.record(b"never there"));
    etag(subject.put(&there, body, PutCondition::Absent).await);
    let outcomes = subject.transport.delete(&[there.clone(), absent]).await.unwrap();
    assert_eq!(outcomes.len(), 2);
    match &outcomes[0] {
        DeleteOutcome::Deleted => assert_eq!(subject.get(&there).await, GetOutcome::Missing),
        // A broker lets nothing young go.
        DeleteOutcome::Refused { code, .. } => assert_eq!(code.as_str(), "too-young"),
        DeleteOutcome::Absent => panic!("it was there"),
    }
    assert!(matches!(outcomes[1], DeleteOutcome::Absent | DeleteOutcome::Deleted));
}

async fn what_is_prepared_works_like_the_rest(subject: &Subject) {
    let body = b"prepared";
    let key = subject.record(body);
    let put = Want::Put {
        key: key.clone(),
        length: body.len() as u64,
        sha256: tidegate_protocol::Sha256::of(body),
        condition: PutCondition::Absent,
    };
    subject.transport.prepare(&[put, Want::Get(key.clone()), Want::Head(key.clone())]).await.unwrap();
    let before = subject.transport.traffic().total();
    etag(subject.put(&key, body, PutCondition::Absent).await);
    assert!(matches!(subject.get(&key).await, GetOutcome::Found(_)));
    assert!(matches!(subject.get(&key).await, GetOutcome::Found(_)));
    let requests = subject.transport.traffic().total().since(&before).requests;
    assert_eq!((requests.put, requests.get, requests.presign), (1, 2, 0));
}

async fn traffic_is_counted(subject: &Subject) {
    let body = b"ten bytes.";
    let key = subject.record(body);
    let before = subject.transport.traffic().total();
    etag(subject.put(&key, body, PutCondition::Absent).await);
    let up = subject.transport.traffic().total().since(&before);
    assert_eq!(up.requests.put, 1);
    assert!(up.bytes_up >= body.len() as u64);
    let before = subject.transport.traffic().total();
    assert!(matches!(subject.get(&key).await, GetOutcome::Found(_)));
    let down = subject.transport.traffic().total().since(&before);
    assert_eq!(down.requests.get, 1);
    assert!(down.bytes_down >= body.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_direct_transport_conforms() {
    conforms(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_transport_conforms() {
    conforms(Stand::broker().await).await;
}
