//! A connection that must keep moving: slow heads and replies that nobody takes end it (slow-loris).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A reply of which the client takes nothing for this long is not waited for.
const STALL: Duration = Duration::from_secs(30);

/// Where a connection is in its requests; the HTTP side tells, the bytes' side goes by it.
#[derive(Debug, Clone)]
pub(crate) struct Phase(Arc<AtomicU8>);

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

impl Phase {
    /// A new connection has nothing to wait for: its first head is due at once.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(HEAD)))
    }

    /// A whole head was read: the handler's limits count.
    pub(crate) fn begin_request(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    /// The reply is made; the next head may be long in coming.
    pub(crate) fn end_request(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// A stream with a deadline for each head, from its first byte on, and for each byte that is to be taken.
pub(crate) struct Paced<S> {
    stream: S,
    phase: Phase,
    head_time: Duration,
    head_due: Option<Instant>,
    head_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, phase: Phase, head_time: Duration) -> Self {
        let head_due = Some(Instant::now() + head_time);
        Self { stream, phase, head_time, head_due, head_timer: None, write_timer: None }
    }

    /// An error once the head is due. Wakes the task then.
    fn check_head(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.phase.is(HEAD) {
            self.head_due = None;
            self.head_timer = None;
            return Ok(());
        }
        let due = *self.head_due.get_or_insert_with(|| Instant::now() + self.head_time);
        let timer = self.head_timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.as_mut().poll(context).is_ready() { Err(too_slow("the head of a request")) } else { Ok(()) }
    }

    fn check_write<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + STALL)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(too_slow("taking a reply")))
    }
}

fn too_slow(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long"))
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let got = buffer.filled().len() - filled;
        if got > 0 && this.phase.is(IDLE) {
            this.phase.0.store(HEAD, Ordering::Relaxed);
            this.head_due = Some(Instant::now() + this.head_time);
            this.head_timer = None;
            // Most heads come in one piece: no timer for them.
            return read;
        }
        // Bytes that drip in do not put the deadline off.
        this.check_head(context)?;
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.check_write(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.check_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.check_write(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.check_write(context, shut)
    }
}
