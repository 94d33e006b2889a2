//! Two processes on one home. Two clients opened on it hold locks of their own, as two processes do.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_sync_client::{Class, ContentId, ListFilter, NewRecord, Options, Source, SyncClient};

use crate::stand::{DirectStand, Stand, TestHome, options, sync};

struct World {
    stand: DirectStand,
    home: TestHome,
    a: SyncClient,
    b: SyncClient,
    member: tidegate_protocol::MemberId,
}

async fn world() -> World {
    let home = TestHome::new();
    let wrapped = Stand::direct().await;
    let (a, _) = wrapped.create(&home.path()).await;
    let member = a.add_member("Ada").unwrap();
    sync(&a).await;
    let b = SyncClient::open(&home.path(), options()).unwrap();
    let Stand::Direct(stand) = wrapped else { unreachable!() };
    World { stand, home, a, b, member }
}

fn note(world: &World, text: &str) -> NewRecord {
    NewRecord::new(world.member, Source::Bytes(text.repeat(100).into_bytes())).title(text).kind("note")
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_second_process_during_a_sync_are_taken_at_once_and_sent_by_the_next() {
    let world = world().await;
    world.a.put(note(&world, "first")).unwrap();
    world.stand.faults.hold(true);
    let running = {
        let a = world.a.clone();
        tokio::spawn(async move { sync(&a).await })
    };
    world.stand.faults.until_one_is_held().await;
    let second = world.b.put(note(&world, "second")).unwrap();
    let third = world.a.put(note(&world, "third")).unwrap();
    world.b.delete(second.record_id).unwrap();
    let kept = world.b.put(note(&world, "fourth")).unwrap();
    assert_eq!(world.b.status().unwrap().pending, 5);
    world.stand.faults.hold(false);
    assert!(running.await.unwrap().pushed >= 1);
    sync(&world.a).await;
    sync(&world.b).await;
    for client in [&world.a, &world.b] {
        assert_eq!(client.status().unwrap().pending, 0);
        let mut titles: Vec<String> = client.list(&ListFilter::default()).unwrap().records.into_iter().map(|r| r.title).collect();
        titles.sort();
        assert_eq!(titles, ["first", "fourth", "third"]);
        assert_eq!(client.history(second.record_id).unwrap().len(), 2);
    }

    let code = world.a.recovery_code().unwrap().unwrap();
    let other = TestHome::new();
    let stand = Stand::Direct(world.stand);
    let phone = stand.join(&other.path(), &code).await;
    sync(&phone).await;
    for record in [kept.record_id, third.record_id] {
        let content = phone.get(ContentId::Record(record, None)).await.unwrap();
        assert_eq!(content.bytes, world.a.get(ContentId::Record(record, None)).await.unwrap().bytes);
    }
    assert_eq!(phone.history(second.record_id).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_waits_for_the_first_or_says_that_it_is_busy() {
    let world = world().await;
    world.stand.faults.hold(true);
    let running = {
        let a = world.a.clone();
        tokio::spawn(async move { sync(&a).await })
    };
    world.stand.faults.until_one_is_held().await;
    assert!(world.b.is_syncing_elsewhere());
    let error = world.b.sync(&|_progress| {}).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("home-busy", Class::Retry), "{error}");

    let patient = Options { home_wait: Duration::from_secs(60), ..options() };
    let patient = SyncClient::open(&world.home.path(), patient).unwrap();
    let waiting = tokio::spawn(async move { sync(&patient).await });
    world.stand.faults.hold(false);
    running.await.unwrap();
    waiting.await.unwrap();
    assert!(!world.b.is_syncing_elsewhere());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_made_anew_by_another_process_is_gone_on_with() {
    let world = world().await;
    let before = world.a.put(note(&world, "before")).unwrap();
    sync(&world.a).await;
    SyncClient::rebuild(&world.home.path(), options()).await.unwrap();
    // Both still have the old file open; what they write from now on has to be in the new one.
    let after = world.a.put(note(&world, "after")).unwrap();
    sync(&world.b).await;
    let fresh = SyncClient::open(&world.home.path(), options()).unwrap();
    assert_eq!(fresh.status().unwrap().pending, 0);
    for record in [before.record_id, after.record_id] {
        assert!(fresh.get(ContentId::Record(record, None)).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_edit_that_another_process_deletes_during_the_sync_is_not_taken_back_from_under_the_delete() {
    let World { stand, home, a, b, member } = world().await;
    drop(b);
    let note = |text: &str| NewRecord::new(member, Source::Bytes(text.as_bytes().to_vec())).title(text).kind("note");
    let record = a.put(note("sent")).unwrap().record_id;
    sync(&a).await;
    let backup = TestHome::new();
    home.copy_to(&backup);
    a.put(note("sent after the backup")).unwrap();
    sync(&a).await;
    drop(a);
    backup.copy_to(&home);

    let open = || SyncClient::open(&home.path(), options()).unwrap();
    let (a, b) = (open(), open());
    a.put(note("never sent, on a restored backup").version_of(record)).unwrap();
    stand.days.store(120, Ordering::Relaxed);
    stand.faults.hold(true);
    let running = {
        let a = a.clone();
        tokio::spawn(async move { a.sync(&|_progress| {}).await })
    };
    stand.faults.until_one_is_held().await;
    b.delete(record).unwrap();
    stand.faults.hold(false);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.class()), ("home-busy", Class::Retry), "{error}");
    sync(&a).await;
    let is_deleted =
        |client: &SyncClient| client.list(&ListFilter::default()).unwrap().records.iter().all(|shown| shown.record_id != record);
    assert!(is_deleted(&a) && is_deleted(&b));
    assert_eq!((a.status().unwrap().pending, a.conflicts().unwrap().len()), (0, 0));
}
