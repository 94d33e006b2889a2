//! Carries out what the engine asks for: many requests at a time, writes one after the other.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tidegate_protocol::{ContentHmac, ListPrefix, ObjectKey, Space};
use tidegate_sync_core::engine::{
    CollectOptions, Effect, EffectId, FailureClass, ListedObject, Outcome, Persist, PutCondition as EngineCondition, Row, Step,
    SyncOptions, SyncSummary,
};
use tidegate_sync_core::manifest::{Target, Timestamp};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::attachment::{LocalContent, Uploads, limit_of, prepared_put};
use crate::crash;
use crate::device::Device;
use crate::error::{Class, Error};
use crate::loading::{Loading, Read, Wanted};
use crate::report::{Event, Progress, Traffic};
use crate::transport::broker::put_want;
use crate::transport::{DeleteOutcome, GetOptions, GetOutcome, PutCondition, PutOutcome, Transport, Want};
use crate::view;

/// How often a sync tells how it stands while nothing ends.
const PROGRESS: std::time::Duration = std::time::Duration::from_millis(200);

type Running<'a> = Pin<Box<dyn Future<Output = (EffectId, Result<Outcome, Error>)> + Send + 'a>>;

/// What the engine is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// A sync.
    Sync(SyncOptions),
    /// A sync that collects garbage.
    Collect(CollectOptions),
}

