//! The local database: everything that this device knows of the account, in SQLite.

mod asleep;
mod changes;
mod contents;
mod encode;
mod files;
mod grants;
mod load;
mod looked;
mod opening;
mod outbox;
mod private_rows;
mod records;
mod schema;
mod sealed_rows;
mod sealing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Error as SqlError, ErrorCode};
use serde::{Deserialize, Serialize};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::{ContentHmac, DeviceId, GrantId, Space};
use tidegate_sync_core::engine::{Persist, Row, Saved, SpaceSource, Step};
use tidegate_sync_core::state::ChangeStore;
use zeroize::Zeroizing;

use crate::enrol::KnownDevice;
use crate::error::Error;
use crate::home::{Home, Keys, private_file};
use crate::report::Requests;
use asleep::Shelf;
pub(crate) use contents::ContentRows;
pub(crate) use files::Upload;
pub(crate) use grants::KeptGrants;
pub(crate) use private_rows::PrivateRow;
use sealing::Sealing;

/// The local database of one account.
#[derive(Debug)]
pub(crate) struct Database {
    shelf: Shelf,
    path: PathBuf,
    /// Which file it was that was opened.
    opened: Option<FileId>,
    /// See [`looked::write`].
    batches: i64,
}

/// What stands in `meta`, beside the engine's own.
const CLOCK_OFFSET: &str = "clock_offset_ms";
const LAST_SYNC: &str = "last_sync_ms";
const STORE_PROFILE: &str = "store_profile";
/// What a probe of the store found, as JSON, where no broker does it.
const PROBED_PROFILE: &str = "probed_profile";
/// Counts committed edits: another process that watches sees by it that there is something to send.
const EDITS: &str = "edits";
/// The requests of syncs in a calendar month.
const REQUESTS: &str = "requests";

/// What people are told about the store.
pub(crate) const fn profile_in_words(profile: &StoreProfile) -> &'static str {
    if profile.conditional_replace.is_honoured() { "conditional-writes" } else { "no-conditional-writes" }
}

impl Database {
    /// Makes the database of an account that was just created or joined, with its first grants. What an enrolment that
    /// was stopped left here is replaced.
    pub(crate) fn create(
        home: &Home,
        keys: &Keys,
        grants: &BTreeMap<GrantId, Vec<u8>>,
        new_since_ms: Option<u64>,
        clock_offset_ms: i64,
    ) -> Result<(), Error> {
        Self::create_at(&home.database(), keys, grants, new_since_ms, clock_offset_ms).map(drop)
    }

    /// The same at any path.
    pub(crate) fn create_at(
        path: &Path,
        keys: &Keys,
        grants: &BTreeMap<GrantId, Vec<u8>>,
        new_since_ms: Option<u64>,
        clock_offset_ms: i64,
    ) -> Result<Self, Error> {
        remove_files(path)?;
        // SQLite gives its log the rights of the file that it finds.
        private_file(path).map_err(|error| Error::writing(path, error))?;
        let mut database = Self::connect(path, keys)?;
        let sent = |(grant, blob): (&GrantId, &Vec<u8>)| Row::PutGrant { grant: *grant, blob: blob.clone(), unsent: false };
        let mut rows: Vec<Row> = grants.iter().map(sent).collect();
        // Nobody can have written to an account before it existed: its space need not be listed.
        rows.extend(new_since_ms.map(|listed_at_ms| Row::PutListedAt { space: Space::Account(keys.user), listed_at_ms }));
        database.persist(&Persist { step: Step::Grants, rows })?;
        database.set_number(CLOCK_OFFSET, clock_offset_ms)?;
        Ok(database)
    }

    /// Opens the account's database and checks it.
    pub(crate) fn open(home: &Home, keys: &Keys) -> Result<Self, Error> {
        let path = home.database();
        if !path.exists() {
            return Err(Error::DatabaseDamaged { reason: "it is not there".to_owned() });
        }
        let database = Self::connect(&path, keys)?;
        database.check()?;
        Ok(database)
    }

