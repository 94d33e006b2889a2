//! What an engine knows: keys, spaces, and what it remembers of the doorbell. In memory as it is on disk.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;
use tidegate_protocol::{ContentHmac, DeviceId, Digest, GrantId, ObjectKey, Space, UserId};

use super::packed::PackedChanges;
use super::persist::{BuiltSegment, DoorbellMemory, OwnChain, Saved, SavedSpace, SpaceSource};
use crate::clock::Clock;
use crate::envelope::AccountDirectory;
use crate::keys::{
    AccountKeys, AccountPublicKeys, Certificate, DeviceKey, GrantError, GrantRequest, Keyring, OpenedGrant, Permission,
    SpaceKeys, grant_id, make_grant, open_own_grant,
};
use crate::lazy::Lazy;
use crate::manifest::{CHECKPOINT_PART_BYTES, Change, Cid, Doorbell, Register, SegmentRef, Target};
use crate::notice::{Notice, NoticeKind};
use crate::quarantine::{Hole, HoleReason, Quarantined, Reason, Subject};
use crate::state::{CHECKPOINT_MINIMUM, KnownCheckpoints, Looked, MergeKinds, Present, State, conflict, maximal};

/// Who this device is, and for whom it acts.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The account.
    pub user: UserId,
    /// The account's secret keys.
    pub account: AccountKeys,
    /// The accounts whose devices are believed; this account at least.
    pub directory: AccountDirectory,
    /// The key that signs this device's documents.
    pub device: DeviceKey,
    /// The account's certificate for it.
    pub certificate: Certificate,
}

impl Identity {
    /// This device's id.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        self.certificate.device()
    }

    /// The account's public keys.
    #[must_use]
    pub fn public_keys(&self) -> &AccountPublicKeys {
        self.account.public()
    }

    pub(super) fn grant_to_self(&self, keys: &SpaceKeys, rng: &mut dyn CryptoRng) -> (GrantId, Vec<u8>) {
        let request = GrantRequest {
            recipient: self.user,
            recipient_keys: self.public_keys(),
            permission: Permission::Owner,
            expires_at: None,
        };
        let blob = make_grant(&self.account, keys, request, rng);
        (grant_id(&blob), blob)
    }

    pub(super) fn open_own_grant(&self, grant: GrantId, blob: &[u8]) -> Result<OpenedGrant, GrantError> {
        open_own_grant(grant, blob, self.user, &self.account, self.certificate.generation())
    }
}

/// What a store does with a condition on a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conditions {
    /// It decides by it.
    Honoured,
    /// It writes all the same, and says nothing.
    Ignored,
    /// It refuses the request.
    Refused,
}

/// What the engine has to know of a store. The protocol is right on every one; the profile only saves requests that would
/// be refused, and tells whether a write of the doorbell can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreProfile {
    /// `If-None-Match: *` on PUT.
    pub create: Conditions,
    /// `If-Match` on PUT.
    pub replace: Conditions,
}

/// Why an engine cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A saved grant does not open.
    #[error("the saved grant {grant} does not open")]
    Grant {
        /// The grant.
        grant: GrantId,
        /// Why.
        #[source]
        source: GrantError,
    },
}

impl RestoreError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Grant { .. } => "saved-grant-does-not-open",
        }
    }
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) identity: Identity,
    pub(super) profile: StoreProfile,
    pub(super) keyring: Keyring,
    /// Opened grants.
    pub(super) grants: BTreeMap<GrantId, KeptGrant>,
    pub(super) spaces: BTreeMap<Space, SpaceMemory>,
    pub(super) doorbell: DoorbellMemory,
    pub(super) clock: Clock,
    pub(super) checkpoint_minimum: usize,
    pub(super) checkpoint_part_bytes: usize,
    pub(super) merge_kinds: MergeKinds,
}

/// A grant whose key is in the keyring.
#[derive(Debug)]
pub(super) struct KeptGrant {
    pub(super) space: Space,
    /// Its blob, where it is not stored yet.
    pub(super) unsent: Option<Vec<u8>>,
}

/// One space as this device knows it.
#[derive(Debug, Default)]
pub(super) struct SpaceMemory {
    pub(super) state: State,
    /// Changes that the frontier covers and that are on their way to the rows.
    pub(super) arriving: Option<PackedChanges>,
    pub(super) outbox: BTreeMap<Cid, bool>,
    pub(super) chain: Option<OwnChain>,
    pub(super) built: Option<BuiltSegment>,
    pub(super) contents: Lazy<BTreeSet<ContentHmac>>,
    pub(super) quarantined: BTreeMap<Subject, (Reason, u64)>,
    pub(super) holes: BTreeMap<SegmentRef, HoleReason>,
    pub(super) listed_at_ms: Option<u64>,
    pub(super) checkpoints: KnownCheckpoints,
    pub(super) unreferenced: BTreeMap<ObjectKey, u64>,
    pub(super) notices: BTreeMap<NoticeKind, u64>,
    /// What was found when it was last looked through: to be asked for by [`SpaceMemory::looked`].
    pub(super) looked: Option<Looked>,
}