/// One sync, from start to finish.
pub(crate) struct Driver<'a> {
    device: &'a Device,
    transport: Arc<dyn Transport>,
    requests: Semaphore,
    uploads: Arc<Uploads>,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    before: Traffic,
    work: Work,
    started: u64,
    done: u64,
    errors: Vec<Error>,
    is_running: bool,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(
        device: &'a Device,
        transport: Arc<dyn Transport>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
        work: Work,
    ) -> Self {
        let before = transport.traffic().total();
        let requests = Semaphore::new(device.options.concurrency.max(1));
        Self {
            device,
            transport,
            requests,
            uploads: Arc::new(Uploads::new(device.options.upload_budget)),
            progress,
            before,
            work,
            started: 0,
            done: 0,
            errors: Vec::new(),
            is_running: false,
        }
    }

    /// Syncs; the caller holds the home's lock. Dropped before it is done, it loses nothing: the next one goes on.
    pub(crate) async fn run(mut self) -> Result<SyncSummary, Error> {
        let transport = Arc::clone(&self.transport);
        let requests = Arc::new(std::mem::replace(&mut self.requests, Semaphore::new(0)));
        self.device.start(self.work)?;
        self.is_running = true;
        let mut running: FuturesUnordered<Running<'_>> = FuturesUnordered::new();
        let mut loading = Loading::new(self.device.state().database.contents());
        loop {
            let effects = self.poll();
            if effects.is_empty() && running.is_empty() && !loading.is_waiting() {
                return self.finish();
            }
            self.prepare(&*transport, &effects).await;
            for (id, effect) in effects {
                self.started += 1;
                match effect {
                    Effect::Persist(batch) => self.persist(id, batch),
                    Effect::LoadContent { space, hmac } => loading.ask(Wanted { id, space, hmac }),
                    effect @ (Effect::Get { .. }
                    | Effect::PutIfAbsent { .. }
                    | Effect::Put { .. }
                    | Effect::Delete { .. }
                    | Effect::List { .. }
                    | Effect::StoreAttachment { .. }
                    | Effect::Sleep { .. }) => {
                        let (transport, requests, uploads) =
                            (Arc::clone(&transport), Arc::clone(&requests), Arc::clone(&self.uploads));
                        running.push(carry_out(transport, requests, uploads, self.device, id, effect));
                    }
                }
            }
            if running.is_empty() && !loading.is_waiting() {
                continue;
            }
            loop {
                tokio::select! {
                    biased;
                    next = running.next(), if !running.is_empty() => {
                        if let Some((id, outcome)) = next {
                            self.handle(id, outcome);
                        }
                        break;
                    }
                    next = loading.next(), if loading.is_waiting() => {
                        if let Some(read) = next {
                            self.loaded(read);
                        }
                        break;
                    }
                    // A large attachment takes many of these, and is one effect.
                    () = tokio::time::sleep(PROGRESS) => self.report(),
                }
            }
        }
    }

    fn poll(&self) -> Vec<(EffectId, Effect)> {
        let mut state = self.device.state();
        std::iter::from_fn(|| state.engine.poll_effect()).collect()
    }

    /// Lets the transport prepare what is coming in one go. What cannot be prepared fails when it is carried out.
    async fn prepare(&self, transport: &dyn Transport, effects: &[(EffectId, Effect)]) {
        let wants: Vec<Want> = effects.iter().filter_map(|(_, effect)| self.want(effect)).collect();
        if wants.is_empty() {
            return;
        }
        if let Err(error) = transport.prepare(&wants).await {
            tracing::debug!(code = error.code(), "requests could not be prepared");
        }
    }

    fn want(&self, effect: &Effect) -> Option<Want> {
        if let Effect::StoreAttachment { space, hmac, .. } = effect {
            return prepared_put(self.device, *space, *hmac);
        }
        want(effect)
    }

    fn persist(&mut self, id: EffectId, batch: Persist) {
        let persisted = self.device.persist(&batch);
        if persisted.is_ok() {
            self.tell(&batch);
        }
        // The engine goes on: what it makes next may be as large as these rows.
        drop(batch);
        self.handle(id, persisted.map(|()| Outcome::Persisted));
    }

    fn loaded(&mut self, read: Read) {
        let Read { wanted: Wanted { id, space, hmac }, bytes } = read;
        let gone = || Error::DatabaseDamaged { reason: "a content that waits to be sent is gone".to_owned() };
        let loaded = bytes.map_or_else(|| self.local_content(space, hmac), |bytes| Ok(Some(bytes)));
        let outcome = loaded.and_then(|bytes| bytes.map(|bytes| Outcome::Loaded { bytes }).ok_or_else(gone));
        self.handle(id, outcome);
    }

    fn local_content(&self, space: Space, hmac: ContentHmac) -> Result<Option<Vec<u8>>, Error> {
        match self.device.state().open_local(&self.device.folder(), space, hmac)? {
            Some(LocalContent::Row(bytes)) => Ok(Some(bytes)),
            // A record may have the content of an attachment.
            Some(LocalContent::File(mut reader)) => {
                let mut bytes = Vec::new();
                let read = std::io::Read::read_to_end(&mut reader, &mut bytes);
                read.map_err(|source| Error::HomeUnreadable { path: self.device.home.path().to_owned(), source })?;
                Ok(Some(bytes))
            }
            None => Ok(None),
        }
    }

    fn handle(&mut self, id: EffectId, outcome: Result<Outcome, Error>) {
        let outcome = outcome.unwrap_or_else(|error| {
            let class = failure_class(&error);
            self.errors.push(error);
            Outcome::Failed(class)
        });
        let now_ms = self.device.now_ms();
        self.device.state().engine.handle(id, outcome, now_ms, &mut crate::random::system());
        self.done += 1;
        self.report();
    }

    fn report(&self) {
        let traffic = self.transport.traffic().total().since(&self.before);
        let progress = Progress {
            started: self.started,
            done: self.done,
            bytes_up: traffic.bytes_up,
            bytes_down: traffic.bytes_down,
            bytes_to_send: self.uploads.bytes_to_send(),
        };
        (self.progress)(progress);
        self.device.tell(Event::Progress(progress));
    }

    /// What other devices did, once it is on the disk.
    fn tell(&self, batch: &Persist) {
        for row in &batch.rows {
            match row {
                Row::PutChange { space, change, .. } if matches!(batch.step, Step::Segments | Step::Checkpoint) => {
                    self.tell_change(*space, change.target);
                }
                Row::PutChanges { space, changes } if self.device.is_heard() => {
                    let targets: BTreeSet<Target> = changes.iter().map(|present| present.change.target).collect();
                    targets.into_iter().for_each(|target| self.tell_change(*space, target));
                }
                Row::PutQuarantined(entry) => self.device.tell(Event::Quarantined(view::one_quarantined(entry))),
                Row::PutChange { .. }
                | Row::PutChanges { .. }
                | Row::PutGrant { .. }
                | Row::RemoveChange { .. }
                | Row::PutCovered { .. }
                | Row::RaiseFloor { .. }
                | Row::PutCheckpoint { .. }
                | Row::RemoveCheckpoint { .. }
                | Row::PutUnreferenced { .. }
                | Row::RemoveUnreferenced { .. }
                | Row::PutNotice(_)
                | Row::ResetClock(_)
                | Row::PutOutbox { .. }
                | Row::RemoveOutbox { .. }
                | Row::PutChain { .. }
                | Row::PutBuilt { .. }
                | Row::RemoveBuilt { .. }
                | Row::PutContent { .. }
                | Row::PutContentFile { .. }
                | Row::RemoveContent { .. }
                | Row::RemoveQuarantined { .. }
                | Row::PutHole(_)
                | Row::RemoveHole { .. }
                | Row::PutListedAt { .. }
                | Row::PutLooked { .. }
                | Row::PutDoorbell(_)
                | Row::PutClock(_) => {}
            }
        }
    }

    fn tell_change(&self, space: Space, target: Target) {
        let Some(member) = space.member() else { return };
        self.device.tell(match target {
            Target::Record(record) => Event::RecordChanged(member, record),
            Target::Attachment(hmac) => Event::AttachmentChanged(member, hmac),
        });
    }

    fn finish(mut self) -> Result<SyncSummary, Error> {
        let summary = {
            let mut state = self.device.state();
            let summary = state.engine.finish();
            self.errors.extend(state.check_read().err());
            summary
        };
        let summary = summary.ok_or_else(|| Error::bug("the engine waits for an effect that it never asked for"))?;
        self.is_running = false;
        let Some(failure) = summary.failure else { return Ok(summary) };
        // The engine passes over some failures; the one that stopped it is of the class that it says.
        let stopped_by = self.errors.iter().position(|error| failure_class(error) == failure.class);
        Err(stopped_by.map(|index| self.errors.swap_remove(index)).unwrap_or_else(|| Error::Engine {
            code: "sync-stopped",
            class: class_of(failure.class),
            message: format!("the sync stopped at {}", failure.effect),
        }))
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        if self.is_running {
            self.device.state().abandon();
        }
    }
}

