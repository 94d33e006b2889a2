//! The index's one writer: a thread that commits what has queued up in one transaction.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::assembly::Assembled;
use super::change::{Answer, Change, Done, NewObject, Refused};
use super::checkpoint::Checkpoints;
use super::condition::Condition;
use super::{settings, upload};
use crate::body::{BodyId, BodyStore, NewBody, StagedBody, sync_directory};
use crate::clock::Clock;
use crate::error::StoreError;

/// Changes in one transaction at most; bounds how long the first of them waits.
const MOST_IN_A_BATCH: usize = 256;

type Reply = Box<dyn FnOnce(Answer) + Send>;

struct Job {
    change: Change,
    reply: Reply,
}

/// Hands changes to the writing thread.
pub(crate) struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        connection: Connection,
        last_modified_ms: i64,
        bodies: Arc<BodyStore>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let checkpoints = Checkpoints::start(connection.path().unwrap_or_default().into())?;
        let committer = Committer { connection, last_modified_ms, bodies, clock, checkpoints };
        let thread = Builder::new().name("s3-index-writer".to_owned()).spawn(move || committer.run(&receiver))?;
        Ok(Self { jobs: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Makes a change; the answer says that it is on the disk.
    ///
    /// A caller that goes away does not undo it.
    pub(crate) async fn submit(&self, change: Change) -> Answer {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.send(change, Box::new(move |answer| drop(sender.send(answer))))?;
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same for callers outside of a runtime: blocks until the commit.
    pub(crate) fn submit_blocking(&self, change: Change) -> Answer {
        let (sender, receiver) = channel();
        self.send(change, Box::new(move |answer| drop(sender.send(answer))))?;
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    fn send(&self, change: Change, reply: Reply) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = jobs.as_ref().ok_or(StoreError::Closed)?;
        sender.send(Job { change, reply }).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    /// Waits for the last commit, so that who drops the store may open it again at once.
    fn drop(&mut self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the index writer panicked");
        }
    }
}

struct Committer {
    connection: Connection,
    last_modified_ms: i64,
    bodies: Arc<BodyStore>,
    clock: Clock,
    checkpoints: Checkpoints,
}

/// What a change did inside a transaction that is not committed yet.
#[derive(Default)]
pub(super) struct Effect {
    /// Bodies that nothing names any more.
    pub(super) retired: Vec<BodyId>,
    /// The body that a row names now.
    pub(super) placed: Option<StagedBody>,
    pub(super) changed: bool,
    /// Set by a completion alone.
    pub(super) assembled: Option<Assembled>,
    /// Set by a deletion of many keys alone.
    pub(super) deleted: Option<Vec<Result<(), Refused>>>,
}

pub(super) type Decided = Result<Effect, Refused>;

impl Committer {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut batch = vec![first];
            while batch.len() < MOST_IN_A_BATCH
                && let Ok(next) = jobs.try_recv()
            {
                batch.push(next);
            }
            self.commit(batch);
        }
    }

    /// Decides and commits a batch, answers, and only then removes the bodies that nothing names any more.
    fn commit(&mut self, batch: Vec<Job>) {
        let (changes, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.change, job.reply)).unzip();
        match self.try_commit(changes) {
            Ok(decided) => {
                let (mut retired, at_ms) = (Vec::new(), self.last_modified_ms);
                for (reply, decision) in replies.into_iter().zip(decided) {
                    reply(Ok(decision.map(|effect| {
                        retired.extend(effect.retired);
                        effect.placed.into_iter().for_each(StagedBody::keep);
                        match (effect.assembled, effect.deleted) {
                            (Some(assembled), _) => Done::Completed(Box::new(assembled)),
                            (None, Some(deleted)) => Done::Deleted(deleted),
                            (None, None) => Done::Changed { at_ms },
                        }
                    })));
                }
                retired.into_iter().for_each(|id| self.bodies.remove(id));
            }
            Err(error) => {
                tracing::error!(%error, changes = replies.len(), "a commit of the index failed");
                replies.into_iter().for_each(|reply| reply(Err(repeat(&error))));
            }
        }
    }

    fn try_commit(&mut self, changes: Vec<Change>) -> Result<Vec<Decided>, StoreError> {
        let now_ms = self.clock.now_ms().max(self.last_modified_ms);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut decided = Vec::with_capacity(changes.len());
        for change in changes {
            decided.push(apply(&transaction, change, now_ms)?);
        }
        let effects = || decided.iter().flatten();
        if !effects().any(|effect| effect.changed) {
            return Ok(decided);
        }
        let directories: BTreeSet<_> = effects().filter_map(|effect| effect.placed.as_ref()).map(StagedBody::directory).collect();
        for directory in directories {
            sync_directory(&directory)?;
        }
        transaction.prepare_cached("UPDATE clock SET last_modified_ms = ?1")?.execute([now_ms])?;
        if let Err(error) = transaction.commit() {
            // A failed sync may still have reached the disk: the rows may come back at the next start, so their bodies stay until then.
            decided.into_iter().flatten().filter_map(|effect| effect.placed).for_each(StagedBody::keep);
            return Err(error.into());
        }
        self.last_modified_ms = now_ms;
        self.checkpoints.committed();
        Ok(decided)
    }
}

