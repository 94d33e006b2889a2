//! What every transport does with large objects: one suite, run by each of them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tidegate_protocol::multipart::{PART_BYTES, composite_sha256, part_count, part_length};
use tidegate_protocol::{ContentHmac, MemberId, ObjectKey, Sha256, UserId};
use tidegate_sync_client::transport::{
    CompleteOutcome, FileSlice, OpenOutcome, PutCondition, PutOutcome, StoredPart, Transport, UploadState,
};
use uuid::Uuid;

use crate::attachments::noise;
use crate::stand::{Stand, TestHome};

/// Just over what goes up in one PUT: five parts.
const LENGTH: u64 = (64 << 20) + 1000;

/// A transport, and a large file to send.
struct Subject {
    transport: Arc<dyn Transport>,
    user: UserId,
    member: MemberId,
    path: PathBuf,
    bytes: Vec<u8>,
    hashes: Vec<Sha256>,
    _folder: tempfile::TempDir,
}

impl Subject {
    async fn new(stand: &Stand, home: &TestHome) -> Self {
        let (client, _) = stand.create(&home.path()).await;
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = (folder.path().join("large"), noise(usize::try_from(LENGTH).unwrap(), 77));
        fs::write(&path, &bytes).unwrap();
        let hashes = bytes.chunks(usize::try_from(PART_BYTES).unwrap()).map(Sha256::of).collect();
        let (transport, user) = (client.transport().unwrap(), client.user_id());
        Self { transport, user, member: MemberId::new(Uuid::new_v4()), path, bytes, hashes, _folder: folder }
    }

    /// Another name for the same bytes.
    fn key(&self, name: u8) -> ObjectKey {
        let digest = composite_sha256(&self.hashes).digest();
        ObjectKey::Attachment { user: self.user, member: self.member, hmac: ContentHmac::from_bytes([name; 32]), digest }
    }

    fn part(&self, number: u32) -> FileSlice {
        let offset = u64::from(number - 1) * PART_BYTES;
        let (length, sha256) = (part_length(LENGTH, number).unwrap(), self.hashes[number as usize - 1]);
        FileSlice { path: self.path.clone(), offset, length, sha256 }
    }

    fn stored(&self, number: u32) -> StoredPart {
        let FileSlice { length, sha256, .. } = self.part(number);
        StoredPart { number, length, sha256: Some(sha256) }
    }

    /// All bytes of an object from one on.
    async fn read(&self, key: &ObjectKey, from: u64) -> Vec<u8> {
        let OpenOutcome::Opened(mut stream) = self.transport.open(key, from, None).await.unwrap() else { panic!("it is there") };
        assert_eq!((stream.offset, stream.length), (from, Some(LENGTH)));
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        bytes
    }
}

async fn conforms(stand: Stand) {
    let home = TestHome::new();
    let subject = Subject::new(&stand, &home).await;
    parts_in_any_order_make_an_object(&subject).await;
    what_is_whole_stays_whole(&subject).await;
    a_part_of_other_bytes_is_refused(&subject).await;
    what_was_aborted_is_gone(&subject).await;
    a_file_goes_up_in_one_piece_too(&subject).await;
}

async fn parts_in_any_order_make_an_object(subject: &Subject) {
    let (key, count) = (subject.key(1), part_count(LENGTH).unwrap());
    let (transport, sha256) = (&subject.transport, composite_sha256(&subject.hashes));
    let id = transport.create_upload(&key, LENGTH, &sha256).await.unwrap();
    assert_eq!(transport.upload_state(&key, &id).await.unwrap(), UploadState::Open(vec![]));
    for number in [5, 3, 1, 2] {
        transport.put_part(&key, &id, number, &subject.part(number)).await.unwrap();
    }
    let there = [1, 2, 3, 5].map(|number| subject.stored(number)).to_vec();
    assert_eq!(transport.upload_state(&key, &id).await.unwrap(), UploadState::Open(there));
    assert_eq!(transport.complete_upload(&key, &id, &subject.hashes).await.unwrap(), CompleteOutcome::PartsDiffer);
    // One that is there may come again.
    for number in [4, 5] {
        transport.put_part(&key, &id, number, &subject.part(number)).await.unwrap();
    }
    assert_eq!(count, 5);
    for _ in 0..2 {
        assert_eq!(transport.complete_upload(&key, &id, &subject.hashes).await.unwrap(), CompleteOutcome::Stored);
        assert_eq!(transport.upload_state(&key, &id).await.unwrap(), UploadState::Stored);
    }
    assert!(subject.read(&key, 0).await == subject.bytes);
    assert!(subject.read(&key, 17 << 20).await == subject.bytes[17 << 20..], "from the middle of a part on");
    let OpenOutcome::Opened(mut stream) = transport.open(&key, 10, Some(17 << 20)).await.unwrap() else { panic!("it is there") };
    assert_eq!((stream.offset, stream.is_range, stream.length), (10, true, Some(LENGTH)));
    let mut middle = Vec::new();
    while let Some(piece) = stream.next().await.unwrap() {
        middle.extend_from_slice(&piece);
    }
    assert!(middle == subject.bytes[10..17 << 20], "no byte before or after it");
    assert!(matches!(transport.open(&key, LENGTH + 5, None).await.unwrap(), OpenOutcome::TooShort));
    assert!(matches!(transport.open(&subject.key(9), 0, None).await.unwrap(), OpenOutcome::Missing));
}