    fn connect(path: &Path, keys: &Keys) -> Result<Self, Error> {
        let mut connection = schema::connect(path).map_err(|error| failure(path, error))?;
        let (known, found) = (schema::newest(), schema::version(&connection).map_err(|error| failure(path, error))?);
        if found > known {
            return Err(Error::DatabaseNewer { found, known });
        }
        schema::migrate(&mut connection, keys.user).map_err(|error| failure(path, error))?;
        let owner = schema::owner(&connection).map_err(|error| failure(path, error))?;
        if owner != keys.user.to_string() {
            return Err(Error::DatabaseDamaged { reason: "it belongs to another account".to_owned() });
        }
        let sealing = Sealing::new(keys);
        changes::note_outlines(&mut connection, &sealing).map_err(|error| read_failure(path, error))?;
        let (connection, sealing) = (Arc::new(Mutex::new(connection)), Arc::new(sealing));
        let shelf = Shelf { connection, sealing, failure: Arc::default() };
        Ok(Self { shelf, path: path.to_owned(), opened: FileId::of(path), batches: 0 })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.shelf.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another file has taken the place of the one that is open.
    pub(crate) fn was_replaced(&self) -> bool {
        FileId::of(&self.path).is_some_and(|now| self.opened.as_ref() != Some(&now))
    }

    fn check(&self) -> Result<(), Error> {
        match schema::quick_check(&self.connection()).map_err(|error| self.failure(error))? {
            None => Ok(()),
            Some(reason) => Err(Error::DatabaseDamaged { reason }),
        }
    }

    /// The rows of the engine, read in one transaction, and where changes and contents are to be read when they are needed.
    pub(crate) fn load(&mut self) -> Result<(Saved, BTreeMap<Space, SpaceSource>), Error> {
        let loaded = load::load(&mut self.connection());
        let load::Loaded { saved, spaces, batches } = loaded.map_err(|error| self.read_failure(error))?;
        self.batches = batches;
        let sources = spaces.into_iter().map(|space| (space, self.shelf.source(space)));
        Ok((saved, sources.collect()))
    }

    /// Where the changes of a space are read.
    pub(crate) fn changes(&self, space: Space) -> Arc<dyn ChangeStore> {
        self.shelf.changes(space)
    }

    /// Why changes or contents could not be read when the engine looked at them; said once.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.shelf.take_failure().map(|error| self.read_failure(error))
    }

    /// Writes a batch of the engine in one transaction: when this returns, it is on the disk.
    pub(crate) fn persist(&mut self, batch: &Persist) -> Result<(), Error> {
        self.persist_with_upload(batch, None)
    }

    /// The same, and what is known of a sealed file in the same transaction.
    pub(crate) fn persist_with_upload(
        &mut self,
        batch: &Persist,
        upload: Option<(Space, ContentHmac, &Upload)>,
    ) -> Result<(), Error> {
        let (known, sealing) = (self.batches, &self.shelf.sealing);
        let work = |connection: &mut Connection| -> rusqlite::Result<i64> {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            sealed_rows::each(sealing, &batch.rows, |row, sealed| records::write(&transaction, row, sealed))?;
            let batches = looked::write(&transaction, batch, known)?;
            if let Some((space, hmac, upload)) = upload {
                files::write(&transaction, space, hmac, upload)?;
            }
            if batch.step == Step::Edit {
                let edits: i64 = schema::meta(&transaction, EDITS)?.unwrap_or(0);
                schema::set_meta(&transaction, EDITS, edits.wrapping_add(1))?;
            }
            transaction.commit()?;
            Ok(batches)
        };
        let written = work(&mut self.connection());
        self.batches = written.map_err(|error| self.failure(error))?;
        Ok(())
    }

    /// The grants that open for the account.
    pub(crate) fn grants(&mut self) -> Result<KeptGrants, Error> {
        self.load().map(|(saved, _)| saved.grants)
    }

    /// Puts grants under the account's new keys in the place of all that are there; from then on everything has to be written down
    /// anew under these keys.
    pub(crate) fn replace_grants(&mut self, grants: &KeptGrants) -> Result<(), Error> {
        let replaced = grants::replace(&mut self.connection(), grants);
        replaced.map_err(|error| self.failure(error))
    }

