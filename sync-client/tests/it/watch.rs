//! Watching, with time and chance of the test's own: an hour passes in a moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tidegate_sync_client::cost::store_named;
use tidegate_sync_client::watch::{Budget, Ticker, WatchOptions, Watched, Why};
use tidegate_sync_client::{Class, Error, NewRecord, Source, SyncClient};
use tokio::sync::Notify;

use crate::stand::{DirectStand, Fault, Stand, TestHome, options, sync};

type Act = Box<dyn FnOnce() + Send>;

/// Time passes when somebody sleeps, and what is to happen at a moment happens then.
struct FakeTicker {
    now_ms: AtomicU64,
    acts: Mutex<BTreeMap<u64, Act>>,
}

impl fmt::Debug for FakeTicker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeTicker")
    }
}

#[async_trait]
impl Ticker for FakeTicker {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn sleep(&self, wait: Duration) {
        let until = self.now_ms() + u64::try_from(wait.as_millis()).unwrap();
        self.now_ms.store(until, Ordering::SeqCst);
        let due = {
            let mut acts = self.acts.lock().unwrap();
            let later = acts.split_off(&(until + 1));
            std::mem::replace(&mut *acts, later)
        };
        due.into_values().for_each(|act| act());
        tokio::task::yield_now().await;
    }

    fn chance(&self) -> f64 {
        0.5
    }
}

/// One sync as it was told: when, what came of it, and why the next one is when.
#[derive(Debug)]
struct Told {
    at_s: u64,
    pushed: Result<u64, &'static str>,
    to_store: u64,
    next: (u64, Why),
}

struct World {
    stand: DirectStand,
    home: TestHome,
    client: SyncClient,
    member: tidegate_protocol::MemberId,
}

impl World {
    async fn new() -> Self {
        let home = TestHome::new();
        let wrapped = Stand::direct().await;
        let (client, _) = wrapped.create(&home.path()).await;
        let member = client.add_member("Ada").unwrap();
        sync(&client).await;
        let Stand::Direct(stand) = wrapped else { unreachable!() };
        Self { stand, home, client, member }
    }

    fn put(&self, client: &SyncClient) -> Act {
        let (client, member) = (client.clone(), self.member);
        Box::new(move || {
            client.put(NewRecord::new(member, Source::Bytes(vec![1; 1_000]))).unwrap();
        })
    }

    fn fault(&self, fault: Option<Fault>) -> Act {
        let faults = self.stand.faults.clone();
        Box::new(move || faults.always(fault))
    }

    /// Watches for so many seconds; `acts` happen at seconds of it.
    async fn watch(&self, seconds: u64, acts: Vec<(u64, Act)>) -> (Vec<Told>, Result<(), Error>) {
        self.watch_with(WatchOptions::default(), seconds, acts).await
    }

    async fn watch_with(&self, options: WatchOptions, seconds: u64, acts: Vec<(u64, Act)>) -> (Vec<Told>, Result<(), Error>) {
        const START_MS: u64 = 1_800_000_000_000;
        let stop = Arc::new(Notify::new());
        let stopping = Arc::clone(&stop);
        let end: (u64, Act) = (seconds, Box::new(move || stopping.notify_one()));
        let acts = acts.into_iter().chain([end]).map(|(second, act)| (START_MS + second * 1_000, act)).collect();
        let ticker = Arc::new(FakeTicker { now_ms: AtomicU64::new(START_MS), acts: Mutex::new(acts) });
        let options = WatchOptions { ticker: Arc::clone(&ticker) as Arc<dyn Ticker>, ..options };
        let mut told = Vec::new();
        let mut tell = |Watched { sync, next }: Watched| {
            let at_s = (ticker.now_ms() - START_MS) / 1_000;
            let to_store = sync.as_ref().map_or(0, |report| report.traffic.requests.to_store());
            let pushed = sync.map(|report| report.pushed).map_err(|error| error.code());
            told.push(Told { at_s, pushed, to_store, next: (next.wait.as_secs(), next.why) });
        };
        let ended = self.client.watch(&options, &|_progress| {}, &mut tell, stop.notified()).await;
        (told, ended)
    }
}