impl SpaceMemory {
    fn restore(saved: SavedSpace, source: Option<SpaceSource>) -> Self {
        let (mut state, contents) = match source {
            Some(SpaceSource { changes, contents }) => {
                let outbox = saved.outbox.keys().copied().collect();
                (State::from_store(changes, outbox), Lazy::from_source(contents))
            }
            None => (State::new(), Lazy::from(saved.contents)),
        };
        state.restore_frontier(&saved.frontier);
        if !saved.changes.is_empty() {
            saved.changes.into_values().for_each(|(change, brought_by)| state.restore(change, brought_by));
            state.forget_altered();
        }
        Self {
            state,
            arriving: None,
            outbox: saved.outbox,
            chain: saved.chain,
            built: saved.built,
            contents,
            quarantined: saved.quarantined,
            holes: saved.holes,
            listed_at_ms: saved.listed_at_ms,
            checkpoints: saved.checkpoints,
            unreferenced: saved.unreferenced,
            notices: saved.notices,
            looked: saved.looked,
        }
    }

    /// What was found when the space was last looked through, if that still holds.
    pub(super) fn looked(&self, kinds: &MergeKinds) -> Option<&Looked> {
        self.looked.as_ref().filter(|looked| !self.state.is_altered() && looked.is_with(kinds))
    }

    /// How many registers have conflicts.
    pub(super) fn conflict_count(&self, kinds: &MergeKinds) -> u64 {
        self.looked(kinds).map_or_else(|| self.conflicts(kinds).len() as u64, |looked| looked.conflicts)
    }

    /// Whether nothing has happened in the space yet, as far as this device knows: nothing merged, nothing to send, and nothing noted
    /// about objects that changes may name ([`super::sync::Turn::follow_rows`] has nothing to do for what comes packed).
    pub(super) fn is_untouched(&self) -> bool {
        let is_noted = |subject: &Subject| matches!(subject, Subject::Content(_));
        self.state.frontier().is_empty()
            && self.outbox.is_empty()
            && self.built.is_none()
            && self.unreferenced.is_empty()
            && !self.quarantined.keys().any(is_noted)
            && self.state.count() == 0
    }

    /// Takes up the changes that are written now, where nobody has said that they are to be read when they are needed.
    pub(super) fn take_up_arrived(&mut self) {
        let Some(changes) = self.arriving.take() else { return };
        for Present { change, brought_by } in changes.iter() {
            self.state.restore(change, brought_by);
        }
    }

    /// Whether this segment needs no fetching: it is merged, or it is the one that this device built and may have stored
    /// before it was stopped.
    pub(super) fn has(&self, segment: &SegmentRef) -> bool {
        self.state.frontier().covers(segment) || self.built.as_ref().is_some_and(|built| built.segment == *segment)
    }

    /// Whether this is not believed, and it is not yet time to look again.
    pub(super) fn is_set_aside(&self, subject: &Subject, now_ms: u64) -> bool {
        self.quarantined.get(subject).is_some_and(|(_, retry_at_ms)| *retry_at_ms > now_ms)
    }

    /// Whether a relocation can be made good by storing the content once more: attachments alone, for a record's content is
    /// sealed for the version that it was written as.
    pub(super) fn can_store_anew(&self, change: &Change) -> bool {
        matches!(change.target, Target::Attachment(_))
            && change.content_hmac.is_some_and(|hmac| self.contents.get().contains(&hmac))
    }

    pub(super) fn conflicts(&self, kinds: &MergeKinds) -> Vec<Register> {
        let is_conflict = |register: &&Register| {
            let heads = self.state.heads(register);
            kinds.merged_heads(&heads).is_none() && conflict(&heads).is_some()
        };
        self.state.registers().filter(is_conflict).copied().collect()
    }
}

