//! A request body that can still be read after the protocol has let go of it.
//!
//! A refusal is often decided while the client is still sending. Hanging up then would reset the connection, and the client would see
//! a broken pipe in place of the reason; so a bounded rest of the body is read and thrown away before the answer goes out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Bytes that are thrown away at most.
const MOST: u64 = 64 << 20;

/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A handle on a body; clones read on where another stopped.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Incoming>>);

impl SharedBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads the rest, within limits.
    pub(crate) async fn drain(mut self) {
        let rest = async {
            let mut drained = 0;
            while drained < MOST
                && let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await
            {
                drained += frame.data_ref().map_or(0, |piece| piece.len() as u64);
            }
        };
        // What is not read in time is cut off with the connection.
        tokio::time::timeout(PATIENCE, rest).await.ok();
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
