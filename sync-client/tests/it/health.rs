//! The hand-over to Apple Health: pending, written, confirmed; across devices, new installations and corrections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tidegate_protocol::MemberId;
use tidegate_sync_client::health::{Confirmation, Confirmed, HandOver, HealthBatch};
use tidegate_sync_client::{Clock, Options, SampleFilter, SyncClient};
use tidegate_tandem::{Concentration, Event, Line, Normaliser, Sample, Settings, Zone, decode_event, samples_of};
use time::OffsetDateTime;

use crate::exports::golden;
use crate::stand::{Stand, TestHome, options, sync};

const PUMP: &str = "pump-1";
/// 2026-11-10T12:00:00Z
const NOW: i64 = 1_794_312_000;
const DAY: i64 = 86_400;

/// A clock that stands still.
#[derive(Debug)]
struct StillClock(i64);

impl Clock for StillClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap()
    }
}

fn at(seconds: i64) -> Options {
    Options { clock: Arc::new(StillClock(seconds)), ..options() }
}

fn moment(seconds: i64) -> Value {
    let utc = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let wall = format!("{}T{:02}:{:02}:{:02}", utc.date(), utc.hour(), utc.minute(), utc.second());
    json!({"wall": wall, "zone": "UTC", "utc": format!("{wall}Z"), "offset_seconds": 0, "resolution": "unique"})
}

fn sample(number: u32, version: u32, ended: i64, what: Value) -> Sample {
    let mut sample = what;
    let part = sample["kind"].as_str().unwrap().to_owned();
    let head = json!({
        "id": format!("{PUMP}/0/{number}/{part}"), "version": 1_000_000 + version, "start": moment(ended - 60), "end": moment(ended),
    });
    sample.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    serde_json::from_value(sample).unwrap()
}

fn bolus(number: u32, version: u32, ended: i64, units: f64) -> Sample {
    let outcome = if units > 0.0 { "completed" } else { "cancelled" };
    let what = json!({"kind": "insulin-bolus", "units": units, "part": "normal", "outcome": outcome, "bolus_id": 7});
    sample(number, version, ended, what)
}

fn glucose(number: u32, ended: i64) -> Sample {
    let what = json!({"kind": "glucose", "mg_dl": 100, "range": "within", "device": "dexcom-g7", "backfilled": false});
    sample(number, 1, ended, what)
}

fn receipts(batch: &HealthBatch) -> Vec<String> {
    let saved = batch.samples.iter().filter_map(|sample| sample.receipt.clone());
    saved.chain(batch.deletions.iter().map(|deletion| deletion.receipt.clone())).collect()
}

fn identifiers(batch: &HealthBatch) -> Vec<String> {
    batch.samples.iter().map(|sample| sample.metadata.sync_identifier.to_string()).collect()
}

async fn confirm(client: &SyncClient, batch: &HealthBatch) -> Confirmed {
    let confirmation = Confirmation::new(batch.member_id, batch.store.clone(), receipts(batch));
    client.health_confirm(&confirmation).await.unwrap()
}

async fn refused(client: &SyncClient, member: MemberId, store: &str, receipts: Vec<String>) -> &'static str {
    client.health_confirm(&Confirmation::new(member, store, receipts)).await.unwrap_err().code()
}

/// Sets the store's clock, which devices take their time from when they sync: it is that day, whenever the test runs, or the one
/// after.
fn set_store_clock(stand: &Stand) {
    let Stand::Direct(direct) = stand else { panic!("a store whose clock can be set") };
    let ahead = NOW - OffsetDateTime::now_utc().unix_timestamp();
    direct.days.store(ahead.div_euclid(DAY) + 1, Ordering::Relaxed);
}

