//! Whole devices on one store, with a clock that is moved by hand.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use tidegate_protocol::{ContentHmac, Digest, ListPrefix, MemberId, ObjectKey, RecordId, Space};
use tidegate_sync_core::engine::{
    Attach, CollectOptions, Collected, Conditions, ContentPlace, Edit, Effect, EffectId, Engine, FailureClass, Identity,
    ListedObject, Outcome, PutRecord, Row, Saved, SpaceSource, StoreProfile, SyncOptions, SyncSummary,
};
use tidegate_sync_core::envelope::AccountDirectory;
use tidegate_sync_core::keys::{Certificate, DeviceKey};
use tidegate_sync_core::manifest::{Cid, Target, Timestamp};

use crate::sample::MORNING_MS;
use crate::setup::{Account, rng, thumbprint};

const PROFILE: StoreProfile = StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured };

/// A store that honours no condition on writes, and what time it is there.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<String, (Vec<u8>, u64)>,
    pub(crate) now_ms: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), now_ms: MORNING_MS }
    }
}

impl Store {
    /// How many keys hold this text.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.objects.keys().filter(|key| key.contains(part)).count()
    }

    pub(crate) fn keys(&self, part: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.contains(part)).cloned().collect()
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now_ms += millis;
    }

    /// Carries out a request; `None` for anything else.
    pub(crate) fn execute(&mut self, effect: &Effect) -> Option<Outcome> {
        match effect {
            Effect::Get { key, if_none_match, range } => Some(self.get(key, if_none_match.as_deref(), *range)),
            Effect::PutIfAbsent { key, body } | Effect::Put { key, body, .. } => {
                self.objects.insert(key.to_string(), (body.clone(), self.now_ms));
                let etag = Some(Digest::of(body).to_string());
                Some(Outcome::Stored { etag, last_modified: Some(Timestamp::from_millis(self.now_ms)) })
            }
            Effect::List { prefix, .. } => Some(self.list(prefix)),
            Effect::Delete { keys } => {
                for key in keys {
                    self.objects.remove(&key.to_string());
                }
                Some(Outcome::Deleted)
            }
            Effect::Persist(_) | Effect::LoadContent { .. } | Effect::StoreAttachment { .. } | Effect::Sleep { .. } => None,
        }
    }

    fn get(&self, key: &ObjectKey, if_none_match: Option<&str>, range: Option<(u64, u64)>) -> Outcome {
        let Some((bytes, at_ms)) = self.objects.get(&key.to_string()) else { return Outcome::NotFound };
        let etag = Digest::of(bytes).to_string();
        if if_none_match == Some(etag.as_str()) {
            return Outcome::NotModified;
        }
        let part = match range {
            None => Some(bytes.as_slice()),
            Some((first, length)) => bytes.get(first as usize..(first + length) as usize),
        };
        match part {
            Some(part) => {
                Outcome::Found { bytes: part.to_vec(), etag: Some(etag), last_modified: Some(Timestamp::from_millis(*at_ms)) }
            }
            None => Outcome::Failed(FailureClass::Invalid),
        }
    }

    fn list(&self, prefix: &ListPrefix) -> Outcome {
        let prefix = prefix.to_string();
        let listed = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        let entry = |(key, (bytes, at_ms)): (&String, &(Vec<u8>, u64))| ListedObject {
            key: key.parse().unwrap(),
            size: bytes.len() as u64,
            last_modified: Some(Timestamp::from_millis(*at_ms)),
        };
        Outcome::Listed { entries: listed.map(entry).collect(), next: None }
    }
}

/// What a run of the engine has asked of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) names: BTreeMap<&'static str, usize>,
    pub(crate) bytes_down: usize,
}

impl Requests {
    pub(crate) fn of(&self, name: &str) -> usize {
        self.names.get(name).copied().unwrap_or(0)
    }

    /// Requests to the store, steps on the device left out.
    pub(crate) fn total(&self) -> usize {
        let remote = |name: &&str| !name.starts_with("persist-") && !matches!(*name, "load-content" | "sleep");
        self.names.iter().filter(|(name, _)| remote(name)).map(|(_, count)| count).sum()
    }
}