    /// Whether everything has to be written down anew, because the account's keys were replaced.
    pub(crate) fn must_write_down(&self) -> Result<bool, Error> {
        grants::must_write_down(&self.connection()).map_err(|error| self.failure(error))
    }

    pub(crate) fn set_must_write_down(&mut self, must: bool) -> Result<(), Error> {
        let set = grants::set_must_write_down(&self.connection(), must);
        set.map_err(|error| self.failure(error))
    }

    /// How many edits were committed here, by any process.
    pub(crate) fn edits(&self) -> Result<u64, Error> {
        Ok(self.number(EDITS)?.unwrap_or(0).unsigned_abs())
    }

    /// The requests of this month's syncs; the month is one's own word for it.
    pub(crate) fn requests(&self, month: &str) -> Result<Requests, Error> {
        let text: Option<String> = schema::meta(&self.connection(), REQUESTS).map_err(|error| self.failure(error))?;
        let kept = text.and_then(|text| serde_json::from_str::<MonthOfRequests>(&text).ok());
        Ok(kept.filter(|kept| kept.month == month).map_or_else(Requests::default, |kept| kept.requests()))
    }

    /// Adds the requests of one sync.
    pub(crate) fn add_requests(&mut self, month: &str, requests: &Requests) -> Result<(), Error> {
        let before = self.requests(month)?;
        let kept = MonthOfRequests {
            month: month.to_owned(),
            get: before.get + requests.get,
            put: before.put + requests.put,
            head: before.head + requests.head,
            list: before.list + requests.list,
            delete: before.delete + requests.delete,
        };
        let text = serde_json::to_string(&kept).map_err(|error| Error::bug(error.to_string()))?;
        schema::set_meta(&self.connection(), REQUESTS, text).map_err(|error| self.failure(error))
    }

