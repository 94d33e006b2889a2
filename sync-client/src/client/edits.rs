//! What people do: each edit is decided by the engine and on the disk before the call returns.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Read as _;

use rand_core::CryptoRng;
use tidegate_protocol::{ContentHmac, MemberId, RecordId};
use tidegate_sync_core::engine::{Attach, AttachedContent, Edit, EditError, Engine, PutRecord};
use tidegate_sync_core::manifest::{INLINE_BYTES, MAX_TITLE_BYTES, Meta, Target};
use uuid::Uuid;

use super::SyncClient;
use super::merged::written_down;
use crate::attachment::{
    Filed, MAX_ATTACHMENT_BYTES, MAX_RECORD_BYTES, MAX_SINGLE_ATTACHMENT_BYTES, OpenSource, name as name_content, read,
    seal_for_attach,
};
use crate::device::LocalState;
use crate::error::Error;
use crate::record::{Attached, ChangeId, ContentId, NewAttachment, NewRecord, Written};
use crate::report::Event;
use crate::view;

impl SyncClient {
    /// Adds a family member.
    ///
    /// # Errors
    /// `text-length`, `home-busy`, `disk-full`.
    pub fn add_member(&self, name: &str) -> Result<MemberId, Error> {
        check_name("name", name)?;
        self.device.edit(|engine, now_ms| {
            let added = engine.add_member(name, now_ms, &mut crate::random::system()).map_err(refusal)?;
            Ok((Some(added.edit), added.member))
        })
    }

    /// Stores a record or a new version of one. When this returns, no crash loses it. Of a record whose kind is merged
    /// ([`crate::Options::merge_kinds`]) the new version holds what the others hold as well.
    ///
    /// # Errors
    /// `member-unknown`, `record-unknown`, `record-too-large`, `text-length`, `file-unreadable`, `home-busy`, `disk-full`.
    pub fn put(&self, record: NewRecord) -> Result<Written, Error> {
        let member = record.member;
        let draft = Draft::read(record)?;
        let written = self.device.edit_with_contents(|state, now_ms| {
            let (edit, written) = draft.decide(state, now_ms)?;
            Ok((Some(edit), written))
        })?;
        self.device.tell(Event::RecordChanged(member, written.record_id));
        Ok(written)
    }

    /// Stores several records, or new versions, at once: all of them, or none where it fails. For many records this is far
    /// faster than one by one, which waits for the disk each time; their contents are held in memory meanwhile.
    ///
    /// # Errors
    /// As [`SyncClient::put`], and `record-twice` where two of them are versions of one record.
    pub fn put_all(&self, records: Vec<NewRecord>) -> Result<Vec<Written>, Error> {
        let members: Vec<MemberId> = records.iter().map(|record| record.member).collect();
        let drafts = records.into_iter().map(Draft::read).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = drafts.iter().filter_map(|draft| draft.record).find(|record| !seen.insert(*record)) {
            return Err(Error::RecordTwice(twice));
        }
        let written =
            self.device.edit_all(|state, now_ms| drafts.into_iter().map(|draft| draft.decide(state, now_ms)).collect())?;
        for (member, written) in members.iter().zip(&written) {
            self.device.tell(Event::RecordChanged(*member, written.record_id));
        }
        Ok(written)
    }

    /// Stores an attachment. When this returns, no crash loses it.
    ///
    /// # Errors
    /// As [`SyncClient::put`], and `attachment-too-large`, `file-changed`.
    pub fn attach(&self, attachment: NewAttachment) -> Result<Attached, Error> {
        self.attach_with(attachment, &|_, _| {})
    }

