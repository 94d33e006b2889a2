//! The account on this device: database and engine held together, one writer at a time.
//!
//! What the engine holds in memory is what stands in the database, with one exception: while a sync runs, another process may
//! commit edits. They are to this sync what edits on another device are: rows of their own, which no batch of the sync
//! touches; one that takes back edits which a restored backup still held is written only where there are none
//! ([`Device::persist`]). Whoever finds that another process has written begins again from the rows, as soon as no sync is
//! running.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_protocol::capability::{Precondition, StoreProfile as WireProfile};
use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::{Conditions, Edit, Engine, Identity, Persist, Row, Step, StoreProfile};
use tidegate_sync_core::envelope::AccountDirectory;
use tokio::sync::broadcast;

use crate::attachment::Budget;
use crate::clock::StoreClock;
use crate::crash;
use crate::driver::Work;
use crate::enrol::{Reach, certificate, new_keys, open_reach};
use crate::error::Error;
use crate::home::{Home, HomeGuard, HomeLock, Keys, NewKeys};
use crate::local::{Database, Upload};
use crate::options::Options;
use crate::report::Event;
use crate::transport::Transport;

/// Events that a receiver may lag behind before it misses some.
const EVENTS: usize = 1_024;

/// An opened account.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) home: Home,
    pub(crate) lock: HomeLock,
    pub(crate) keys: Keys,
    pub(crate) options: Options,
    pub(crate) clock: StoreClock,
    pub(crate) events: broadcast::Sender<Event>,
    /// Syncs of this process come one after the other.
    pub(crate) syncing: tokio::sync::Mutex<()>,
    /// So does what reads a pump's log from its vendor's service.
    pub(crate) gathering: tokio::sync::Mutex<()>,
    /// All downloads of attachments share it.
    pub(crate) downloads: Budget,
    state: Mutex<LocalState>,
    reach: Mutex<Option<Reach>>,
    /// What a probe of the store has found, where no broker tells it.
    known_profile: Option<WireProfile>,
}

/// The database and the engine that lives in it.
#[derive(Debug)]
pub(crate) struct LocalState {
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    /// SQLite's mark of the last write by others that the engine knows.
    seen: i64,
    /// A sync was dropped in the middle: effects are out whose outcomes nobody will bring.
    abandoned: bool,
}

impl Device {
    /// Opens the account in a home; no request is made.
    pub(crate) fn open(home: Home, lock: HomeLock, options: Options) -> Result<Self, Error> {
        let keys = keys_of(&home, &lock)?;
        let database = Database::open(&home, &keys)?;
        let device = Self::assemble(home, lock, keys, options, database)?;
        device.sweep_files()?;
        Ok(device)
    }

    /// The same with a database at hand.
    pub(crate) fn assemble(
        home: Home,
        lock: HomeLock,
        keys: Keys,
        options: Options,
        mut database: Database,
    ) -> Result<Self, Error> {
        let clock = StoreClock::new(Arc::clone(&options.clock), database.clock_offset_ms()?);
        let seen = database.data_version()?;
        let known_profile = database.probed_profile()?;
        let downloads = Budget::new(options.download_budget);
        let engine = restore(&keys, &options, &mut database)?;
        Ok(Self {
            home,
            lock,
            keys,
            options,
            clock,
            events: broadcast::channel(EVENTS).0,
            syncing: tokio::sync::Mutex::default(),
            gathering: tokio::sync::Mutex::default(),
            downloads,
            state: Mutex::new(LocalState { database, engine, seen, abandoned: false }),
            reach: Mutex::default(),
            known_profile,
        })
    }