    /// The plaintext of a content; `None` if it is not in the database.
    pub(crate) fn content(&self, space: Space, hmac: ContentHmac) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.contents().read(&[Some((space, hmac))])?.pop().flatten())
    }

    /// Where contents are read.
    pub(crate) fn contents(&self) -> ContentRows {
        ContentRows { shelf: self.shelf.clone(), path: self.path.clone() }
    }

    /// Another value after each write by another process.
    pub(crate) fn data_version(&self) -> Result<i64, Error> {
        // Asked before every look at what is here.
        let read = self
            .connection()
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        read.map_err(|error| self.failure(error))
    }

    pub(crate) fn clock_offset_ms(&self) -> Result<i64, Error> {
        Ok(self.number(CLOCK_OFFSET)?.unwrap_or(0))
    }

    pub(crate) fn last_sync_ms(&self) -> Result<Option<i64>, Error> {
        self.number(LAST_SYNC)
    }

    pub(crate) fn store_profile(&self) -> Result<Option<String>, Error> {
        let read = schema::meta::<String>(&self.connection(), STORE_PROFILE);
        read.map_err(|error| self.failure(error))
    }

    /// What a probe of the store found; `None` if none was made, or a later version wrote it in words that are not known here.
    pub(crate) fn probed_profile(&self) -> Result<Option<StoreProfile>, Error> {
        let read = schema::meta::<String>(&self.connection(), PROBED_PROFILE).map_err(|error| self.failure(error))?;
        Ok(read.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps what a probe of the store found, and what people are told of it.
    pub(crate) fn probed(&mut self, profile: &StoreProfile) -> Result<(), Error> {
        let text = serde_json::to_string(profile).map_err(|error| Error::bug(format!("a profile cannot be written: {error}")))?;
        let connection = self.connection();
        let written = schema::set_meta(&connection, PROBED_PROFILE, text)
            .and_then(|()| schema::set_meta(&connection, STORE_PROFILE, profile_in_words(profile)));
        drop(connection);
        written.map_err(|error| self.failure(error))
    }

    /// Takes note of a sync that ended well.
    pub(crate) fn synced(&mut self, at_ms: i64, clock_offset_ms: i64, profile: &str) -> Result<(), Error> {
        self.set_number(LAST_SYNC, at_ms)?;
        self.set_number(CLOCK_OFFSET, clock_offset_ms)?;
        schema::set_meta(&self.connection(), STORE_PROFILE, profile).map_err(|error| self.failure(error))
    }

    /// The devices, as far as the store has shown them.
    pub(crate) fn devices(&self) -> Result<BTreeMap<DeviceId, KnownDevice>, Error> {
        load::devices(&self.connection(), &self.shelf.sealing).map_err(|error| self.read_failure(error))
    }

    pub(crate) fn put_devices(&mut self, devices: &BTreeMap<DeviceId, KnownDevice>) -> Result<(), Error> {
        let work = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for (device, known) in devices {
                records::write_device(&transaction, &self.shelf.sealing, *device, known)?;
            }
            transaction.commit()
        };
        work(&mut self.connection()).map_err(|error| self.failure(error))
    }

    /// What this device keeps for itself under a name.
    pub(crate) fn private(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let sealed = private_rows::get(&self.connection(), name).map_err(|error| self.failure(error))?;
        let open = |sealed: Vec<u8>| {
            let opened = self.shelf.sealing.open(&sealing::private_row(name), &sealed).map(Zeroizing::new);
            opened.map_err(|reason| Error::DatabaseDamaged { reason })
        };
        sealed.map(open).transpose()
    }

    /// Keeps and forgets, all of it or nothing: when this returns, it is on the disk.
    pub(crate) fn keep_private(&mut self, rows: &[PrivateRow<'_>]) -> Result<(), Error> {
        let written = private_rows::write(&mut self.connection(), &self.shelf.sealing, rows);
        written.map_err(|error| self.failure(error))
    }

    /// The names that begin like this, in order.
    pub(crate) fn private_names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        private_rows::names(&self.connection(), prefix).map_err(|error| self.failure(error))
    }

    /// Takes over what the home's present database keeps for itself, if it can still be read: no store has it.
    pub(crate) fn inherit_private(&mut self, home: &Home) {
        let copied = schema::connect(&home.database()).and_then(|from| private_rows::copy(&from, &mut self.connection()));
        if let Err(error) = copied {
            tracing::debug!(%error, "what the damaged database kept for itself could not be taken over");
        }
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        schema::meta(&self.connection(), name).map_err(|error| self.failure(error))
    }

    fn set_number(&mut self, name: &str, value: i64) -> Result<(), Error> {
        schema::set_meta(&self.connection(), name, value).map_err(|error| self.failure(error))
    }

    fn failure(&self, error: SqlError) -> Error {
        failure(&self.path, error)
    }

    fn read_failure(&self, error: load::LoadError) -> Error {
        read_failure(&self.path, error)
    }

    /// Closes it, its log written back, so that its file can be moved.
    pub(crate) fn close(self) -> Result<(), Error> {
        // Where an engine may still read from it, it is closed with that one.
        let Some(connection) = Arc::into_inner(self.shelf.connection) else { return Ok(()) };
        let connection = connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.close().map_err(|(_, error)| failure(&self.path, error))
    }
}

/// A month's requests to the store, as they stand in `meta`.
#[derive(Serialize, Deserialize)]
struct MonthOfRequests {
    month: String,
    get: u64,
    put: u64,
    head: u64,
    list: u64,
    delete: u64,
}

impl MonthOfRequests {
    fn requests(&self) -> Requests {
        let Self { get, put, head, list, delete, .. } = *self;
        Requests { get, put, head, list, delete, ..Requests::default() }
    }
}

/// How many edits of a database wait to be sent, be the rest of it as it may.
pub(crate) fn count_unsent(home: &Home) -> Option<u64> {
    let connection = schema::connect(&home.database()).ok()?;
    outbox::count(&connection).ok()
}

/// Puts a filled database in the place of a damaged one. At no moment is there none: others look at it meanwhile.
pub(crate) fn replace(home: &Home, fresh: &Path) -> Result<(), Error> {
    let path = home.database();
    remove_logs(&path)?;
    fs::rename(fresh, &path).map_err(|error| Error::writing(&path, error))
}

fn remove_files(path: &Path) -> Result<(), Error> {
    remove_logs(path)?;
    remove_file(path)
}