fn apply(transaction: &Transaction<'_>, change: Change, now_ms: i64) -> rusqlite::Result<Decided> {
    match change {
        Change::CreateBucket { name } => create_bucket(transaction, &name, now_ms),
        Change::DeleteBucket { name } => settings::delete_bucket(transaction, &name),
        Change::Configure { bucket, name, value } => settings::configure(transaction, &bucket, name, value.as_deref()),
        Change::Put { bucket, key, condition, object } => put(transaction, &bucket, &key, &condition, *object, now_ms),
        Change::Delete { bucket, key, condition } => delete(transaction, &bucket, &key, &condition),
        Change::DeleteMany { bucket, keys } => delete_many(transaction, &bucket, &keys),
        Change::CreateUpload { bucket, key, upload: new } => upload::create(transaction, &bucket, &key, &new, now_ms),
        Change::PutPart { place, part } => upload::put_part(transaction, &place, *part, now_ms),
        Change::CompleteUpload { place, claim, condition } => upload::complete(transaction, &place, &claim, &condition, now_ms),
        Change::AbortUpload { place } => upload::abort(transaction, &place),
        Change::GiveUpUploads => {
            upload::give_up(transaction, now_ms).map(|retired| Ok(Effect { changed: true, retired, ..Effect::default() }))
        }
    }
}

fn create_bucket(transaction: &Transaction<'_>, name: &str, now_ms: i64) -> rusqlite::Result<Decided> {
    let made = transaction
        .prepare_cached("INSERT INTO buckets (name, created_ms) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![name, now_ms])?;
    if made == 0 { Ok(Err(Refused::BucketExists)) } else { Ok(Ok(Effect { changed: true, ..Effect::default() })) }
}

fn put(
    transaction: &Transaction<'_>,
    bucket: &str,
    key: &str,
    condition: &Condition,
    object: NewObject,
    now_ms: i64,
) -> rusqlite::Result<Decided> {
    let Some(bucket) = bucket_id(transaction, bucket)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    let stored = stored(transaction, bucket, key)?;
    if let Err(refused) = condition.check_put(stored.as_ref().map(|stored| stored.etag.as_str())) {
        return Ok(Err(refused));
    }
    let retired = retire(transaction, stored.as_ref())?;
    let id = object.body.id().0.cast_signed();
    let (placed, is_small) = match object.body {
        NewBody::File(body) => (Some(body), false),
        NewBody::Small(_, bytes) => {
            let mut statement = transaction.prepare_cached("INSERT INTO small_bodies (body, bytes) VALUES (?1, ?2)")?;
            statement.execute(params![id, bytes])?;
            (None, true)
        }
    };
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO objects (bucket, key, size, etag, sha256, modified_ms, body, attributes, small)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            bucket,
            key.as_bytes(),
            object.size.cast_signed(),
            object.etag,
            object.sha256,
            now_ms,
            id,
            object.attributes.to_json(),
            is_small,
        ])?;
    Ok(Ok(Effect { retired, placed, changed: true, ..Effect::default() }))
}