/// One effect that needs the network or time.
fn carry_out<'a>(
    transport: Arc<dyn Transport>,
    requests: Arc<Semaphore>,
    uploads: Arc<Uploads>,
    device: &'a Device,
    id: EffectId,
    effect: Effect,
) -> Running<'a> {
    Box::pin(async move {
        let name = effect.name();
        // The semaphore is never closed; without a permit the request would merely be one more at a time.
        let _permit = requests.acquire_owned().await;
        crash::point(name);
        let outcome = request(&*transport, &uploads, device, effect).await;
        crash::point(name);
        (id, outcome)
    })
}

async fn request(transport: &dyn Transport, uploads: &Uploads, device: &Device, effect: Effect) -> Result<Outcome, Error> {
    match effect {
        Effect::Get { key, if_none_match, range } => {
            let range = range.map(|(first, length)| first..first.saturating_add(length));
            let options = GetOptions { if_none_match, range, limit: limit_of(&key) };
            transport.get(&key, &options).await.map(got)
        }
        Effect::PutIfAbsent { key, body } => put(transport, device, &key, body, &PutCondition::Absent).await,
        Effect::Put { key, body, condition } => put(transport, device, &key, body, &condition_of(&condition)).await,
        Effect::Delete { keys } => delete(transport, keys).await,
        Effect::List { prefix, token } => list(transport, &prefix, token.as_deref()).await,
        Effect::StoreAttachment { space, cid: _, hmac, size } => uploads.store(device, transport, (space, hmac, size)).await,
        Effect::Sleep { millis } => {
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            Ok(Outcome::Slept)
        }
        Effect::Persist(_) | Effect::LoadContent { .. } => Err(Error::bug("a local effect was sent to the network")),
    }
}

