//! Samples in records of a day each: written by several devices, read day by day.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde_json::{Value, json};
use tidegate_sync_client::{ContentId, ListFilter, SampleDay, SampleFilter, SampleKind, SyncClient, VersionState};
use tidegate_tandem::Sample;

use crate::stand::{Fault, Stand, TestHome, sync};

const PUMP: &str = "pump-1";

fn moment(wall: DateTime) -> Value {
    json!({"wall": wall.to_string(), "zone": "UTC", "utc": format!("{wall}Z"), "offset_seconds": 0, "resolution": "unique"})
}

/// Readings five minutes apart from the beginning of 2026-11-01 on.
fn glucose(numbers: impl IntoIterator<Item = i64>) -> Vec<Sample> {
    numbers.into_iter().map(|number| reading(number, 1, 100)).collect()
}

fn reading(number: i64, version: u32, mg_dl: u16) -> Sample {
    let start: DateTime = "2026-11-01T00:00:00".parse().unwrap();
    let wall = moment(start + SignedDuration::from_mins(5 * number));
    serde_json::from_value(json!({
        "id": format!("{PUMP}/0/{number}/glucose"), "version": 1_000_000 + version, "start": wall, "end": wall,
        "kind": "glucose", "mg_dl": mg_dl, "range": "within", "device": "dexcom-g7", "backfilled": false,
    }))
    .unwrap()
}

/// The samples of the published fixture of a log: every kind.
fn of_log() -> Vec<Sample> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tandem/fixtures/v1/samples.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn read(client: &SyncClient, filter: &SampleFilter) -> Vec<SampleDay> {
    let mut reader = client.samples(filter).await.unwrap();
    let mut days = Vec::new();
    while let Some(day) = reader.next_day().await.unwrap() {
        days.push(day);
    }
    days
}

async fn all(client: &SyncClient) -> Vec<Sample> {
    let member = client.members().unwrap()[0].member_id;
    read(client, &SampleFilter::new(member)).await.into_iter().flat_map(|day| day.samples).collect()
}