    /// The corrected time in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
    }

    /// The way to the objects, opened when it is first needed: everything else works without.
    pub(crate) fn reach(&self) -> Result<Reach, Error> {
        let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reach) = reach.as_ref() {
            return Ok(reach.clone());
        }
        let opened = open_reach(&self.keys.remote, &self.keys.dpop, &self.home, &self.options, self.clock.clone())?;
        if let (Reach::Direct(direct), Some(profile)) = (&opened, &self.known_profile) {
            direct.learn(profile.clone());
        }
        Ok(reach.insert(opened).clone())
    }

    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        self.reach().map(|reach| reach.transport())
    }

    /// Looks at what is there, the writes of other processes included.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&LocalState) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let seen = look(&state);
        // What was seen of changes that could not be read is nothing.
        state.check_read()?;
        seen
    }

    /// Decides an edit, if there is one, and commits it: when this returns, no crash loses it.
    pub(crate) fn edit<T>(&self, decide: impl FnOnce(&Engine, u64) -> Result<(Option<Edit>, T), Error>) -> Result<T, Error> {
        self.edit_with_contents(|state, now_ms| decide(&state.engine, now_ms))
    }

    /// The same for an edit that looks at contents.
    pub(crate) fn edit_with_contents<T>(
        &self,
        decide: impl FnOnce(&LocalState, u64) -> Result<(Option<Edit>, T), Error>,
    ) -> Result<T, Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let decided = decide(&state, self.now_ms());
        state.check_read()?;
        let (edit, result) = decided?;
        if let Some(edit) = edit.filter(|edit| !edit.batch.rows.is_empty()) {
            state.persist(&edit.batch)?;
            state.engine.committed(&edit);
        }
        Ok(result)
    }

    /// Decides several edits, each of another target, and commits them at once. All are decided on what is there before: no one
    /// of them may build on another.
    pub(crate) fn edit_all<T>(
        &self,
        decide: impl FnOnce(&LocalState, u64) -> Result<Vec<(Edit, T)>, Error>,
    ) -> Result<Vec<T>, Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let decided = decide(&state, self.now_ms());
        state.check_read()?;
        let (edits, results): (Vec<Edit>, Vec<T>) = decided?.into_iter().unzip();
        if let Some(edit) = merged(edits) {
            state.persist(&edit.batch)?;
            state.engine.committed(&edit);
        }
        Ok(results)
    }

    /// Keeps a content that was fetched.
    pub(crate) fn keep_content(&self, space: Space, hmac: ContentHmac, bytes: &[u8]) -> Result<(), Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let rows = vec![Row::PutContent { space, hmac, bytes: bytes.to_vec() }];
        state.persist(&Persist { step: Step::Contents, rows })?;
        state.engine.content_stored(space, hmac);
        Ok(())
    }

    /// Writes a batch of a running sync. Another process that decides an edit at this moment is waited for: what it has read
    /// must still hold when it commits.
    ///
    /// A batch that takes back an edit which was never sent is written only where no other process has written since the
    /// engine read the rows: it may have built upon that edit. The next sync decides again, with all that is there.
    pub(crate) fn persist(&self, batch: &Persist) -> Result<(), Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        let takes_back = batch.step == Step::Doubt && batch.rows.iter().any(|row| matches!(row, Row::RemoveChange { .. }));
        if takes_back && state.database.data_version()? != state.seen {
            return Err(Error::HomeBusy { path: self.home.path().to_owned(), waited: std::time::Duration::ZERO });
        }
        state.persist(batch)
    }

    /// Writes what is told about a sync, and not by its engine.
    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut Database) -> Result<T, Error>) -> Result<T, Error> {
        let _guard = self.lock.acquire()?;
        write(&mut self.state().database)
    }

    /// Takes the home for a sync, without blocking the runtime.
    pub(crate) async fn lock_home(&self) -> Result<HomeGuard, Error> {
        let lock = self.lock.clone();
        blocking(move || lock.acquire_for_sync()).await
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, LocalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins again from the rows if another process has written, or if memory and disk may have parted.
    pub(crate) fn catch_up(&self, state: &mut LocalState) -> Result<(), Error> {
        if state.database.was_replaced() && (state.abandoned || state.engine.is_idle()) {
            // Another process has made it anew: what this one has open is a file without a name.
            state.database = Database::open(&self.home, &self.keys)?;
            return self.restart(state);
        }
        let version = state.database.data_version()?;
        let is_behind = version != state.seen || state.engine.is_poisoned();
        if state.abandoned || (is_behind && state.engine.is_idle()) {
            self.restart(state)?;
        }
        Ok(())
    }

    /// Makes the engine ready for a sync with what is known of the store by now.
    pub(crate) fn start(&self, work: Work) -> Result<(), Error> {
        let mut state = self.state();
        self.catch_up(&mut state)?;
        state.engine.set_store_profile(self.profile());
        let (now_ms, mut rng) = (self.now_ms(), crate::random::system());
        match work {
            Work::Sync(options) => state.engine.start_sync(options, now_ms, &mut rng),
            Work::Collect(options) => state.engine.start_collect(options, now_ms, &mut rng),
        }
        Ok(())
    }

    fn restart(&self, state: &mut LocalState) -> Result<(), Error> {
        // The mark first: a write that comes in between is found by the next look. It counts once the rows are read: until then
        // what is in memory is of before.
        let version = state.database.data_version()?;
        let restored = restore(&self.keys, &self.options, &mut state.database);
        state.engine = restored.map_err(|error| if self.has_other_keys() { Error::KeysChanged } else { error })?;
        state.seen = version;
        state.abandoned = false;
        Ok(())
    }

    /// Whether another process has taken up other keys of the account.
    fn has_other_keys(&self) -> bool {
        let is_later = |generation: u32| generation > self.keys.generation;
        Keys::load(&self.home).ok().flatten().is_some_and(|keys| is_later(keys.generation))
            || NewKeys::load(&self.home).ok().flatten().is_some_and(|new| new.wait_for(self.keys.generation))
    }

    /// What the engine has to know of the store, as far as it is known.
    fn profile(&self) -> StoreProfile {
        let reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match reach.as_ref() {
            Some(reach) => reach.transport().profile(),
            None => self.known_profile.clone().unwrap_or(WireProfile::ATOMIC),
        };
        StoreProfile { create: conditions(known.conditional_create), replace: conditions(known.conditional_replace) }
    }

    /// Closes the database.
    pub(crate) fn close(self) -> Result<(), Error> {
        let LocalState { database, engine, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        // It may hold the database open for what it has not read yet.
        drop(engine);
        database.close()
    }

    /// Whether somebody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Tells whoever listens.
    pub(crate) fn tell(&self, event: Event) {
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }
}

impl LocalState {
    /// Takes note that whoever carried out the engine's effects has gone.
    pub(crate) const fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Whether all that the engine has looked at could be read.
    ///
    /// # Errors
    /// Why not: then nothing that it has said since may be shown or committed. It begins again from the rows at the next call.
    pub(crate) fn check_read(&self) -> Result<(), Error> {
        self.database.take_failure().map_or(Ok(()), Err)
    }

    /// Writes a batch, between the two crossings of its point.
    pub(crate) fn persist(&mut self, batch: &Persist) -> Result<(), Error> {
        self.persist_with_upload(batch, None)
    }

    /// The same, and what is known of a sealed file in the same transaction.
    pub(crate) fn persist_with_upload(
        &mut self,
        batch: &Persist,
        upload: Option<(Space, ContentHmac, &Upload)>,
    ) -> Result<(), Error> {
        crash::point(batch.step.name());
        self.database.persist_with_upload(batch, upload)?;
        crash::point(batch.step.name());
        for row in &batch.rows {
            if let Row::PutChanges { space, .. } = row {
                self.engine.read_changes_from(*space, self.database.changes(*space));
            }
        }
        Ok(())
    }
}

/// Several edits as one, so that they are committed together. The clock is written once, as the greatest of them left it.
fn merged(edits: Vec<Edit>) -> Option<Edit> {
    let mut edits = edits.into_iter();
    let mut all = edits.next()?;
    edits.for_each(|edit| all.batch.rows.extend(edit.batch.rows));
    let clock = |row: &Row| if let Row::PutClock(hlc) = row { Some(*hlc) } else { None };
    let newest = all.batch.rows.iter().filter_map(clock).max();
    all.batch.rows.retain(|row| clock(row).is_none());
    all.batch.rows.extend(newest.map(Row::PutClock));
    (!all.batch.rows.is_empty()).then_some(all)
}

/// Takes a home for oneself alone, without blocking the runtime.
pub(crate) async fn lock_home(lock: &HomeLock) -> Result<(HomeGuard, HomeGuard), Error> {
    let lock = lock.clone();
    blocking(move || lock.acquire_all()).await
}

/// Runs what blocks for long beside the runtime.
pub(crate) async fn blocking<T: Send + 'static>(take: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(take).await.map_err(|error| Error::bug(error.to_string()))?
}