    /// The same for a large file: it is read twice, in pieces, to be named and to be sealed, and `progress` hears how many bytes
    /// of how many are done.
    ///
    /// # Errors
    /// As [`SyncClient::attach`].
    pub fn attach_with(&self, attachment: NewAttachment, progress: &dyn Fn(u64, u64)) -> Result<Attached, Error> {
        let NewAttachment { member, record, name, media_type, body } = attachment;
        check_length("file name", Some(&name), MAX_TITLE_BYTES, "at most 256 are allowed")?;
        check_length("media type", Some(&media_type), 256, "at most 256 are allowed")?;
        let mut source = OpenSource::open(body, MAX_ATTACHMENT_BYTES, MAX_SINGLE_ATTACHMENT_BYTES)?;
        let attach = |content| Attach { member, record, name: Some(name), media_type: Some(media_type), content };
        let attached = if source.size() <= INLINE_BYTES as u64 {
            self.attach_held(&mut source, attach)?
        } else {
            self.attach_filed(&mut source, attach, progress)?
        };
        self.device.tell(Event::AttachmentChanged(member, attached.hmac));
        Ok(attached)
    }

    /// A short one travels in its change.
    fn attach_held(&self, source: &mut OpenSource, attach: impl FnOnce(AttachedContent) -> Attach) -> Result<Attached, Error> {
        let mut content = Vec::new();
        let read = source.take(INLINE_BYTES as u64 + 1).read_to_end(&mut content);
        read.map_err(|error| source.unreadable(error))?;
        if content.len() as u64 != source.size() {
            return Err(Error::SourceChanged);
        }
        let bytes = source.size();
        let attach = attach(AttachedContent::Held(content));
        self.device.edit(|engine, now_ms| {
            let (edit, attached) = decide(engine, attach, bytes, now_ms)?;
            Ok((Some(edit), attached))
        })
    }