/// Each key by itself: what is refused of one does not keep the others.
fn delete_many(transaction: &Transaction<'_>, bucket: &str, keys: &[(String, Condition)]) -> rusqlite::Result<Decided> {
    let mut whole = Effect::default();
    let mut deleted = Vec::with_capacity(keys.len());
    for (key, condition) in keys {
        match delete(transaction, bucket, key, condition)? {
            Ok(effect) => {
                whole.retired.extend(effect.retired);
                whole.changed |= effect.changed;
                deleted.push(Ok(()));
            }
            Err(Refused::NoSuchBucket) => return Ok(Err(Refused::NoSuchBucket)),
            Err(refused) => deleted.push(Err(refused)),
        }
    }
    Ok(Ok(Effect { deleted: Some(deleted), ..whole }))
}

fn delete(transaction: &Transaction<'_>, bucket: &str, key: &str, condition: &Condition) -> rusqlite::Result<Decided> {
    let Some(bucket) = bucket_id(transaction, bucket)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    let stored = stored(transaction, bucket, key)?;
    if let Err(refused) = condition.check_delete(stored.as_ref().map(|stored| stored.etag.as_str())) {
        return Ok(Err(refused));
    }
    let Some(stored) = stored else {
        return Ok(Ok(Effect::default()));
    };
    transaction.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2")?.execute(params![bucket, key.as_bytes()])?;
    let retired = retire(transaction, Some(&stored))?;
    Ok(Ok(Effect { retired, changed: true, ..Effect::default() }))
}

/// What a key names before a change.
pub(super) struct Stored {
    pub(super) etag: String,
    body: BodyId,
    /// Number of its pieces; 0 if it was written in one.
    pub(super) part_count: u32,
    /// Bytes.
    pub(super) size: u64,
    is_small: bool,
}

/// The files of an object that its key names no more; forgets its pieces and what of it lies in the index.
pub(super) fn retire(transaction: &Transaction<'_>, stored: Option<&Stored>) -> rusqlite::Result<Vec<BodyId>> {
    let Some(stored) = stored else { return Ok(Vec::new()) };
    if stored.is_small {
        transaction.prepare_cached("DELETE FROM small_bodies WHERE body = ?1")?.execute([stored.body.0.cast_signed()])?;
        return Ok(Vec::new());
    }
    if stored.part_count == 0 {
        return Ok(vec![stored.body]);
    }
    let whole = stored.body.0.cast_signed();
    let mut statement = transaction.prepare_cached("DELETE FROM pieces WHERE whole = ?1 RETURNING body")?;
    let bodies = statement.query_map([whole], |row| Ok(BodyId(row.get::<_, i64>(0)?.unsigned_abs())))?;
    bodies.collect()
}

pub(super) fn stored(transaction: &Transaction<'_>, bucket: i64, key: &str) -> rusqlite::Result<Option<Stored>> {
    transaction
        .prepare_cached("SELECT etag, body, part_count, size, small FROM objects WHERE bucket = ?1 AND key = ?2")?
        .query_row(params![bucket, key.as_bytes()], |row| {
            Ok(Stored {
                etag: row.get(0)?,
                body: BodyId(row.get::<_, i64>(1)?.unsigned_abs()),
                part_count: row.get(2)?,
                size: row.get::<_, i64>(3)?.unsigned_abs(),
                is_small: row.get(4)?,
            })
        })
        .optional()
}

pub(super) fn bucket_id(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i64>> {
    transaction.prepare_cached("SELECT id FROM buckets WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// The same error for each change of a batch that failed as a whole.
fn repeat(error: &StoreError) -> StoreError {
    match error {
        StoreError::DiskFull => StoreError::DiskFull,
        other @ (StoreError::NoSuchBucket(_)
        | StoreError::NoSuchKey(_)
        | StoreError::BucketName(_)
        | StoreError::DamagedBody
        | StoreError::Io(_)
        | StoreError::Index(_)
        | StoreError::Closed) => StoreError::Io(std::io::Error::other(other.to_string())),
    }
}
