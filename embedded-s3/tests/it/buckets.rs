//! Buckets: made, described, told what goes by itself, and removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidegate_embedded_s3::Clock;
use tidegate_sigv4::Method;
use time::{Duration, OffsetDateTime};

use crate::server::{Answer, S3Client, Server};
use crate::uploads::{PART, abort, create, list_parts, put_part};

async fn bucket(client: &S3Client, method: Method, query: &[(&str, &str)], body: &str) -> Answer {
    client.send(method, "", query, &[], body.as_bytes()).await
}

fn lifecycle(rule: &str) -> String {
    format!(
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>stale</ID>\
         <Filter><Prefix>users/</Prefix></Filter><Status>Enabled</Status>{rule}</Rule></LifecycleConfiguration>"
    )
}

#[tokio::test]
async fn a_bucket_goes_only_when_it_is_empty() {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", b"1").await.expect(200);
    bucket(&client, Method::Delete, &[], "").await.expect_error(409, "BucketNotEmpty");
    client.delete("a").await.expect(204);
    let upload = create(&client, "a").await;
    bucket(&client, Method::Delete, &[], "").await.expect_error(409, "BucketNotEmpty");
    abort(&client, "a", &upload).await.expect(204);
    bucket(&client, Method::Delete, &[], "").await.expect(204);
    bucket(&client, Method::Head, &[], "").await.expect(404);
    client.put("a", b"1").await.expect_error(404, "NoSuchBucket");
    bucket(&client, Method::Put, &[], "").await.expect(200);
    client.put("a", b"1").await.expect(200);
}

#[tokio::test]
async fn clients_that_ask_are_told_the_region_and_that_there_are_no_versions() {
    let server = Server::start().await;
    let client = server.client();
    let region = bucket(&client, Method::Get, &[("location", "")], "").await.expect(200);
    assert!(region.text().contains("LocationConstraint"), "{}", region.text());
    let versions = bucket(&client, Method::Get, &[("versioning", "")], "").await.expect(200);
    assert_eq!(versions.elements("Status"), Vec::<String>::new());
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket(&client, Method::Put, &[("versioning", "")], enable).await.expect_error(501, "NotImplemented");
}

#[tokio::test]
async fn a_lifecycle_gives_up_stale_uploads_under_its_prefix_at_the_next_start() {
    let start = OffsetDateTime::now_utc();
    let days = Arc::new(AtomicI64::new(0));
    let shared = Arc::clone(&days);
    let clock = Clock::from_fn(move || start + Duration::days(shared.load(Ordering::Relaxed)));
    let server = Server::start_with(vec![], clock.clone()).await;
    let client = server.client();
    let abort_after =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    bucket(&client, Method::Put, &[("lifecycle", "")], &lifecycle(abort_after)).await.expect(200);
    let told = bucket(&client, Method::Get, &[("lifecycle", "")], "").await.expect(200);
    assert_eq!(
        (told.elements("DaysAfterInitiation"), told.elements("Prefix")),
        (vec!["2".to_owned()], vec!["users/".to_owned()])
    );
    let (stale, other) = (create(&client, "users/a").await, create(&client, "b").await);
    put_part(&client, "users/a", &stale, 1, &[1; PART]).await.expect(200);
    let home = server.stop().await.unwrap();

    days.store(3, Ordering::Relaxed);
    let server = Server::start_in(home.path(), vec![], clock.clone()).await;
    days.store(0, Ordering::Relaxed);
    let client = server.client();
    list_parts(&client, "users/a", &stale, &[]).await.expect_error(404, "NoSuchUpload");
    list_parts(&client, "b", &other, &[]).await.expect(200);
    bucket(&client, Method::Delete, &[("lifecycle", "")], "").await.expect(204);
    bucket(&client, Method::Get, &[("lifecycle", "")], "").await.expect_error(404, "NoSuchLifecycleConfiguration");
    server.stop().await;
}

#[tokio::test]
async fn a_lifecycle_that_would_remove_objects_is_refused_and_never_ignored() {
    let server = Server::start().await;
    let client = server.client();
    for rule in [
        "<Expiration><Days>1</Days></Expiration>",
        "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
        "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>",
    ] {
        bucket(&client, Method::Put, &[("lifecycle", "")], &lifecycle(rule)).await.expect_error(501, "NotImplemented");
    }
    bucket(&client, Method::Put, &[("lifecycle", "")], &lifecycle("")).await.expect_error(400, "InvalidRequest");
}
