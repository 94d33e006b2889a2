//! Reading pumps' logs from a stand-in for the vendor's service into records, on one device and on two at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::{Date, date};
use tidegate_protocol::MemberId;
use tidegate_sync_client::tandem::{
    Concentration, IngestOptions, IngestReport, IngestWatch, Login, Region, Service, Skipped, TandemSetup, TandemWatched, Zone,
};
use tidegate_sync_client::watch::Ticker;
use tidegate_sync_client::{ListFilter, SampleFilter, SecretString, SyncClient};
use tidegate_tandem::{Line, Normaliser, Sample, Settings, decode_event, samples_of};
use tidegate_testkit::tandem::{Fault, LogPlan, Plan, PlannedPump, Stage, TandemStandIn};

use crate::stand::{Stand, TestHome, options, sync};

const FIRST: Date = date(2025, 3, 1);
const ZONE: &str = "Europe/Berlin";

fn setup(service: &TandemStandIn) -> TandemSetup {
    let service = Service { base: service.base().to_string(), client_id: "stand-in-client".to_owned() };
    let zone = Zone::named(ZONE).unwrap();
    TandemSetup { region: Region::Eu, zone, concentration: Concentration::U100, service: Some(service) }
}

fn credentials(service: &TandemStandIn) -> Login {
    let Plan { username, password, .. } = service.plan();
    Login::new(username, SecretString::from(password))
}

async fn login(client: &SyncClient, member: MemberId, service: &TandemStandIn) {
    client.tandem_login(member, &setup(service), &credentials(service), false).await.unwrap();
}

async fn ingest(client: &SyncClient, since: Option<Date>) -> IngestReport {
    let member = client.members().unwrap()[0].member_id;
    client.tandem_ingest(member, IngestOptions { since, only_news: false }, &|_| {}).await.unwrap()
}

async fn stored(client: &SyncClient) -> Vec<Sample> {
    let member = client.members().unwrap()[0].member_id;
    let mut reader = client.samples(&SampleFilter::new(member)).await.unwrap();
    let mut samples = Vec::new();
    while let Some(day) = reader.next_day().await.unwrap() {
        assert_eq!(day.unreadable, 0);
        samples.extend(day.samples);
    }
    in_order(samples)
}

/// What the whole log comes to at once, from a day on.
fn whole(pump: &PlannedPump, from: Date) -> Vec<Sample> {
    in_order(samples_of(&whole_lines(pump, from), None))
}

fn whole_lines(pump: &PlannedPump, from: Date) -> Vec<Line> {
    let zone = Zone::named(ZONE).unwrap();
    let settings = Settings { pump: pump.assignment_id.clone(), zone, concentration: Concentration::U100 };
    let (log, mut normaliser) = (pump.log.as_ref().unwrap(), Normaliser::new(settings));
    for day in log.first_day.series(jiff::Span::new().days(1)).take_while(|day| *day <= log.last_day()) {
        normaliser.add(log.events_of(day, &pump.assignment_id).iter().map(|event| decode_event(event).unwrap()));
    }
    normaliser.lines(None).into_iter().filter(|line| line.day() >= from).collect()
}

fn in_order(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_by(|a, b| a.id.cmp(&b.id));
    samples
}