    /// Any other is sealed into a file first, unless that is there already.
    fn attach_filed(
        &self,
        source: &mut OpenSource,
        attach: impl FnOnce(AttachedContent) -> Attach,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Attached, Error> {
        let attach = attach(AttachedContent::Held(Vec::new()));
        let keys = self.device.read(|state| {
            view::check_member(&state.engine, attach.member)?;
            let keys = state.engine.space_keys(state.engine.space_of(attach.member)).cloned();
            keys.ok_or(Error::MemberUnknown(attach.member))
        })?;
        let (total, done) = (2 * source.size(), Cell::new(0));
        let step = |bytes: u64| {
            done.set(done.get() + bytes);
            progress(done.get().min(total), total);
        };
        let (hmac, size) =
            name_content(keys.attachment_key().hasher(), &mut *source, step).map_err(|error| source.unreadable(error))?;
        if size != source.size() {
            return Err(Error::SourceChanged);
        }
        let what = (keys.space(), hmac, size);
        let folder = self.device.folder();
        let mut is_there = folder.length_of(hmac).is_some();
        loop {
            let sealed = if is_there { None } else { Some(seal_for_attach(&folder, &keys, what, source, step)?) };
            let attach = Attach { content: AttachedContent::Filed { hmac, size }, ..attach.clone() };
            match self.device.edit_with_file(what, sealed, |engine, now_ms| decide(engine, attach, size, now_ms))? {
                Filed::Done(attached) => {
                    folder.touch(hmac);
                    return Ok(attached);
                }
                Filed::FileIsGone => is_there = false,
            }
        }
    }

    /// Deletes a record. Its versions can be restored for 90 days.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `home-busy`, `disk-full`.
    pub fn delete(&self, record: RecordId) -> Result<Written, Error> {
        let (member, written) = self.device.edit(|engine, now_ms| {
            let member = view::owner_of(engine, record)?;
            let edit = match engine.delete(member, Target::Record(record), now_ms, &mut crate::random::system()) {
                Ok(edit) => edit,
                Err(EditError::NotFound(_)) => return Err(Error::RecordDeleted(record)),
                Err(error) => return Err(refusal(error)),
            };
            let version = edit.version;
            Ok((Some(edit), (member, Written { record_id: record, version })))
        })?;
        self.device.tell(Event::RecordChanged(member, record));
        Ok(written)
    }

    /// Deletes an attachment, at all records that it belongs to.
    ///
    /// # Errors
    /// `attachment-unknown`, `home-busy`, `disk-full`.
    pub fn delete_attachment(&self, attachment: ContentHmac) -> Result<(), Error> {
        let target = Target::Attachment(attachment);
        let members = self.device.read(|state| Ok(state.engine.find(target)))?;
        let mut deleted = false;
        for member in members {
            deleted |=
                self.device.edit(|engine, now_ms| match engine.delete(member, target, now_ms, &mut crate::random::system()) {
                    Ok(edit) => Ok((Some(edit), true)),
                    Err(EditError::NotFound(_)) => Ok((None, false)),
                    Err(error) => Err(refusal(error)),
                })?;
            self.device.tell(Event::AttachmentChanged(member, attachment));
        }
        if deleted { Ok(()) } else { Err(Error::AttachmentUnknown(attachment)) }
    }

    /// Makes the content of an earlier or concurrent version the newest. It is fetched if it is not on the device.
    ///
    /// # Errors
    /// As [`SyncClient::get`] and [`SyncClient::put`].
    pub async fn restore(&self, record: RecordId, change: ChangeId) -> Result<Written, Error> {
        self.get(ContentId::Record(record, Some(change))).await?;
        self.write_again(record, |engine, member, now_ms, rng| engine.restore_version(member, record, change, now_ms, rng))
    }

    /// Ends a conflict: the version kept replaces all that stand beside each other. It is fetched if it is not on the device.
    ///
    /// # Errors
    /// `change-unknown` if `keep` is none of them; else as [`SyncClient::restore`].
    pub async fn resolve(&self, record: RecordId, keep: ChangeId) -> Result<Written, Error> {
        self.get(ContentId::Record(record, Some(keep))).await?;
        self.write_again(record, |engine, member, now_ms, rng| engine.resolve(member, record, keep, now_ms, rng))
    }

    /// Ends a conflict without giving anything up: one version stays in its place, the others become records of their own,
    /// with what is said of them; attachments stay where they are. Contents are fetched if they are not on the device.
    ///
    /// # Errors
    /// As [`SyncClient::resolve`].
    pub async fn resolve_keeping(
        &self,
        record: RecordId,
        keep: ChangeId,
        apart: &[ChangeId],
    ) -> Result<(Written, Vec<Written>), Error> {
        for cid in std::iter::once(&keep).chain(apart) {
            self.get(ContentId::Record(record, Some(*cid))).await?;
        }
        let apart: Vec<(ChangeId, RecordId)> = apart.iter().map(|cid| (*cid, RecordId::new(Uuid::new_v4()))).collect();
        let copies = apart.clone();
        let written = self.write_again(record, move |engine, member, now_ms, rng| {
            engine.resolve_keeping(member, record, keep, &copies, now_ms, rng)
        })?;
        Ok((written, apart.into_iter().map(|(_, record_id)| Written { record_id, version: 1 }).collect()))
    }

    fn write_again<F>(&self, record: RecordId, decide: F) -> Result<Written, Error>
    where
        F: FnOnce(&Engine, MemberId, u64, &mut dyn CryptoRng) -> Result<Edit, EditError>,
    {
        let (member, written) = self.device.edit(|engine, now_ms| {
            let member = view::owner_of(engine, record)?;
            let edit = decide(engine, member, now_ms, &mut crate::random::system()).map_err(refusal)?;
            let version = edit.version;
            Ok((Some(edit), (member, Written { record_id: record, version })))
        })?;
        self.device.tell(Event::RecordChanged(member, record));
        Ok(written)
    }
}

fn decide(engine: &Engine, attach: Attach, bytes: u64, now_ms: u64) -> Result<(Edit, Attached), Error> {
    let member = attach.member;
    view::check_member(engine, member)?;
    attach.record.map(|record| previous_meta(engine, member, record)).transpose()?;
    let edit = engine.attach(attach, now_ms, &mut crate::random::system()).map_err(refusal)?;
    let Target::Attachment(hmac) = edit.target else { return Err(Error::bug("an attachment became a record")) };
    let deduplicated = edit.deduplicated;
    Ok((edit, Attached { hmac, bytes, deduplicated }))
}

/// A record to be written: looked at and read, not yet decided.
struct Draft {
    member: MemberId,
    record: Option<RecordId>,
    kind: Option<String>,
    title: Option<String>,
    media_type: Option<String>,
    content: Vec<u8>,
}

impl Draft {
    fn read(record: NewRecord) -> Result<Self, Error> {
        let NewRecord { member, record, kind, media_type, title, body } = record;
        check_length("title", title.as_deref(), MAX_TITLE_BYTES, "at most 256 are allowed")?;
        check_length("kind", kind.as_deref(), 64, "at most 64 are allowed")?;
        check_length("media type", media_type.as_deref(), 256, "at most 256 are allowed")?;
        kind.as_deref().map_or(Ok(()), view::check_kind)?;
        let content = read(body, MAX_RECORD_BYTES, |bytes| Error::RecordTooLarge { bytes, limit: MAX_RECORD_BYTES })?;
        Ok(Self { member, record, kind, title, media_type, content })
    }

