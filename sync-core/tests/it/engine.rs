//! The engine at its limits: rows that do not fit together, outboxes over one segment, more chains than a doorbell names.
//! Its behaviour over whole schedules is shown by the simulation in testkit.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use tidegate_protocol::{ListPrefix, MemberId, ObjectKey, RecordId, Space};
use tidegate_sync_core::engine::{
    Attach, Conditions, Effect, Engine, FailureClass, Identity, ListedObject, Outcome, PutRecord, Row, Saved, StoreProfile,
    SyncOptions, SyncSummary,
};
use tidegate_sync_core::envelope::AccountDirectory;
use tidegate_sync_core::keys::{Certificate, DeviceKey};
use tidegate_sync_core::manifest::Timestamp;

use crate::sample::{MORNING_MS, cid, segment_ref};
use crate::setup::{Account, account, rng, thumbprint};

const PROFILE: StoreProfile = StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured };

/// A store that honours no condition on writes. It holds bytes and when it took them.
#[derive(Default)]
pub(crate) struct Store(pub(crate) BTreeMap<String, (Vec<u8>, u64)>);

impl Store {
    pub(crate) fn keys(&self, part: &str) -> usize {
        self.0.keys().filter(|key| key.contains(part)).count()
    }

    fn list(&self, prefix: &ListPrefix) -> Outcome {
        let prefix = prefix.to_string();
        let listed = self.0.iter().filter(|(key, _)| key.starts_with(&prefix));
        let entries = listed.map(|(key, (bytes, at_ms))| ListedObject {
            key: key.parse().unwrap(),
            size: bytes.len() as u64,
            last_modified: Some(Timestamp::from_millis(*at_ms)),
        });
        Outcome::Listed { entries: entries.collect(), next: None }
    }

    fn put(&mut self, key: &ObjectKey, body: &[u8], now_ms: u64) -> Outcome {
        self.0.insert(key.to_string(), (body.to_vec(), now_ms));
        let etag = Some(tidegate_protocol::Digest::of(body).to_string());
        Outcome::Stored { etag, last_modified: Some(Timestamp::from_millis(now_ms)) }
    }
}

pub(crate) struct Device {
    pub(crate) engine: Engine,
    pub(crate) saved: Saved,
    pub(crate) now_ms: u64,
    contents: BTreeMap<(Space, tidegate_protocol::ContentHmac), Vec<u8>>,
    rng: ChaCha20Rng,
}

pub(crate) fn identity(account: &Account, number: u64) -> Identity {
    let device = DeviceKey::generate(&mut rng(100 + number));
    let certificate = Certificate::issue(&account.keys, account.user, &device, &thumbprint(100 + number), 0);
    let mut directory = AccountDirectory::new();
    directory.insert(account.user, 0, *account.keys.public().ed25519());
    Identity { user: account.user, account: account.keys.clone(), directory, device, certificate }
}

impl Device {
    pub(crate) fn start(identity: Identity, saved: Saved) -> Self {
        let engine = Engine::restore(identity, PROFILE, saved.clone()).unwrap();
        Self { engine, saved, now_ms: MORNING_MS, contents: BTreeMap::new(), rng: rng(7) }
    }

    /// A device with the same disk as this one had, from now on on its own.
    pub(crate) fn copy(identity: Identity, saved: Saved, of: &Self, seed: u64) -> Self {
        Self { contents: of.contents.clone(), now_ms: of.now_ms, rng: rng(seed), ..Self::start(identity, saved) }
    }

    /// The account's first device, with one member.
    pub(crate) fn first(account: &Account) -> (Self, MemberId) {
        let identity = identity(account, 1);
        let mut saved = Saved::default();
        saved.apply(&Engine::found(&identity, MORNING_MS, &mut rng(1)).rows);
        let mut device = Self::start(identity, saved);
        let added = device.engine.add_member("Anna", MORNING_MS, &mut device.rng).unwrap();
        device.commit(&added.edit);
        (device, added.member)
    }

    pub(crate) fn commit(&mut self, edit: &tidegate_sync_core::engine::Edit) {
        self.keep(&edit.batch.rows);
        self.engine.committed(edit);
    }

    pub(crate) fn keep(&mut self, rows: &[Row]) {
        self.saved.apply(rows);
        for row in rows {
            if let Row::PutContent { space, hmac, bytes } = row {
                self.contents.insert((*space, *hmac), bytes.clone());
            }
        }
    }

    pub(crate) fn put(&mut self, member: MemberId, number: u64, content: &[u8]) {
        let record = RecordId::from_bytes(u128::from(number).to_be_bytes());
        let put = PutRecord { member, record, kind: None, title: None, media_type: None, content: content.to_vec() };
        let edit = self.engine.put(put, self.now_ms, &mut self.rng).unwrap();
        self.commit(&edit);
    }

    fn attach(&mut self, member: MemberId, name: &str) -> bool {
        let attach = Attach {
            member,
            record: None,
            name: Some(name.to_owned()),
            media_type: None,
            content: b"the same photo".to_vec().into(),
        };
        let edit = self.engine.attach(attach, MORNING_MS, &mut self.rng).unwrap();
        self.commit(&edit);
        edit.batch.rows.is_empty()
    }

    /// Runs a sync to its end, and counts its requests by name.
    pub(crate) fn sync(&mut self, store: &mut Store) -> (SyncSummary, BTreeMap<&'static str, u64>) {
        let counts = self.run(store, None);
        (self.engine.finish().unwrap(), counts)
    }

