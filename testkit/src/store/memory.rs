//! An S3-like store in memory: ETags, LastModified, conditional GET and PUT, listings in pages.

use std::collections::BTreeMap;

use tidegate_protocol::{ListPrefix, ObjectKey, Sha256};
use tidegate_sync_core::engine::{Effect, FailureClass, ListedObject, Outcome, PutCondition};
use tidegate_sync_core::manifest::Timestamp;

use super::Personality;

/// Small, so that listings have several pages.
const PAGE: usize = 5;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its ETag: of equal bytes, equal.
    pub etag: String,
    /// When it was last written.
    pub last_modified: Timestamp,
}

/// A store in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    personality: Personality,
    objects: BTreeMap<String, StoredObject>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub const fn new(personality: Personality) -> Self {
        Self { personality, objects: BTreeMap::new() }
    }

    /// All objects in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = (&String, &StoredObject)> {
        self.objects.iter()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&StoredObject> {
        self.objects.get(&key.to_string())
    }

    /// Takes an object away, as a store that withholds it would.
    pub fn remove(&mut self, key: &ObjectKey) -> Option<StoredObject> {
        self.objects.remove(&key.to_string())
    }

    /// Puts bytes under a key whatever they are, as whoever runs the store can.
    pub fn tamper(&mut self, key: &ObjectKey, bytes: Vec<u8>, now_ms: u64) {
        self.write(key, bytes, now_ms);
    }

    /// Carries out an effect on the store; `None` for effects that are not requests.
    pub fn execute(&mut self, effect: &Effect, now_ms: u64) -> Option<Outcome> {
        match effect {
            Effect::Get { key, if_none_match, range } => Some(self.read(key, if_none_match.as_deref(), *range)),
            Effect::PutIfAbsent { key, body } => Some(self.put(key, body, &PutCondition::IfAbsent, now_ms)),
            Effect::Put { key, body, condition } => Some(self.put(key, body, condition, now_ms)),
            Effect::Delete { keys } => {
                for key in keys {
                    self.objects.remove(&key.to_string());
                }
                Some(Outcome::Deleted)
            }
            Effect::List { prefix, token } => Some(self.list(prefix, token.as_deref())),
            Effect::Persist(_) | Effect::LoadContent { .. } | Effect::StoreAttachment { .. } | Effect::Sleep { .. } => None,
        }
    }

    fn read(&self, key: &ObjectKey, if_none_match: Option<&str>, range: Option<(u64, u64)>) -> Outcome {
        let Some(object) = self.get(key) else { return Outcome::NotFound };
        if if_none_match == Some(object.etag.as_str()) {
            return Outcome::NotModified;
        }
        let bytes = match range {
            None => object.bytes.clone(),
            Some((offset, length)) => {
                let part = usize::try_from(offset).ok().zip(usize::try_from(offset + length).ok());
                match part.and_then(|(start, end)| object.bytes.get(start..end)) {
                    Some(part) => part.to_vec(),
                    None => return Outcome::Failed(FailureClass::Invalid),
                }
            }
        };
        Outcome::Found { bytes, etag: Some(object.etag.clone()), last_modified: Some(object.last_modified) }
    }

    fn put(&mut self, key: &ObjectKey, body: &[u8], condition: &PutCondition, now_ms: u64) -> Outcome {
        if key.digest().is_some_and(|digest| Sha256::of(body).digest() != digest) {
            return Outcome::Failed(FailureClass::Invalid);
        }
        let stored = self.get(key);
        match (self.personality, condition) {
            (Personality::SilentlyIgnoringPreconditions, _) | (Personality::Atomic, PutCondition::None) => {}
            (Personality::Atomic, PutCondition::IfAbsent) => {
                if stored.is_some() {
                    return Outcome::AlreadyExists;
                }
            }
            (Personality::Atomic, PutCondition::IfMatch(etag)) => match stored {
                None => return Outcome::NotFound,
                Some(object) if object.etag != *etag => return Outcome::PreconditionFailed,
                Some(_) => {}
            },
        }
        let etag = self.write(key, body.to_vec(), now_ms);
        Outcome::Stored { etag: Some(etag), last_modified: Some(Timestamp::from_millis(now_ms)) }
    }

    fn write(&mut self, key: &ObjectKey, bytes: Vec<u8>, now_ms: u64) -> String {
        let etag = format!("\"{}\"", Sha256::of(&bytes).digest());
        let last_modified = Timestamp::from_millis(now_ms);
        self.objects.insert(key.to_string(), StoredObject { bytes, etag: etag.clone(), last_modified });
        etag
    }

    fn list(&self, prefix: &ListPrefix, token: Option<&str>) -> Outcome {
        let prefix = prefix.to_string();
        let after = token.unwrap_or_default().to_owned();
        let mut listed = self.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        let page: Vec<(&String, &StoredObject)> = listed.by_ref().filter(|(key, _)| **key > after).take(PAGE).collect();
        let next = listed.next().and(page.last()).map(|(key, _)| (*key).clone());
        let entries = page
            .into_iter()
            .filter_map(|(key, object)| {
                let size = object.bytes.len() as u64;
                Some(ListedObject { key: key.parse().ok()?, size, last_modified: Some(object.last_modified) })
            })
            .collect();
        Outcome::Listed { entries, next }
    }
}
