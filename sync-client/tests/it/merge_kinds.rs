//! Kinds of records whose concurrent versions are merged.

use tidegate_sync_client::{ContentId, MergeKinds, NewRecord, Options, Source, SyncClient, UnionById};

use crate::stand::{Stand, TestHome, options, sync};

fn merging() -> Options {
    Options { merge_kinds: MergeKinds::default().with("samples", UnionById), ..options() }
}

fn reopen(home: &TestHome, options: Options) -> SyncClient {
    SyncClient::open(&home.path(), options).unwrap()
}

fn lines(samples: impl IntoIterator<Item = u32>) -> Vec<u8> {
    // Long enough for some to lie in the store and not in the change.
    let line = |id: u32| format!("{{\"id\":\"{id:04}\",\"mmol\":{}}}\n", 40 + id % 60);
    samples.into_iter().map(line).collect::<String>().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_two_devices_are_one_day_and_never_a_conflict() {
    let stand = Stand::direct().await;
    let (home_a, home_b, home_c) = (TestHome::new(), TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    let member = a.add_member("Ada").unwrap();
    let new = |samples: Vec<u8>| NewRecord::new(member, Source::Bytes(samples)).kind("samples").title("Monday");
    let day = a.put(new(lines(0..10))).unwrap().record_id;
    sync(&a).await;
    sync(&stand.join(&home_b.path(), &code).await).await;
    let (a, b) = (reopen(&home_a, merging()), reopen(&home_b, merging()));

    a.put(new(lines(0..60)).version_of(day)).unwrap();
    b.put(new(lines(50..100)).version_of(day)).unwrap();
    for client in [&a, &b, &a] {
        assert_eq!(sync(client).await.conflicts, 0);
    }
    for client in [&a, &b] {
        let content = client.get(ContentId::Record(day, None)).await.unwrap();
        assert_eq!((content.bytes, content.title.as_str()), (lines(0..100), "Monday"));
        assert_eq!(client.conflicts().unwrap(), []);
    }

    // A device that does not know the kind shows them beside each other, and loses nothing.
    let c = stand.join(&home_c.path(), &code).await;
    assert_eq!(sync(&c).await.conflicts, 1);
    drop(c);
    let c = reopen(&home_c, merging());
    assert_eq!(sync(&c).await.conflicts, 0);
    assert_eq!(c.get(ContentId::Record(day, None)).await.unwrap().bytes, lines(0..100));

    // The next edit writes the view down, on two devices at once too.
    a.put(new(lines([200])).version_of(day)).unwrap();
    b.put(new(lines([300])).version_of(day)).unwrap();
    for client in [&a, &b, &a, &b] {
        sync(client).await;
    }
    b.put(new(lines([400])).version_of(day)).unwrap();
    sync(&b).await;
    sync(&a).await;
    for client in [&a, &b] {
        let shown = client.get(ContentId::Record(day, None)).await.unwrap();
        assert_eq!(shown.bytes, lines((0..100).chain([200, 300, 400])));
        assert_eq!(client.conflicts().unwrap(), []);
    }
    // One version is left to read, by those too that do not know the kind.
    drop(c);
    let c = reopen(&home_c, options());
    assert_eq!(sync(&c).await.conflicts, 0);
    assert_eq!(c.get(ContentId::Record(day, None)).await.unwrap().bytes, lines((0..100).chain([200, 300, 400])));
}