fn times(told: &[Told]) -> Vec<u64> {
    told.iter().map(|told| told.at_s).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hour_costs_a_handful_of_conditional_gets() {
    let world = World::new().await;
    let (told, ended) = world.watch(3_600, vec![]).await;
    ended.unwrap();
    // Every 45 s for ten minutes, then doubling to ten minutes.
    let active: Vec<u64> = (0..=14).map(|poll| poll * 45).collect();
    assert_eq!(times(&told)[..15], active);
    assert_eq!(times(&told)[15..], [720, 900, 1_260, 1_860, 2_460, 3_060]);
    assert!(told.iter().all(|told| told.pushed == Ok(0) && told.to_store == 1), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_this_or_of_another_process_is_sent_at_once() {
    let world = World::new().await;
    let other = SyncClient::open(&world.home.path(), options()).unwrap();
    let acts = vec![(1_000, world.put(&world.client)), (1_400, world.put(&other)), (1_401, world.put(&other))];
    let (told, ended) = world.watch(1_420, acts).await;
    ended.unwrap();
    let sent: Vec<(u64, u64)> =
        told.iter().filter_map(|told| told.pushed.ok().filter(|pushed| *pushed > 0).map(|pushed| (told.at_s, pushed))).collect();
    // A second after the edit; edits of one moment travel together.
    assert_eq!(sent.len(), 2, "{told:#?}");
    assert!((1_001..=1_002).contains(&sent[0].0) && sent[0].1 == 1, "{sent:?}");
    assert!((1_401..=1_402).contains(&sent[1].0) && sent[1].1 == 2, "{sent:?}");
    assert_eq!(world.client.status().unwrap().pending, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_asked_less_and_less_and_then_it_goes_on() {
    let world = World::new().await;
    let down = Fault::Status(503, None);
    let acts = vec![(10, world.fault(Some(down))), (40, world.put(&world.client)), (400, world.fault(None))];
    let (told, ended) = world.watch(800, acts).await;
    ended.unwrap();
    let failed: Vec<u64> = told.iter().filter(|told| told.pushed == Err("store-unavailable")).map(|told| told.at_s).collect();
    // The edit asks first; then means of 15, 30, 60 ... seconds, three quarters of each.
    assert_eq!(failed, [41, 52, 74, 119, 209, 389], "{told:#?}");
    let recovered = told.iter().find(|told| told.at_s > 400).unwrap();
    assert_eq!((recovered.at_s, recovered.pushed), (749, Ok(1)), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_asks_for_rest_is_left_alone_for_it() {
    let world = World::new().await;
    let acts =
        vec![(10, world.fault(Some(Fault::Status(503, Some(120))))), (60, world.put(&world.client)), (61, world.fault(None))];
    let (told, ended) = world.watch(200, acts).await;
    ended.unwrap();
    let first_failure = told.iter().find(|told| told.pushed.is_err()).unwrap();
    assert_eq!((first_failure.at_s, first_failure.next), (45, (120, Why::Retry)));
    let next = told.iter().find(|told| told.at_s > 45).unwrap();
    assert_eq!((next.at_s, next.pushed), (165, Ok(1)), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_person_ends_it() {
    let world = World::new().await;
    let denied = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    let acts = vec![(100, world.fault(Some(Fault::Answer(403, &[("content-type", "application/xml")], denied))))];
    let (told, ended) = world.watch(3_600, acts).await;
    let error = ended.unwrap_err();
    assert_eq!((error.code(), error.class()), ("store-denied", Class::Denied));
    assert_eq!(told.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_slows_it_down_and_counts_every_sync_of_the_home() {
    let world = World::new().await;
    let prices = Some(store_named("aws-us-east-1").unwrap());
    let before = world.client.requests_this_month(now_ms()).unwrap();
    assert!(before.put >= 3, "the first sync was counted: {before:?}");
    // Not even what is spent already.
    let options = WatchOptions { prices, budget: Budget { nanodollars: 1_000 }, ..WatchOptions::default() };
    let ticker = Arc::new(FakeTicker { now_ms: AtomicU64::new(now_ms()), acts: Mutex::default() });
    let options = WatchOptions { ticker: ticker as Arc<dyn Ticker>, ..options };
    let mut told = 0;
    let stop = async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    };
    world.client.watch(&options, &|_progress| {}, &mut |_watched| told += 1, stop).await.unwrap();
    assert_eq!(told, 0, "it cannot be paid for");
    assert_eq!(world.client.requests_this_month(now_ms()).unwrap(), before);
    sync(&world.client).await;
    assert_eq!(world.client.requests_this_month(now_ms()).unwrap().get, before.get + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_stopped_in_a_sync_ends_and_loses_nothing() {
    let world = World::new().await;
    world.put(&world.client)();
    world.stand.faults.hold(true);
    let stop = {
        let other = SyncClient::open(&world.home.path(), options()).unwrap();
        async move {
            while !other.is_syncing_elsewhere() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let ticker = Arc::new(FakeTicker { now_ms: AtomicU64::new(0), acts: Mutex::default() });
    let options = WatchOptions { ticker: ticker as Arc<dyn Ticker>, ..WatchOptions::default() };
    world.client.watch(&options, &|_progress| {}, &mut |_watched| {}, stop).await.unwrap();
    world.stand.faults.hold(false);
    assert_eq!(world.client.status().unwrap().pending, 1);
    assert_eq!(sync(&world.client).await.pushed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_watch_one_home_do_not_wake_each_other() {
    let world = World::new().await;
    let other = SyncClient::open(&world.home.path(), options()).unwrap();
    let acts: Vec<(u64, Act)> = (1..40)
        .map(|turn| {
            let other = other.clone();
            // What another process's sync writes is no edit.
            let act: Act = Box::new(move || {
                tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(async { sync(&other).await });
                });
            });
            (turn * 10, act)
        })
        .collect();
    let (told, ended) = world.watch(400, acts).await;
    ended.unwrap();
    assert_eq!(times(&told), (0..9).map(|poll| poll * 45).collect::<Vec<_>>());
}

fn now_ms() -> u64 {
    u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
