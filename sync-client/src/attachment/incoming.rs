//! An object's bytes in order, from some byte on: by one request after the other, and by several at a time where the
//! connection is a fast one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tidegate_protocol::ObjectKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::budget::{Budget, Reservation};
use crate::error::Error;
use crate::transport::{ObjectStream, OpenOutcome, Peer, Transport};

/// What one request asks for at most, in bytes. Ranges begin at multiples of it.
pub(super) const RANGE_BYTES: u64 = 8 << 20;
/// From which speed on, in bytes a second, several ranges are asked for at a time. What came before its turn is lost with the
/// process: on a slow connection that would be minutes of it.
const FAST: u64 = 2 << 20;
/// The most ranges that are asked for before their turn.
const AHEAD: usize = 7;

/// Why no more comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// It may be gone on with.
    Off(Error),
    /// There is no such object.
    Missing,
    /// The object ends before the first byte that was asked for.
    TooShort,
    /// The object has another length than the one that it has to have.
    OtherLength,
}

/// The object to come.
#[derive(Clone)]
struct Object {
    transport: Arc<dyn Transport>,
    key: ObjectKey,
    length: u64,
}

/// The bytes of an object from some byte on. Dropped, it ends all its requests.
pub(super) struct Incoming {
    object: Object,
    budget: Budget,
    /// Where the next byte lies that is handed out.
    position: u64,
    /// Where the next range begins that is asked for.
    asked: u64,
    current: Option<Current>,
    ahead: VecDeque<Ahead>,
    tasks: JoinSet<()>,
    is_fast: bool,
}

enum Current {
    Direct(Direct),
    Ahead(Ahead),
}

/// A range that is handed out as it comes: nothing of it is held.
struct Direct {
    stream: Box<ObjectStream>,
    to_skip: u64,
    until: u64,
    asked_at: Instant,
    _reserved: Option<Reservation>,
}

/// A range that comes while others have their turn.
struct Ahead {
    pieces: mpsc::UnboundedReceiver<Result<Bytes, Broken>>,
    until: u64,
    _reserved: Reservation,
}

impl Incoming {
    pub(super) fn new(transport: Arc<dyn Transport>, budget: Budget, key: ObjectKey, length: u64, from: u64) -> Self {
        Self {
            object: Object { transport, key, length },
            budget,
            position: from,
            asked: from,
            current: None,
            ahead: VecDeque::new(),
            tasks: JoinSet::new(),
            is_fast: false,
        }
    }

    /// The next bytes; `None` at the object's end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let Some(current) = self.current.as_mut() else {
                if self.position >= self.object.length {
                    return Ok(None);
                }
                self.begin().await?;
                continue;
            };
            let (piece, until) = match current {
                Current::Direct(direct) => (direct.next().await.map_err(Broken::Off)?, direct.until),
                Current::Ahead(ahead) => (ahead.pieces.recv().await.transpose()?, ahead.until),
            };
            let Some(piece) = piece else {
                if self.position < until {
                    return Err(Broken::Off(ended_early()));
                }
                self.end();
                continue;
            };
            self.position += piece.len() as u64;
            if self.position > until {
                return Err(Broken::OtherLength);
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Begins with the range whose turn it is.
    async fn begin(&mut self) -> Result<(), Broken> {
        if let Some(ahead) = self.ahead.pop_front() {
            self.current = Some(Current::Ahead(ahead));
        } else {
            let until = end_of_range(self.position, self.object.length);
            // Whoever waits here holds nothing, so that somebody else always goes on.
            let reserved = self.budget.reserve(until - self.position).await;
            let asked_at = Instant::now();
            let stream = self.object.open(self.position, until).await?;
            let to_skip = self.position - stream.offset;
            // A store that knows no ranges sends it all.
            let until = if stream.is_range { until } else { self.object.length };
            self.asked = until;
            self.current = Some(Current::Direct(Direct { stream, to_skip, until, asked_at, _reserved: reserved }));
        }
        self.ask_ahead();
        Ok(())
    }

    fn end(&mut self) {
        if let Some(Current::Direct(direct)) = self.current.take()
            && direct.stream.is_range
        {
            self.is_fast = is_fast(self.position - direct.stream.offset, direct.asked_at.elapsed());
        }
    }

    /// Asks for what comes next, as far as the budget has room.
    fn ask_ahead(&mut self) {
        while self.is_fast && self.asked < self.object.length && self.ahead.len() < AHEAD {
            let (from, until) = (self.asked, end_of_range(self.asked, self.object.length));
            let Some(reserved) = self.budget.try_reserve(until - from) else { return };
            // It never holds more than the range, which is reserved.
            let (sender, pieces) = mpsc::unbounded_channel();
            let object = self.object.clone();
            self.tasks.spawn(async move {
                if let Err(broken) = object.bring(from, until, &sender).await {
                    let _ = sender.send(Err(broken));
                }
            });
            self.ahead.push_back(Ahead { pieces, until, _reserved: reserved });
            self.asked = until;
        }
    }
}

