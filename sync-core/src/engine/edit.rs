//! What a user's edit becomes: a change with its version, what it supersedes and its time, and the rows that acknowledge it.
//!
//! Nothing here changes the engine. The shell commits the batch first and then calls [`Engine::committed`]: an edit that is
//! shown but not on disk would be lost by the next crash.

use std::sync::Arc;

use rand_core::CryptoRng;
use serde_json::Map;
use tidegate_protocol::{ContentHmac, GrantId, MemberId, RecordId, Space};

use super::Engine;
use super::edit_error::EditError;
use super::edit_request::{Attach, AttachedContent, Edit, MemberEdit, PutRecord};
use super::members::{PROFILE_KIND, profile_of};
use super::persist::{Persist, Row, Step};
use crate::clock::Hlc;
use crate::keys::SpaceKeys;
use crate::manifest::{
    Change, Cid, INLINE_BYTES, InlineContent, Location, MAX_ATTACHMENT_BYTES, MAX_RECORD_BYTES, Meta, Op, Register, Target,
};
use crate::state::{Origins, State, next_version, superseded_by_delete, superseded_by_edit, winner};

impl Engine {
    /// A record's new version: it supersedes what is shown, or the deletes that it undoes.
    ///
    /// Of a merging kind it supersedes all versions of [`Engine::merged`] whose contents are on the device: the caller has
    /// merged these into the content.
    ///
    /// # Errors
    /// [`EditError`] for an unknown member or something over its cap.
    pub fn put(&self, put: PutRecord, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<Edit, EditError> {
        crate::manifest::check_size("record", put.content.len() as u64, MAX_RECORD_BYTES)?;
        let space = self.member_space(put.member)?;
        let meta =
            Meta { kind: put.kind, title: put.title, media_type: put.media_type, name: None, record_id: None, extra: Map::new() };
        let target = Target::Record(put.record);
        self.write(space, target, meta, AttachedContent::Held(put.content), now_ms, rng)
    }

    /// A file's attachment to a record. The same content at the same record under the same name is there already; at another
    /// record, its content is not stored a second time.
    ///
    /// # Errors
    /// [`EditError`] for an unknown member or something over its cap.
    pub fn attach(&self, attach: Attach, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<Edit, EditError> {
        crate::manifest::check_size("attachment", attach.content.size(), MAX_ATTACHMENT_BYTES)?;
        let space = self.member_space(attach.member)?;
        let hmac = self.name_of(space, &attach.content)?;
        let meta = Meta {
            kind: None,
            title: None,
            media_type: attach.media_type,
            name: attach.name,
            record_id: attach.record,
            extra: Map::new(),
        };
        let state = self.state_of(space);
        let target = Target::Attachment(hmac);
        let known: Vec<&Change> = state.heads_of_target(target).into_iter().filter(|head| head.has_content()).collect();
        if let Some(same) = known.iter().find(|head| head.meta.says_the_same(&meta)) {
            let batch = Persist { step: Step::Edit, rows: Vec::new() };
            return Ok(Edit { batch, cid: same.cid, version: same.version, target, deduplicated: true });
        }
        let deduplicated = !known.is_empty();
        let edit = self.write(space, target, meta, attach.content, now_ms, rng)?;
        Ok(Edit { deduplicated, ..edit })
    }

    /// Deletes a record, or an attachment at all its records. It supersedes every head that this device sees.
    ///
    /// # Errors
    /// [`EditError::NotFound`] if there is nothing to delete.
    pub fn delete(&self, member: MemberId, target: Target, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<Edit, EditError> {
        let space = self.member_space(member)?;
        let state = self.state_of(space);
        let heads = state.heads_of_target(target);
        let is_profile = target == Target::Record(profile_of(member));
        if is_profile || !heads.iter().any(|head| head.has_content()) {
            return Err(EditError::NotFound(target));
        }
        let supersedes = superseded_by_delete(&heads);
        let meta = match target {
            Target::Record(_) => tombstone_meta(&heads),
            // A delete stands for the attachment at all its records, and so at none.
            Target::Attachment(_) => Meta::default(),
        };
        let change = self.draft(state, target, Op::Delete, supersedes, meta, None, 0, now_ms, rng)?;
        acknowledge(space, change, Vec::new())
    }

    /// Ends a conflict: writes one of the heads again, over all of them.
    ///
    /// # Errors
    /// [`EditError::UnknownVersion`] if `keep` is no head of this record; [`EditError::ContentNotLocal`].
    pub fn resolve(
        &self,
        member: MemberId,
        record: RecordId,
        keep: Cid,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Edit, EditError> {
        let space = self.member_space(member)?;
        let state = self.state_of(space);
        let target = Target::Record(record);
        let heads = state.heads(&Register::record(record));
        let kept = heads.iter().find(|head| head.cid == keep && head.has_content());
        let kept = *kept.ok_or(EditError::UnknownVersion { target, cid: keep })?;
        let supersedes = superseded_by_delete(&heads);
        self.write_again(space, kept, Op::Resolve, supersedes, now_ms, rng)
    }

    /// Brings back an earlier or a conflicting version: an edit with its content.
    ///
    /// # Errors
    /// [`EditError::UnknownVersion`] if the record has no such version; [`EditError::ContentNotLocal`] if the shell has to
    /// fetch it first.
    pub fn restore_version(
        &self,
        member: MemberId,
        record: RecordId,
        cid: Cid,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Edit, EditError> {
        let space = self.member_space(member)?;
        let state = self.state_of(space);
        let target = Target::Record(record);
        let version = state.get(cid).filter(|change| change.target == target && change.has_content());
        let version = version.ok_or(EditError::UnknownVersion { target, cid })?;
        let supersedes = superseded_by_edit(&state.heads(&Register::record(record)));
        self.write_again(space, version, Op::Put, supersedes, now_ms, rng)
    }

    /// Adds a family member: keys, the grant of them to oneself, the member's entry in the account space and its profile.
    /// Works offline; the grant is stored before the segment that names it.
    ///
    /// # Errors
    /// [`EditError::NotSyncedYet`] on a device that has just joined; a name over 256 bytes.
    pub fn add_member(&self, name: &str, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<MemberEdit, EditError> {
        let user = self.account.identity.user;
        let account_space = self.account.account_space();
        let member = MemberId::new(uuid::Builder::from_random_bytes(random(rng)).into_uuid());
        let space = Space::Member(user, member);
        let keys = SpaceKeys::generate(space, rng);
        let (grant, blob) = self.account.identity.grant_to_self(&keys, rng);
        let target = Target::Record(profile_of(member));
        let entry = self.member_entry(&State::new(), target, Vec::new(), &[grant], now_ms, rng)?;

        let profile_meta = Meta { kind: Some(PROFILE_KIND.to_owned()), title: Some(name.to_owned()), ..Meta::default() };
        let hmac = keys.attachment_key().content_hmac(&[]);
        let mut profile = self.draft(&State::new(), target, Op::Put, Vec::new(), profile_meta, Some(hmac), 0, now_ms, rng)?;
        profile.location = Some(Location::Inline(InlineContent::default()));

        let mut rows = vec![
            Row::PutGrant { grant, blob, unsent: true },
            // The space is new: nobody else can have written to it.
            Row::PutListedAt { space, listed_at_ms: now_ms },
        ];
        rows.extend(unsent_rows(account_space, entry));
        let edit = acknowledge(space, profile, rows)?;
        Ok(MemberEdit { member, edit })
    }

    /// Takes up an edit whose batch is committed.
    pub fn committed(&mut self, edit: &Edit) {
        for row in &edit.batch.rows {
            match row {
                Row::PutGrant { grant, blob, unsent } => self.take_own_grant(*grant, blob, *unsent),
                Row::PutChange { space, change, .. } => self.account.space(*space).state.insert_unsent(Arc::clone(change)),
                Row::PutOutbox { space, cid, doubtful } => {
                    self.account.space(*space).outbox.insert(*cid, *doubtful);
                }
                Row::PutContent { space, hmac, .. } | Row::PutContentFile { space, hmac, .. } => {
                    self.account.space(*space).contents.get_mut().insert(*hmac);
                }
                Row::RemoveContent { space, hmac } => self.content_removed(*space, *hmac),
                Row::PutListedAt { space, listed_at_ms } => self.account.space(*space).listed_at_ms = Some(*listed_at_ms),
                Row::PutClock(hlc) => self.account.clock.observe(*hlc),
                Row::PutChanges { .. }
                | Row::RemoveChange { .. }
                | Row::PutCovered { .. }
                | Row::RaiseFloor { .. }
                | Row::PutCheckpoint { .. }
                | Row::RemoveCheckpoint { .. }
                | Row::PutUnreferenced { .. }
                | Row::RemoveUnreferenced { .. }
                | Row::PutNotice(_)
                | Row::ResetClock(_)
                | Row::RemoveOutbox { .. }
                | Row::PutChain { .. }
                | Row::PutBuilt { .. }
                | Row::RemoveBuilt { .. }
                | Row::PutQuarantined(_)
                | Row::RemoveQuarantined { .. }
                | Row::PutHole(_)
                | Row::RemoveHole { .. }
                | Row::PutLooked { .. }
                | Row::PutDoorbell(_) => {}
            }
        }
    }

    /// The name of a content in a space.
    ///
    /// # Errors
    /// [`EditError::UnknownMember`] or [`EditError::NotSyncedYet`] without the space's key.
    pub fn content_hmac(&self, space: Space, content: &[u8]) -> Result<ContentHmac, EditError> {
        let missing = || space.member().map_or(EditError::NotSyncedYet, EditError::UnknownMember);
        Ok(self.account.keyring.current(space).ok_or_else(missing)?.attachment_key().content_hmac(content))
    }

    fn name_of(&self, space: Space, content: &AttachedContent) -> Result<ContentHmac, EditError> {
        match content {
            AttachedContent::Held(bytes) => self.content_hmac(space, bytes),
            AttachedContent::Filed { hmac, .. } => Ok(*hmac),
        }
    }

    /// What an edit of a merging kind supersedes: the heads that make up the view which it writes down. One whose content is
    /// not on this device cannot have gone into it, and stays for the next.
    fn merged_into(&self, space: Space, target: Target, meta: &Meta, heads: &[&Change]) -> Option<Vec<Cid>> {
        let Target::Record(_) = target else { return None };
        let edits = self.account.merge_kinds.merged_heads(heads)?;
        let of_this_kind = edits.iter().all(|edit| edit.meta.kind == meta.kind);
        let here = edits.into_iter().filter(|edit| self.check_content_is_here(space, edit).is_ok());
        let mut cids: Vec<Cid> = here.map(|edit| edit.cid).collect();
        cids.sort_unstable();
        of_this_kind.then_some(cids)
    }

    /// A version is written again from its content, which has to be on the device.
    pub(super) fn check_content_is_here(&self, space: Space, version: &Change) -> Result<(), EditError> {
        let is_inline = matches!(version.location, Some(Location::Inline(_)));
        let is_local = version.content_hmac.is_some_and(|hmac| self.is_local(space, hmac));
        if is_inline || is_local { Ok(()) } else { Err(EditError::ContentNotLocal(version.cid)) }
    }

    fn is_local(&self, space: Space, hmac: ContentHmac) -> bool {
        self.account.spaces.get(&space).is_some_and(|memory| memory.contents.get().contains(&hmac))
    }

    fn take_own_grant(&mut self, grant: GrantId, blob: &[u8], unsent: bool) {
        if let Ok(opened) = self.account.identity.open_own_grant(grant, blob) {
            self.account.take_grant(grant, opened, unsent.then(|| blob.to_vec()));
        }
    }

    fn member_space(&self, member: MemberId) -> Result<Space, EditError> {
        let space = Space::Member(self.account.identity.user, member);
        match self.account.keyring.current(space) {
            Some(_) => Ok(space),
            None => Err(EditError::UnknownMember(member)),
        }
    }

    pub(super) fn state_of(&self, space: Space) -> &State {
        static NOTHING: std::sync::LazyLock<State> = std::sync::LazyLock::new(State::new);
        self.account.spaces.get(&space).map_or(&NOTHING, |memory| &memory.state)
    }

    fn write(
        &self,
        space: Space,
        target: Target,
        meta: Meta,
        content: AttachedContent,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Edit, EditError> {
        let state = self.state_of(space);
        let register = Register { target, at: meta.record_id };
        // The delete of an attachment stands at no record; attaching it again undoes that one too.
        let heads = state.heads_of_target(target).into_iter();
        let heads: Vec<&Change> = heads.filter(|head| head.register() == register || head.op == Op::Delete).collect();
        let supersedes = self.merged_into(space, target, &meta, &heads).unwrap_or_else(|| superseded_by_edit(&heads));
        let (hmac, size) = (self.name_of(space, &content)?, content.size());
        let mut change = self.draft(state, target, Op::Put, supersedes, meta, Some(hmac), size, now_ms, rng)?;
        let mut rows = Vec::new();
        match content {
            AttachedContent::Held(bytes) if bytes.len() <= INLINE_BYTES => {
                change.location = Some(Location::Inline(bytes.into()));
            }
            AttachedContent::Held(bytes) => rows.push(Row::PutContent { space, hmac, bytes }),
            AttachedContent::Filed { .. } => rows.push(Row::PutContentFile { space, hmac, size }),
        }
        acknowledge(space, change, rows)
    }

    fn write_again(
        &self,
        space: Space,
        version: &Change,
        op: Op,
        supersedes: Vec<Cid>,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Edit, EditError> {
        self.check_content_is_here(space, version)?;
        let state = self.state_of(space);
        let mut change = self.draft(
            state,
            version.target,
            op,
            supersedes,
            version.meta.clone(),
            version.content_hmac,
            version.size,
            now_ms,
            rng,
        )?;
        // A stored object's name is not used again: nothing may refer to it any more, and then the collector is on its way.
        change.location = version.location.clone().filter(|location| matches!(location, Location::Inline(_)));
        acknowledge(space, change, Vec::new())
    }

    #[expect(clippy::too_many_arguments, reason = "one change has that many independent fields")]
    pub(super) fn draft(
        &self,
        state: &State,
        target: Target,
        op: Op,
        supersedes: Vec<Cid>,
        meta: impl Into<Arc<Meta>>,
        content_hmac: Option<ContentHmac>,
        size: u64,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Change, EditError> {
        let hlc: Hlc = self.account.clock.clone().tick(now_ms)?;
        let version = next_version(supersedes.iter().filter_map(|cid| state.get(*cid)));
        Ok(Change {
            cid: Cid::from_random(random(rng)),
            target,
            op,
            version,
            supersedes,
            hlc,
            kept: false,
            meta: meta.into(),
            content_hmac,
            location: None,
            sha256: None,
            size,
            relocates: Vec::new(),
            extra: Map::new(),
        })
    }
}

/// What a deleted record is still called, so that a list of deleted records can be read: until the tombstone goes too.
fn tombstone_meta(heads: &[&Change]) -> Meta {
    let shown = winner(heads.iter().copied()).or_else(|| heads.iter().copied().find(|head| head.has_content()));
    let Some(Change { meta, .. }) = shown else { return Meta::default() };
    Meta { kind: meta.kind.clone(), title: meta.title.clone(), media_type: meta.media_type.clone(), ..Meta::default() }
}

/// The rows of one edit: before they are committed it does not exist, afterwards it is acknowledged.
pub(super) fn acknowledge(space: Space, change: Change, mut rows: Vec<Row>) -> Result<Edit, EditError> {
    change.check_unsent()?;
    let (cid, version, target) = (change.cid, change.version, change.target);
    rows.extend(unsent_rows(space, change));
    Ok(Edit { batch: Persist { step: Step::Edit, rows }, cid, version, target, deduplicated: false })
}

pub(super) fn unsent_rows(space: Space, change: Change) -> [Row; 3] {
    let (cid, hlc) = (change.cid, change.hlc);
    [
        Row::PutChange { space, change: Arc::new(change), brought_by: Origins::default() },
        Row::PutOutbox { space, cid, doubtful: false },
        Row::PutClock(hlc),
    ]
}

fn random(rng: &mut dyn CryptoRng) -> [u8; 16] {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes
}