    /// Runs a sync up to an effect, and gives what is on the disk then.
    pub(crate) fn sync_until(&mut self, store: &mut Store, stop: &str) -> Saved {
        self.run(store, Some(stop));
        self.saved.clone()
    }

    fn run(&mut self, store: &mut Store, stop: Option<&str>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        self.engine.start_sync(SyncOptions::default(), self.now_ms, &mut self.rng);
        while let Some((id, effect)) = self.engine.poll_effect() {
            if stop == Some(effect.name()) {
                break;
            }
            let outcome = match &effect {
                Effect::Get { key, if_none_match, .. } => match store.0.get(&key.to_string()) {
                    None => Outcome::NotFound,
                    Some((bytes, at_ms)) => {
                        let etag = tidegate_protocol::Digest::of(bytes).to_string();
                        if if_none_match.as_ref() == Some(&etag) {
                            Outcome::NotModified
                        } else {
                            let last_modified = Some(Timestamp::from_millis(*at_ms));
                            Outcome::Found { bytes: bytes.clone(), etag: Some(etag), last_modified }
                        }
                    }
                },
                Effect::PutIfAbsent { key, body } | Effect::Put { key, body, .. } => store.put(key, body, self.now_ms),
                Effect::List { prefix, .. } => store.list(prefix),
                Effect::Persist(batch) => {
                    self.keep(&batch.rows);
                    Outcome::Persisted
                }
                Effect::LoadContent { space, hmac } => match self.contents.get(&(*space, *hmac)) {
                    Some(bytes) => Outcome::Loaded { bytes: bytes.clone() },
                    None => Outcome::Failed(FailureClass::Local),
                },
                Effect::StoreAttachment { space, hmac, .. } => {
                    let content = self.contents.get(&(*space, *hmac)).unwrap();
                    let sealed = self.engine.seal_whole_attachment(*space, *hmac, content, &mut self.rng);
                    let (key, body, stored) = sealed.unwrap();
                    store.put(&key, &body, self.now_ms);
                    stored
                }
                Effect::Delete { .. } => Outcome::Deleted,
                Effect::Sleep { .. } => Outcome::Slept,
            };
            *counts.entry(effect.name()).or_default() += 1;
            self.engine.handle(id, outcome, self.now_ms, &mut self.rng);
        }
        counts
    }
}

#[test]
fn an_outbox_over_one_segment_goes_in_several_and_rings_once() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    device.engine.set_checkpoint_minimum(usize::MAX);
    // Each takes over 1 KiB in its segment, which takes 7 MiB.
    (0..9_000).for_each(|number| device.put(member, number, &[b'x'; 512]));
    let (summary, counts) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed, device.engine.unsent()), (None, 9_000, 0));
    assert_eq!((counts["get-doorbell"], counts["put-segment"], counts["put-doorbell"]), (1, 2, 1));
    let (_, counts) = device.sync(&mut store);
    assert_eq!(counts, BTreeMap::from([("get-doorbell", 1)]));

    let mut other = Device::start(identity(&account, 2), Saved::default());
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.failure, other.engine.records(member, false).len()), (None, 9_000));
}

#[test]
fn a_row_of_the_outbox_without_its_change_keeps_no_sync_from_ending() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    device.put(member, 1, b"short");
    let space = Space::Member(account.user, member);
    device.keep(&[Row::PutOutbox { space, cid: cid(99), doubtful: false }]);
    let mut device = Device::start(identity(&account, 1), device.saved);
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 1));
}

#[test]
fn with_more_chains_than_a_doorbell_can_name_a_listing_finds_the_rest() {
    let account = account(1);
    let (mut device, member) = Device::first(&account);
    let mut store = Store::default();
    device.sync(&mut store);
    let space = Space::Account(account.user);
    let many: Vec<Row> = (0..2_500).map(|n| Row::PutCovered { space, segment: segment_ref(n, 1, n) }).collect();
    device.keep(&many);
    let mut device = Device::start(identity(&account, 1), device.saved);
    device.put(member, 1, b"short");
    let (summary, _) = device.sync(&mut store);
    assert_eq!((summary.failure, summary.pushed), (None, 1));
    assert!(device.saved.doorbell.ring, "the wish stays");

    let mut other = Device::start(identity(&account, 2), Saved::default());
    let (summary, _) = other.sync(&mut store);
    assert_eq!((summary.failure, other.engine.records(member, false).len()), (None, 1));
}

#[test]
fn a_file_attached_again_under_the_same_name_in_another_normal_form_is_there_already() {
    let (mut device, member) = Device::first(&account(1));
    assert!(!device.attach(member, "Bl\u{fc}te.jpg"));
    assert!(device.attach(member, "Blu\u{308}te.jpg"));
    assert!(!device.attach(member, "Blute.jpg"));
}

#[test]
fn one_content_attached_at_two_records_is_stored_once() {
    let (mut device, member) = Device::first(&account(1));
    let mut store = Store::default();
    for record in [1_u128, 2] {
        let record = Some(RecordId::from_bytes(record.to_be_bytes()));
        let content = vec![7; 5_000].into();
        let attach = Attach { member, record, name: None, media_type: None, content };
        let edit = device.engine.attach(attach, MORNING_MS, &mut device.rng).unwrap();
        device.commit(&edit);
    }
    device.sync(&mut store);
    assert_eq!((store.keys("/attachments/"), device.engine.attachments(member).len()), (1, 2));
}
