//! The sync engine: a state machine that decides what to read, write and persist, and does none of it.
//!
//! A shell restores it from its rows ([`Engine::restore`]), commits the batches of edits, and in a sync carries out what
//! [`Engine::poll_effect`] yields and hands each outcome to [`Engine::handle`]. Whatever it has not been told to be
//! persisted does not exist for it after a crash, so it can be killed between any two effects.
//!
//! ```text
//! sync:  doorbell -> (listing) -> checkpoints -> segments -> apply -> (grants of new members, and again) -> keep the ETag
//!        -> (after a listing: floors, purge) -> clones, doubtful edits -> grants up -> objects up -> build and persist
//!        segments -> segments up -> (checkpoints up) -> doorbell up -> contents of records
//! ```

mod account;
mod attachment;
mod backstop;
mod checkpoint;
mod clone;
mod collect;
mod collected;
mod contents;
mod devices;
mod doubt;
mod doubtful;
mod edit;
mod edit_error;
mod edit_request;
mod effect;
mod event;
mod members;
mod options;
mod pack;
mod packed;
mod persist;
mod pull;
mod push;
mod ranges;
mod repack;
mod resolve;
mod ring;
mod sync;
mod tidy;
mod upload;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_core::CryptoRng;
use tidegate_protocol::{DeviceId, GrantId, Space, UserId};

pub use crate::lazy::Source;
pub use account::{Conditions, Identity, RestoreError, StoreProfile};
pub use attachment::StoredAttachment;
pub use collected::{CollectOptions, Collected, Deleted, Held, Repacked, WaitingObjects};
pub use devices::DEVICE_KIND;
pub use edit_error::EditError;
pub use edit_request::{Attach, AttachedContent, Edit, MemberEdit, PutRecord};
pub use effect::{Effect, EffectId, PutCondition};
pub use event::{Failure, FailureClass, ListedObject, Outcome, SyncSummary};
pub use members::MEMBER_KIND;
pub use members::PROFILE_KIND;
pub use options::SyncOptions;
pub use packed::PackedChanges;
pub use persist::{BuiltSegment, DoorbellMemory, OwnChain, Persist, Row, Saved, SavedSpace, SpaceSource, Step};
pub use view::{AttachmentView, ContentPlace, MemberView, RecordView, VersionState, VersionView};

use account::Account;
use collect::Collecting;
use sync::{Sync, Turn};

use crate::keys::SpaceKeys;
use crate::state::{ChangeStore, MergeKinds};

/// One device's view of one account, and its sync when one is running.
#[derive(Debug)]
pub struct Engine {
    account: Account,
    sync: Option<Sync>,
    next_effect: u64,
    poisoned: bool,
}

impl Engine {
    /// The rows of a new account's first device: the account space's own key, granted to oneself and sent with the first
    /// sync. Commit them, then restore.
    #[must_use]
    pub fn found(identity: &Identity, now_ms: u64, rng: &mut dyn CryptoRng) -> Persist {
        let space = Space::Account(identity.user);
        let (grant, blob) = identity.grant_to_self(&SpaceKeys::generate(space, rng), rng);
        // Nobody can have written to an account that did not exist: nothing has to be listed.
        let rows = vec![Row::PutGrant { grant, blob, unsent: true }, Row::PutListedAt { space, listed_at_ms: now_ms }];
        Persist { step: Step::Edit, rows }
    }

    /// An engine in the state that these rows describe. A device that joins begins with none.
    ///
    /// # Errors
    /// [`RestoreError`] where a saved grant does not open: the local store is damaged, or another account's.
    pub fn restore(identity: Identity, profile: StoreProfile, saved: Saved) -> Result<Self, RestoreError> {
        Self::restore_lazily(identity, profile, saved, BTreeMap::new())
    }

    /// The same, with the changes and contents of some spaces left where they are until somebody looks at them: an engine that
    /// finds nothing new never does. Where a source cannot be read, the engine counts as poisoned from then on.
    ///
    /// # Errors
    /// As [`Engine::restore`].
    pub fn restore_lazily(
        identity: Identity,
        profile: StoreProfile,
        saved: Saved,
        sources: BTreeMap<Space, SpaceSource>,
    ) -> Result<Self, RestoreError> {
        let account = Account::restore(identity, profile, saved, sources)?;
        Ok(Self { account, sync: None, next_effect: 0, poisoned: false })
    }

    /// Lets checkpoints be made of smaller states than [`crate::state::CHECKPOINT_MINIMUM`] says: for tests.
    pub const fn set_checkpoint_minimum(&mut self, changes: usize) {
        self.account.checkpoint_minimum = changes;
    }

    /// Lets checkpoints be cut into smaller parts than [`crate::manifest::CHECKPOINT_PART_BYTES`] says: for tests.
    pub const fn set_checkpoint_part_bytes(&mut self, bytes: usize) {
        self.account.checkpoint_part_bytes = bytes;
    }

    /// Sets the kinds of records whose concurrent versions are merged and not chosen between. To be said once, after
    /// [`Engine::restore`].
    pub fn set_merge_kinds(&mut self, kinds: MergeKinds) {
        self.account.merge_kinds = kinds;
    }

