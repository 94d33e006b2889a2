//! Contents: fetching those of the records that are shown, and checking them.

use std::collections::{BTreeSet, VecDeque};

use tidegate_protocol::{ContentHmac, ObjectKey, Sha256, Space};

use super::Engine;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Read};
use super::persist::{Row, Step};
use super::sync::{Phase, Task, Turn, WantedContent};
use crate::envelope::{ObjectContext, ObjectName, open};
use crate::keys::Keyring;
use crate::manifest::{Change, Cid, Location, Target};
use crate::quarantine::{Quarantined, Reason, Subject};
use crate::state::{BACKSTOP_MS, State, winner};

/// How many contents are fetched before they are persisted.
const WAVE: usize = 32;

/// How many bytes of content are fetched before they are persisted; at least one content always is.
const WAVE_BYTES: u64 = 32 << 20;

impl Turn<'_> {
    /// Fetches the contents of the records that are shown and not on the device. Attachments wait until somebody asks.
    pub(super) fn fetch_contents(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Contents);
        }
        let mut wanted = match self.sync.contents_wanted.take() {
            Some(wanted) => wanted,
            None => self.look_for_wanted(),
        };
        let mut bytes = 0;
        let mut named: BTreeSet<(Space, ContentHmac)> = BTreeSet::new();
        while let Some(next) = wanted.front().copied() {
            if self.outstanding() >= WAVE || (bytes > 0 && bytes + next.size > WAVE_BYTES) {
                break;
            }
            wanted.pop_front();
            // One content may stand in several records; it is fetched once.
            let here = self.account.space(next.space).contents.contains(&next.hmac);
            if !here && named.insert((next.space, next.hmac)) {
                bytes += next.size;
                self.get_content(next.space, next.cid);
            }
        }
        self.sync.contents_wanted = Some(wanted);
        if self.is_quiet() {
            self.sync.phase = Phase::Over;
        }
    }

    /// Looks through the records once a sync, not once a wave: a device that joins has many of both.
    fn look_for_wanted(&self) -> VecDeque<WantedContent> {
        let mut wanted = VecDeque::new();
        for (space, memory) in &self.account.spaces {
            for register in memory.state.registers().filter(|register| matches!(register.target, Target::Record(_))) {
                let Some(shown) = winner(memory.state.heads(register)) else { continue };
                let Some(hmac) = shown.content_hmac else { continue };
                let stored = matches!(memory.state.location(shown.cid), Some(Location::Object(_) | Location::Pack(_)));
                let tried = self.sync.contents_tried.contains(&(*space, shown.cid));
                let waits = memory.is_set_aside(&Subject::Content(shown.cid), self.now_ms);
                if stored && !tried && !waits && !memory.contents.contains(&hmac) {
                    wanted.push_back(WantedContent { space: *space, cid: shown.cid, hmac, size: shown.size });
                }
            }
        }
        wanted
    }

    fn get_content(&mut self, space: Space, cid: Cid) {
        self.sync.contents_tried.insert((space, cid));
        let place = self.account.spaces.get(&space).and_then(|memory| memory.state.location(cid)).and_then(object_of);
        if let Some((key, range)) = place {
            self.emit(Effect::Get { key, if_none_match: None, range }, Task::Content { space, cid });
        }
    }

    pub(super) fn content_read(&mut self, space: Space, cid: Cid, outcome: Outcome) {
        let opened = match outcome.read() {
            Ok(Read::Found { bytes, .. }) => {
                let memory = self.account.spaces.entry(space).or_default();
                open_content(&self.account.keyring, space, &memory.state, cid, &bytes)
            }
            Ok(Read::NotFound | Read::NotModified) => Err(Reason::MissingContent),
            Err(FailureClass::Corrupt) => Err(Reason::Corrupt),
            Err(class) => return self.sync.fail("get-object", class),
        };
        match opened {
            Ok((hmac, bytes)) => {
                let memory = self.account.space(space);
                memory.contents.insert(hmac);
                if memory.quarantined.remove(&Subject::Content(cid)).is_some() {
                    self.sync.rows.push(Row::RemoveQuarantined { space, subject: Subject::Content(cid) });
                }
                self.sync.rows.push(Row::PutContent { space, hmac, bytes });
            }
            Err(reason) => {
                let retry_at_ms = self.now_ms + BACKSTOP_MS;
                self.quarantine(Quarantined { space, subject: Subject::Content(cid), reason, retry_at_ms });
            }
        }
    }
}

impl Engine {
    /// Opens a content that the shell has fetched from where [`Engine::content_place`] said; the shell then stores it under
    /// the name given.
    ///
    /// # Errors
    /// The [`Reason`] for which the bytes are not believed to be that content.
    pub fn open_content(&self, space: Space, cid: Cid, stored: &[u8]) -> Result<(ContentHmac, Vec<u8>), Reason> {
        let memory = self.account.spaces.get(&space).ok_or(Reason::MissingContent)?;
        open_content(&self.account.keyring, space, &memory.state, cid, stored)
    }

    /// Takes note that a content is on the device now.
    pub fn content_stored(&mut self, space: Space, hmac: ContentHmac) {
        self.account.space(space).contents.insert(hmac);
    }
}

/// The object, and the range of it, that holds a content.
pub(super) fn object_of(location: &Location) -> Option<(ObjectKey, Option<(u64, u64)>)> {
    match location {
        Location::Object(object) => Some((object.key.clone(), None)),
        Location::Pack(pack) => Some((pack.pack.clone(), Some((pack.offset, pack.length)))),
        Location::Inline(_) | Location::Unknown(_) => None,
    }
}

/// Checks stored bytes against all that the change promises: their hash, their seal for this very record and version, and
/// the name of the content inside.
fn open_content(
    keyring: &Keyring,
    space: Space,
    state: &State,
    cid: Cid,
    stored: &[u8],
) -> Result<(ContentHmac, Vec<u8>), Reason> {
    let change = state.get(cid).ok_or(Reason::MissingContent)?;
    let place = state.whereabouts(cid).ok_or(Reason::MissingContent)?;
    if place.sha256 != Some(Sha256::of(stored)) {
        return Err(Reason::Corrupt);
    }
    let context = sealed_as(space, change, place);
    let content = open(keyring, &context, stored).map_err(|error| Reason::from(&error))?;
    let named = keyring.of_space(space).any(|keys| Some(keys.attachment_key().content_hmac(&content)) == change.content_hmac);
    match change.content_hmac {
        Some(hmac) if named && content.len() as u64 == change.size => Ok((hmac, content)),
        Some(_) | None => Err(Reason::Corrupt),
    }
}

/// What the stored bytes were sealed as: what their key says, and within a pack the record and version of the change.
fn sealed_as(space: Space, change: &Change, place: &Change) -> ObjectContext {
    let of_key = match &place.location {
        Some(Location::Object(object)) => ObjectContext::of_key(&object.key),
        Some(Location::Pack(_) | Location::Inline(_) | Location::Unknown(_)) | None => None,
    };
    of_key.unwrap_or_else(|| ObjectContext { space, name: object_name(change) })
}

/// The name under which a change's content is sealed.
pub(super) const fn object_name(change: &Change) -> ObjectName {
    match change.target {
        Target::Record(id) => ObjectName::Record { id, version: change.version },
        Target::Attachment(hmac) => ObjectName::Attachment { hmac },
    }
}