fn remove_logs(path: &Path) -> Result<(), Error> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        remove_file(Path::new(&name))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if !matches!(error.kind(), std::io::ErrorKind::NotFound) => Err(Error::writing(path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file's identity, whatever its name. Elsewhere than on Unix an open file cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).ok().map(|metadata| Self(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of(_path: &Path) -> Option<Self> {
        None
    }
}

fn read_failure(path: &Path, error: load::LoadError) -> Error {
    match error {
        load::LoadError::Sql(error) => failure(path, error),
        load::LoadError::Row(reason) => Error::DatabaseDamaged { reason },
    }
}

/// What SQLite's refusal means for a person.
fn failure(path: &Path, error: SqlError) -> Error {
    let io_error = |kind: std::io::ErrorKind| Error::writing(path, std::io::Error::new(kind, error.to_string()));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::DatabaseDamaged { reason: error.to_string() },
        Some(ErrorCode::DiskFull) => Error::DiskFull { path: path.to_owned() },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            io_error(std::io::ErrorKind::PermissionDenied)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let home = path.parent().unwrap_or(path).to_owned();
            Error::HomeBusy { path: home, waited: schema::BUSY_WAIT }
        }
        Some(_) | None => Error::Database(error),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::{ContentHmac, DeviceId, MemberId, RecordId, UserId};
    use tidegate_sync_core::clock::Hlc;
    use tidegate_sync_core::keys::{DeviceKey, MasterKey};
    use tidegate_sync_core::manifest::{Change, Cid, Op, SegmentRef, Target};
    use tidegate_sync_core::state::Looked;

    use super::*;
    use crate::remote::Remote;
    use crate::session::DpopKey;

    fn keys() -> Keys {
        let mut rng = crate::random::system();
        let master = MasterKey::generate(&mut rng);
        Keys {
            remote: Remote::broker("https://broker.example").unwrap(),
            user: UserId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            device_name: "laptop".to_owned(),
            genesis: Vec::new(),
            generation: 0,
            store: master.local_store_key(),
            master,
            dpop: DpopKey::generate(),
            device_key: DeviceKey::generate(&mut rng),
        }
    }

    fn content(bytes: Vec<u8>) -> (Persist, Space, ContentHmac) {
        let space = Space::Member(UserId::from_bytes([1; 16]), MemberId::from_bytes([3; 16]));
        let hmac = ContentHmac::from_bytes([bytes.len() as u8; 32]);
        (Persist { step: Step::Edit, rows: vec![Row::PutContent { space, hmac, bytes }] }, space, hmac)
    }

    #[test]
    fn a_full_disk_is_told_and_keeps_what_was_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidegate.db");
        let mut database = Database::create_at(&path, &keys(), &BTreeMap::new(), None, 0).unwrap();
        let (first, space, hmac) = content(b"acknowledged".to_vec());
        database.persist(&first).unwrap();
        // SQLite answers "full" at its page limit exactly as it does when the disk has no space.
        let pages: i64 = database.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        database.connection().pragma_update(None, "max_page_count", pages).unwrap();
        let noise: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let error = database.persist(&content(noise).0).unwrap_err();
        assert_eq!(error.code(), "disk-full");
        assert_eq!(database.content(space, hmac).unwrap().unwrap(), b"acknowledged");
    }

    #[test]
    fn a_database_of_another_account_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let keys = keys();
        Database::create(&home, &keys, &BTreeMap::new(), None, 0).unwrap();
        let other = Keys { user: UserId::from_bytes([9; 16]), ..keys };
        assert_eq!(Database::open(&home, &other).unwrap_err().code(), "local-database-damaged");
    }

    #[test]
    fn what_was_found_is_forgotten_with_a_change_and_not_noted_beside_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let keys = keys();
        Database::create(&home, &keys, &BTreeMap::new(), None, 0).unwrap();
        let space = Space::Account(keys.user);
        let looked = |conflicts| Row::PutLooked { space, looked: Looked { conflicts, kinds: vec!["samples".to_owned()] } };
        let removed = || Row::RemoveChange { space, cid: Cid::from_random([4; 16]) };
        let batch = |row| Persist { step: Step::Contents, rows: vec![row] };
        let found =
            |database: &mut Database| database.load().unwrap().0.spaces.get(&space).and_then(|saved| saved.looked.clone());
        let (mut one, mut other) = (Database::open(&home, &keys).unwrap(), Database::open(&home, &keys).unwrap());
        one.load().unwrap();
        one.persist(&batch(looked(3))).unwrap();
        assert_eq!(found(&mut other).map(|looked| looked.conflicts), Some(3));
        one.persist(&batch(removed())).unwrap();
        assert_eq!(found(&mut other), None);
        one.persist(&batch(looked(2))).unwrap();
        // What the first process has found, it has found without this.
        other.load().unwrap();
        other.persist(&batch(removed())).unwrap();
        one.persist(&batch(looked(1))).unwrap();
        assert_eq!(found(&mut other), None);
        one.load().unwrap();
        one.persist(&batch(looked(1))).unwrap();
        assert_eq!(found(&mut other).map(|looked| looked.conflicts), Some(1));
    }

    fn edit_of(cid: Cid, supersedes: Vec<Cid>) -> Change {
        Change {
            cid,
            target: Target::Record(RecordId::from_bytes([6; 16])),
            op: Op::Put,
            version: 1,
            supersedes,
            hlc: Hlc::new(1_000_000_000_000, 0),
            kept: false,
            meta: Arc::default(),
            content_hmac: Some(ContentHmac::from_bytes([7; 32])),
            location: None,
            sha256: None,
            size: 0,
            relocates: Vec::new(),
            extra: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_database_of_an_earlier_version_is_told_what_its_changes_supersede() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let keys = keys();
        Database::create(&home, &keys, &BTreeMap::new(), None, 0).unwrap();
        let space = Space::Account(keys.user);
        let segment: SegmentRef = serde_json::from_value(serde_json::json!({
            "device_id": DeviceId::from_bytes([2; 16]), "chain": "00000000000000aa", "seq": 1, "digest": "0".repeat(32),
        }))
        .unwrap();
        let [first, second] = [8, 9].map(|byte| Cid::from_random([byte; 16]));
        let put = |change: Change| Row::PutChange {
            space,
            change: Arc::new(change),
            brought_by: [(segment, None)].into_iter().collect(),
        };
        let rows = vec![put(edit_of(first, vec![])), put(edit_of(second, vec![first]))];
        let mut database = Database::open(&home, &keys).unwrap();
        database.persist(&Persist { step: Step::Segments, rows }).unwrap();
        let as_before = "ALTER TABLE changes DROP COLUMN supersedes; ALTER TABLE changes DROP COLUMN is_relocation;
                         DELETE FROM meta WHERE name = 'outlined'; DROP TABLE private; PRAGMA user_version = 6;";
        database.connection().execute_batch(as_before).unwrap();
        drop(database);

        let database = Database::open(&home, &keys).unwrap();
        let mut outlines = Vec::new();
        changes::outlines(&database.connection(), space, &mut |outline| outlines.push(outline)).unwrap();
        let told: Vec<_> = outlines.iter().map(|outline| (outline.cid, outline.supersedes.clone())).collect();
        assert_eq!(told, [(first, Some(vec![])), (second, Some(vec![first]))]);
        let mut read = Vec::new();
        let (sealing, places) = (&database.shelf.sealing, [outlines[1].place, 1_000]);
        changes::read(&database.connection(), sealing, space, &places, &mut |present| read.push(present)).unwrap();
        assert_eq!(read.iter().map(|present| present.change.cid).collect::<Vec<_>>(), [second]);
        assert!(read[0].brought_by.contains_key(&segment));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let keys = keys();
        Database::create(&home, &keys, &BTreeMap::new(), None, 0).unwrap();
        let mut database = Database::open(&home, &keys).unwrap();
        let clock = |millis| Row::PutClock(tidegate_sync_core::clock::Hlc::new(millis, 0));
        database.persist(&Persist { step: Step::Edit, rows: vec![clock(1_000_000_000_000), clock(5)] }).unwrap();
        assert_eq!(database.load().unwrap().0.clock.millis(), 1_000_000_000_000);
    }
}
