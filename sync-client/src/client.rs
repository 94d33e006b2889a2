//! The API that apps see.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rand_core::CryptoRng;
use secrecy::SecretString;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{ContentHmac, DeviceId, MemberId, ObjectKey, RecordId, Space, UserId};
use tidegate_sync_core::engine::{Attach, ContentPlace, Edit, EditError, Engine, PutRecord, SyncSummary};
use tidegate_sync_core::keys::{Keyring, RecoveryCode};
use tidegate_sync_core::manifest::{MAX_TITLE_BYTES, Meta, Target};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::attachment::{MAX_ATTACHMENT_BYTES, MAX_RECORD_BYTES, fetch, read};
use crate::clock::StoreClock;
use crate::device::{Device, LocalState, lock_home};
use crate::driver::Driver;
use crate::enrol::{self, Join, Reach, device_names, own_grants};
use crate::error::Error;
use crate::home::{Enrolment as StartedEnrolment, Home, HomeLock, Keys};
use crate::local::{self, Database};
use crate::options::Options;
use crate::record::{
    Attached, ChangeId, Conflict, Content, ContentId, ListFilter, Listing, Member, NewAttachment, NewRecord, Version, Written,
};
use crate::remote::Remote;
use crate::report::{DeviceInfo, Event, Progress, Status, SyncReport};
use crate::session::AccountClaim;
use crate::transport::Transport;
use crate::view;

/// How a device comes to an account.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The broker or the store.
    pub remote: Remote,
    /// The invite; brokers ask for one.
    pub invite: Option<SecretString>,
    /// The device's name, for the account's people; at most 256 bytes.
    pub device_name: String,
}

/// A new account on its first device.
#[derive(Debug)]
pub struct Created {
    /// The client, ready to use.
    pub client: SyncClient,
    /// To be written down by the owner: with it, and only with it, other devices can join and a lost account can be recovered.
    /// It stays in the home until [`SyncClient::recovery_code_kept`].
    pub recovery_code: RecoveryCode,
}

/// A local database that was made again from the store.
#[derive(Debug)]
pub struct Rebuilt {
    /// The client, its content as of now in the store.
    pub client: SyncClient,
    /// How many edits had not been sent and are lost; `None` where the damaged database could not tell.
    pub lost_edits: Option<u64>,
    /// The sync that filled it.
    pub report: SyncReport,
}

/// An account on this device. Cheap to clone.
///
/// Methods that are not `async` work on the device alone and block for the time of a disk write, or until another process on
/// the same home is done.
#[derive(Clone)]
pub struct SyncClient {
    device: Arc<Device>,
}

impl fmt::Debug for SyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncClient")
            .field("user_id", &self.user_id())
            .field("device_id", &self.device_id())
            .finish_non_exhaustive()
    }
}

