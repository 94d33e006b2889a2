//! Answers by somebody in between: never taken for data, for absence, for success or for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_sync_client::{Class, NewRecord, Source, SyncClient};
use tokio::net::TcpListener;

use crate::stand::{DirectStand, Fault, Stand, TestHome, sync};

struct World {
    stand: DirectStand,
    client: SyncClient,
    _home: TestHome,
}

/// A synced account with one edit waiting.
async fn world() -> World {
    let home = TestHome::new();
    let wrapped = Stand::direct().await;
    let (client, _) = wrapped.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    sync(&client).await;
    client.put(NewRecord::new(member, Source::Bytes(vec![7; 2_000]))).unwrap();
    let Stand::Direct(stand) = wrapped else { unreachable!() };
    World { stand, client, _home: home }
}

impl World {
    /// Every answer is this one: the sync ends with this code, nothing is lost, and then it goes on.
    async fn is_told(&self, fault: Fault, code: &str) {
        self.stand.faults.always(Some(fault));
        let error = self.client.sync(&|_progress| {}).await.unwrap_err();
        assert_eq!((error.code(), error.class()), (code, Class::Retry), "{fault:?}: {error}");
        let status = self.client.status().unwrap();
        assert_eq!((status.pending, status.holes.len()), (1, 0), "{fault:?}");
        self.stand.faults.always(None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_store_says_is_told_by_name_and_nothing_is_lost() {
    const XML: (&str, &str) = ("content-type", "application/xml");
    const PLAIN: (&str, &str) = ("content-type", "text/plain");
    let world = world().await;
    // A router that knows no such path: that is not the store's word that the object is gone.
    world.is_told(Fault::Answer(404, &[PLAIN], "404 page not found"), "unexpected-answer").await;
    world.is_told(Fault::Answer(404, &[], ""), "unexpected-answer").await;
    // A page that does not say that it is one.
    world.is_told(Fault::Answer(200, &[], "\n<!DOCTYPE html><title>Welcome</title>"), "unexpected-answer").await;
    world.is_told(Fault::Answer(200, &[PLAIN, ("etag", "\"1\"")], "<html>Sign in</html>"), "unexpected-answer").await;
    world.is_told(Fault::Answer(200, &[PLAIN], "sign in"), "unexpected-answer").await;
    world.is_told(Fault::Answer(407, &[], ""), "unexpected-answer").await;
    world.is_told(Fault::Answer(403, &[("content-type", "text/html")], "blocked"), "unexpected-answer").await;
    // A balancer's page is the other side's own.
    world.is_told(Fault::Answer(502, &[("content-type", "text/html")], "<html>Bad gateway</html>"), "store-unavailable").await;
    world.is_told(Fault::Answer(304, &[], ""), "malformed-answer").await;
    let skewed = "<?xml version=\"1.0\"?><Error><Code>RequestTimeTooSkewed</Code></Error>";
    world.is_told(Fault::Answer(403, &[XML], skewed), "clock-refused").await;
    let moving = "<?xml version=\"1.0\"?><Error><Code>TemporaryRedirect</Code></Error>";
    world.is_told(Fault::Answer(307, &[XML], moving), "store-unavailable").await;
    assert_eq!(sync(&world.client).await.pushed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_any_size_is_not_read() {
    let world = world().await;
    let page: &'static str = Box::leak("<p>welcome</p>".repeat(2_000_000).into_boxed_str());
    let before = world.client.transport().unwrap().traffic().total();
    world.is_told(Fault::Answer(200, &[("content-type", "text/html")], page), "unexpected-answer").await;
    let traffic = world.client.transport().unwrap().traffic().total().since(&before);
    assert_eq!((traffic.requests.to_store(), traffic.bytes_down), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_never_followed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = listener.local_addr().unwrap();
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let world = world().await;
    world.is_told(Fault::RedirectTo(elsewhere), "unexpected-answer").await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the signed request went elsewhere");
    assert_eq!(sync(&world.client).await.pushed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portals_clock_is_not_taken_for_the_stores() {
    let world = world().await;
    let wrong: &[(&str, &str)] = &[("content-type", "text/html"), ("date", "Fri, 01 Jan 2044 00:00:00 GMT")];
    world.is_told(Fault::Answer(200, wrong, "<html>"), "unexpected-answer").await;
    world.is_told(Fault::Answer(200, &[("date", "Fri, 01 Jan 2044 00:00:00 GMT")], "<html>"), "unexpected-answer").await;
    // What a cache kept is dated by when it was kept.
    let cached: &[(&str, &str)] = &[("age", "86400"), ("date", "Mon, 01 Jun 2026 00:00:00 GMT")];
    world.is_told(Fault::Answer(503, cached, ""), "store-unavailable").await;
    assert_eq!(world.client.status().unwrap().clock_offset_ms, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_asked_for_as_a_date_or_for_ever_is_kept_within_bounds() {
    let world = world().await;
    let rest = async |headers: &'static [(&'static str, &'static str)]| {
        world.stand.faults.always(Some(Fault::Answer(503, headers, "")));
        let before = world.client.transport().unwrap().traffic().total();
        let error = world.client.sync(&|_progress| {}).await.unwrap_err();
        let requests = world.client.transport().unwrap().traffic().total().since(&before).requests.to_store();
        (error.retry_after(), requests)
    };
    let (date, until) = (("date", "Sat, 21 Nov 2026 12:00:00 GMT"), ("retry-after", "Sat, 21 Nov 2026 13:30:00 GMT"));
    assert_eq!(rest(Box::leak(Box::new([date, until]))).await, (Some(Duration::from_secs(5_400)), 1));
    assert_eq!(rest(&[("retry-after", "18446744073709551615")]).await, (Some(Duration::from_secs(86_400)), 1));
    // A time that has passed asks for nothing; neither does what cannot be read.
    let past = ("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT");
    assert_eq!(rest(Box::leak(Box::new([date, past]))).await, (Some(Duration::ZERO), 3));
    assert_eq!(rest(&[("retry-after", "soon")]).await, (None, 3));
    world.stand.faults.always(None);
    assert_eq!(sync(&world.client).await.pushed, 1);
}