    /// Says what the store does with conditions, where more is known of it than at [`Engine::restore`]; it counts for whatever is
    /// written from then on.
    pub const fn set_store_profile(&mut self, profile: StoreProfile) {
        self.account.profile = profile;
    }

    /// Begins a sync; one that is running goes on instead.
    ///
    /// `now_ms` here and in [`Engine::handle`] is milliseconds since 1970 by the store's clock: the local clock, corrected
    /// by the last `Date` that the store sent.
    pub fn start_sync(&mut self, options: SyncOptions, now_ms: u64, rng: &mut dyn CryptoRng) {
        if self.is_poisoned() || self.sync.as_ref().is_some_and(|sync| !sync.is_over()) {
            return;
        }
        if options.look_again || options.write_down {
            self.account.look_again();
        }
        let mut sync = Sync::new(options);
        if options.write_down {
            self.account.doorbell.ring = true;
            sync.checkpoints_wished.extend(self.account.spaces_with_history());
        }
        self.sync = Some(sync);
        self.advance(now_ms, rng);
    }

    /// Begins a sync that collects garbage as well: it lists all objects, then reads everything, deletes what may go, and
    /// moves what is left in half-empty packs. [`SyncSummary::collected`] tells of it. A sync that is running goes on instead.
    pub fn start_collect(&mut self, options: CollectOptions, now_ms: u64, rng: &mut dyn CryptoRng) {
        if self.is_poisoned() || self.sync.as_ref().is_some_and(|sync| !sync.is_over()) {
            return;
        }
        let mut sync = Sync::new(SyncOptions::default());
        sync.collecting = Some(Collecting::new(options, now_ms));
        self.sync = Some(sync);
        self.advance(now_ms, rng);
    }

    /// The next effect to carry out; `None` while all are out, and between syncs.
    pub fn poll_effect(&mut self) -> Option<(EffectId, Effect)> {
        self.sync.as_mut()?.poll()
    }

    /// Takes the outcome of an effect. One that was not asked for, or comes twice, is passed over.
    pub fn handle(&mut self, id: EffectId, outcome: Outcome, now_ms: u64, rng: &mut dyn CryptoRng) {
        let Some(sync) = self.sync.as_mut() else { return };
        let Some((task, name)) = sync.take(id) else { return };
        if task.is_persist() && outcome != Outcome::Persisted {
            // What is in memory and what is on disk have parted; only the disk can be trusted.
            self.poisoned = true;
        }
        Turn { account: &mut self.account, sync, next_effect: &mut self.next_effect, now_ms, rng }.handle(task, name, outcome);
        self.advance(now_ms, rng);
    }

    /// Tells where the changes that came packed ([`Row::PutChanges`]) are to be read, now that they are written: to be said
    /// before that batch is handed back as persisted. Without it they are all held in memory.
    pub fn read_changes_from(&mut self, space: Space, store: Arc<dyn ChangeStore>) {
        let memory = self.account.space(space);
        if memory.arriving.take().is_some() {
            memory.state.read_anew(store, memory.outbox.keys().copied().collect());
        }
    }

    /// Ends a sync early: nothing more is begun, and [`Engine::finish`] gives its summary once all outcomes are in.
    pub fn cancel(&mut self, now_ms: u64, rng: &mut dyn CryptoRng) {
        if let Some(sync) = self.sync.as_mut() {
            sync.fail("cancel", FailureClass::Retry);
        }
        self.advance(now_ms, rng);
    }

    /// The summary of a sync that has ended; `None` while one is running, and when there was none.
    pub fn finish(&mut self) -> Option<SyncSummary> {
        if !self.sync.as_ref()?.is_over() {
            return None;
        }
        let sync = self.sync.take()?;
        Some(sync.into_summary(&self.account))
    }

    /// Whether no sync is running, or the one that was has ended.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sync.as_ref().is_none_or(Sync::is_over)
    }

    /// Whether a batch could not be persisted, or the changes of a space could not be read: the engine must be dropped and
    /// restored from its rows, and nothing that it has decided meanwhile may be committed.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned || self.account.has_failed()
    }

    fn advance(&mut self, now_ms: u64, rng: &mut dyn CryptoRng) {
        if let Some(sync) = self.sync.as_mut() {
            Turn { account: &mut self.account, sync, next_effect: &mut self.next_effect, now_ms, rng }.advance();
        }
    }

    /// The account.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.account.identity.user
    }

    /// This device.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        self.account.identity.device_id()
    }

    /// The keys that seal new objects of a space, if this device has them.
    #[must_use]
    pub fn space_keys(&self, space: Space) -> Option<&SpaceKeys> {
        self.account.keyring.current(space)
    }

    /// The grants that this device has opened, and whether each has yet to be stored.
    pub fn grants(&self) -> impl Iterator<Item = (GrantId, bool)> + '_ {
        self.account.grants.iter().map(|(grant, kept)| (*grant, kept.unsent.is_some()))
    }
}