async fn what_is_whole_stays_whole(subject: &Subject) {
    let (key, transport) = (subject.key(1), &subject.transport);
    // Another device begins the same, and finds at the end that it is there.
    let id = transport.create_upload(&key, LENGTH, &composite_sha256(&subject.hashes)).await.unwrap();
    for number in 1..=5 {
        transport.put_part(&key, &id, number, &subject.part(number)).await.unwrap();
    }
    assert_eq!(transport.complete_upload(&key, &id, &subject.hashes).await.unwrap(), CompleteOutcome::Stored);
    transport.abort_upload(&key, &id).await.unwrap();
    assert!(subject.read(&key, LENGTH - 10).await == subject.bytes[subject.bytes.len() - 10..]);
}

async fn a_part_of_other_bytes_is_refused(subject: &Subject) {
    let (key, transport) = (subject.key(2), &subject.transport);
    let id = transport.create_upload(&key, LENGTH, &composite_sha256(&subject.hashes)).await.unwrap();
    let swapped = FileSlice { offset: 1, ..subject.part(1) };
    transport.put_part(&key, &id, 1, &swapped).await.unwrap_err();
    assert_eq!(transport.upload_state(&key, &id).await.unwrap(), UploadState::Open(vec![]));
    // Two parts in each other's place.
    for number in 3..=5 {
        transport.put_part(&key, &id, number, &subject.part(number)).await.unwrap();
    }
    transport.put_part(&key, &id, 1, &subject.part(2)).await.unwrap();
    transport.put_part(&key, &id, 2, &subject.part(1)).await.unwrap();
    assert_eq!(transport.complete_upload(&key, &id, &subject.hashes).await.unwrap(), CompleteOutcome::PartsDiffer);
    transport.abort_upload(&key, &id).await.unwrap();
}

async fn what_was_aborted_is_gone(subject: &Subject) {
    let (key, transport) = (subject.key(3), &subject.transport);
    let id = transport.create_upload(&key, LENGTH, &composite_sha256(&subject.hashes)).await.unwrap();
    transport.put_part(&key, &id, 1, &subject.part(1)).await.unwrap();
    for _ in 0..2 {
        transport.abort_upload(&key, &id).await.unwrap();
        assert_eq!(transport.upload_state(&key, &id).await.unwrap(), UploadState::Gone);
    }
    assert_eq!(transport.complete_upload(&key, &id, &subject.hashes).await.unwrap(), CompleteOutcome::Gone);
    transport.put_part(&key, &id, 2, &subject.part(2)).await.unwrap_err();
}

async fn a_file_goes_up_in_one_piece_too(subject: &Subject) {
    let length = 300_000;
    let sha256 = Sha256::of(&subject.bytes[50..50 + length]);
    let (hmac, digest) = (ContentHmac::from_bytes([4; 32]), sha256.digest());
    let key = ObjectKey::Attachment { user: subject.user, member: subject.member, hmac, digest };
    let slice = FileSlice { path: subject.path.clone(), offset: 50, length: length as u64, sha256 };
    let put = subject.transport.put_file(&key, &slice, &PutCondition::Absent).await.unwrap();
    assert!(matches!(put, PutOutcome::Stored { .. }));
    let again = subject.transport.put_file(&key, &slice, &PutCondition::Absent).await.unwrap();
    assert_eq!(again, PutOutcome::ConditionFailed);
    let traffic = subject.transport.traffic().total();
    assert!(traffic.bytes_up > 2 * LENGTH + 2 * length as u64, "{traffic:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_direct_transport_conforms() {
    conforms(Stand::direct().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_transport_conforms() {
    conforms(Stand::broker().await).await;
}
