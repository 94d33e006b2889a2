//! Collecting garbage on real servers, over both transports.

use std::sync::atomic::Ordering;

use rusqlite::Connection;
use tidegate_protocol::{Digest, MemberId, ObjectKey, RecordId};
use tidegate_sync_client::transport::{DeleteOutcome, PutCondition};
use tidegate_sync_client::{CollectReport, ContentId, NewRecord, Options, Source, SyncClient};

use crate::stand::{OffClock, Stand, TestHome, options, sync};

fn content(seed: u32, length: u32) -> Vec<u8> {
    (0..length).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(97)) >> 13) as u8).collect()
}

fn put(client: &SyncClient, member: MemberId, seed: u32) -> RecordId {
    client.put(NewRecord::new(member, Source::Bytes(content(seed, 1_024))).title("Weight")).unwrap().record_id
}

/// An object that an interrupted upload left behind.
async fn orphan(client: &SyncClient, member: MemberId) -> ObjectKey {
    let body: &[u8] = b"nobody names this";
    let (user, record) = (client.user_id(), RecordId::from_bytes([9; 16]));
    let key = ObjectKey::Record { user, member, record, version: 1, digest: Digest::of(body) };
    client.transport().unwrap().put(&key, body.into(), &PutCondition::Absent).await.unwrap();
    key
}

async fn collect(client: &SyncClient, dry_run: bool) -> CollectReport {
    client.collect(dry_run, &|_progress| {}).await.unwrap()
}

fn stored(stand: &Stand, part: &str) -> usize {
    let (store, bucket) = stand.store();
    store.objects(bucket).unwrap().iter().filter(|object| object.key.contains(part)).count()
}

/// As if the device had noticed its garbage so many days earlier.
fn age_marks(home: &TestHome, days: i64) {
    let database = Connection::open(home.path().join("tidegate.db")).unwrap();
    database.execute("UPDATE unreferenced SET since_ms = since_ms - ?1 * 86400000", [days]).unwrap();
}

async fn assert_reads(client: &SyncClient, records: &[(RecordId, u32)]) {
    for (record, seed) in records {
        assert_eq!(client.get(ContentId::Record(*record, None)).await.unwrap().bytes, content(*seed, 1_024), "{record}");
    }
}

async fn an_orphan_goes_after_its_delay(stand: Stand) {
    let (home, other) = (TestHome::new(), TestHome::new());
    let (client, code) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    let records: Vec<(RecordId, u32)> = (0..3).map(|seed| (put(&client, member, seed), seed)).collect();
    sync(&client).await;
    let key = orphan(&client, member).await.to_string();

    let report = collect(&client, false).await;
    assert_eq!((report.deleted.objects, report.held.len()), (0, 0));
    assert_eq!((report.waiting[0].member_id, report.waiting[0].objects, report.waiting[0].bytes), (Some(member), 1, 17));
    stand.age(8);
    assert_eq!(collect(&client, false).await.deleted.objects, 0, "old, but seen without a reference just now");
    age_marks(&home, 6);
    assert_eq!(collect(&client, false).await.deleted.objects, 0);
    age_marks(&home, 2);

    let report = collect(&client, true).await;
    assert_eq!((report.dry_run, report.deleted.objects, report.deleted.bytes), (true, 1, 17));
    assert_eq!((report.sync.traffic.requests.delete, report.sync.traffic.requests.put, stored(&stand, &key)), (0, 0, 1));
    let report = collect(&client, false).await;
    assert_eq!((report.deleted.objects, report.refused, report.left, stored(&stand, &key)), (1, 0, 0, 0));
    assert_eq!(collect(&client, false).await.deleted.objects, 0);

    let joiner = stand.join(&other.path(), &code).await;
    sync(&joiner).await;
    assert_reads(&joiner, &records).await;
}

/// A device that was told by somebody that the objects are long dead, and whose clock is a month ahead.
async fn nothing_young_goes(stand: Stand) {
    let home = TestHome::new();
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    put(&client, member, 1);
    sync(&client).await;
    let key = orphan(&client, member).await;
    collect(&client, false).await;
    drop(client);
    age_marks(&home, 30);
    let ahead = Options { clock: std::sync::Arc::new(OffClock(time::Duration::days(30))), ..options() };
    let client = SyncClient::open(&home.path(), ahead).unwrap();
    let report = collect(&client, false).await;
    assert_eq!((report.deleted.objects, report.waiting[0].objects, stored(&stand, &key.to_string())), (0, 1, 1));

    // It asks all the same.
    let (user, transport) = (client.user_id(), client.transport().unwrap());
    let doorbell = ObjectKey::Doorbell { space: tidegate_protocol::Space::Account(user) };
    let outcomes = transport.delete(&[key.clone(), doorbell.clone(), ObjectKey::Genesis { user }]).await.unwrap();
    let words: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            DeleteOutcome::Refused { code, .. } => code.as_str(),
            DeleteOutcome::Deleted | DeleteOutcome::Absent => "gone",
        })
        .collect();
    assert_eq!(words, ["too-young", "protected", "protected"]);
    for key in [key.to_string(), doorbell.to_string(), ObjectKey::Genesis { user }.to_string()] {
        assert_eq!(stored(&stand, &key), 1, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_goes_after_its_delay_straight_to_the_store() {
    an_orphan_goes_after_its_delay(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_goes_after_its_delay_through_a_broker() {
    an_orphan_goes_after_its_delay(Stand::broker().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_young_goes_straight_to_the_store() {
    nothing_young_goes(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_young_goes_through_a_broker() {
    nothing_young_goes(Stand::broker().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_contents_go_after_the_retention_and_what_is_left_of_their_pack_is_moved() {
    let stand = Stand::direct().await;
    let Stand::Direct(direct) = &stand else { panic!() };
    let (home, other) = (TestHome::new(), TestHome::new());
    let (client, code) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    let records: Vec<(RecordId, u32)> = (0..20).map(|seed| (put(&client, member, seed), seed)).collect();
    sync(&client).await;
    for (record, _) in &records[..15] {
        client.put(NewRecord::new(member, Source::Bytes(b"short now".to_vec())).version_of(*record)).unwrap();
    }
    sync(&client).await;

    let days = [(93, 0, (1, 5), 2), (8, 0, (0, 0), 2), (8, 1, (0, 0), 1)];
    for (later, deleted, (packs, items), left) in days {
        direct.days.fetch_add(later, Ordering::Relaxed);
        // It learns what time it is; a collection in the middle of which the clock is corrected deletes nothing.
        sync(&client).await;
        let report = collect(&client, false).await;
        assert_eq!((report.repacked.packs, report.repacked.items), (packs, items), "{later} days later");
        assert_eq!((report.deleted.objects, stored(&stand, "/packs/")), (deleted, left), "{later} days later");
    }
    let joiner = stand.join(&other.path(), &code).await;
    sync(&joiner).await;
    assert_reads(&joiner, &records[15..]).await;
    assert_eq!(joiner.get(ContentId::Record(records[0].0, None)).await.unwrap().bytes, b"short now");
}