#[track_caller]
fn assert_same(found: &[Sample], expected: &[Sample]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// A device with a family member who is logged in.
async fn device(stand: &Stand, home: &TestHome, service: &TandemStandIn) -> SyncClient {
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    login(&client, member, service).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn at_first_the_last_week_is_read_and_reading_it_again_changes_nothing() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 40, 1))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    let report = ingest(&client, None).await;
    let pump = &report.pumps[0];
    assert_eq!((pump.windows, pump.unread, pump.provisional), (1, 0, 0));
    let from = service.plan().pumps[0].log.as_ref().unwrap().last_day().saturating_sub(jiff::Span::new().days(7));
    assert_eq!(pump.read, Some((from, date(2025, 4, 9))));
    assert_same(&stored(&client).await, &whole(&service.plan().pumps[0], from));

    let again = ingest(&client, None).await;
    assert_eq!((again.pumps[0].samples, again.pumps[0].records), (0, 0));
    assert!(client.list(&ListFilter::default()).unwrap().records.iter().all(|record| record.version == 1));
    assert_eq!(service.count(Stage::Login), 1, "the token is used until it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_a_long_log_come_to_the_samples_of_the_whole_log() {
    let log = LogPlan::new(FIRST, 70, 2).and_clock_set(date(2025, 3, 30).at(16, 28, 0, 0), 3_600);
    let service = TandemStandIn::start(Plan::of(log)).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    let report = ingest(&client, Some(FIRST)).await;
    assert_eq!(report.pumps[0].windows, 3);
    assert_same(&stored(&client).await, &whole(&service.plan().pumps[0], FIRST));
    // An earlier beginning than before reads anew; what is there is not written again.
    let earlier = ingest(&client, Some(date(2025, 1, 1))).await;
    assert_eq!((earlier.pumps[0].windows, earlier.pumps[0].records), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_goes_on_at_the_window_that_was_not_finished() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 100, 3))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    service.fail(Stage::Log, [Fault::Pass, Fault::Pass, Fault::Html(200)]);
    let member = client.members().unwrap()[0].member_id;
    let since = IngestOptions { since: Some(FIRST), only_news: false };
    let error = client.tandem_ingest(member, since, &|_| {}).await.unwrap_err();
    assert_eq!(error.code(), "tandem-changed");
    let (_, to) = client.tandem_accounts().unwrap()[0].pumps[0].read.unwrap();
    assert_eq!(to, date(2025, 4, 23), "two windows are done");
    let before = service.count(Stage::Log);
    // Without `since`: that it reads from then on is known.
    ingest(&client, None).await;
    assert_eq!(service.count(Stage::Log) - before, 3);
    assert_same(&stored(&client).await, &whole(&service.plan().pumps[0], FIRST));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_read_the_same_and_overlapping_days_at_once_come_to_the_same_samples() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 45, 4))).await;
    let (stand, homes) = (Stand::direct().await, [TestHome::new(), TestHome::new()]);
    let (one, code) = stand.create(&homes[0].path()).await;
    let member = one.add_member("Ada").unwrap();
    sync(&one).await;
    let other = stand.join(&homes[1].path(), &code).await;
    sync(&other).await;
    login(&one, member, &service).await;
    login(&other, member, &service).await;

    // The one knows of less of the log than the other, which begins later; both sync meanwhile.
    let assignment = service.plan().pumps[0].assignment_id.clone();
    service.upload_until(&assignment, date(2025, 3, 20).at(9, 31, 0, 0));
    ingest(&one, Some(FIRST)).await;
    service.upload_until(&assignment, date(2025, 4, 20).at(0, 0, 0, 0));
    let later = Some(date(2025, 3, 10));
    tokio::join!(ingest(&one, None), ingest(&other, later), sync(&one), sync(&other));
    for client in [&one, &other, &one, &other] {
        sync(client).await;
    }
    let expected = whole(&service.plan().pumps[0], FIRST);
    for client in [&one, &other] {
        assert_same(&stored(client).await, &expected);
        assert_eq!(client.conflicts().unwrap(), []);
    }
    // Nobody has anything to add, and nothing is sent for ever and ever.
    for client in [&one, &other] {
        assert_eq!(ingest(client, Some(FIRST)).await.pumps[0].records, 0);
        sync(client).await;
    }
    assert_eq!((sync(&one).await.pushed, sync(&other).await.pushed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_uploaded_in_the_midst_of_something_is_corrected_by_the_rest_of_it() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 12, 5))).await;
    let assignment = service.plan().pumps[0].assignment_id.clone();
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    for hour in [5, 7, 8, 12, 13, 20, 21, 23] {
        service.upload_until(&assignment, date(2025, 3, 11).at(hour, 2, 30, 0));
        ingest(&client, Some(FIRST)).await;
    }
    service.upload_until(&assignment, date(2025, 3, 30).at(0, 0, 0, 0));
    ingest(&client, None).await;
    assert_same(&stored(&client).await, &whole(&service.plan().pumps[0], FIRST));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_is_found_for_a_week_and_later_by_reading_again() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 40, 6))).await;
    let pump = service.plan().pumps[0].clone();
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    let (recent, old) = (date(2025, 4, 6), date(2025, 3, 12));
    for day in [recent, old] {
        service.withhold(&pump.assignment_id, day.at(6, 0, 0, 0), day.at(15, 0, 0, 0));
    }
    ingest(&client, Some(FIRST)).await;
    service.release();
    let told =
        |samples: &[Sample], day: Date| -> Vec<Sample> { samples.iter().filter(|sample| sample.day() == day).cloned().collect() };
    let expected = whole(&pump, FIRST);
    ingest(&client, None).await;
    let found = stored(&client).await;
    assert_same(&told(&found, recent), &told(&expected, recent));
    assert_ne!(told(&found, old).len(), told(&expected, old).len());
    ingest(&client, Some(FIRST.yesterday().unwrap())).await;
    assert_same(&stored(&client).await, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pump_of_an_account_is_read_and_one_that_fails_does_not_stop_the_others() {
    let old = PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000002", "7654321", Some(LogPlan::new(date(2021, 5, 1), 20, 8)));
    let unused = PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000003", "1111111", None);
    let plan = Plan::of(LogPlan::new(FIRST, 20, 7)).and_pump(old.clone()).and_pump(unused);
    let service = TandemStandIn::start(plan).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    // The pump that is worn is read first, and fails.
    service.fail(Stage::Log, [Fault::Html(200)]);
    let report = ingest(&client, Some(date(2020, 1, 1))).await;
    let failures: Vec<Option<&str>> = report.pumps.iter().map(|pump| pump.failure.as_ref().map(|error| error.code())).collect();
    assert_eq!(failures, [Some("tandem-changed"), None, None]);
    assert_eq!(report.pumps[2].skipped, Some(Skipped::NeverUploaded));
    assert_same(&stored(&client).await, &whole(&old, date(2020, 1, 1)));
    let report = ingest(&client, Some(date(2020, 1, 1))).await;
    assert!(report.pumps.iter().all(|pump| pump.failure.is_none()));
    // The last stretch of the pump that was given up is closed, as another pump's log goes on.
    let mut both = whole_lines(&old, date(2020, 1, 1));
    both.extend(whole_lines(&service.plan().pumps[0], date(2020, 1, 1)));
    assert_same(&stored(&client).await, &in_order(samples_of(&both, None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_costs_one_login_and_refused_credentials_are_neither_kept_nor_tried_again() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 10, 9))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, _) = stand.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    let wrong = Login::new(service.plan().username, SecretString::from("guessed"));
    for code in ["tandem-credentials-refused", "tandem-credentials-refused-before"] {
        let error = client.tandem_login(member, &setup(&service), &wrong, false).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    assert_eq!(service.count(Stage::Login), 1);
    assert_eq!(client.tandem_accounts().unwrap(), []);
    let error = client.tandem_ingest(member, IngestOptions::default(), &|_| {}).await.unwrap_err();
    assert_eq!(error.code(), "tandem-no-login");

    login(&client, member, &service).await;
    service.end_tokens();
    ingest(&client, None).await;
    assert_eq!(service.count(Stage::Login), 3);

    assert!(client.tandem_logout(member).await.unwrap());
    assert!(!client.tandem_logout(member).await.unwrap());
    assert_eq!(client.tandem_accounts().unwrap(), []);
    assert!(!stored(&client).await.is_empty(), "samples stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_samples_mean_does_not_change_under_them() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 10, 10))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    let member = client.members().unwrap()[0].member_id;
    let stronger = TandemSetup { concentration: Concentration::U200, ..setup(&service) };
    client.tandem_login(member, &stronger, &credentials(&service), false).await.unwrap();
    login(&client, member, &service).await;
    ingest(&client, None).await;
    let elsewhere = TandemSetup { zone: Zone::named("Asia/Tokyo").unwrap(), ..setup(&service) };
    for setup in [stronger, elsewhere] {
        let error = client.tandem_login(member, &setup, &credentials(&service), false).await.unwrap_err();
        assert_eq!(error.code(), "invalid-setting");
    }
    login(&client, member, &service).await;
}

/// The names of files below a folder that hold one of these texts, as they are or in hex digits.
fn files_with(folder: &Path, needles: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needles));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        let hex = |needle: &str| needle.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        for needle in needles.iter().filter(|needle| has(needle.as_bytes()) || has(hex(needle).as_bytes())) {
            found.push(format!("{needle} in {}", path.display()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_login_nor_samples_stand_in_any_file_of_the_home_or_the_store_and_a_rebuild_keeps_the_login() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 10, 11))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    ingest(&client, None).await;
    sync(&client).await;
    let plan = service.plan();
    let needles = [
        plan.username,
        plan.password,
        plan.pumper_id,
        plan.account_id,
        plan.last_name,
        plan.pumps[0].serial_number.clone(),
        plan.pumps[0].assignment_id.clone(),
        "access-token-".to_owned(),
        "mg_dl".to_owned(),
        ZONE.to_owned(),
    ];
    assert_eq!(files_with(&home.path(), &needles), Vec::<String>::new());
    let (store, bucket) = stand.store();
    for object in store.objects(bucket).unwrap() {
        let bytes = store.read(bucket, &object.key).unwrap();
        for needle in &needles {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()), "{needle} in {}", object.key);
        }
    }
    drop(client);
    let rebuilt = SyncClient::rebuild(&home.path(), options()).await.unwrap().client;
    let account = &rebuilt.tandem_accounts().unwrap()[0];
    assert!(account.pumps[0].read.is_some());
    assert_eq!(ingest(&rebuilt, None).await.pumps[0].records, 0);
    assert_eq!(service.count(Stage::Login), 1);
}