pub(crate) struct Device {
    identity: Identity,
    pub(crate) engine: Engine,
    pub(crate) saved: Saved,
    pub(crate) contents: BTreeMap<(Space, ContentHmac), Vec<u8>>,
    pub(crate) rng: ChaCha20Rng,
    /// Before this effect, counted from 1, the device stops.
    pub(crate) stop_before: Option<(&'static str, usize)>,
}

pub(crate) fn identity(account: &Account, number: u64) -> Identity {
    identity_under(account, number, 0)
}

/// The same under keys of a later generation.
pub(crate) fn identity_under(account: &Account, number: u64, generation: u32) -> Identity {
    let device = DeviceKey::generate(&mut rng(100 + number));
    let certificate = Certificate::issue(&account.keys, account.user, &device, &thumbprint(100 + number), generation);
    let mut directory = AccountDirectory::new();
    directory.insert(account.user, generation, *account.keys.public().ed25519());
    Identity { user: account.user, account: account.keys.clone(), directory, device, certificate }
}

impl Device {
    pub(crate) fn start(identity: Identity, saved: Saved, seed: u64) -> Self {
        let engine = Engine::restore(identity.clone(), PROFILE, saved.clone()).unwrap();
        Self { identity, engine, saved, contents: BTreeMap::new(), rng: rng(seed), stop_before: None }
    }

    /// The account's first device, with one member.
    pub(crate) fn first(account: &Account) -> (Self, MemberId) {
        let identity = identity(account, 1);
        let mut saved = Saved::default();
        saved.apply(&Engine::found(&identity, MORNING_MS, &mut rng(1)).rows);
        let mut device = Self::start(identity, saved, 7);
        let added = device.engine.add_member("Anna", MORNING_MS, &mut device.rng).unwrap();
        device.commit(&added.edit);
        (device, added.member)
    }

    /// A further device of the account, which knows nothing yet.
    pub(crate) fn further(account: &Account, number: u64) -> Self {
        Self::start(identity(account, number), Saved::default(), 70 + number)
    }

    /// A device that begins with a disk of this one's, and goes on on its own.
    pub(crate) fn copy(&self, saved: Saved, seed: u64) -> Self {
        Self { contents: self.contents.clone(), ..Self::start(self.identity.clone(), saved, seed) }
    }

    /// Loses its memory; what was persisted is still there.
    pub(crate) fn restart(&mut self) {
        self.engine = Engine::restore(self.identity.clone(), PROFILE, self.saved.clone()).unwrap();
        self.stop_before = None;
    }

    /// Goes on from what is on its disk as somebody else.
    pub(crate) fn become_another(&mut self, identity: Identity) {
        self.identity = identity;
        self.restart();
    }

    /// The same with other rows than those on the disk, and sources for what is left out of them.
    pub(crate) fn restart_with(&mut self, saved: Saved, sources: BTreeMap<Space, SpaceSource>) {
        self.engine = Engine::restore_lazily(self.identity.clone(), PROFILE, saved, sources).unwrap();
    }