/// The keys in a home. Where others count and were not taken up, for whoever did it was stopped, that is done first.
pub(crate) fn keys_of(home: &Home, lock: &HomeLock) -> Result<Keys, Error> {
    let load = || Keys::load(home)?.ok_or_else(|| Error::NotEnrolled { path: home.path().to_owned() });
    let waiting = |keys: &Keys| NewKeys::load(home).map(|new| new.filter(|new| new.wait_for(keys.generation)));
    let keys = load()?;
    if waiting(&keys)?.is_none() {
        return Ok(keys);
    }
    let _guard = lock.acquire()?;
    // Another process may have been faster.
    let keys = load()?;
    match waiting(&keys)? {
        Some(new) => new_keys::take_up(home, &keys, &new),
        None => Ok(keys),
    }
}

fn restore(keys: &Keys, options: &Options, database: &mut Database) -> Result<Engine, Error> {
    // Each sync says what is known of the store by then.
    let profile = StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured };
    let (saved, sources) = database.load()?;
    let mut engine = Engine::restore_lazily(identity(keys), profile, saved, sources)
        .map_err(|error| Error::DatabaseDamaged { reason: error.to_string() })?;
    engine.set_merge_kinds(options.merge_kinds.clone());
    Ok(engine)
}

/// Who this device is under these keys.
pub(crate) fn identity(keys: &Keys) -> Identity {
    let account = keys.master.account_keys();
    let mut directory = AccountDirectory::new();
    directory.insert(keys.user, keys.generation, *account.public().ed25519());
    Identity { user: keys.user, certificate: certificate(keys), account, directory, device: keys.device_key.clone() }
}

const fn conditions(precondition: Precondition) -> Conditions {
    match precondition {
        // A store that may let two racing writers both win is one whose answer says nothing.
        Precondition::Atomic => Conditions::Honoured,
        Precondition::NotAtomic | Precondition::Ignored => Conditions::Ignored,
        Precondition::Refused => Conditions::Refused,
    }
}