/// Waits as often as it is told, and then for ever.
#[derive(Debug, Default)]
struct Waits(AtomicUsize);

#[async_trait]
impl Ticker for Waits {
    fn now_ms(&self) -> u64 {
        1_770_000_000_000
    }

    async fn sleep(&self, _wait: Duration) {
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            std::future::pending().await
        }
    }

    fn chance(&self) -> f64 {
        0.5
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_reads_what_is_new_passes_over_the_rest_and_goes_on_after_what_passes() {
    let service = TandemStandIn::start(Plan::of(LogPlan::new(FIRST, 10, 12))).await;
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let client = device(&stand, &home, &service).await;
    let watch = IngestWatch { ticker: Arc::new(Waits(AtomicUsize::new(2))), ..IngestWatch::default() };
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let stop = tokio::sync::Notify::new();
    let mut told = 0;
    let mut tell = |watched: TandemWatched| {
        told += 1;
        if told == 1 {
            service.fail(Stage::Account, [Fault::RateLimit(Some("7200".to_owned()))]);
        }
        sender.send(watched).unwrap();
        if told == 3 {
            stop.notify_one();
        }
    };
    client.tandem_watch(&watch, &|_| {}, &mut tell, stop.notified()).await.unwrap();
    let first = receiver.recv().await.unwrap();
    assert!(first.ingest.unwrap().pumps[0].samples > 0);
    assert_eq!(first.next, watch.every);
    let second = receiver.recv().await.unwrap();
    assert_eq!(second.ingest.unwrap_err().code(), "tandem-rate-limited");
    assert!(second.next > watch.every, "as long as the service asked for");
    // Still within that time, by this machine's clock: nothing is asked of the service.
    let third = receiver.recv().await.unwrap();
    assert_eq!(third.ingest.unwrap_err().code(), "tandem-rate-limited");
    assert_eq!(service.count(Stage::Account), 3);
}
