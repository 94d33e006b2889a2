//! What the app is shown: records, attachments, histories, conflicts. All from memory, its own unsent edits included.

use std::collections::BTreeMap;

use tidegate_protocol::{ContentHmac, DeviceId, MemberId, ObjectKey, RecordId, Space};

use super::Engine;
use super::contents::object_of;
use super::members::profile_of;
use crate::manifest::{Change, Cid, Location, Op, Register, Target};
use crate::notice::Notice;
use crate::quarantine::{Hole, Quarantined};
use crate::state::{KnownCheckpoints, MassDelete, MergeContents, MergeKinds, State, conflict, mass_delete, winner};

/// One family member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub member: MemberId,
    /// The name: the title of its profile; empty until the profile has arrived.
    pub name: String,
}

/// One record as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordView<'a> {
    /// Whose it is.
    pub member: MemberId,
    /// The record.
    pub record: RecordId,
    /// The change that is shown; of a deleted record, the greatest delete.
    pub shown: &'a Change,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Other versions that nobody has decided about.
    pub conflicts: usize,
    /// Its attachments.
    pub attachments: Vec<ContentHmac>,
}

/// One attachment as it is shown: of a content at several records, one for each.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentView<'a> {
    /// Whose it is.
    pub member: MemberId,
    /// The content's name.
    pub hmac: ContentHmac,
    /// The change that attached it: name, media type, record and size stand in it.
    pub shown: &'a Change,
    /// Whether the content is on the device.
    pub local: bool,
}

/// What a version is to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// It is shown.
    Winner,
    /// It was made at the same time as the one shown, and nobody has decided yet.
    Conflict,
    /// It was replaced.
    Past,
    /// It is a delete.
    Deleted,
}

impl VersionState {
    /// The stable name of this state.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Winner => "winner",
            Self::Conflict => "conflict",
            Self::Past => "past",
            Self::Deleted => "deleted",
        }
    }
}

/// One version of a record or attachment.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionView<'a> {
    /// The change.
    pub change: &'a Change,
    /// The device that made it.
    pub device_id: DeviceId,
    /// What it is to its record.
    pub state: VersionState,
    /// Whether it waits to be sent.
    pub unsent: bool,
}

/// Where a version's content can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPlace<'a> {
    /// Here it is.
    Inline(&'a [u8]),
    /// On the device, under this name.
    Local(ContentHmac),
    /// In the store: fetch this object, or this range of it, and hand the bytes to [`Engine::open_content`].
    Remote {
        /// The object.
        key: ObjectKey,
        /// First byte and length of the part, if it is not the whole object.
        range: Option<(u64, u64)>,
        /// Name of the content.
        hmac: ContentHmac,
    },
    /// Nowhere that this version of Tidegate can read: a delete, or a place that only a later version knows.
    Nowhere,
}

impl Engine {
    /// The family members, in the order of their ids.
    #[must_use]
    pub fn members(&self) -> Vec<MemberView> {
        let members = self.account.keyring.spaces().into_iter().filter_map(|space| Some((space, space.member()?)));
        members.map(|(space, member)| MemberView { member, name: self.profile_name(space, member) }).collect()
    }

    fn profile_name(&self, space: Space, member: MemberId) -> String {
        let register = Register::record(profile_of(member));
        let heads = self.state(space).map(|state| state.heads(&register)).unwrap_or_default();
        let kept = || heads.iter().copied().filter(|head| head.has_content()).max_by_key(|head| head.rank());
        let profile = winner(heads.iter().copied()).or_else(kept);
        profile.and_then(|profile| profile.meta.title.clone()).unwrap_or_default()
    }

    /// The state of a space, if anything is known of it.
    #[must_use]
    pub fn state(&self, space: Space) -> Option<&State> {
        self.account.spaces.get(&space).map(|memory| &memory.state)
    }

    /// The space of a family member of this account.
    #[must_use]
    pub const fn space_of(&self, member: MemberId) -> Space {
        Space::Member(self.account.identity.user, member)
    }

