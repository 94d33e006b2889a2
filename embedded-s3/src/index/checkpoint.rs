//! Brings the write-ahead log into the index on a thread of its own: a commit that did it would make all who wait for it wait longer.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;

/// Commits between two checkpoints.
const COMMITS: u32 = 256;

/// Pages of the log after which a commit brings it into the index itself, so that it stays bounded under any load: 64 MiB.
pub(super) const MOST_BEHIND_PAGES: i64 = 16_384;

/// Asks for checkpoints; dropping it waits for the last.
pub(super) struct Checkpoints {
    asked: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    commits: u32,
}

impl Checkpoints {
    /// Starts the thread for the index at `path`.
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        // Room for one: what is asked for while one runs is one more, however often.
        let (asked, asks) = sync_channel(1);
        let thread = Builder::new().name("s3-index-checkpoint".to_owned()).spawn(move || run(&path, &asks))?;
        Ok(Self { asked: Some(asked), thread: Some(thread), commits: 0 })
    }

    /// Counts a commit.
    pub(super) fn committed(&mut self) {
        self.commits += 1;
        if self.commits < COMMITS {
            return;
        }
        self.commits = 0;
        match self.asked.as_ref().map(|asked| asked.try_send(())) {
            None | Some(Ok(()) | Err(TrySendError::Full(()))) => {}
            Some(Err(TrySendError::Disconnected(()))) => tracing::warn!("the log is brought into the index by commits alone"),
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.asked.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the checkpoints panicked");
        }
    }
}

/// A checkpoint that fails is made up for by the next, or by a commit.
fn run(path: &PathBuf, asks: &Receiver<()>) {
    let mut connection = None;
    while asks.recv().is_ok() {
        if connection.is_none() {
            connection =
                open(path).inspect_err(|error| tracing::warn!(%error, "the index cannot be opened for a checkpoint")).ok();
        }
        // Passive: it waits for nobody, and nobody for it.
        if let Some(open) = &connection
            && let Err(error) = open.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "a checkpoint of the index failed");
            connection = None;
        }
    }
}

fn open(path: &PathBuf) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}
