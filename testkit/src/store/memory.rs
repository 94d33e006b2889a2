//! An S3-like store in memory: ETags, LastModified, conditional GET and PUT. It decides at once and answers always; what can
//! go wrong on the way to it and back is the network's part.

use std::collections::BTreeMap;

use tidegate_protocol::{ObjectKey, Sha256};
use tidegate_sync_core::engine::{Conditions, Effect, FailureClass, Outcome, PutCondition};
use tidegate_sync_core::manifest::Timestamp;
use tidegate_sync_core::state::OLD_MS;

use super::character::Character;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its ETag: of equal bytes, equal.
    pub etag: String,
    /// When it was last written.
    pub last_modified: Timestamp,
    /// When its key was first written.
    pub(super) first_written_ms: u64,
}

/// A store in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    pub(super) character: Character,
    pub(super) objects: BTreeMap<String, StoredObject>,
    /// What was deleted, and when: a listing may still show it.
    pub(super) removed: BTreeMap<String, (StoredObject, u64)>,
    /// Uploads that broke off, and when: listed, and not to be read.
    pub(super) torn: BTreeMap<String, u64>,
    /// How often a listing was behind about a key.
    pub stale_entries: u64,
    /// Whether listings are up to date, whatever the character.
    pub is_calm: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub const fn new(character: Character) -> Self {
        Self {
            character,
            objects: BTreeMap::new(),
            removed: BTreeMap::new(),
            torn: BTreeMap::new(),
            stale_entries: 0,
            is_calm: false,
        }
    }

    /// All objects in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = (&String, &StoredObject)> {
        self.objects.iter()
    }

    /// The keys that begin so, in order.
    pub fn keys_from(&self, prefix: String) -> impl Iterator<Item = &String> {
        self.objects.range(prefix.clone()..).map(|(key, _)| key).take_while(move |key| key.starts_with(&prefix))
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

    /// Leaves what is left of an upload that broke off, where there is nothing yet.
    pub fn tear(&mut self, key: &ObjectKey, now_ms: u64) {
        let key = key.to_string();
        if !self.objects.contains_key(&key) {
            self.torn.insert(key, now_ms);
        }
    }

    /// Whether nothing but the rest of an upload that broke off lies under this key.
    #[must_use]
    pub fn is_torn(&self, key: &ObjectKey) -> bool {
        self.torn.contains_key(&key.to_string())
    }

    /// Carries out an effect on the store; `None` for effects that are not requests.
    pub fn execute(&mut self, effect: &Effect, now_ms: u64) -> Option<Outcome> {
        match effect {
            Effect::Get { key, if_none_match, range } => Some(self.read(key, if_none_match.as_deref(), *range)),
            Effect::PutIfAbsent { key, body } => Some(self.put(key, body, &PutCondition::IfAbsent, now_ms)),
            Effect::Put { key, body, condition } => Some(self.put(key, body, condition, now_ms)),
            Effect::Delete { keys } => {
                let refused: Vec<ObjectKey> = keys.iter().filter(|key| self.is_young(key, now_ms)).cloned().collect();
                for key in keys.iter().filter(|key| !refused.contains(key)) {
                    let key = key.to_string();
                    self.torn.remove(&key);
                    if let Some(object) = self.objects.remove(&key) {
                        self.removed.insert(key, (object, now_ms));
                    }
                }
                Some(if refused.is_empty() { Outcome::Deleted } else { Outcome::DeletedAllBut { refused } })
            }
            Effect::List { prefix, token } => Some(self.list(prefix, token.as_deref(), now_ms)),
            Effect::Persist(_) | Effect::LoadContent { .. } | Effect::StoreAttachment { .. } | Effect::Sleep { .. } => None,
        }
    }

    /// Whether a broker refuses to delete an object, whatever its client believes.
    fn is_young(&self, key: &ObjectKey, now_ms: u64) -> bool {
        self.get(key).is_some_and(|object| object.last_modified.millis() + OLD_MS >= now_ms)
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

    /// The bytes of an object or of a range of it, as they are now.
    #[must_use]
    pub fn read_now(&self, key: &ObjectKey, range: Option<(u64, u64)>) -> Option<Vec<u8>> {
        if let Outcome::Found { bytes, .. } = self.read(key, None, range) { Some(bytes) } else { None }
    }

    /// What the condition of a write comes to, were it looked at now; `None` where it holds.
    #[must_use]
    pub fn failed_condition(&self, key: &ObjectKey, condition: &PutCondition) -> Option<Outcome> {
        let stored = self.get(key);
        match condition {
            PutCondition::None => None,
            PutCondition::IfAbsent => stored.map(|_| Outcome::AlreadyExists),
            PutCondition::IfMatch(etag) => match stored {
                None => Some(Outcome::NotFound),
                Some(object) => (object.etag != *etag).then_some(Outcome::PreconditionFailed),
            },
        }
    }

    /// Whether the store decides by such a condition.
    #[must_use]
    pub const fn honours(&self, condition: &PutCondition) -> bool {
        match condition {
            PutCondition::None => false,
            PutCondition::IfAbsent => matches!(self.character.create, Conditions::Honoured),
            PutCondition::IfMatch(_) => matches!(self.character.replace, Conditions::Honoured),
        }
    }

    fn put(&mut self, key: &ObjectKey, body: &[u8], condition: &PutCondition, now_ms: u64) -> Outcome {
        match self.failed_condition(key, condition).filter(|_| self.honours(condition)) {
            Some(refused) => refused,
            None => self.put_anyway(key, body, now_ms),
        }
    }

    /// Stores an object whatever is there: only its checksum is looked at.
    pub fn put_anyway(&mut self, key: &ObjectKey, body: &[u8], now_ms: u64) -> Outcome {
        if key.digest().is_some_and(|digest| Sha256::of(body).digest() != digest) {
            return Outcome::Failed(FailureClass::Invalid);
        }
        let etag = self.write(key, body.to_vec(), now_ms);
        Outcome::Stored { etag: Some(etag), last_modified: Some(Timestamp::from_millis(now_ms)) }
    }

    fn write(&mut self, key: &ObjectKey, bytes: Vec<u8>, now_ms: u64) -> String {
        let etag = format!("\"{}\"", Sha256::of(&bytes).digest());
        let last_modified = Timestamp::from_millis(now_ms);
        let key = key.to_string();
        self.torn.remove(&key);
        let first_written_ms = self.objects.get(&key).map_or(now_ms, |object| object.first_written_ms);
        self.objects.insert(key, StoredObject { bytes, etag: etag.clone(), last_modified, first_written_ms });
        etag
    }
}