    /// A member's records in the order of their ids; the member's own profile is not among them.
    #[must_use]
    pub fn records(&self, member: MemberId, with_deleted: bool) -> Vec<RecordView<'_>> {
        let Some(state) = self.state(self.space_of(member)) else { return Vec::new() };
        let mut attachments = attachments_by_record(state);
        let views = state.registers().filter_map(|register| match register.target {
            Target::Record(record) => self.record_view(state, member, record, attachments.remove(&record).unwrap_or_default()),
            Target::Attachment(_) => None,
        });
        views.filter(|view| with_deleted || !view.deleted).filter(|view| view.record != profile_of(member)).collect()
    }

    /// One record of a member.
    #[must_use]
    pub fn record(&self, member: MemberId, record: RecordId) -> Option<RecordView<'_>> {
        let state = self.state(self.space_of(member))?;
        let at_record = state.attachments().filter(|(_, register)| register.at == Some(record));
        let shown = at_record.filter(|(_, register)| winner(state.heads(register)).is_some());
        self.record_view(state, member, record, shown.map(|(hmac, _)| hmac).collect())
    }

    /// What is shown of one record of a member, and whether it is deleted: what [`Engine::record`] says, without looking
    /// through the attachments.
    #[must_use]
    pub fn shown(&self, member: MemberId, record: RecordId) -> Option<(&Change, bool)> {
        let state = self.state(self.space_of(member))?;
        self.record_view(state, member, record, Vec::new()).map(|view| (view.shown, view.deleted))
    }

    fn record_view<'a>(
        &self,
        state: &'a State,
        member: MemberId,
        record: RecordId,
        attachments: Vec<ContentHmac>,
    ) -> Option<RecordView<'a>> {
        let heads = state.heads(&Register::record(record));
        let merged = self.account.merge_kinds.merged_heads(&heads);
        let conflict = conflict(&heads);
        let losers = conflict.as_ref().map_or(0, |conflict| conflict.losers.len());
        let conflicts = if merged.is_some() { 0 } else { losers };
        let live = winner(heads.iter().copied()).or_else(|| conflict?.losers.first().copied());
        let shown = live.or_else(|| heads.iter().copied().max_by_key(|head| head.rank()))?;
        Some(RecordView { member, record, shown, deleted: live.is_none(), conflicts, attachments })
    }

    /// How the contents of a record are merged, and the versions whose contents make up what is read of it, greatest first;
    /// `None` where its kind is not merged: then the version shown is read.
    #[must_use]
    pub fn merged(&self, member: MemberId, record: RecordId) -> Option<(&dyn MergeContents, Vec<&Change>)> {
        let heads = self.state(self.space_of(member))?.heads(&Register::record(record));
        let kinds = &self.account.merge_kinds;
        let edits = kinds.merged_heads(&heads)?;
        Some((kinds.get(edits.first()?.meta.kind.as_deref())?, edits))
    }

    /// A member's attachments in the order of their names and records.
    #[must_use]
    pub fn attachments(&self, member: MemberId) -> Vec<AttachmentView<'_>> {
        let Some(memory) = self.account.spaces.get(&self.space_of(member)) else { return Vec::new() };
        let views = memory.state.attachments().filter_map(|(hmac, register)| {
            let shown = winner(memory.state.heads(register))?;
            let inline = matches!(shown.location, Some(Location::Inline(_)));
            Some(AttachmentView { member, hmac, shown, local: inline || memory.contents.get().contains(&hmac) })
        });
        views.collect()
    }

    /// The members who have this record or attachment.
    #[must_use]
    pub fn find(&self, target: Target) -> Vec<MemberId> {
        let has = |space: &Space| self.state(*space).is_some_and(|state| state.registers_of(target).next().is_some());
        self.account.spaces.keys().filter(|space| has(space)).filter_map(Space::member).collect()
    }

    /// The change that is shown for a register.
    #[must_use]
    pub fn winner(&self, space: Space, register: &Register) -> Option<&Change> {
        winner(self.state(space)?.heads(register))
    }

    /// All versions of a record or attachment that are still kept, in the order in which they were made.
    #[must_use]
    pub fn history(&self, member: MemberId, target: Target) -> Vec<VersionView<'_>> {
        let space = self.space_of(member);
        let Some(memory) = self.account.spaces.get(&space) else { return Vec::new() };
        let own = self.device_id();
        let view = |change: &'_ Change| {
            let present = memory.state.present(change.cid);
            let first = present.and_then(|present| present.brought_by.keys().next());
            let device_id = first.map_or(own, |segment| segment.device_id);
            (device_id, version_state(&memory.state, change, &self.account.merge_kinds), memory.outbox.contains_key(&change.cid))
        };
        let versions = memory.state.history(target).into_iter();
        versions
            .map(|change| {
                let (device_id, state, unsent) = view(change);
                VersionView { change, device_id, state, unsent }
            })
            .collect()
    }

    /// The registers of all members that have conflicts.
    #[must_use]
    pub fn conflicts(&self) -> Vec<(MemberId, Register)> {
        let of_space = |(space, memory): (&Space, &super::account::SpaceMemory)| {
            let registers = space.member().map(|member| (member, memory.conflicts(&self.account.merge_kinds)));
            registers.into_iter().flat_map(|(member, registers)| registers.into_iter().map(move |register| (member, register)))
        };
        self.account.spaces.iter().flat_map(of_space).collect()
    }

    /// How many registers have conflicts, in all spaces.
    #[must_use]
    pub fn conflict_count(&self) -> u64 {
        self.account.spaces.values().map(|memory| memory.conflict_count(&self.account.merge_kinds)).sum()
    }

    /// Where a version's content can be read.
    #[must_use]
    pub fn content_place(&self, space: Space, cid: Cid) -> ContentPlace<'_> {
        let Some(memory) = self.account.spaces.get(&space) else { return ContentPlace::Nowhere };
        let Some(change) = memory.state.get(cid) else { return ContentPlace::Nowhere };
        let Some(hmac) = change.content_hmac else { return ContentPlace::Nowhere };
        if let Some(Location::Inline(content)) = &change.location {
            return ContentPlace::Inline(content);
        }
        if memory.contents.get().contains(&hmac) {
            return ContentPlace::Local(hmac);
        }
        match memory.state.location(cid).and_then(object_of) {
            Some((key, range)) => ContentPlace::Remote { key, range, hmac },
            None => ContentPlace::Nowhere,
        }
    }

    /// How many changes wait to be sent.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.account.spaces.values().map(|memory| memory.outbox.len()).sum()
    }

    /// All that is not believed.
    #[must_use]
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.account.quarantined()
    }

    /// What a person should be told, in all spaces.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.account.notices()
    }

    /// The spaces whose edits the next sync holds back, for their deletes need a person's word.
    #[must_use]
    pub fn mass_deletes(&self) -> Vec<MassDelete> {
        let spaces = self.account.spaces.iter();
        spaces.filter_map(|(space, memory)| mass_delete(*space, &memory.state, memory.outbox.keys())).collect()
    }

    /// The checkpoints of a space that were merged here.
    #[must_use]
    pub fn checkpoints(&self, space: Space) -> Option<&KnownCheckpoints> {
        self.account.spaces.get(&space).map(|memory| &memory.checkpoints)
    }

    /// All segments that are missing.
    #[must_use]
    pub fn holes(&self) -> Vec<Hole> {
        self.account.holes()
    }

    /// The devices that have written, and when each last did, by the hybrid clock, in milliseconds since 1970.
    #[must_use]
    pub fn writers(&self) -> BTreeMap<DeviceId, u64> {
        let mut writers = BTreeMap::new();
        for present in self.account.spaces.values().flat_map(|memory| memory.state.changes()) {
            for segment in present.brought_by.keys() {
                let last: &mut u64 = writers.entry(segment.device_id).or_default();
                *last = (*last).max(present.change.hlc.millis());
            }
        }
        writers
    }
}

fn attachments_by_record(state: &State) -> BTreeMap<RecordId, Vec<ContentHmac>> {
    let mut by_record: BTreeMap<RecordId, Vec<ContentHmac>> = BTreeMap::new();
    for (hmac, register) in state.attachments() {
        if let Some(record) = register.at
            && winner(state.heads(register)).is_some()
        {
            by_record.entry(record).or_default().push(hmac);
        }
    }
    by_record
}

fn version_state(state: &State, change: &Change, kinds: &MergeKinds) -> VersionState {
    if change.op == Op::Delete {
        return VersionState::Deleted;
    }
    if state.is_superseded(change.cid) {
        return VersionState::Past;
    }
    let heads = state.heads(&change.register());
    if matches!(change.target, Target::Record(_)) && kinds.merged_heads(&heads).is_some() {
        // It is shown, with the others.
        return VersionState::Winner;
    }
    match winner(heads) {
        Some(shown) if shown.cid == change.cid => VersionState::Winner,
        Some(shown) if crate::state::are_one(shown, change) => VersionState::Past,
        Some(_) | None => VersionState::Conflict,
    }
}