impl Account {
    pub(super) fn restore(
        identity: Identity,
        profile: StoreProfile,
        saved: Saved,
        mut sources: BTreeMap<Space, SpaceSource>,
    ) -> Result<Self, RestoreError> {
        let mut account = Self {
            identity,
            profile,
            keyring: Keyring::new(),
            grants: BTreeMap::new(),
            spaces: BTreeMap::new(),
            doorbell: saved.doorbell,
            clock: Clock::resume(saved.clock),
            checkpoint_minimum: CHECKPOINT_MINIMUM,
            checkpoint_part_bytes: CHECKPOINT_PART_BYTES,
            merge_kinds: MergeKinds::default(),
        };
        for (grant, (blob, unsent)) in saved.grants {
            let opened = account.identity.open_own_grant(grant, &blob).map_err(|source| RestoreError::Grant { grant, source })?;
            account.take_grant(grant, opened, unsent.then_some(blob));
        }
        for (space, saved) in saved.spaces {
            account.spaces.insert(space, SpaceMemory::restore(saved, sources.remove(&space)));
        }
        Ok(account)
    }

    pub(super) fn take_grant(&mut self, grant: GrantId, opened: OpenedGrant, unsent: Option<Vec<u8>>) {
        let space = opened.keys.space();
        self.spaces.entry(space).or_default();
        self.keyring.insert(opened.keys);
        self.grants.insert(grant, KeptGrant { space, unsent });
    }

    pub(super) const fn account_space(&self) -> Space {
        Space::Account(self.identity.user)
    }

    pub(super) fn space(&mut self, space: Space) -> &mut SpaceMemory {
        self.spaces.entry(space).or_default()
    }

    /// The spaces for which there is a key: the others cannot be read or written.
    pub(super) fn open_spaces(&self) -> Vec<Space> {
        self.spaces.keys().copied().filter(|space| self.keyring.current(*space).is_some()).collect()
    }

    /// The spaces of which there is something to write down.
    pub(super) fn spaces_with_history(&self) -> Vec<Space> {
        let has_history = |memory: &SpaceMemory| !memory.state.frontier().is_empty() || memory.built.is_some();
        self.open_spaces().into_iter().filter(|space| self.spaces.get(space).is_some_and(has_history)).collect()
    }

    /// Whether something of this device is not in the store or not in the doorbell yet.
    pub(super) fn has_to_push(&self) -> bool {
        self.doorbell.ring
            || self.grants.values().any(|grant| grant.unsent.is_some())
            || self.spaces.values().any(|space| !space.outbox.is_empty() || space.built.is_some())
    }

    /// Whether a doorbell says of a space all that this device knows: the tips of the chains, and the checkpoints.
    pub(super) fn is_named_in(&self, doorbell: &Doorbell, space: Space) -> bool {
        let Some(memory) = self.spaces.get(&space) else { return true };
        let named: BTreeSet<Digest> = doorbell.checkpoints(space).collect();
        let in_checkpoint = |segment: &SegmentRef| {
            memory.checkpoints.iter().any(|(digest, known)| named.contains(digest) && known.frontier.covers(segment))
        };
        doorbell.reaches(space, memory.state.frontier(), in_checkpoint)
            && maximal(&memory.checkpoints).iter().all(|checkpoint| named.contains(checkpoint))
    }

    /// Whether something of a space could not be read: nothing that was decided since may be relied on.
    pub(super) fn has_failed(&self) -> bool {
        self.spaces.values().any(|memory| memory.state.has_failed() || memory.contents.has_failed())
    }

    pub(super) fn quarantined(&self) -> Vec<Quarantined> {
        let of_space = |(space, memory): (&Space, &SpaceMemory)| {
            let space = *space;
            let entries: Vec<_> = memory.quarantined.iter().map(|(subject, entry)| (*subject, *entry)).collect();
            entries.into_iter().map(move |(subject, (reason, retry_at_ms))| Quarantined { space, subject, reason, retry_at_ms })
        };
        self.spaces.iter().flat_map(of_space).collect()
    }

    pub(super) fn holes(&self) -> Vec<Hole> {
        let of_space = |(space, memory): (&Space, &SpaceMemory)| {
            let space = *space;
            let entries: Vec<_> = memory.holes.iter().map(|(segment, reason)| (*segment, *reason)).collect();
            entries.into_iter().map(move |(segment, reason)| Hole { space, segment, reason })
        };
        self.spaces.iter().flat_map(of_space).collect()
    }

    /// Forgets when it last looked, and nothing else. In memory alone: a sync that fails has not looked.
    pub(super) fn look_again(&mut self) {
        self.doorbell.etag = None;
        for memory in self.spaces.values_mut() {
            memory.listed_at_ms = None;
            for (_reason, retry_at_ms) in memory.quarantined.values_mut() {
                *retry_at_ms = 0;
            }
        }
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        let of_space = |(space, memory): (&Space, &SpaceMemory)| {
            let space = *space;
            let entries: Vec<_> = memory.notices.iter().map(|(kind, at)| (*kind, *at)).collect();
            entries.into_iter().map(move |(kind, noticed_at_ms)| Notice { space, kind, noticed_at_ms })
        };
        self.spaces.iter().flat_map(of_space).collect()
    }
}