    pub(crate) fn commit(&mut self, edit: &Edit) {
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

    pub(crate) fn put(&mut self, member: MemberId, number: u64, content: &[u8]) -> Cid {
        self.put_kind(member, number, None, content, MORNING_MS)
    }

    pub(crate) fn put_kind(&mut self, member: MemberId, number: u64, kind: Option<&str>, content: &[u8], now_ms: u64) -> Cid {
        let kind = kind.map(str::to_owned);
        let put = PutRecord { member, record: record(number), kind, title: None, media_type: None, content: content.to_vec() };
        let edit = self.engine.put(put, now_ms, &mut self.rng).unwrap();
        self.commit(&edit);
        edit.cid
    }

    pub(crate) fn delete(&mut self, member: MemberId, number: u64, now_ms: u64) {
        let edit = self.engine.delete(member, Target::Record(record(number)), now_ms, &mut self.rng).unwrap();
        self.commit(&edit);
    }

    pub(crate) fn attach(&mut self, member: MemberId, at: Option<u64>, content: &[u8], now_ms: u64) -> Edit {
        let attach = Attach { member, record: at.map(record), name: None, media_type: None, content: content.to_vec().into() };
        let edit = self.engine.attach(attach, now_ms, &mut self.rng).unwrap();
        self.commit(&edit);
        edit
    }

    /// The content that a record shows, if it is on the device.
    pub(crate) fn shows(&self, member: MemberId, number: u64) -> Option<Vec<u8>> {
        let view = self.engine.record(member, record(number))?;
        let space = self.engine.space_of(member);
        match self.engine.content_place(space, view.shown.cid) {
            ContentPlace::Inline(bytes) => Some(bytes.to_vec()),
            ContentPlace::Local(hmac) => self.contents.get(&(space, hmac)).cloned(),
            ContentPlace::Remote { .. } | ContentPlace::Nowhere => None,
        }
    }

    /// Runs a sync to its end.
    pub(crate) fn sync(&mut self, store: &mut Store) -> (SyncSummary, Requests) {
        self.sync_with(SyncOptions::default(), store)
    }

    pub(crate) fn sync_with(&mut self, options: SyncOptions, store: &mut Store) -> (SyncSummary, Requests) {
        self.engine.start_sync(options, store.now_ms, &mut self.rng);
        let requests = self.run(store);
        (self.engine.finish().unwrap_or_default(), requests)
    }

    /// Runs a sync up to an effect, and gives what is on the disk then.
    pub(crate) fn sync_until(&mut self, store: &mut Store, stop: &str) -> Saved {
        self.engine.start_sync(SyncOptions::default(), store.now_ms, &mut self.rng);
        self.run_until(store, stop);
        self.saved.clone()
    }

    /// Runs a collection to its end.
    pub(crate) fn collect(&mut self, store: &mut Store) -> (Collected, Requests) {
        let (summary, requests) = self.collect_with(CollectOptions::default(), store);
        assert_eq!(summary.failure, None);
        (summary.collected.unwrap(), requests)
    }

    pub(crate) fn collect_with(&mut self, options: CollectOptions, store: &mut Store) -> (SyncSummary, Requests) {
        self.engine.start_collect(options, store.now_ms, &mut self.rng);
        let requests = self.run(store);
        (self.engine.finish().unwrap_or_default(), requests)
    }

    /// Carries out effects until there are none left, or until the one before which the device stops.
    pub(crate) fn run(&mut self, store: &mut Store) -> Requests {
        let mut requests = Requests::default();
        while let Some((id, effect)) = self.engine.poll_effect() {
            let count = requests.names.entry(effect.name()).or_default();
            *count += 1;
            if self.stop_before.is_some_and(|(name, number)| name == effect.name() && number == *count) {
                self.restart();
                return requests;
            }
            let outcome = self.carry_out(&effect, store);
            if let Outcome::Found { bytes, .. } = &outcome {
                requests.bytes_down += bytes.len();
            }
            self.engine.handle(id, outcome, store.now_ms, &mut self.rng);
        }
        requests
    }

    /// Carries out effects until one of this name comes, which it leaves to the caller.
    pub(crate) fn run_until(&mut self, store: &mut Store, name: &str) -> Option<(EffectId, Effect)> {
        while let Some((id, effect)) = self.engine.poll_effect() {
            if effect.name() == name {
                return Some((id, effect));
            }
            let outcome = store.execute(&effect).unwrap_or_else(|| self.act(&effect, store));
            self.engine.handle(id, outcome, store.now_ms, &mut self.rng);
        }
        None
    }

    /// Does one thing that the engine has asked for.
    pub(crate) fn carry_out(&mut self, effect: &Effect, store: &mut Store) -> Outcome {
        store.execute(effect).unwrap_or_else(|| self.act(effect, store))
    }

    fn act(&mut self, effect: &Effect, store: &mut Store) -> Outcome {
        match effect {
            Effect::StoreAttachment { space, hmac, .. } => {
                let Some(content) = self.contents.get(&(*space, *hmac)) else { return Outcome::Failed(FailureClass::Corrupt) };
                let sealed = self.engine.seal_whole_attachment(*space, *hmac, content, &mut self.rng);
                let (key, body, stored) = sealed.unwrap();
                store.execute(&Effect::PutIfAbsent { key, body });
                stored
            }
            Effect::Persist(batch) => {
                self.keep(&batch.rows);
                Outcome::Persisted
            }
            Effect::LoadContent { space, hmac } => match self.contents.get(&(*space, *hmac)) {
                Some(bytes) => Outcome::Loaded { bytes: bytes.clone() },
                None => Outcome::Failed(FailureClass::Local),
            },
            Effect::Get { .. }
            | Effect::PutIfAbsent { .. }
            | Effect::Put { .. }
            | Effect::Delete { .. }
            | Effect::List { .. }
            | Effect::Sleep { .. } => Outcome::Slept,
        }
    }
}

pub(crate) fn record(number: u64) -> RecordId {
    RecordId::from_bytes(u128::from(number).to_be_bytes())
}
