//! The family members of an account: entries in the account space that name the grants of their keys.

use std::collections::BTreeSet;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use tidegate_protocol::{GrantId, ListPrefix, MemberId, ObjectKey, RecordId, Space};

use super::Engine;
use super::edit::acknowledge;
use super::edit_error::EditError;
use super::edit_request::Edit;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Read};
use super::persist::{Row, Step};
use super::sync::{Phase, Task, Turn};
use crate::keys::{GrantError, grant_id, parse_grant_header};
use crate::manifest::{Change, Cid, FORMAT, Location, Meta, Op, Target};
use crate::quarantine::{Quarantined, Reason, Subject};
use crate::state::{BACKSTOP_MS, State, superseded_by_edit};

/// Kind of the account space's records that stand for family members.
pub const MEMBER_KIND: &str = "member";

/// Kind of the record in a member's own space that describes the member; its title is the name.
pub const PROFILE_KIND: &str = "profile";

/// The record that describes a member, in its own space; and the member's entry in the account space.
pub(super) const fn profile_of(member: MemberId) -> RecordId {
    RecordId::from_bytes(*member.as_bytes())
}

#[derive(Serialize, Deserialize)]
struct MemberContent {
    format: u64,
    grants: Vec<GrantId>,
}

/// The content of a member's entry.
fn member_content(grants: &[GrantId]) -> Vec<u8> {
    let content = MemberContent { format: FORMAT, grants: grants.to_vec() };
    serde_json::to_vec(&content).expect("ids and numbers always serialise")
}

/// The grants that the account space's member entries name: all heads of them. An entry that a restored backup could only
/// keep has no winner beside it, and passed over, everything of that member would be nowhere but on the device that made it.
fn grants_named(state: &State) -> Vec<GrantId> {
    entries(state).flat_map(|(_, heads)| heads).flat_map(grants_named_in).collect()
}

/// The members' entries, each with its heads.
fn entries(state: &State) -> impl Iterator<Item = (RecordId, Vec<&Change>)> {
    let is_entry = |head: &&Change| head.has_content() && head.meta.kind.as_deref() == Some(MEMBER_KIND);
    state.registers().filter_map(move |register| {
        let Target::Record(record) = register.target else { return None };
        let heads: Vec<&Change> = state.heads(register).into_iter().filter(is_entry).collect();
        (!heads.is_empty()).then_some((record, heads))
    })
}

fn grants_named_in(entry: &Change) -> Vec<GrantId> {
    match &entry.location {
        Some(Location::Inline(content)) => {
            serde_json::from_slice::<MemberContent>(content).map_or_else(|_| Vec::new(), |content| content.grants)
        }
        Some(Location::Object(_) | Location::Pack(_) | Location::Unknown(_)) | None => Vec::new(),
    }
}

