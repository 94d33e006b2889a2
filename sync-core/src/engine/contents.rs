//! Contents: fetching those of the records that are shown, and checking them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate_protocol::{ContentHmac, ObjectKey, Sha256, Space};

use super::Engine;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Read};
use super::persist::{Row, Step};
use super::ranges::{Part, ranges, span};
use super::sync::{Phase, Task, Turn};
use crate::envelope::{ObjectContext, ObjectName, open};
use crate::keys::Keyring;
use crate::manifest::{Change, Cid, Location, Target};
use crate::quarantine::{Quarantined, Reason, Subject};
use crate::state::{BACKSTOP_MS, Looked, State, winner};

/// How many requests for contents go out before what they bring is persisted.
const WAVE: usize = 32;

/// How many bytes of content are fetched before they are persisted; at least one request always is made.
const WAVE_BYTES: u64 = 12 << 20;

/// A content that a record shows and that is not on the device.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedPart {
    pub(super) cid: Cid,
    /// First byte and length within the object, if it is not the whole of it.
    pub(super) range: Option<(u64, u64)>,
    /// Length of the plaintext in bytes.
    size: u64,
}

/// One request for one or more contents.
#[derive(Debug, Clone)]
pub(super) struct WantedRead {
    space: Space,
    key: ObjectKey,
    range: Option<(u64, u64)>,
    parts: Vec<WantedPart>,
    /// Bytes that it brings, or that they become.
    bytes: u64,
}

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
        while let Some(next) = wanted.pop_front_if(|next| bytes == 0 || bytes + next.bytes <= WAVE_BYTES) {
            bytes += next.bytes;
            let WantedRead { space, key, range, parts, .. } = next;
            let first = range.map_or(0, |(first, _)| first);
            self.emit(Effect::Get { key, if_none_match: None, range }, Task::Contents { space, first, parts });
            if self.outstanding() >= WAVE {
                break;
            }
        }
        self.sync.contents_wanted = Some(wanted);
        if self.is_quiet() {
            self.note_looked();
            if !self.sync.rows.is_empty() {
                return self.persist(Step::Contents);
            }
            self.sync.phase = Phase::Over;
        }
    }

    /// Takes note of the spaces that were looked through, now that what they lacked is here. Of one that lacks something
    /// still, nothing is noted: it is looked through every time.
    fn note_looked(&mut self) {
        let kinds = &self.account.merge_kinds;
        if self.account.spaces.values().all(|memory| memory.looked(kinds).is_some()) {
            return;
        }
        let lacking: BTreeSet<Space> = self.look_for_wanted().into_iter().map(|wanted| wanted.space).collect();
        let kinds = &self.account.merge_kinds;
        for (space, memory) in &mut self.account.spaces {
            let is_set_aside = memory.quarantined.keys().any(|subject| matches!(subject, Subject::Content(_)));
            if is_set_aside || lacking.contains(space) || memory.looked(kinds).is_some() {
                continue;
            }
            let conflicts = memory.conflicts(kinds).len() as u64;
            let looked = Looked { conflicts, kinds: kinds.names().map(str::to_owned).collect() };
            memory.looked = Some(looked.clone());
            memory.state.forget_altered();
            self.sync.rows.push(Row::PutLooked { space: *space, looked });
        }
    }

    /// Looks through the records once a sync, not once a wave: a device that joins has many of both. What lies in one pack is
    /// read together.
    fn look_for_wanted(&self) -> VecDeque<WantedRead> {
        let mut reads = VecDeque::new();
        for (space, memory) in &self.account.spaces {
            if memory.looked(&self.account.merge_kinds).is_some() {
                continue;
            }
            // One content may stand in several records; it is fetched once.
            let mut named: BTreeSet<ContentHmac> = BTreeSet::new();
            let mut packs: BTreeMap<ObjectKey, Vec<Part<WantedPart>>> = BTreeMap::new();
            for register in memory.state.registers().filter(|register| matches!(register.target, Target::Record(_))) {
                for shown in self.shown_heads(&memory.state.heads(register)) {
                    let Some(hmac) = shown.content_hmac.filter(|hmac| !memory.contents.get().contains(hmac)) else { continue };
                    let Some((key, range)) = memory.state.location(shown.cid).and_then(object_of) else { continue };
                    if memory.is_set_aside(&Subject::Content(shown.cid), self.now_ms) || !named.insert(hmac) {
                        continue;
                    }
                    let part = WantedPart { cid: shown.cid, range, size: shown.size };
                    let (parts, bytes) = (vec![part], part.size);
                    match range {
                        Some((offset, length)) => packs.entry(key).or_default().push(Part { offset, length, of: part }),
                        None => reads.push_back(WantedRead { space: *space, key, range: None, parts, bytes }),
                    }
                }
            }
            for (key, parts) in packs {
                reads.extend(pack_reads(*space, &key, parts));
            }
        }
        reads
    }

    /// The heads whose contents are read together: the one that is shown, or all that are merged.
    fn shown_heads<'a>(&self, heads: &[&'a Change]) -> Vec<&'a Change> {
        let merged = self.account.merge_kinds.merged_heads(heads);
        merged.unwrap_or_else(|| winner(heads.iter().copied()).into_iter().collect())
    }

    pub(super) fn contents_read(&mut self, space: Space, first: u64, parts: Vec<WantedPart>, outcome: Outcome) {
        let bytes = match outcome.read() {
            Ok(Read::Found { bytes, .. }) => Ok(bytes),
            Ok(Read::NotFound | Read::NotModified) => Err(Reason::MissingContent),
            Err(FailureClass::Corrupt) => Err(Reason::Corrupt),
            // A range that the object does not have: what names it is wrong, and no reason to stop for everything else.
            Err(FailureClass::Invalid) if parts.iter().any(|part| part.range.is_some()) => Err(Reason::Corrupt),
            Err(class) => return self.sync.fail("get-object", class),
        };
        for part in parts {
            let opened = bytes.as_deref().map_err(|reason| *reason).and_then(|bytes| {
                let stored = part.within(first, bytes).ok_or(Reason::Corrupt)?;
                let memory = self.account.spaces.entry(space).or_default();
                open_content(&self.account.keyring, space, &memory.state, part.cid, stored)
            });
            self.take_content(space, part.cid, opened);
        }
    }

    fn take_content(&mut self, space: Space, cid: Cid, opened: Result<(ContentHmac, Vec<u8>), Reason>) {
        match opened {
            Ok((hmac, bytes)) => {
                let memory = self.account.space(space);
                memory.contents.get_mut().insert(hmac);
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

impl WantedPart {
    /// Its stored bytes, out of what came from `first` on.
    fn within<'a>(&self, first: u64, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Some((offset, length)) = self.range else { return Some(bytes) };
        let start = usize::try_from(offset.checked_sub(first)?).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }
}

/// The requests that bring these parts of a pack. Text shrinks to a tenth in a pack: a range is cut where its contents
/// together would be more than one wave holds in memory.
fn pack_reads(space: Space, key: &ObjectKey, parts: Vec<Part<WantedPart>>) -> Vec<WantedRead> {
    let mut reads = Vec::new();
    for range in ranges(parts) {
        let mut rest = range.as_slice();
        while !rest.is_empty() {
            let mut size = 0;
            let fits = |part: &&Part<WantedPart>| {
                size += part.of.size;
                size <= WAVE_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            let (first, length) = span(now);
            let parts: Vec<WantedPart> = now.iter().map(|part| part.of).collect();
            let bytes = parts.iter().map(|part| part.size).sum::<u64>().max(length);
            reads.push(WantedRead { space, key: key.clone(), range: Some((first, length)), parts, bytes });
            rest = later;
        }
    }
    reads
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
        self.account.space(space).contents.get_mut().insert(hmac);
    }
}

/// The object, and the range of it, that holds a content.
pub(super) fn object_of(location: &Location) -> Option<(ObjectKey, Option<(u64, u64)>)> {
    match location {
        Location::Object(object) => Some((object.key.clone(), None)),
        Location::Pack(pack) => Some((ObjectKey::clone(&pack.pack), Some((pack.offset, pack.length)))),
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