/// Two devices of one account that know the same member.
async fn two_devices(stand: &Stand, homes: &[TestHome; 2]) -> (SyncClient, SyncClient) {
    let (one, code) = stand.create(&homes[0].path()).await;
    one.add_member("Ada").unwrap();
    sync(&one).await;
    let other = stand.join(&homes[1].path(), &code).await;
    sync(&other).await;
    (one, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_by_day_and_writing_it_again_changes_nothing() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    let mut samples = of_log();
    samples.extend(glucose(0..600));
    let written = client.put_samples(member, PUMP, &samples).await.unwrap();
    assert_eq!((written.samples, written.provisional), (samples.len() as u64, 0));
    assert_eq!(client.list(&ListFilter::default()).unwrap().records.len() as u64, written.records);

    let read_back = all(&client).await;
    samples.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
    let mut in_order = read_back.clone();
    in_order.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
    assert_eq!(in_order, samples);

    let again = client.put_samples(member, PUMP, &samples).await.unwrap();
    assert_eq!((again.samples, again.records), (0, 0));
    assert!(client.list(&ListFilter::default()).unwrap().records.iter().all(|record| record.version == 1));

    let filter = SampleFilter::new(member).kinds([SampleKind::Glucose]);
    let days = read(&client, &filter.clone().from("2026-11-02".parse().unwrap()).to("2026-11-02".parse().unwrap())).await;
    assert_eq!(days.len(), 1);
    assert!(
        days[0].samples.len() >= 288 && days[0].samples.iter().all(|sample| SampleKind::of(&sample.what) == SampleKind::Glucose)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_write_parts_of_the_same_days_come_to_one_record_without_a_conflict() {
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, other) = two_devices(&stand, &homes).await;
    let member = one.members().unwrap()[0].member_id;
    one.put_samples(member, PUMP, &glucose(0..400)).await.unwrap();
    other.put_samples(member, PUMP, &glucose(200..600)).await.unwrap();
    for client in [&one, &other, &one, &other] {
        sync(client).await;
    }
    let expected = glucose(0..600);
    for client in [&one, &other] {
        assert_eq!(all(client).await, expected);
        assert_eq!(client.conflicts().unwrap(), []);
        assert_eq!(client.list(&ListFilter::default()).unwrap().records.len(), 3, "one for each day");
    }

    // Each has all of it now: nobody has anything to write, and so it stays.
    for client in [&one, &other] {
        assert_eq!(client.put_samples(member, PUMP, &expected).await.unwrap().records, 0);
        assert_eq!(sync(client).await.pushed, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greater_version_replaces_a_lesser_one_whichever_comes_first() {
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, other) = two_devices(&stand, &homes).await;
    let member = one.members().unwrap()[0].member_id;
    one.put_samples(member, PUMP, &[reading(1, 1, 100)]).await.unwrap();
    other.put_samples(member, PUMP, &[reading(1, 2, 90)]).await.unwrap();
    for client in [&one, &other, &one] {
        sync(client).await;
    }
    assert_eq!(one.put_samples(member, PUMP, &[reading(1, 1, 100)]).await.unwrap().records, 0);
    assert_eq!(all(&one).await, [reading(1, 2, 90)]);
    assert_eq!(all(&other).await, [reading(1, 2, 90)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_alone_holds_goes_into_the_next_version() {
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, other) = two_devices(&stand, &homes).await;
    let member = one.members().unwrap()[0].member_id;
    one.put_samples(member, PUMP, &glucose(0..100)).await.unwrap();
    sync(&one).await;
    sync(&other).await;
    let written = other.put_samples(member, PUMP, &glucose(50..150)).await.unwrap();
    assert_eq!((written.records, written.samples), (1, 50));
    let record = other.list(&ListFilter::default()).unwrap().records[0].record_id;
    let history = other.history(record).unwrap();
    let states: Vec<VersionState> = history.iter().map(|version| version.state).collect();
    assert_eq!(states, [VersionState::Winner, VersionState::Past]);
    assert_eq!(all(&other).await, glucose(0..150));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_samples_are_written_beside_what_it_holds() {
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, other) = two_devices(&stand, &homes).await;
    let member = one.members().unwrap()[0].member_id;
    one.put_samples(member, PUMP, &glucose(0..100)).await.unwrap();
    sync(&one).await;
    sync(&other).await;
    let Stand::Direct(direct) = &stand else { panic!() };
    direct.faults.always(Some(Fault::Hangup));
    other.put_samples(member, PUMP, &glucose(50..150)).await.unwrap();
    assert_eq!(other.put_samples(member, PUMP, &glucose(50..150)).await.unwrap().records, 0, "it is known to be there");
    direct.faults.always(None);
    for client in [&other, &one] {
        sync(client).await;
        assert_eq!(all(client).await, glucose(0..150));
        assert_eq!(client.conflicts().unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_day_stays_deleted_and_a_renamed_one_is_found() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    client.put_samples(member, PUMP, &glucose(0..600)).await.unwrap();
    let records = client.list(&ListFilter::default()).unwrap().records;
    let on = |day: &str| records.iter().find(|record| record.title.starts_with(day)).unwrap().record_id;
    client.delete(on("2026-11-01")).unwrap();
    assert_eq!(client.put_samples(member, PUMP, &glucose(0..600)).await.unwrap().records, 0);
    let body = client.get(ContentId::Record(on("2026-11-02"), None)).await.unwrap().bytes;
    let renamed = tidegate_sync_client::NewRecord::new(member, tidegate_sync_client::Source::Bytes(body));
    client.put(renamed.version_of(on("2026-11-02")).title("A day of rest")).unwrap();
    let days: Vec<String> = read(&client, &SampleFilter::new(member)).await.iter().map(|day| day.day.to_string()).collect();
    assert_eq!(days, ["2026-11-02", "2026-11-03"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_come_is_not_written_and_what_cannot_be_read_is_counted() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    let mut ahead = reading(1, 0, 100);
    ahead.start.clamped = true;
    let written = client.put_samples(member, PUMP, &[ahead, reading(2, 1, 100)]).await.unwrap();
    assert_eq!((written.samples, written.provisional), (1, 1));

    let record = client.list(&ListFilter::default()).unwrap().records[0].record_id;
    let later = tidegate_sync_client::Source::Bytes(b"{\"id\":\"pump-1/0/9/glucose\",\"of\":\"a later version\"}\n".to_vec());
    client.put(tidegate_sync_client::NewRecord::new(member, later).version_of(record)).unwrap();
    let days = read(&client, &SampleFilter::new(member)).await;
    assert_eq!((days[0].samples.len(), days[0].unreadable), (1, 1));
    client.put_samples(member, PUMP, &[reading(3, 1, 100)]).await.unwrap();
    let days = read(&client, &SampleFilter::new(member)).await;
    assert_eq!((days[0].samples.len(), days[0].unreadable), (2, 1), "it is kept for those who can");
}
