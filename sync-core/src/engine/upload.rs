//! Storing the contents of changes, before any segment names them.
//!
//! What is still to be stored stands in one queue, so that each content is looked at once: small contents of records go into
//! packs, everything else is an object of its own.

use std::collections::{BTreeMap, VecDeque};

use tidegate_protocol::{ContentHmac, Sha256, Space};

use super::contents::object_name;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Written};
use super::pack::{OpenPack, ReadyObject, is_packable, object_key};
use super::sync::{Phase, Task, Turn};
use crate::envelope::{ObjectContext, seal};
use crate::manifest::{Change, Cid, Location, ObjectLocation, Op, Target};
use crate::planted::{self, Bug};
use crate::quarantine::Subject;
use crate::state::LATE_MS;

/// How many bytes of contents are loaded or on their way at once; one content always may be.
const BYTES_AT_ONCE: u64 = 16 << 20;

/// How many effects are out at once.
const EFFECTS_AT_ONCE: usize = 64;

/// How many attachments are on their way at once: enough for the shell to ask for their URLs together. How many bytes of them
/// are sent at a time is the shell's to say.
const ATTACHMENTS_AT_ONCE: usize = 32;

/// Where a content is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) location: Location,
    pub(super) sha256: Sha256,
    /// When this sync has uploaded it, in milliseconds since 1970; `None` where a head of the state just read names it.
    pub(super) uploaded_at_ms: Option<u64>,
}

/// A change whose content has to be stored.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    space: Space,
    cid: Cid,
    hmac: ContentHmac,
    size: u64,
    is_attachment: bool,
}

/// The contents of one round of segments on their way into the store.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// What is still to be looked at, one space after the other.
    queue: VecDeque<Waiting>,
    /// How many contents of a space are being loaded.
    loading: BTreeMap<Space, usize>,
    packs: BTreeMap<Space, OpenPack>,
    /// Bytes that are being loaded or sent.
    bytes_out: u64,
    /// Attachments being stored, and the other changes that wait for each; the shell streams them, so their bytes count for
    /// nothing here.
    coming: BTreeMap<(Space, ContentHmac), Vec<Waiting>>,
    /// Where the contents of changes are stored.
    pub(super) stored: BTreeMap<(Space, Cid), Stored>,
    /// Where the attachments are that were stored in this sync.
    attachments: BTreeMap<(Space, ContentHmac), Stored>,
}

impl Upload {
    /// Forgets what must not be relied on any longer. An upload older than *late* may meet a collector that has seen nobody
    /// refer to it; what a head named may have lost that head since the state was read.
    fn forget_doubtful(&mut self, now_ms: u64) {
        let is_young = |at_ms: u64| now_ms.saturating_sub(at_ms) < LATE_MS || planted::is(Bug::OldUploadReused);
        let holds = |stored: &Stored| stored.uploaded_at_ms.is_some_and(is_young);
        self.stored.retain(|_, stored| holds(stored));
        self.attachments.retain(|_, stored| holds(stored));
    }

    /// Whether so much more may be out.
    fn has_room_for(&self, next: &Waiting) -> bool {
        if next.is_attachment {
            return self.coming.len() < ATTACHMENTS_AT_ONCE;
        }
        self.bytes_out == 0 || self.bytes_out + next.size <= BYTES_AT_ONCE
    }

    /// Whether nothing of this space is waiting or being loaded any more, so that its pack can be closed.
    fn is_complete(&self, space: Space) -> bool {
        let waits = self.queue.front().is_some_and(|next| next.space == space);
        !waits && self.loading.get(&space).copied().unwrap_or(0) == 0
    }

    fn loaded(&mut self, space: Space, size: u64) {
        self.bytes_out = self.bytes_out.saturating_sub(size);
        if let Some(loading) = self.loading.get_mut(&space) {
            *loading = loading.saturating_sub(1);
        }
    }
}

