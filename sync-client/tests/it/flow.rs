//! Two devices, all that apps do, over both ways to the objects.

use tidegate_protocol::MemberId;
use tidegate_sync_client::{
    ContentId, Event, ListFilter, NewAttachment, NewRecord, Options, Source, SyncClient, VersionState, Written,
};

use crate::stand::{Stand, TestHome, options, sync};

fn note(client: &SyncClient, member: MemberId, title: &str, body: &[u8]) -> Written {
    let record = NewRecord::new(member, Source::Bytes(body.to_vec())).title(title).kind("note").media_type("text/plain");
    client.put(record).unwrap()
}

fn edit(client: &SyncClient, member: MemberId, written: Written, body: &[u8]) -> Written {
    client.put(NewRecord::new(member, Source::Bytes(body.to_vec())).version_of(written.record_id)).unwrap()
}

async fn body_of(client: &SyncClient, written: Written) -> Vec<u8> {
    client.get(ContentId::Record(written.record_id, None)).await.unwrap().bytes
}

/// Longer than what stands in a change itself, and not compressible to nothing.
fn long(seed: u8) -> Vec<u8> {
    (0..4_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect()
}

async fn two_devices_see_the_same(stand: Stand) {
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    let member = a.add_member("Ada").unwrap();
    let small = note(&a, member, "Allergies", b"penicillin");
    let large = note(&a, member, "Report", &long(1));
    let photo = long(2);
    let attachment = NewAttachment {
        member,
        record: Some(large.record_id),
        name: "photo.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        body: Source::Bytes(photo.clone()),
    };
    let attached = a.attach(attachment.clone()).unwrap();
    assert!(!attached.deduplicated);
    assert!(a.attach(attachment).unwrap().deduplicated);
    assert_eq!(a.status().unwrap().pending, 5);
    let report = sync(&a).await;
    assert_eq!(report.pushed, 5);
    assert_eq!(a.status().unwrap().pending, 0);

    let b = stand.join(&home_b.path(), &code).await;
    assert_eq!(b.user_id(), a.user_id());
    let mut events = b.subscribe();
    sync(&b).await;
    assert_eq!(b.members().unwrap(), a.members().unwrap());
    assert_eq!(b.members().unwrap()[0].name, "Ada");
    let listing = b.list(&ListFilter::default()).unwrap();
    assert_eq!(listing.records, a.list(&ListFilter::default()).unwrap().records);
    assert_eq!(body_of(&b, small).await, b"penicillin");
    assert_eq!(body_of(&b, large).await, long(1));
    let told: Vec<Event> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert!(told.contains(&Event::RecordChanged(member, large.record_id)));

    // An attachment comes when it is asked for, and stays.
    assert!(!listing.attachments[0].local);
    let before = b.transport().unwrap().traffic().total();
    assert_eq!(b.get(ContentId::Attachment(attached.hmac)).await.unwrap().bytes, photo);
    assert_eq!(b.get(ContentId::Attachment(attached.hmac)).await.unwrap().media_type, "image/jpeg");
    assert_eq!(b.transport().unwrap().traffic().total().since(&before).requests.get, 1);
    assert!(b.list(&ListFilter::default()).unwrap().attachments[0].local);

    // An edit travels the other way, what was said about the record stays.
    let second = edit(&b, member, small, b"penicillin, nuts");
    assert_eq!(second.version, 2);
    sync(&b).await;
    let report = sync(&a).await;
    assert_eq!(report.pulled, 1);
    assert_eq!(body_of(&a, small).await, b"penicillin, nuts");
    assert_eq!(a.list(&ListFilter::default()).unwrap().records, b.list(&ListFilter::default()).unwrap().records);
    let history = a.history(small.record_id).unwrap();
    assert_eq!(
        history.iter().map(|v| (v.version, v.state)).collect::<Vec<_>>(),
        [(2, VersionState::Winner), (1, VersionState::Past)]
    );
    assert_eq!(history[0].device_id, b.device_id());
    assert_eq!(history[1].device_id, a.device_id());

    // Both edit at once: one wins on both, the other is seen and can be kept.
    edit(&a, member, small, b"from a");
    edit(&b, member, small, b"from b");
    sync(&a).await;
    sync(&b).await;
    let report = sync(&a).await;
    assert_eq!(report.conflicts, 1);
    let (conflict_a, conflict_b) = (a.conflicts().unwrap(), b.conflicts().unwrap());
    assert_eq!(conflict_a, conflict_b);
    assert_eq!(conflict_a[0].versions.len(), 2);
    assert_eq!(body_of(&a, small).await, body_of(&b, small).await);
    let winner = body_of(&a, small).await;
    let loser = conflict_a[0].versions[1].cid;
    let lost = a.get(ContentId::Record(small.record_id, Some(loser))).await.unwrap().bytes;
    assert_ne!(lost, winner);
    a.resolve(small.record_id, loser).await.unwrap();
    sync(&a).await;
    sync(&b).await;
    assert!(a.conflicts().unwrap().is_empty() && b.conflicts().unwrap().is_empty());
    assert_eq!(body_of(&b, small).await, lost);

    // A delete travels, and can be undone.
    a.delete(large.record_id).unwrap();
    assert_eq!(a.delete(large.record_id).unwrap_err().code(), "record-deleted");
    sync(&a).await;
    sync(&b).await;
    assert_eq!(b.get(ContentId::Record(large.record_id, None)).await.unwrap_err().code(), "record-deleted");
    assert!(!b.list(&ListFilter::default()).unwrap().records.iter().any(|info| info.record_id == large.record_id));
    let with_deleted = ListFilter { deleted: true, ..ListFilter::default() };
    assert!(b.list(&with_deleted).unwrap().records.iter().any(|info| info.record_id == large.record_id && info.deleted));
    let first = b.history(large.record_id).unwrap().last().unwrap().cid;
    b.restore(large.record_id, first).await.unwrap();
    sync(&b).await;
    sync(&a).await;
    assert_eq!(body_of(&a, large).await, long(1));

    b.delete_attachment(attached.hmac).unwrap();
    assert_eq!(b.delete_attachment(attached.hmac).unwrap_err().code(), "attachment-unknown");
    sync(&b).await;
    sync(&a).await;
    assert!(a.list(&ListFilter::default()).unwrap().attachments.is_empty());
    assert_eq!(a.get(ContentId::Attachment(attached.hmac)).await.unwrap_err().code(), "attachment-unknown");

    // The devices know each other by name.
    let names: Vec<_> = a.refresh_devices().await.unwrap().into_iter().map(|device| device.name.unwrap()).collect();
    assert!(names.contains(&"laptop".to_owned()) && names.contains(&"phone".to_owned()), "{names:?}");
    assert!(b.status().unwrap().holes.is_empty());
    assert!(report.quarantined.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_see_the_same_straight_from_the_store() {
    two_devices_see_the_same(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_see_the_same_through_a_broker() {
    two_devices_see_the_same(Stand::broker().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_the_network_works_offline() {
    let home = TestHome::new();
    let member;
    let written;
    {
        let stand = Stand::direct().await;
        let (a, _) = stand.create(&home.path()).await;
        member = a.add_member("Ada").unwrap();
        written = note(&a, member, "Before", &long(3));
        sync(&a).await;
    }
    // The store is gone, and so is the process.
    let a = SyncClient::open(&home.path(), Options { credentials: None, ..options() }).unwrap();
    assert_eq!(body_of(&a, written).await, long(3));
    edit(&a, member, written, b"offline");
    let second = a.add_member("Grace").unwrap();
    note(&a, second, "New", b"also offline");
    a.delete(written.record_id).unwrap();
    assert_eq!(a.list(&ListFilter::default()).unwrap().records.len(), 1);
    assert_eq!(a.history(written.record_id).unwrap().len(), 3);
    assert_eq!(a.status().unwrap().pending, 5);
    // Another process sees all of it.
    let again = SyncClient::open(&home.path(), options()).unwrap();
    assert_eq!(again.status().unwrap().pending, 5);
    assert_eq!(again.list(&ListFilter::default()).unwrap(), a.list(&ListFilter::default()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_are_stored_at_once_or_not_at_all() {
    let stand = Stand::direct().await;
    let (home_a, home_b) = (TestHome::new(), TestHome::new());
    let (a, code) = stand.create(&home_a.path()).await;
    let member = a.add_member("Ada").unwrap();
    let first = note(&a, member, "0", &long(0));
    let new = |index: u8| NewRecord::new(member, Source::Bytes(long(index))).title(index.to_string()).kind("note");
    let pending = a.status().unwrap().pending;

    let twice = vec![new(1).version_of(first.record_id), new(2), new(3).version_of(first.record_id)];
    assert_eq!(a.put_all(twice).unwrap_err().code(), "record-twice");
    let unknown = vec![new(1), new(2).version_of(tidegate_protocol::RecordId::from_bytes([2; 16]))];
    assert_eq!(a.put_all(unknown).unwrap_err().code(), "record-unknown");
    assert_eq!((a.status().unwrap().pending, a.put_all(Vec::new()).unwrap()), (pending, Vec::new()));

    let written = a.put_all(vec![new(1).version_of(first.record_id), new(2), new(3)]).unwrap();
    assert_eq!(written.iter().map(|written| written.version).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(written[0].record_id, first.record_id);
    // Another process finds all of them, and goes on from there.
    let again = SyncClient::open(&home_a.path(), options()).unwrap();
    assert_eq!(again.status().unwrap().pending, pending + 3);
    edit(&again, member, written[1], &long(4));
    sync(&a).await;
    let b = stand.join(&home_b.path(), &code).await;
    sync(&b).await;
    for (written, content) in written.iter().zip([1, 4, 3]) {
        assert_eq!(body_of(&b, *written).await, long(content));
    }
    assert_eq!(b.conflicts().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_on_one_home_see_each_others_writes() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (one, _) = stand.create(&home.path()).await;
    let two = SyncClient::open(&home.path(), options()).unwrap();
    let member = one.add_member("Ada").unwrap();
    let written = note(&two, member, "Seen", b"by both");
    assert_eq!(body_of(&one, written).await, b"by both");
    edit(&one, member, written, b"again");
    assert_eq!(sync(&two).await.pushed, 4);
    assert_eq!(one.status().unwrap().pending, 0);
    assert_eq!(sync(&one).await.pushed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name() {
    let stand = Stand::direct().await;
    let home = TestHome::new();
    let (a, _) = stand.create(&home.path()).await;
    let member = a.add_member("Ada").unwrap();
    let body = || Source::Bytes(b"x".to_vec());
    let code = |record| a.put(record).unwrap_err().code();
    assert_eq!(code(NewRecord::new(member, Source::Bytes(vec![0; (16 << 20) + 1]))), "record-too-large");
    assert_eq!(code(NewRecord::new(member, body()).title("t".repeat(257))), "text-length");
    assert_eq!(code(NewRecord::new(MemberId::from_bytes([1; 16]), body())), "member-unknown");
    assert_eq!(code(NewRecord::new(member, body()).kind("profile")), "kind-reserved");
    let unknown = tidegate_protocol::RecordId::from_bytes([2; 16]);
    assert_eq!(code(NewRecord::new(member, body()).version_of(unknown)), "record-unknown");
    assert_eq!(code(NewRecord::new(member, Source::File("/no/such/file".into()))), "file-unreadable");
    assert_eq!(a.get(ContentId::Record(unknown, None)).await.unwrap_err().code(), "record-unknown");
    assert_eq!(a.add_member("").unwrap_err().code(), "text-length");
    let other = a.add_member("Grace").unwrap();
    let written = note(&a, member, "Ada's", b"x");
    assert_eq!(code(NewRecord::new(other, body()).version_of(written.record_id)), "record-of-other-member");
    let too_large = NewAttachment {
        member,
        record: None,
        name: "film.mp4".to_owned(),
        media_type: "video/mp4".to_owned(),
        body: Source::Bytes(vec![0; (64 << 20) + 1]),
    };
    assert_eq!(a.attach(too_large).unwrap_err().code(), "attachment-too-large");
}

#[tokio::test]
async fn a_device_without_a_broker_knows_its_store_before_the_first_sync() {
    let (stand, home) = (Stand::direct().await, TestHome::new());
    let (client, _) = stand.create(&home.path()).await;
    assert_eq!(client.status().unwrap().store_profile.as_deref(), Some("conditional-writes"));
    let (store, bucket) = stand.store();
    let left: Vec<_> = store.objects(bucket).unwrap().into_iter().filter(|object| object.key.contains("probe")).collect();
    assert!(left.is_empty(), "{left:?}");
}