impl SyncClient {
    /// Creates an account, or goes on where an earlier call in this home was stopped.
    ///
    /// # Errors
    /// Among others `already-enrolled`, `invite-used-up`, `already-linked` (the invite's person has an account: join it),
    /// `broker-unreachable`, `store-unreachable`. Whatever the error, the call can be repeated.
    pub async fn create_account(home: &Path, enrolment: Enrolment, options: Options) -> Result<Created, Error> {
        let Enrolment { remote, invite, device_name } = enrolment;
        check_name("device name", &device_name)?;
        let (home, lock) = prepare(home, &options)?;
        let guard = lock_home(&lock).await?;
        let recovery_code = match (Keys::load(&home)?, enrol::created_before(&home)?) {
            (Some(_), Some(code)) => code,
            (Some(keys), None) => return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user }),
            (None, _) => {
                let clock = StoreClock::new(Arc::clone(&options.clock), 0);
                enrol::create(&home, remote, invite.as_ref(), &device_name, &options, &clock).await?
            }
        };
        drop(guard);
        let client = Self { device: Arc::new(Device::open(home, lock, options)?) };
        Ok(Created { client, recovery_code })
    }

    /// Joins an account with its recovery code, or goes on where an earlier call in this home was stopped. `user` says which
    /// account of a bucket that holds several. The content comes with the first [`SyncClient::sync`].
    ///
    /// # Errors
    /// Among others `recovery-code-wrong`, `account-not-found`, `several-accounts`, `invite-used-up`. Whatever the error, the
    /// call can be repeated.
    pub async fn join(
        home: &Path,
        enrolment: Enrolment,
        recovery_code: &RecoveryCode,
        user: Option<UserId>,
        options: Options,
    ) -> Result<Self, Error> {
        let Enrolment { remote, invite, device_name } = enrolment;
        check_name("device name", &device_name)?;
        let (home, lock) = prepare(home, &options)?;
        let guard = lock_home(&lock).await?;
        if let Some(keys) = Keys::load(&home)? {
            return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user });
        }
        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let join = Join { remote, invite: invite.as_ref(), device_name: &device_name, recovery: recovery_code, user };
        enrol::join(&home, join, &options, &clock).await?;
        drop(guard);
        Ok(Self { device: Arc::new(Device::open(home, lock, options)?) })
    }

    /// Opens the account in this home. No request is made.
    ///
    /// # Errors
    /// `not-enrolled`, `local-database-damaged` (then [`SyncClient::rebuild`]), `local-database-newer`, `home-unreadable`.
    pub fn open(home: &Path, options: Options) -> Result<Self, Error> {
        let home = Home::new(home);
        let lock = HomeLock::new(&home, options.home_wait);
        Ok(Self { device: Arc::new(Device::open(home, lock, options)?) })
    }

    /// Makes the local database again from the store; keys stay, edits that were never sent are lost.
    ///
    /// # Errors
    /// As [`SyncClient::sync`]. The damaged database is put aside only once the new one is filled.
    pub async fn rebuild(home: &Path, options: Options) -> Result<Rebuilt, Error> {
        let home = Home::new(home);
        let keys = Keys::load(&home)?.ok_or_else(|| Error::NotEnrolled { path: home.path().to_owned() })?;
        let lock = HomeLock::new(&home, options.home_wait);
        let guard = lock_home(&lock).await?;
        let lost_edits = local::count_unsent(&home);

        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let reach = enrol::open_reach(&keys.remote, &keys.dpop, &home, &options, clock.clone())?;
        let (grants, _) = own_grants(&*reach.transport(), keys.user, &keys.master.account_keys()).await?;
        let fresh = home.database().with_extension("db.rebuilt");
        let database = Database::create_at(&fresh, &keys, &grants, None, clock.offset_ms())?;
        let device = Device::assemble(home.clone(), lock.clone(), keys, options.clone(), database)?;
        let report = sync(&device, &|_progress| {}).await?;
        device.close()?;
        local::replace(&home, &fresh)?;
        drop(guard);
        let client = Self { device: Arc::new(Device::open(home, lock, options)?) };
        Ok(Rebuilt { client, lost_edits, report })
    }

    /// Opens a new session with the broker, after the old one has ended (class re-authenticate, or `renewal-expired`).
    ///
    /// # Errors
    /// Among others `invite-used-up`, `account-proof-invalid`.
    pub async fn sign_in(&self, invite: &SecretString) -> Result<(), Error> {
        let Reach::Broker(session, _) = self.device.reach()? else { return Ok(()) };
        let _guard = self.device.lock_home().await?;
        let (keys, retry) = (&self.device.keys, &self.device.options.retry);
        session.check_broker(retry).await?;
        let account = keys.master.account_keys();
        let claim = AccountClaim { user: keys.user, genesis: &keys.genesis, keys: &account };
        match session.prove(invite, claim, retry).await? {
            AccountScope::Full => Ok(()),
            // The broker has forgotten the link, or this is another broker at the same address.
            AccountScope::Create | AccountScope::Bootstrap => session.link(keys.user, retry).await,
        }
    }

    /// The recovery code of a new account, until it was confirmed to be kept.
    ///
    /// # Errors
    /// `home-unreadable`, `local-file-damaged`.
    pub fn recovery_code(&self) -> Result<Option<RecoveryCode>, Error> {
        enrol::created_before(&self.device.home)
    }

    /// The recovery code has been written down: it is wiped from this device.
    ///
    /// # Errors
    /// `home-unwritable`.
    pub fn recovery_code_kept(&self) -> Result<(), Error> {
        let _guard = self.device.lock.acquire()?;
        StartedEnrolment::remove(&self.device.home)
    }

    /// The account.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.device.keys.user
    }

    /// This device.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        self.device.keys.device
    }

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

    /// The family members, by id.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.device.read(|state| Ok(view::members(&state.engine)))
    }

    /// Stores a record or a new version of one. When this returns, no crash loses it.
    ///
    /// # Errors
    /// `member-unknown`, `record-unknown`, `record-too-large`, `text-length`, `file-unreadable`, `home-busy`, `disk-full`.
    pub fn put(&self, record: NewRecord) -> Result<Written, Error> {
        let NewRecord { member, record, kind, media_type, title, body } = record;
        check_length("title", title.as_deref(), MAX_TITLE_BYTES, "at most 256 are allowed")?;
        check_length("kind", kind.as_deref(), 64, "at most 64 are allowed")?;
        check_length("media type", media_type.as_deref(), 256, "at most 256 are allowed")?;
        kind.as_deref().map_or(Ok(()), view::check_kind)?;
        let content = read(body, MAX_RECORD_BYTES, |bytes| Error::RecordTooLarge { bytes, limit: MAX_RECORD_BYTES })?;
        let written = self.device.edit(|engine, now_ms| {
            view::check_member(engine, member)?;
            let before = record.map(|record| previous_meta(engine, member, record)).transpose()?.unwrap_or_default();
            let put = PutRecord {
                member,
                record: record.unwrap_or_else(|| RecordId::new(Uuid::new_v4())),
                kind: kind.or(before.kind),
                title: title.or(before.title),
                media_type: media_type.or(before.media_type),
                content,
            };
            let record_id = put.record;
            let edit = engine.put(put, now_ms, &mut crate::random::system()).map_err(refusal)?;
            let version = edit.version;
            Ok((Some(edit), Written { record_id, version }))
        })?;
        self.device.tell(Event::RecordChanged(member, written.record_id));
        Ok(written)
    }

    /// Stores an attachment. When this returns, no crash loses it.
    ///
    /// # Errors
    /// As [`SyncClient::put`], and `attachment-too-large`.
    pub fn attach(&self, attachment: NewAttachment) -> Result<Attached, Error> {
        let NewAttachment { member, record, name, media_type, body } = attachment;
        check_length("file name", Some(&name), MAX_TITLE_BYTES, "at most 256 are allowed")?;
        check_length("media type", Some(&media_type), 256, "at most 256 are allowed")?;
        let too_large = |bytes| Error::AttachmentTooLarge { bytes, limit: MAX_ATTACHMENT_BYTES };
        let content = read(body, MAX_ATTACHMENT_BYTES, too_large)?;
        let bytes = content.len() as u64;
        let attached = self.device.edit(|engine, now_ms| {
            view::check_member(engine, member)?;
            record.map(|record| previous_meta(engine, member, record)).transpose()?;
            let attach = Attach { member, record, name: Some(name), media_type: Some(media_type), content };
            let edit = engine.attach(attach, now_ms, &mut crate::random::system()).map_err(refusal)?;
            let Target::Attachment(hmac) = edit.target else { return Err(Error::bug("an attachment became a record")) };
            let deduplicated = edit.deduplicated;
            Ok((Some(edit), Attached { hmac, bytes, deduplicated }))
        })?;
        self.device.tell(Event::AttachmentChanged(member, attached.hmac));
        Ok(attached)
    }

    /// A content. What is not on the device is fetched and kept.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `attachment-unknown`, `change-unknown`, `content-missing`, `content-damaged`, and for
    /// what is not on the device those of [`SyncClient::sync`].
    pub async fn get(&self, id: ContentId) -> Result<Content, Error> {
        let (found, place) = self.device.read(|state| {
            let found = view::find_content(&state.engine, id)?;
            let place = place_of(state, &found, id)?;
            Ok((found, place))
        })?;
        let bytes = match place {
            Place::Here(bytes) => bytes,
            Place::InStore { key, range } => {
                let transport = self.device.transport()?;
                let stored = fetch(&*transport, &key, range).await?;
                self.take_up(&found, &stored, id)?
            }
        };
        Ok(Content { bytes, media_type: found.media_type, title: found.title })
    }

    /// Opens what was fetched, checks it and keeps it.
    fn take_up(&self, found: &view::Found, stored: &[u8], id: ContentId) -> Result<Vec<u8>, Error> {
        let opened = self.device.read(|state| {
            state
                .engine
                .open_content(found.space, found.cid, stored)
                .map_err(|reason| Error::ContentDamaged { what: name_of(id), reason: reason.code().to_owned() })
        });
        let (hmac, bytes) = opened?;
        // Another process at work, or a full disk, is no reason to withhold what is at hand.
        if let Err(error) = self.device.keep_content(found.space, hmac, &bytes) {
            tracing::debug!(code = error.code(), "a content was fetched and not kept");
        }
        Ok(bytes)
    }

    /// Records and attachments as they stand.
    ///
    /// # Errors
    /// `member-unknown`, `local-database-damaged`.
    pub fn list(&self, filter: &ListFilter) -> Result<Listing, Error> {
        self.device.read(|state| view::list(&state.engine, filter))
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

    /// The versions of a record, the newest first.
    ///
    /// # Errors
    /// `record-unknown`.
    pub fn history(&self, record: RecordId) -> Result<Vec<Version>, Error> {
        self.device.read(|state| view::history(&state.engine, record))
    }

    /// The records with concurrent versions.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, Error> {
        self.device.read(|state| Ok(view::conflicts(&state.engine)))
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

    /// Sends what waits and takes in what is new. May be called at any time; a second call waits for the first.
    ///
    /// # Errors
    /// By class: retry where store or broker cannot be reached, re-authenticate, denied. Nothing is lost with any of them.
    pub async fn sync(&self, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<SyncReport, Error> {
        let _one_at_a_time = self.device.syncing.lock().await;
        let _guard = self.device.lock_home().await?;
        sync(&self.device, progress).await
    }

    /// How this device stands. No request is made.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn status(&self) -> Result<Status, Error> {
        self.device.read(|state| {
            let names = state.database.device_names()?;
            Ok(Status {
                user_id: self.user_id(),
                device_id: self.device_id(),
                remote: self.device.keys.remote.clone(),
                pending: state.engine.unsent() as u64,
                last_sync: state.database.last_sync_ms()?.map(|millis| view::time_of_millis(millis.unsigned_abs())),
                store_profile: state.database.store_profile()?,
                holes: view::holes(&state.engine),
                devices: view::devices(&state.engine, &names, &self.device.keys.device_name),
                clock_offset_ms: self.device.clock.offset_ms(),
            })
        })
    }

    /// The account's devices, their names read from the store where they are not known yet.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn refresh_devices(&self) -> Result<Vec<DeviceInfo>, Error> {
        let _guard = self.device.lock_home().await?;
        read_device_names(&self.device, &*self.device.transport()?).await?;
        self.status().map(|status| status.devices)
    }

    /// The way to the account's objects, for tools that look at them one by one.
    ///
    /// # Errors
    /// `credentials-missing`, `invalid-setting`.
    pub fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        self.device.transport()
    }

    /// What happens from now on, here and by syncs. A receiver that lags behind misses the oldest events.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.device.events.subscribe()
    }
}