impl Turn<'_> {
    /// Queues the contents of the chosen changes.
    pub(super) fn queue_contents(&mut self) {
        let upload = &mut self.sync.upload;
        upload.forget_doubtful(self.now_ms);
        upload.queue.clear();
        upload.coming.clear();
        self.drop_stale_relocations();
        let upload = &mut self.sync.upload;
        for (space, cids) in &self.sync.to_send {
            let Some(memory) = self.account.spaces.get(space) else { continue };
            let waiting = cids.iter().filter(|cid| !upload.stored.contains_key(&(*space, **cid)));
            let changes = waiting.filter_map(|cid| memory.state.get(*cid)).filter(|change| needs_storing(change));
            upload.queue.extend(changes.filter_map(|change| {
                let is_attachment = matches!(change.target, Target::Attachment(_));
                Some(Waiting { space: *space, cid: change.cid, hmac: change.content_hmac?, size: change.size, is_attachment })
            }));
        }
    }

    /// Stores the contents of the chosen changes. A segment that named an object not yet stored would be read by others
    /// as damaged, and for good if this device never came back.
    pub(super) fn send_contents(&mut self) {
        self.load_next();
        if self.is_quiet() {
            self.sync.phase = Phase::Build;
        }
    }

    /// Keeps a few contents on their way, and closes the packs to which nothing more can come.
    fn load_next(&mut self) {
        while let Some(next) = self.sync.upload.queue.front().copied() {
            if self.outstanding() >= EFFECTS_AT_ONCE || !self.sync.upload.has_room_for(&next) {
                break;
            }
            self.sync.upload.queue.pop_front();
            if next.is_attachment {
                self.send_attachment(next);
            } else {
                let Waiting { space, cid, hmac, size, .. } = next;
                self.sync.upload.bytes_out += size;
                *self.sync.upload.loading.entry(space).or_default() += 1;
                self.emit(Effect::LoadContent { space, hmac }, Task::Load { space, cid, size });
            }
        }
        let upload = &self.sync.upload;
        let complete: Vec<Space> = upload.packs.keys().copied().filter(|space| upload.is_complete(*space)).collect();
        for space in complete {
            self.close_pack(space);
        }
    }

    fn send_attachment(&mut self, next: Waiting) {
        let Waiting { space, cid, hmac, size, .. } = next;
        if let Some(stored) = self.known_place(space, hmac) {
            self.sync.upload.stored.insert((space, cid), stored);
            return;
        }
        // Being stored for another record: that will do for this one too.
        if let Some(others) = self.sync.upload.coming.get_mut(&(space, hmac)) {
            others.push(next);
            return;
        }
        self.sync.upload.coming.insert((space, hmac), Vec::new());
        self.emit(Effect::StoreAttachment { space, cid, hmac, size }, Task::StoreAttachment { space, cid });
    }

    /// An attachment is in the store, for this change and for all that waited for it.
    pub(super) fn attachment_sent(&mut self, space: Space, cid: Cid, stored: Stored) {
        if let Some(hmac) = self.hmac_of(space, cid) {
            let upload = &mut self.sync.upload;
            for other in upload.coming.remove(&(space, hmac)).unwrap_or_default() {
                upload.stored.insert((space, other.cid), stored.clone());
            }
            upload.attachments.insert((space, hmac), stored.clone());
        }
        self.sync.upload.stored.insert((space, cid), stored);
        self.load_next();
    }

    /// An attachment could not be brought into the store; what waited for it is tried, and told of, by itself.
    pub(super) fn attachment_not_sent(&mut self, space: Space, cid: Cid) {
        if let Some(hmac) = self.hmac_of(space, cid) {
            let waited = self.sync.upload.coming.remove(&(space, hmac)).unwrap_or_default();
            waited.into_iter().for_each(|next| self.sync.upload.queue.push_front(next));
        }
        self.load_next();
    }

    fn hmac_of(&self, space: Space, cid: Cid) -> Option<ContentHmac> {
        self.account.spaces.get(&space)?.state.get(cid)?.content_hmac
    }

    /// Where an attachment's content is stored already: named by a head of the state just read, which keeps the collector
    /// away from it, or stored in this sync for another record. So deduplication needs no request at all.
    ///
    /// An object that was found missing or damaged is not reused: attaching the file again is what heals it.
    fn known_place(&self, space: Space, hmac: ContentHmac) -> Option<Stored> {
        if let Some(stored) = self.sync.upload.attachments.get(&(space, hmac)) {
            return Some(stored.clone());
        }
        let memory = self.account.spaces.get(&space)?;
        // A new name given to an attachment supersedes, unsent, the very head that keeps its object.
        let heads = memory.state.sent_heads_of_target(Target::Attachment(hmac));
        let place_of = |head: &Change| memory.state.location(head.cid).cloned();
        let doubted = heads.iter().filter(|head| memory.quarantined.contains_key(&Subject::Content(head.cid)));
        let doubted: Vec<Location> = doubted.filter_map(|head| place_of(head)).collect();
        heads.into_iter().find_map(|head| {
            let place = memory.state.whereabouts(head.cid)?;
            let location = place.location.clone().filter(|location| !doubted.contains(location))?;
            let Location::Object(_) = location else { return None };
            head.has_content().then_some(Stored { location, sha256: place.sha256?, uploaded_at_ms: None })
        })
    }

    /// Seals a content under a fresh salt: no two uploads have one name, so a collector that is about to delete an old
    /// upload can never hit a new one.
    pub(super) fn content_loaded(&mut self, space: Space, cid: Cid, size: u64, outcome: Outcome) {
        self.sync.upload.loaded(space, size);
        let content = match outcome.loaded() {
            Ok(content) => content,
            Err(class) => return self.sync.fail("load-content", class),
        };
        let memory = self.account.spaces.entry(space).or_default();
        let Some(change) = memory.state.get(cid) else { return self.load_next() };
        let (name, packable) = (object_name(change), is_packable(change));
        let sealed = self.account.keyring.current(space).and_then(|keys| {
            let is_right = Some(keys.attachment_key().content_hmac(&content)) == change.content_hmac;
            let context = ObjectContext { space, name: name.clone() };
            if is_right { seal(keys.key(), &context, &content, self.rng).ok() } else { None }
        });
        let Some(sealed) = sealed else { return self.sync.fail("load-content", FailureClass::Invalid) };
        drop(content);
        if packable {
            if !self.sync.upload.packs.entry(space).or_default().has_room_for(sealed.len()) {
                self.close_pack(space);
            }
            self.sync.upload.packs.entry(space).or_default().add(cid, name, &sealed);
        } else {
            let sha256 = Sha256::of(&sealed);
            let Some(key) = object_key(space, &name, sha256) else {
                return self.sync.fail("load-content", FailureClass::Invalid);
            };
            let object = ObjectLocation { key: key.clone(), length: sealed.len() as u64, extra: serde_json::Map::new() };
            let stored = Stored { location: Location::Object(Box::new(object)), sha256, uploaded_at_ms: Some(self.now_ms) };
            self.store(space, ReadyObject { key, body: sealed, stored: vec![(cid, stored)] });
        }
        self.load_next();
    }

    fn close_pack(&mut self, space: Space) {
        let pack = self.sync.upload.packs.remove(&space).unwrap_or_default();
        if let Some(ready) = pack.close(space, self.now_ms) {
            self.store(space, ready);
        }
    }

    fn store(&mut self, space: Space, ready: ReadyObject) {
        let ReadyObject { key, body, stored } = ready;
        let bytes = body.len() as u64;
        self.sync.upload.bytes_out += bytes;
        if planted::is(Bug::SegmentBeforeItsObjects) {
            self.sync.upload.stored.extend(stored.iter().map(|(cid, stored)| ((space, *cid), stored.clone())));
        }
        self.emit(Effect::PutIfAbsent { key, body }, Task::SendContents { space, stored, bytes });
    }

    pub(super) fn contents_sent(&mut self, space: Space, stored: Vec<(Cid, Stored)>, bytes: u64, outcome: Outcome) {
        match outcome.written() {
            // The key is the hash of the bytes: whatever is there already is what was sent.
            Ok(Written::Stored { .. } | Written::AlreadyThere) => {}
            Ok(Written::Nowhere) => return self.sync.fail("put-object", FailureClass::Invalid),
            Err(class) => return self.sync.fail("put-object", class),
        }
        let upload = &mut self.sync.upload;
        upload.bytes_out = upload.bytes_out.saturating_sub(bytes);
        upload.stored.extend(stored.into_iter().map(|(cid, stored)| ((space, cid), stored)));
        self.load_next();
    }
}

/// Whether a change has a content that lies outside of it.
const fn needs_storing(change: &Change) -> bool {
    match change.op {
        Op::Put | Op::Resolve | Op::Relocate => !matches!(change.location, Some(Location::Inline(_))),
        Op::Delete => false,
    }
}
