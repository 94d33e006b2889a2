//! `Date` and `LastModified` are by the store's own clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidegate_embedded_s3::Clock;
use tidegate_sigv4::Method;
use time::{Duration, OffsetDateTime};

use crate::server::Server;

/// A clock that is ahead of the system's by so many seconds.
fn ahead() -> (Arc<AtomicI64>, Clock) {
    let seconds = Arc::new(AtomicI64::new(0));
    let shared = Arc::clone(&seconds);
    (seconds, Clock::from_fn(move || OffsetDateTime::now_utc() + Duration::seconds(shared.load(Ordering::SeqCst))))
}

#[tokio::test]
async fn date_and_signature_ages_follow_the_stores_clock() {
    let (seconds, clock) = ahead();
    let server = Server::start_with(vec![], clock.clone()).await;
    let client = server.client();
    client.put("a", b"1").await.expect(200);
    let url = client.presign(Method::Get, "a", &[]);
    let before = client.get("a").await.header("date").to_owned();
    seconds.store(8 * 86_400, Ordering::SeqCst);
    let expired = client.raw::<&str, &str>(Method::Get, &url, &[], b"").await.expect_error(403, "AccessDenied");
    assert_ne!(expired.header("date"), before);
    client.get("a").await.expect_error(403, "RequestTimeTooSkewed");
    let later = client.signer.at(clock.now()).presign(Method::Get, "a", &[], &[], 60).unwrap();
    client.raw::<&str, &str>(Method::Get, &later, &[], b"").await.expect(200);
}

#[tokio::test]
async fn last_modified_never_goes_back_not_even_over_a_restart() {
    let (seconds, clock) = ahead();
    seconds.store(600, Ordering::SeqCst);
    let server = Server::start_with(vec![], clock.clone()).await;
    server.client().put("a", b"1").await.expect(200);
    seconds.store(0, Ordering::SeqCst);
    server.client().put("b", b"1").await.expect(200);
    server.client().delete("a").await.expect(204);
    server.client().delete("b").await.expect(204);
    let home = server.stop().await.unwrap();
    let server = Server::start_in(home.path(), vec![], clock).await;
    server.client().put("c", b"1").await.expect(200);
    let modified = server.client().list(&[]).await.elements("LastModified").pop().unwrap();
    let now = OffsetDateTime::now_utc() + Duration::seconds(300);
    let now = now.format(&time::format_description::well_known::Rfc3339).unwrap();
    assert!(modified > now, "{modified} is not after {now}");
    server.stop().await;
}