/// Where a content's bytes come from.
enum Place {
    Here(Vec<u8>),
    InStore { key: ObjectKey, range: Option<(u64, u64)> },
}

fn place_of(state: &LocalState, found: &view::Found, id: ContentId) -> Result<Place, Error> {
    match state.engine.content_place(found.space, found.cid) {
        ContentPlace::Inline(bytes) => Ok(Place::Here(bytes.to_vec())),
        ContentPlace::Local(hmac) => {
            let gone = || Error::DatabaseDamaged { reason: "a content is gone that should be here".to_owned() };
            state.database.content(found.space, hmac)?.map(Place::Here).ok_or_else(gone)
        }
        ContentPlace::Remote { key, range, .. } => Ok(Place::InStore { key, range }),
        ContentPlace::Nowhere => Err(Error::ContentMissing { what: name_of(id) }),
    }
}

/// One sync; the caller holds the home's lock.
async fn sync(device: &Device, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<SyncReport, Error> {
    let began = Instant::now();
    let transport = device.transport()?;
    let before = transport.traffic().total();
    let conflicts_before = device.read(|state| Ok(view::conflicts(&state.engine)))?;
    let summary = Driver::new(device, Arc::clone(&transport), progress).run().await?;

    let profile = transport.profile().conditional_replace;
    let profile = if profile.is_honoured() { "conditional-writes" } else { "no-conditional-writes" };
    let now_ms = i64::try_from(device.now_ms()).unwrap_or(i64::MAX);
    device.state().database.synced(now_ms, device.clock.offset_ms(), profile)?;
    // A sync that lists anyway (the first one, and one a day) learns who the devices are; no other pays for it.
    if transport.traffic().total().since(&before).requests.list > 0
        && let Err(error) = read_device_names(device, &*transport).await
    {
        tracing::debug!(code = error.code(), "the devices' names could not be read");
    }
    tell_conflicts(device, &conflicts_before)?;
    let traffic = transport.traffic().total().since(&before);
    let quarantined = view::quarantined(&summary);
    let SyncSummary { pulled, pushed, conflicts, .. } = summary;
    Ok(SyncReport { pulled, pushed, conflicts, quarantined, traffic, duration: began.elapsed() })
}

fn tell_conflicts(device: &Device, before: &[Conflict]) -> Result<(), Error> {
    let now = device.read(|state| Ok(view::conflicts(&state.engine)))?;
    let known: BTreeMap<RecordId, usize> = before.iter().map(|conflict| (conflict.record_id, conflict.versions.len())).collect();
    for conflict in now {
        let is_new = known.get(&conflict.record_id).is_none_or(|versions| conflict.versions.len() > *versions);
        if let Some(winner) = conflict.versions.first().filter(|_| is_new) {
            device.tell(Event::Conflict(conflict.member_id, conflict.record_id, winner.cid));
        }
    }
    Ok(())
}

async fn read_device_names(device: &Device, transport: &dyn Transport) -> Result<(), Error> {
    let account = Space::Account(device.keys.user);
    let (known, keyring) = device.read(|state| {
        let mut keyring = Keyring::new();
        state.engine.space_keys(account).into_iter().for_each(|keys| keyring.insert(keys.clone()));
        Ok((state.database.device_names()?, keyring))
    })?;
    let names = device_names(transport, &device.keys, &keyring, &known).await?;
    device.state().database.put_device_names(&names)
}

fn prepare(home: &Path, options: &Options) -> Result<(Home, HomeLock), Error> {
    let home = Home::new(home);
    home.create()?;
    let lock = HomeLock::new(&home, options.home_wait);
    Ok((home, lock))
}

/// What was said about the version before.
fn previous_meta(engine: &Engine, member: MemberId, record: RecordId) -> Result<Meta, Error> {
    let owner = view::owner_of(engine, record)?;
    if owner != member {
        return Err(Error::RecordOfOtherMember(record));
    }
    Ok(engine.record(member, record).map(|view| view.shown.meta.clone()).unwrap_or_default())
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
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

fn name_of(id: ContentId) -> String {
    match id {
        ContentId::Record(record, _) => format!("record {record}"),
        ContentId::Attachment(hmac) => format!("attachment {hmac}"),
    }
}

/// The engine's refusal of an edit in this crate's words.
fn refusal(error: EditError) -> Error {
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