impl Object {
    async fn open(&self, from: u64, until: u64) -> Result<Box<ObjectStream>, Broken> {
        let to = (until < self.length).then_some(until);
        let stream = match self.transport.open(&self.key, from, to).await.map_err(Broken::Off)? {
            OpenOutcome::Opened(stream) => stream,
            OpenOutcome::Missing => return Err(Broken::Missing),
            OpenOutcome::TooShort => return Err(Broken::TooShort),
        };
        if stream.length.is_some_and(|found| found != self.length) {
            return Err(Broken::OtherLength);
        }
        if stream.offset > from {
            return Err(Broken::Off(other_part()));
        }
        Ok(stream)
    }

    async fn bring(&self, from: u64, until: u64, sender: &mpsc::UnboundedSender<Result<Bytes, Broken>>) -> Result<(), Broken> {
        let mut stream = self.open(from, until).await?;
        if !stream.is_range || stream.offset != from {
            return Err(Broken::Off(malformed("not the range that was asked for, as it did before")));
        }
        let mut left = until - from;
        while let Some(piece) = stream.next().await.map_err(Broken::Off)? {
            left = left.checked_sub(piece.len() as u64).ok_or(Broken::OtherLength)?;
            // A copy: the piece may lie in a read buffer several times its length, which would be held with it, beside the budget.
            if sender.send(Ok(Bytes::copy_from_slice(&piece))).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Direct {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(piece) = self.stream.next().await? else { return Ok(None) };
        let skipped = self.to_skip.min(piece.len() as u64);
        self.to_skip -= skipped;
        Ok(Some(piece.slice(usize::try_from(skipped).unwrap_or(piece.len())..)))
    }
}

/// Where the range ends in which a byte lies.
const fn end_of_range(from: u64, length: u64) -> u64 {
    let end = (from / RANGE_BYTES + 1) * RANGE_BYTES;
    if end < length { end } else { length }
}

/// Whether a connection brought so many bytes fast enough for more than one request at a time.
fn is_fast(bytes: u64, took: Duration) -> bool {
    u128::from(bytes) * 1_000 >= u128::from(FAST) * took.as_millis()
}

pub(super) fn ended_early() -> Error {
    Error::Unreachable { peer: Peer::Store, host: String::new(), reason: "it ended early".to_owned() }
}

pub(super) fn other_part() -> Error {
    malformed("another part of the object than the one asked for")
}

fn malformed(reason: &str) -> Error {
    Error::MalformedAnswer { peer: Peer::Store, host: String::new(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_at_the_same_places_wherever_they_begin() {
        let length = 3 * RANGE_BYTES + 5;
        assert_eq!(end_of_range(0, length), RANGE_BYTES);
        assert_eq!(end_of_range(RANGE_BYTES - 1, length), RANGE_BYTES);
        assert_eq!(end_of_range(RANGE_BYTES, length), 2 * RANGE_BYTES);
        assert_eq!(end_of_range(3 * RANGE_BYTES, length), length);
        assert_eq!(end_of_range(0, 7), 7);
    }

    #[test]
    fn only_a_fast_connection_has_more_than_one_range_on_its_way() {
        assert!(is_fast(RANGE_BYTES, Duration::from_secs(4)));
        assert!(!is_fast(RANGE_BYTES, Duration::from_secs(5)));
        assert!(is_fast(1, Duration::ZERO));
    }
}
