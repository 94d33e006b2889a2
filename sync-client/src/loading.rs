//! Contents that are to be sent, read from the database on a thread of its own: meanwhile the engine seals those that came before.

use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::EffectId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::crash;
use crate::local::ContentRows;

/// How many contents are read at a time.
const AT_ONCE: usize = 16;

/// A content that is to be read, and the effect that asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) id: EffectId,
    pub(crate) space: Space,
    pub(crate) hmac: ContentHmac,
}

/// A content that was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) wanted: Wanted,
    /// `None` where it is not in the database, or could not be read with the others.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Reads contents in the order in which they were asked for.
#[derive(Debug)]
pub(crate) struct Loading {
    rows: ContentRows,
    /// Started with the first content.
    thread: Option<Thread>,
    waiting: usize,
}

#[derive(Debug)]
struct Thread {
    wanted: UnboundedSender<Wanted>,
    read: UnboundedReceiver<Read>,
}

impl Loading {
    pub(crate) const fn new(rows: ContentRows) -> Self {
        Self { rows, thread: None, waiting: 0 }
    }

    /// Asks for a content.
    pub(crate) fn ask(&mut self, wanted: Wanted) {
        let thread = self.thread.get_or_insert_with(|| start(self.rows.clone()));
        // Without its thread there is no answer, and that is told of.
        let _ = thread.wanted.send(wanted);
        self.waiting += 1;
    }

    /// Whether there is more to come.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// The next content; `None` where nothing was asked for.
    pub(crate) async fn next(&mut self) -> Option<Read> {
        let next = self.thread.as_mut()?.read.recv().await;
        self.waiting = self.waiting.saturating_sub(1);
        next
    }
}

fn start(rows: ContentRows) -> Thread {
    let (wanted, mut to_read) = unbounded_channel::<Wanted>();
    let (answers, read) = unbounded_channel();
    tokio::task::spawn_blocking(move || {
        let mut some = Vec::with_capacity(AT_ONCE);
        while to_read.blocking_recv_many(&mut some, AT_ONCE) > 0 {
            crash::point("load-content");
            let names: Vec<_> = some.iter().map(|wanted| Some((wanted.space, wanted.hmac))).collect();
            let contents = rows.read(&names).unwrap_or_else(|_| vec![None; names.len()]);
            crash::point("load-content");
            for (wanted, bytes) in some.drain(..).zip(contents) {
                // Nobody takes it: the sync was dropped.
                if answers.send(Read { wanted, bytes }).is_err() {
                    return;
                }
            }
        }
    });
    Thread { wanted, read }
}
