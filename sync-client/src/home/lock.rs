//! Who may write to a home: three locks, so that an edit never waits for a sync.
//!
//! `lock` is held for one write: rows that are read, decided on and committed. `sync.lock` is held for a whole sync: one
//! process at a time talks to the store, for it alone goes on with the device's chain. Whoever needs both takes `sync.lock`
//! first. `tandem.lock` is held while a pump's log is read from its vendor's service; whoever holds it may take `lock`. The system frees both when a process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Home;
use crate::error::Error;

const POLL: Duration = Duration::from_millis(20);

/// The locks of a home. Within a process they are shared: threads are kept apart by the client itself.
#[derive(Debug, Clone)]
pub(crate) struct HomeLock {
    writing: FileLock,
    syncing: FileLock,
    gathering: FileLock,
}

/// One lock, by one file.
#[derive(Debug, Clone)]
struct FileLock {
    home: PathBuf,
    file: &'static str,
    wait: Duration,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    holders: usize,
    file: Option<File>,
}

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub(crate) struct HomeGuard {
    held: Arc<Mutex<Held>>,
}

impl HomeLock {
    pub(crate) fn new(home: &Home, wait: Duration) -> Self {
        let lock = |file| FileLock { home: home.path().to_owned(), file, wait, held: Arc::default() };
        Self { writing: lock("lock"), syncing: lock("sync.lock"), gathering: lock("tandem.lock") }
    }

    /// Takes the home for one write, waiting for another process as long as was set; blocks.
    pub(crate) fn acquire(&self) -> Result<HomeGuard, Error> {
        self.writing.acquire()
    }

    /// Takes the home for one write if no other process has it at this moment.
    pub(crate) fn try_acquire(&self) -> Result<Option<HomeGuard>, Error> {
        let at_once = FileLock { wait: Duration::ZERO, ..self.writing.clone() };
        match at_once.acquire() {
            Ok(guard) => Ok(Some(guard)),
            Err(Error::HomeBusy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the home for a sync, waiting for another process as long as was set; blocks. Others may write meanwhile.
    pub(crate) fn acquire_for_sync(&self) -> Result<HomeGuard, Error> {
        self.syncing.acquire()
    }

    /// Takes the home for requests to the service of a pump's vendor, waiting for another process as long as was set; blocks. Two
    /// processes that both found a login ended would make twice the attempts that an account bears. Others may write and sync.
    pub(crate) fn acquire_for_gathering(&self) -> Result<HomeGuard, Error> {
        self.gathering.acquire()
    }

    /// Takes the home for oneself alone; blocks.
    pub(crate) fn acquire_all(&self) -> Result<(HomeGuard, HomeGuard), Error> {
        let syncing = self.syncing.acquire()?;
        Ok((syncing, self.writing.acquire()?))
    }

    /// Whether another process holds the home for a sync, at this moment.
    pub(crate) fn is_syncing_elsewhere(&self) -> bool {
        let held = self.syncing.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.holders == 0 && self.syncing.is_held_elsewhere()
    }
}

impl FileLock {
    fn acquire(&self) -> Result<HomeGuard, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.holders == 0 {
            held.file = Some(self.lock_file()?);
        }
        held.holders += 1;
        Ok(HomeGuard { held: Arc::clone(&self.held) })
    }

    fn lock_file(&self) -> Result<File, Error> {
        let path = self.home.join(self.file);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| Error::writing(&path, error))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < self.wait => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::HomeBusy { path: self.home.clone(), waited: began.elapsed() });
                }
                Err(TryLockError::Error(error)) => return Err(Error::writing(&path, error)),
            }
        }
    }

    fn is_held_elsewhere(&self) -> bool {
        let opened = OpenOptions::new().write(true).open(self.home.join(self.file));
        opened.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

impl Drop for HomeGuard {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.holders -= 1;
        if held.holders == 0 {
            // Closing the file frees the lock.
            held.file = None;
        }
    }
}