async fn delete(transport: &dyn Transport, keys: Vec<ObjectKey>) -> Result<Outcome, Error> {
    let outcomes = transport.delete(&keys).await?;
    let refused = keys.into_iter().zip(outcomes).filter_map(|(key, outcome)| match outcome {
        DeleteOutcome::Refused { code, message } => {
            tracing::debug!(%code, message, "an object was not deleted");
            Some(key)
        }
        DeleteOutcome::Deleted | DeleteOutcome::Absent => None,
    });
    Ok(Outcome::DeletedAllBut { refused: refused.collect() })
}

fn got(outcome: GetOutcome) -> Outcome {
    match outcome {
        GetOutcome::Found(fetched) => Outcome::Found {
            bytes: Vec::from(fetched.body),
            etag: Some(fetched.etag),
            last_modified: fetched.last_modified.map(timestamp),
        },
        GetOutcome::NotModified => Outcome::NotModified,
        GetOutcome::Missing => Outcome::NotFound,
    }
}

async fn put(
    transport: &dyn Transport,
    device: &Device,
    key: &ObjectKey,
    body: Vec<u8>,
    condition: &PutCondition,
) -> Result<Outcome, Error> {
    Ok(match transport.put(key, Bytes::from(body), condition).await? {
        PutOutcome::Stored { etag } => {
            Outcome::Stored { etag: Some(etag), last_modified: Some(Timestamp::from_millis(device.now_ms())) }
        }
        PutOutcome::ConditionFailed => match condition {
            PutCondition::Matches(_) => Outcome::PreconditionFailed,
            PutCondition::Absent | PutCondition::None => Outcome::AlreadyExists,
        },
    })
}

async fn list(transport: &dyn Transport, prefix: &ListPrefix, token: Option<&str>) -> Result<Outcome, Error> {
    let page = transport.list(prefix, token).await?;
    let entries = page.entries.into_iter().map(|entry| ListedObject {
        key: entry.key,
        size: entry.length,
        last_modified: entry.last_modified.map(timestamp),
    });
    Ok(Outcome::Listed { entries: entries.collect(), next: page.next })
}

fn want(effect: &Effect) -> Option<Want> {
    match effect {
        Effect::Get { key, .. } => Some(Want::Get(key.clone())),
        Effect::PutIfAbsent { key, body } => Some(put_want(key, body, &PutCondition::Absent)),
        Effect::Put { key, body, condition } => Some(put_want(key, body, &condition_of(condition))),
        Effect::List { prefix, token } => Some(Want::List(*prefix, token.clone())),
        Effect::Delete { .. }
        | Effect::StoreAttachment { .. }
        | Effect::Persist(_)
        | Effect::LoadContent { .. }
        | Effect::Sleep { .. } => None,
    }
}

fn condition_of(condition: &EngineCondition) -> PutCondition {
    match condition {
        EngineCondition::None => PutCondition::None,
        EngineCondition::IfAbsent => PutCondition::Absent,
        EngineCondition::IfMatch(etag) => PutCondition::Matches(etag.clone()),
    }
}

fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp::from_millis(u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0))
}

fn failure_class(error: &Error) -> FailureClass {
    if matches!(error, Error::DatabaseDamaged { .. } | Error::Database(_) | Error::DiskFull { .. } | Error::HomeUnwritable { .. })
    {
        return FailureClass::Local;
    }
    match error.class() {
        Class::Retry | Class::Conflict => FailureClass::Retry,
        Class::Reauthenticate => FailureClass::Reauthenticate,
        Class::Corrupt => FailureClass::Corrupt,
        Class::Denied => FailureClass::Denied,
        Class::Invalid | Class::NotFound | Class::Decide | Class::Bug => FailureClass::Invalid,
    }
}

const fn class_of(class: FailureClass) -> Class {
    match class {
        FailureClass::Retry => Class::Retry,
        FailureClass::Reauthenticate => Class::Reauthenticate,
        FailureClass::Corrupt => Class::Corrupt,
        FailureClass::Denied => Class::Denied,
        FailureClass::Invalid => Class::Invalid,
        FailureClass::Local => Class::Bug,
    }
}