    fn decide(self, state: &LocalState, now_ms: u64) -> Result<(Edit, Written), Error> {
        let engine = &state.engine;
        let Self { member, record, kind, title, media_type, content } = self;
        view::check_member(engine, member)?;
        let before = record.map(|record| previous_meta(engine, member, record)).transpose()?.unwrap_or_default();
        let record_id = record.unwrap_or_else(|| RecordId::new(Uuid::new_v4()));
        let (kind, title, media_type) = (kind.or(before.kind), title.or(before.title), media_type.or(before.media_type));
        let put = PutRecord { member, record: record_id, kind, title, media_type, content };
        let edit = engine.put(written_down(state, put)?, now_ms, &mut crate::random::system()).map_err(refusal)?;
        let version = edit.version;
        Ok((edit, Written { record_id, version }))
    }
}

/// What was said about the version before.
fn previous_meta(engine: &Engine, member: MemberId, record: RecordId) -> Result<Meta, Error> {
    let owner = view::owner_of(engine, record)?;
    if owner != member {
        return Err(Error::RecordOfOtherMember(record));
    }
    Ok(engine.shown(member, record).map(|(shown, _)| Meta::clone(&shown.meta)).unwrap_or_default())
}

pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::TextLength { what, bytes: 0, limit: "it cannot be empty" });
    }
    check_length(what, Some(name), MAX_TITLE_BYTES, "at most 256 are allowed")
}

const fn check_length(what: &'static str, text: Option<&str>, most: usize, limit: &'static str) -> Result<(), Error> {
    match text {
        Some(text) if text.len() > most => Err(Error::TextLength { what, bytes: text.len(), limit }),
        Some(_) | None => Ok(()),
    }
}

/// The engine's refusal of an edit in this crate's words.
pub(crate) fn refusal(error: EditError) -> Error {
    match error {
        EditError::UnknownMember(member) => Error::MemberUnknown(member),
        EditError::NotFound(Target::Record(record)) => Error::RecordUnknown(record),
        EditError::NotFound(Target::Attachment(hmac)) => Error::AttachmentUnknown(hmac),
        EditError::UnknownVersion { target: Target::Record(record), cid } => {
            Error::ChangeUnknown { record, change: cid.to_string() }
        }
        error @ (EditError::UnknownVersion { .. }
        | EditError::NotSyncedYet
        | EditError::ContentNotLocal(_)
        | EditError::Format(_)
        | EditError::Clock(_)) => {
            Error::Engine { code: error.code(), class: crate::error::Class::Invalid, message: error.to_string() }
        }
    }
}
