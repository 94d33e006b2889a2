//! One process at a time writes to a home.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Home;
use crate::error::Error;

const POLL: Duration = Duration::from_millis(20);

/// The lock of a home. Within a process it is shared: threads are kept apart by the client itself.
#[derive(Debug, Clone)]
pub(crate) struct HomeLock {
    home: PathBuf,
    wait: Duration,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    holders: usize,
    file: Option<File>,
}

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct HomeGuard {
    held: Arc<Mutex<Held>>,
}

impl HomeLock {
    pub(crate) fn new(home: &Home, wait: Duration) -> Self {
        Self { home: home.path().to_owned(), wait, held: Arc::default() }
    }

    /// Takes the lock, waiting for another process as long as was set; blocks.
    pub(crate) fn acquire(&self) -> Result<HomeGuard, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.holders == 0 {
            held.file = Some(self.lock_file()?);
        }
        held.holders += 1;
        Ok(HomeGuard { held: Arc::clone(&self.held) })
    }

    fn lock_file(&self) -> Result<File, Error> {
        let path = self.home.join("lock");
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