impl Engine {
    /// New versions of the members' entries that do not name the grants that this device has: after the account's keys were
    /// replaced, the grants that they name open for nobody.
    ///
    /// # Errors
    /// [`EditError::NotSyncedYet`] on a device that has just joined.
    pub fn renew_member_entries(&self, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<Vec<Edit>, EditError> {
        let account_space = self.account.account_space();
        let state = self.state_of(account_space);
        let mut edits = Vec::new();
        for (record, heads) in entries(state) {
            let space = Space::Member(self.account.identity.user, MemberId::from_bytes(*record.as_bytes()));
            let held: BTreeSet<GrantId> =
                self.account.grants.iter().filter(|(_, kept)| kept.space == space).map(|(grant, _)| *grant).collect();
            let named: BTreeSet<GrantId> = heads.iter().copied().flat_map(grants_named_in).collect();
            if held.is_empty() || held == named {
                continue;
            }
            let (target, held) = (Target::Record(record), Vec::from_iter(held));
            let entry = self.member_entry(state, target, superseded_by_edit(&heads), &held, now_ms, rng)?;
            edits.push(acknowledge(account_space, entry, Vec::new())?);
        }
        Ok(edits)
    }

    /// A member's entry, not committed yet.
    pub(super) fn member_entry(
        &self,
        state: &State,
        target: Target,
        supersedes: Vec<Cid>,
        grants: &[GrantId],
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Change, EditError> {
        let keys = self.account.keyring.current(self.account.account_space()).ok_or(EditError::NotSyncedYet)?;
        let content = member_content(grants);
        let (hmac, size) = (keys.attachment_key().content_hmac(&content), content.len() as u64);
        let meta =
            Meta { kind: Some(MEMBER_KIND.to_owned()), media_type: Some("application/json".to_owned()), ..Meta::default() };
        let mut entry = self.draft(state, target, Op::Put, supersedes, meta, Some(hmac), size, now_ms, rng)?;
        entry.location = Some(Location::Inline(content.into()));
        entry.check_unsent()?;
        Ok(entry)
    }
}

impl Turn<'_> {
    /// A device that joins has no key at all: it lists the grants and opens those made for this account. One that is to look again
    /// does so as well: keys of the account's own space are named nowhere.
    pub(super) fn find_keys(&mut self) {
        let space = self.account.account_space();
        let looks_again = self.sync.options.look_again || self.sync.options.write_down;
        if self.account.keyring.current(space).is_some() && !looks_again {
            self.sync.phase = Phase::Doorbell;
            return;
        }
        let prefix = ListPrefix::AccessGrants(self.account.identity.user);
        self.sync.phase = Phase::KeysListed;
        self.emit(Effect::List { prefix, token: None }, Task::ListGrants);
    }

    pub(super) fn grants_listed(&mut self, outcome: Outcome) {
        let (entries, next) = match outcome.listed() {
            Ok(page) => page,
            Err(class) => return self.sync.fail("list-grants", class),
        };
        if next.is_some() {
            let prefix = ListPrefix::AccessGrants(self.account.identity.user);
            self.emit(Effect::List { prefix, token: next }, Task::ListGrants);
        }
        for entry in entries {
            if let ObjectKey::AccessGrant { grant, .. } = entry.key {
                self.get_grant(grant);
            }
        }
    }

    /// All listed grants are read: keeps what they opened, and goes on only with the account's own key.
    pub(super) fn keep_keys(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Grants);
        }
        match self.account.keyring.current(self.account.account_space()) {
            Some(_) => self.sync.phase = Phase::Doorbell,
            None => self.sync.fail("list-grants", FailureClass::Invalid),
        }
    }

    /// Reads the grants that member entries name and that are not open yet.
    pub(super) fn follow_members(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Grants);
        }
        let account_space = self.account.account_space();
        let memory = self.account.space(account_space);
        let wanted: Vec<GrantId> = grants_named(&memory.state)
            .into_iter()
            .filter(|grant| !memory.is_set_aside(&Subject::Grant(*grant), self.now_ms))
            .collect();
        for grant in wanted {
            if !self.account.grants.contains_key(&grant) && !self.sync.grants_tried.contains(&grant) {
                self.get_grant(grant);
            }
        }
        if self.is_quiet() {
            self.sync.phase = if self.take_up_new_spaces() { Phase::List } else { Phase::Settle };
        }
    }

    fn get_grant(&mut self, grant: GrantId) {
        self.sync.grants_tried.insert(grant);
        if self.account.grants.contains_key(&grant) {
            return;
        }
        let key = ObjectKey::AccessGrant { user: self.account.identity.user, grant };
        self.emit(Effect::Get { key, if_none_match: None, range: None }, Task::Grant(grant));
    }

    pub(super) fn grant_read(&mut self, grant: GrantId, outcome: Outcome) {
        match outcome.read() {
            Ok(Read::Found { bytes, .. }) => self.open_grant(grant, bytes),
            Ok(Read::NotFound | Read::NotModified) => self.refuse_grant(grant, Reason::MissingContent),
            Err(FailureClass::Corrupt) => self.refuse_grant(grant, Reason::Corrupt),
            Err(class) => self.sync.fail("get-grant", class),
        }
    }

    fn open_grant(&mut self, grant: GrantId, blob: Vec<u8>) {
        let me = self.account.identity.user;
        let for_somebody_else = grant_id(&blob) == grant && parse_grant_header(&blob).is_ok_and(|header| header.recipient != me);
        if for_somebody_else {
            return;
        }
        match self.account.identity.open_own_grant(grant, &blob) {
            Ok(opened) => {
                let account_space = self.account.account_space();
                let subject = Subject::Grant(grant);
                if self.account.space(account_space).quarantined.remove(&subject).is_some() {
                    self.sync.rows.push(Row::RemoveQuarantined { space: account_space, subject });
                }
                self.account.take_grant(grant, opened, None);
                self.sync.rows.push(Row::PutGrant { grant, blob, unsent: false });
            }
            // In the listing there are those of earlier keys as well; nobody names them.
            Err(GrantError::OtherOwnerKey) if self.sync.phase == Phase::KeysListed => {}
            Err(error) => self.refuse_grant(grant, Reason::from(&error)),
        }
    }

    fn refuse_grant(&mut self, grant: GrantId, reason: Reason) {
        let space = self.account.account_space();
        let retry_at_ms = self.now_ms + BACKSTOP_MS;
        self.quarantine(Quarantined { space, subject: Subject::Grant(grant), reason, retry_at_ms });
    }

    /// Takes up the spaces whose keys have come in this sync: what the doorbell named of them can be fetched now.
    fn take_up_new_spaces(&mut self) -> bool {
        let new: Vec<Space> =
            self.account.open_spaces().into_iter().filter(|space| !self.sync.spaces_known.contains(space)).collect();
        for space in &new {
            self.want_named(*space);
        }
        !new.is_empty()
    }
}