/// A device of a new account at noon of 2026-11-10, and its member.
async fn phone(stand: &Stand, home: &TestHome) -> (SyncClient, MemberId, tidegate_sync_client::RecoveryCode) {
    let (client, code) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    drop(client);
    (SyncClient::open(&home.path(), at(NOW)).unwrap(), member, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_handed_over_no_more_and_what_was_not_is() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, member, _) = phone(&stand, &home).await;
    let samples: Vec<Sample> = (0..10).map(|n| bolus(n, 1, NOW - 3600 * i64::from(n + 1), 1.5)).collect();
    client.put_samples(member, PUMP, &samples).await.unwrap();
    let hand_over = HandOver { limit: 4, ..HandOver::new(member, "iphone") };

    let first = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((first.samples.len(), first.more), (4, true));
    assert_eq!(client.health_pending(&hand_over).await.unwrap(), first, "nothing counts before it is confirmed");
    // The oldest come first.
    assert!(first.samples.windows(2).all(|two| two[0].end < two[1].end));

    // Of four, three were written.
    let written = receipts(&first)[..3].to_vec();
    let confirmed = client.health_confirm(&Confirmation::new(member, "iphone", written)).await.unwrap();
    assert_eq!(confirmed, Confirmed { confirmed: 3, ..Confirmed::default() });
    let second = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((identifiers(&second)[0].as_str(), second.samples.len(), second.more), (identifiers(&first)[3].as_str(), 4, true));
    // The first batch confirmed again, as after an app that was killed between: what was in it counts once.
    assert_eq!(confirm(&client, &first).await, Confirmed { confirmed: 1, already: 3, stale: 0 });
    let mut seen: BTreeSet<String> = identifiers(&first).into_iter().collect();
    loop {
        let batch = client.health_pending(&hand_over).await.unwrap();
        assert!(identifiers(&batch).into_iter().all(|identifier| seen.insert(identifier)));
        confirm(&client, &batch).await;
        if !batch.more {
            break;
        }
    }
    assert_eq!(seen.len(), 10);
    assert_eq!(client.health_pending(&hand_over).await.unwrap().samples, []);
    assert!(client.conflicts().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_installation_goes_on_with_the_ledger_and_another_phone_has_its_own() {
    let (stand, [home, anew]) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (client, member, code) = phone(&stand, &home).await;
    set_store_clock(&stand);
    client.put_samples(member, PUMP, &[bolus(1, 1, NOW - 600, 2.0), bolus(2, 1, NOW - 300, 3.0)]).await.unwrap();
    let batch = client.health_pending(&HandOver::new(member, "iphone")).await.unwrap();
    confirm(&client, &batch).await;
    sync(&client).await;
    drop(client);

    // The app is deleted and installed again: another device of the account, the same Apple Health.
    drop(stand.join(&anew.path(), &code).await);
    let client = SyncClient::open(&anew.path(), at(NOW)).unwrap();
    sync(&client).await;
    let stores: Vec<String> = client.health_stores(member).await.unwrap().into_iter().map(|store| store.store).collect();
    assert_eq!(stores, ["iphone"]);
    assert_eq!(client.health_pending(&HandOver::new(member, "iphone")).await.unwrap().samples, []);
    // What comes now comes once.
    client.put_samples(member, PUMP, &[bolus(3, 1, NOW - 100, 1.0)]).await.unwrap();
    let new = client.health_pending(&HandOver::new(member, "iphone")).await.unwrap();
    assert_eq!(new.samples.len(), 1);
    assert_eq!(confirm(&client, &new).await.confirmed, 1);
    assert_eq!(client.health_pending(&HandOver::new(member, "iphone")).await.unwrap().samples, []);

    // A phone of its own gets everything, under the same sync identifiers: Apple Health can tell that they are the same.
    let other = client.health_pending(&HandOver::new(member, "second phone")).await.unwrap();
    assert_eq!(identifiers(&other)[..2], identifiers(&batch));
    assert!(receipts(&other).iter().all(|receipt| !receipts(&batch).contains(receipt)));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_others_are_refused_and_nothing_is_recorded() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, member, _) = phone(&stand, &home).await;
    let other = client.add_member("Bo").unwrap();
    for member in [member, other] {
        client.put_samples(member, PUMP, &[bolus(1, 1, NOW - 600, 2.0)]).await.unwrap();
    }
    let ours = client.health_pending(&HandOver::new(member, "iphone")).await.unwrap();
    let theirs = client.health_pending(&HandOver::new(other, "iphone")).await.unwrap();
    // Two wearers of one pump's log are two persons to Apple Health.
    assert_ne!(identifiers(&ours), identifiers(&theirs));

    let unknown = "health-receipt-unknown";
    assert_eq!(refused(&client, other, "iphone", receipts(&ours)).await, unknown);
    assert_eq!(refused(&client, member, "ipad", receipts(&ours)).await, unknown);
    assert_eq!(
        refused(&client, member, "iphone", vec![receipts(&ours)[0].replace('A', "B"), "made up".to_owned()]).await,
        unknown
    );
    assert_eq!(refused(&client, member, "iphone", [receipts(&ours), receipts(&theirs)].concat()).await, unknown);
    assert_eq!(refused(&client, member, "", receipts(&ours)).await, "text-length");
    let of_nobody: MemberId = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    assert_eq!(refused(&client, of_nobody, "iphone", receipts(&ours)).await, "member-unknown");
    let mut of_another_format = Confirmation::new(member, "iphone", receipts(&ours));
    of_another_format.format = "tidegate/health-batch/v1".to_owned();
    assert_eq!(client.health_confirm(&of_another_format).await.unwrap_err().code(), "health-confirmation-invalid");
    assert_eq!(client.health_pending(&HandOver::new(member, "iphone")).await.unwrap(), ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_raises_the_version_and_what_became_nothing_is_taken_back() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, member, _) = phone(&stand, &home).await;
    let hand_over = HandOver::new(member, "iphone");
    let put = async |samples: &[Sample]| client.put_samples(member, PUMP, samples).await.unwrap();
    put(&[bolus(1, 1, NOW - 600, 2.0), bolus(2, 1, NOW - 300, 0.0)]).await;
    let first = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((first.samples.len(), first.deletions.len()), (1, 0), "nothing was delivered: nothing to write");
    confirm(&client, &first).await;

    put(&[bolus(1, 3, NOW - 600, 2.5)]).await;
    let corrected = client.health_pending(&hand_over).await.unwrap();
    assert_eq!(identifiers(&corrected), identifiers(&first));
    assert_eq!((corrected.samples[0].value, corrected.samples[0].metadata.sync_version), (2.5, 1_000_003));
    confirm(&client, &corrected).await;
    // The receipt of the old version, late: the ledger does not go back.
    assert_eq!(confirm(&client, &first).await.already, 1);
    assert_eq!(client.health_pending(&hand_over).await.unwrap().samples, []);

    put(&[bolus(1, 4, NOW - 600, 0.0)]).await;
    let taken_back = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((taken_back.samples.len(), taken_back.deletions.len()), (0, 1));
    assert_eq!(taken_back.deletions[0].sync_identifier.to_string(), identifiers(&first)[0]);
    confirm(&client, &taken_back).await;
    assert_eq!(client.health_pending(&hand_over).await.unwrap().deletions, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_store_gets_the_days_that_were_asked_for_and_glucose_only_when_asked() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, member, _) = phone(&stand, &home).await;
    let samples: Vec<Sample> = (0..20).map(|day| bolus(day, 1, NOW - DAY * i64::from(day) - 60, 1.0)).collect();
    client.put_samples(member, PUMP, &samples).await.unwrap();
    client.put_samples(member, PUMP, &[glucose(100, NOW - 60)]).await.unwrap();
    for (days, expected) in [(0, 0), (2, 2), (7, 7), (14, 14)] {
        let store = format!("after {days}");
        let hand_over = HandOver { initial_days: days, ..HandOver::new(member, store.clone()) };
        assert_eq!(client.health_pending(&hand_over).await.unwrap().samples.len(), expected, "{days}");
        // It has begun: another wish comes too late, and "now" stays the moment of the first call.
        let later = HandOver { initial_days: 14, ..HandOver::new(member, store) };
        assert_eq!(client.health_pending(&later).await.unwrap().samples.len(), expected, "{days}");
    }
    let with_glucose = HandOver { initial_days: 2, ..HandOver::new(member, "all").with_glucose() };
    let batch = client.health_pending(&with_glucose).await.unwrap();
    assert_eq!(batch.samples.iter().filter(|sample| sample.unit == "mg/dL").count(), 1);
    for wrong in [
        HandOver { limit: 0, ..with_glucose.clone() },
        HandOver { limit: 5_001, ..with_glucose.clone() },
        HandOver { initial_days: 371, ..with_glucose },
    ] {
        assert_eq!(client.health_pending(&wrong).await.unwrap_err().code(), "invalid-setting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_has_forgotten_is_not_handed_over_again() {
    let (stand, [home, anew]) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (client, member, code) = phone(&stand, &home).await;
    set_store_clock(&stand);
    let hand_over = HandOver { limit: 5_000, initial_days: 10, ..HandOver::new(member, "iphone") };
    // Four days of 1,400 boluses: more than a ledger keeps.
    let samples: Vec<Sample> = (0..4_u32)
        .flat_map(|day| (0..1_400).map(move |n| bolus(day * 1_400 + n, 1, NOW - DAY * i64::from(5 - day) + i64::from(n), 0.1)))
        .collect();
    client.put_samples(member, PUMP, &samples).await.unwrap();
    let first = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((first.samples.len(), first.more), (5_000, true));
    assert_eq!(confirm(&client, &first).await.confirmed, 5_000);
    let second = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((second.samples.len(), second.since.as_str()), (600, first.since.as_str()), "the current batch is protected");
    confirm(&client, &second).await;
    let after = client.health_pending(&hand_over).await.unwrap();
    assert_eq!((after.samples.len(), after.since.as_str()), (0, "2026-11-06T00:00:00.000Z"));
    // A late receipt of a day that was forgotten, and a late sample of it.
    client.put_samples(member, PUMP, &[bolus(9_000, 1, NOW - 5 * DAY + 9_000, 1.0)]).await.unwrap();
    assert_eq!(client.health_pending(&hand_over).await.unwrap().samples, []);
    assert_eq!(confirm(&client, &first).await, Confirmed { confirmed: 0, already: 3_600, stale: 1_400 });
    // On another device too, which knows the ledger from the store alone.
    sync(&client).await;
    drop(stand.join(&anew.path(), &code).await);
    let other = SyncClient::open(&anew.path(), at(NOW)).unwrap();
    sync(&other).await;
    assert_eq!(other.health_pending(&hand_over).await.unwrap(), client.health_pending(&hand_over).await.unwrap());

    // A year and a week later everything of it has gone, and nothing comes again.
    drop(client);
    let client = SyncClient::open(&home.path(), at(NOW + 377 * DAY)).unwrap();
    client.put_samples(member, PUMP, &[bolus(9_001, 1, NOW + 376 * DAY, 1.0)]).await.unwrap();
    let batch = client.health_pending(&hand_over).await.unwrap();
    assert_eq!(batch.samples.len(), 1);
    confirm(&client, &batch).await;
    assert_eq!(client.health_pending(&hand_over).await.unwrap().samples, []);
    let report = sync(&client).await;
    assert_eq!((report.conflicts, report.quarantined.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_that_confirm_at_once_come_to_one_ledger() {
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, member, code) = phone(&stand, &homes[0]).await;
    set_store_clock(&stand);
    one.put_samples(member, PUMP, &(0..6).map(|n| bolus(n, 1, NOW - 3600 * i64::from(n + 1), 1.0)).collect::<Vec<_>>())
        .await
        .unwrap();
    let all = one.health_pending(&HandOver::new(member, "iphone")).await.unwrap();
    sync(&one).await;
    drop(stand.join(&homes[1].path(), &code).await);
    let other = SyncClient::open(&homes[1].path(), at(NOW)).unwrap();
    sync(&other).await;

    let part = |range: std::ops::Range<usize>| Confirmation::new(member, "iphone", receipts(&all)[range].to_vec());
    one.health_confirm(&part(0..4)).await.unwrap();
    other.health_confirm(&part(3..6)).await.unwrap();
    for client in [&one, &other, &one] {
        assert_eq!(sync(client).await.conflicts, 0);
    }
    for client in [&one, &other] {
        assert_eq!(client.health_pending(&HandOver::new(member, "iphone")).await.unwrap().samples, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_sealed_and_says_no_sample() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, member, _) = phone(&stand, &home).await;
    set_store_clock(&stand);
    client.put_samples(member, PUMP, &[bolus(1, 1, NOW - 600, 2.0)]).await.unwrap();
    let batch = client.health_pending(&HandOver::new(member, "planted-store-name")).await.unwrap();
    confirm(&client, &batch).await;
    sync(&client).await;
    let (store, bucket) = stand.store();
    let keys: Vec<String> = store.objects(bucket).unwrap().into_iter().map(|object| object.key).collect();
    assert!(keys.len() > 3);
    for key in keys {
        let bytes = store.read(bucket, &key).unwrap();
        for planted in ["planted-store-name", "health.ledger", PUMP, &identifiers(&batch)[0]] {
            assert!(
                !key.contains(planted) && !bytes.windows(planted.len()).any(|at| at == planted.as_bytes()),
                "{planted} in {key}"
            );
        }
    }
    // Nor does what leaves for Apple Health say which pump it was.
    assert!(!serde_json::to_string(&batch).unwrap().contains(PUMP));
}

#[test]
fn documents_of_the_hand_over_are_as_they_were() {
    // What an app reads and writes, with names and receipts that only an account has put in by hand.
    let (stand, home) = (tokio::runtime::Runtime::new().unwrap(), TestHome::new());
    let batch = stand.block_on(async {
        let direct = Stand::direct().await;
        let (client, member, _) = phone(&direct, &home).await;
        let carbohydrates = sample(3, 1, NOW - 900, json!({"kind": "carbohydrates", "grams": 45.0, "bolus_id": 7}));
        let basal = json!({"kind": "insulin-basal", "units": 0.013333, "units_per_hour": 0.8, "source": "algorithm"});
        let meter = json!({"kind": "glucose", "mg_dl": 95, "range": "within", "device": "meter", "backfilled": false});
        let samples = [
            bolus(1, 1, NOW - 1200, 1.0),
            bolus(2, 3, NOW - 800, 2.0),
            carbohydrates,
            sample(4, 2, NOW - 600, basal),
            sample(5, 1, NOW - 300, meter),
        ];
        client.put_samples(member, PUMP, &samples).await.unwrap();
        let hand_over = HandOver::new(member, "iphone").with_glucose();
        let first = client.health_pending(&HandOver { limit: 1, ..hand_over.clone() }).await.unwrap();
        confirm(&client, &first).await;
        client.put_samples(member, PUMP, &[bolus(1, 2, NOW - 1200, 0.0)]).await.unwrap();
        client.health_pending(&hand_over).await.unwrap()
    });
    let confirmation = Confirmation::new(batch.member_id, batch.store.clone(), receipts(&batch));
    let mut documents = [serde_json::to_value(&batch).unwrap(), serde_json::to_value(&confirmation).unwrap()];
    documents.iter_mut().for_each(hide);
    let [batch, confirmation] = documents.map(|document| serde_json::to_string_pretty(&document).unwrap() + "\n");
    golden("health-batch.json", &batch);
    golden("health-confirmation.json", &confirmation);
}

/// Puts a word in the place of what another account has otherwise.
fn hide(document: &mut Value) {
    match document {
        Value::String(text) => {
            if text.len() == 59 {
                "receipt".clone_into(text);
            } else if text.len() == 36 && text.matches('-').count() == 4 {
                "uuid".clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(fields) => fields.values_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A pump's log of the morning of 2026-11-10: the rate every five minutes, 0.8 U/h with 0.4 and 1.2 in between.
fn morning() -> Vec<Event> {
    let rate = |step: u32| match step {
        13..=14 => 400,
        30..=50 => 1_200,
        _ => 800,
    };
    let event = |step: u32| {
        let minutes = 300 + step * 5;
        let event = json!({
            "eventCode": 279, "sequenceGroup": 0, "sequenceNumber": 100 + step,
            "pumpDateTime": format!("2026-11-10T{:02}:{:02}:00", minutes / 60, minutes % 60),
            "eventProperties": {"commandedRateSource": 3, "commandedRate": rate(step)},
        });
        decode_event(&event).unwrap()
    };
    (0..60).map(event).collect()
}

fn lines(events: &[Event], seen: impl Fn(usize) -> bool) -> Vec<Line> {
    let zone = Zone::named("UTC").unwrap();
    let mut normaliser = Normaliser::new(Settings { pump: PUMP.to_owned(), zone, concentration: Concentration::U100 });
    normaliser.add((0..events.len()).filter(|index| seen(*index)).map(|index| events[index].clone()));
    normaliser.lines(None)
}

/// Apple Health: of each sync identifier the greatest version, until it is deleted.
#[derive(Default)]
struct HealthKit(BTreeMap<String, (u32, f64, String, String)>);

impl HealthKit {
    /// Takes what is pending until nothing is, and gives how many objects were saved and deleted.
    async fn take(&mut self, client: &SyncClient, member: MemberId) -> (usize, usize) {
        let (mut saved, mut deleted) = (0, 0);
        loop {
            let batch = client.health_pending(&HandOver { limit: 3, ..HandOver::new(member, "phone") }).await.unwrap();
            if batch.samples.is_empty() && batch.deletions.is_empty() {
                return (saved, deleted);
            }
            for object in &batch.samples {
                let name = object.metadata.sync_identifier.to_string();
                let new = (object.metadata.sync_version, object.value, object.start.clone(), object.end.clone());
                assert!(self.0.get(&name).is_none_or(|old| old.0 < new.0), "HealthKit would keep the old one");
                self.0.insert(name, new);
            }
            for deletion in &batch.deletions {
                self.0.remove(&deletion.sync_identifier.to_string());
            }
            saved += batch.samples.len();
            deleted += batch.deletions.len();
            confirm(client, &batch).await;
        }
    }

    fn spans(&self) -> Vec<(String, String, f64)> {
        let mut spans: Vec<_> = self.0.values().map(|(_, value, start, end)| (start.clone(), end.clone(), *value)).collect();
        spans.sort_by(|a, b| a.0.cmp(&b.0));
        spans
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_log_that_is_filled_later_leaves_no_insulin_behind_that_was_handed_over_across_it() {
    let stand = Stand::direct().await;
    set_store_clock(&stand);
    let (home, other_home) = (TestHome::new(), TestHome::new());
    let (one, member, code) = phone(&stand, &home).await;
    sync(&one).await;
    stand.join(&other_home.path(), &code).await;
    let other = SyncClient::open(&other_home.path(), at(NOW)).unwrap();
    sync(&other).await;
    let (events, mut health) = (morning(), HealthKit::default());

    // The one missed two lower rates within a quarter of an hour, and two hours with higher ones.
    one.put_lines(member, PUMP, &lines(&events, |index| index != 13 && index != 14 && !(24..48).contains(&index))).await.unwrap();
    assert_eq!(health.take(&one, member).await.1, 0);
    let first = health.spans();
    assert_eq!(first[0].1, "2026-11-10T07:00:00.000Z", "{first:?}");

    // The other one fills the holes, in part and then in whole, and both hand over in turn.
    for seen in [|index: usize| (12..40).contains(&index), |_: usize| true] {
        other.put_lines(member, PUMP, &lines(&events, seen)).await.unwrap();
        for client in [&other, &one, &other] {
            sync(client).await;
        }
        health.take(&one, member).await;
        sync(&one).await;
        sync(&other).await;
        assert_eq!(health.take(&other, member).await, (0, 0), "the ledger is one");
    }
    let whole = samples_of(&lines(&events, |_| true), None);
    let utc = |moment: &tidegate_tandem::Moment| format!("{:.3}", moment.utc);
    let value = |sample: &Sample| serde_json::to_value(sample).unwrap()["units"].as_f64().unwrap();
    let expected: Vec<_> = whole.iter().map(|sample| (utc(&sample.start), utc(&sample.end), value(sample))).collect();
    assert_eq!(health.spans(), expected);
    for client in [&one, &other] {
        let mut reader = client.samples(&SampleFilter::new(member)).await.unwrap();
        let day = reader.next_day().await.unwrap().unwrap();
        assert_eq!(day.samples, whole);
        assert!(reader.next_day().await.unwrap().is_none());
    }
}
