//! Stores and networks that misbehave: one clear error, nothing lost, and then it goes on.

use std::time::Duration;

use tidegate_sync_client::{Class, ContentId, NewRecord, Options, Remote, RetryPolicy, Source, SyncClient, Written};

use crate::stand::{DirectStand, Fault, Stand, TestHome, options, sync};

struct Edited {
    stand: DirectStand,
    client: SyncClient,
    written: Written,
    home: TestHome,
}

/// A synced account with one edit waiting.
async fn edited() -> Edited {
    let home = TestHome::new();
    let stand = DirectStand::start().await;
    let wrapped = Stand::Direct(stand);
    let (client, _) = wrapped.create(&home.path()).await;
    let member = client.add_member("Ada").unwrap();
    sync(&client).await;
    let body = Source::Bytes((0..1_500_u32).map(|i| (i * 7) as u8).collect());
    let written = client.put(NewRecord::new(member, body)).unwrap();
    let Stand::Direct(stand) = wrapped else { unreachable!() };
    Edited { stand, client, written, home }
}

async fn fails(client: &SyncClient) -> (&'static str, Class) {
    let error = client.sync(&|_progress| {}).await.unwrap_err();
    assert!(!error.help().is_empty());
    (error.code(), error.class())
}

async fn recovers(edited: &Edited) {
    edited.stand.faults.always(None);
    assert_eq!(edited.client.status().unwrap().pending, 1, "nothing is lost");
    assert_eq!(sync(&edited.client).await.pushed, 1);
    let content = edited.client.get(ContentId::Record(edited.written.record_id, None)).await.unwrap();
    assert_eq!(content.bytes.len(), 1_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_failures_are_repeated_and_not_seen() {
    let edited = edited().await;
    for fault in [Fault::Status(503, None), Fault::Status(500, None), Fault::Status(429, Some(0)), Fault::Hangup] {
        edited.stand.faults.next(&[fault]);
        sync(&edited.client).await;
    }
    assert_eq!(edited.client.status().unwrap().pending, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_told_and_nothing_is_lost() {
    let edited = edited().await;
    edited.stand.faults.always(Some(Fault::Status(503, None)));
    assert_eq!(fails(&edited.client).await, ("store-unavailable", Class::Retry));
    recovers(&edited).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_is_told_and_nothing_is_lost() {
    let edited = edited().await;
    edited.stand.faults.always(Some(Fault::Hangup));
    assert_eq!(fails(&edited.client).await, ("store-unreachable", Class::Retry));
    recovers(&edited).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_any_request_of_a_sync_loses_nothing() {
    for fault in [Fault::Status(503, None), Fault::Hangup, Fault::Page] {
        // Doorbell, object, segment, doorbell: each of the four fails once, and after them nothing is left to fail.
        for requests in 0..5 {
            let edited = edited().await;
            let policy = RetryPolicy { tries: 1, ..options().retry };
            let impatient = SyncClient::open(&edited.home.path(), Options { retry: policy, ..options() }).unwrap();
            edited.stand.faults.after(requests, fault);
            let result = impatient.sync(&|_progress| {}).await;
            assert_eq!(result.is_ok(), requests == 4, "{requests}");
            edited.stand.faults.always(None);
            // What was stored before the failure is known, what was not is sent now.
            sync(&impatient).await;
            assert_eq!(impatient.status().unwrap().pending, 0);
            assert_eq!(sync(&impatient).await.traffic.requests.to_store(), 1);
            let other = TestHome::new();
            let code = edited.client.recovery_code().unwrap().unwrap();
            let enrolment =
                tidegate_sync_client::Enrolment { remote: edited.stand.remote(), ticket: None, device_name: "phone".to_owned() };
            let b = SyncClient::join(&other.path(), enrolment, &code, None, options()).await.unwrap();
            sync(&b).await;
            let content = b.get(ContentId::Record(edited.written.record_id, None)).await.unwrap();
            assert_eq!(content.bytes.len(), 1_500);
            assert_eq!(b.history(edited.written.record_id).unwrap().len(), 1, "sent once");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captive_portal_is_recognised_and_not_repeated() {
    for fault in [Fault::Page, Fault::Redirect, Fault::Status(511, None)] {
        let edited = edited().await;
        edited.stand.faults.always(Some(fault));
        let before = edited.client.transport().unwrap().traffic().total();
        assert_eq!(fails(&edited.client).await, ("unexpected-answer", Class::Retry));
        let requests = edited.client.transport().unwrap().traffic().total().since(&before).requests;
        assert_eq!(requests.to_store(), 1);
        recovers(&edited).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_asks_for_a_long_pause_is_not_pressed() {
    let edited = edited().await;
    edited.stand.faults.always(Some(Fault::Status(503, Some(3_600))));
    let before = edited.client.transport().unwrap().traffic().total();
    let error = edited.client.sync(&|_progress| {}).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3_600)));
    assert_eq!(edited.client.transport().unwrap().traffic().total().since(&before).requests.to_store(), 1);
    recovers(&edited).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_missing_buckets_are_told() {
    let stand = DirectStand::start().await;
    let home = TestHome::new();
    let enrolment = |remote| tidegate_sync_client::Enrolment { remote, ticket: None, device_name: "laptop".to_owned() };
    let wrong = Options { credentials: Some(tidegate_sync_client::Credentials::new("nobody", "nothing", None)), ..options() };
    let error = SyncClient::create_account(&home.path(), enrolment(stand.remote()), wrong).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("store-denied", Class::Denied));

    let home = TestHome::new();
    let Remote::Direct { endpoint, .. } = stand.remote() else { unreachable!() };
    let elsewhere = Remote::direct(&endpoint, "other-bucket", "us-east-1", false).unwrap();
    let error = SyncClient::create_account(&home.path(), enrolment(elsewhere), options()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("bucket-not-found", Class::Invalid));

    for (endpoint, bucket) in [("ftp://store", "family"), ("http://u:p@store", "family"), ("http://store", "B")] {
        assert_eq!(Remote::direct(endpoint, bucket, "us-east-1", false).unwrap_err().code(), "invalid-setting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_the_store_has_damaged_is_refused_by_name() {
    let edited = edited().await;
    sync(&edited.client).await;
    let second = TestHome::new();
    let code = edited.client.recovery_code().unwrap().unwrap();
    let wrapped = Stand::Direct(edited.stand);
    // A device that has the segment and not yet the content.
    let b = wrapped.join(&second.path(), &code).await;
    let Stand::Direct(stand) = &wrapped else { unreachable!() };
    let record = stand.store.objects(crate::stand::BUCKET).unwrap().into_iter().find(|object| object.key.contains("/records/"));
    let key = record.unwrap().key;
    let transport = edited.client.transport().unwrap();
    let parsed: tidegate_protocol::ObjectKey = key.parse().unwrap();
    let forged = bytes::Bytes::from_static(b"TGE1 but not what was written");
    transport.put(&parsed, forged, &tidegate_sync_client::transport::PutCondition::None).await.unwrap();
    let report = b.sync(&|_progress| {}).await.unwrap();
    assert_eq!(report.quarantined.len(), 1, "{:?}", report.quarantined);
    let error = b.get(ContentId::Record(edited.written.record_id, None)).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("content-damaged", Class::Corrupt));
}
