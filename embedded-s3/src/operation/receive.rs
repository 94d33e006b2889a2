//! Receives a body: into memory where it is small, else into a temporary file, never more than one piece at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError};

use super::expected::Expected;
use super::failure::{error, failed, internal};
use crate::body::{BodyDigests, BodyStore, Digester, LARGEST_SMALL, NewBody, PIECE, StagedBody, TempBody};
use crate::error::StoreError;

/// A client that sends nothing for this long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A body that was received whole.
pub(super) enum Received {
    /// Still in memory: at most [`PIECE`] bytes.
    Small(Vec<u8>, BodyDigests),
    /// In a temporary file.
    Large(TempBody, BodyDigests),
}

impl Received {
    pub(super) const fn digests(&self) -> &BodyDigests {
        match self {
            Self::Small(_, digests) | Self::Large(_, digests) => digests,
        }
    }

    /// Whether it comes to the disk with its commit: then [`Self::into_body`] does not block.
    pub(super) fn lies_in_index(&self) -> bool {
        matches!(self, Self::Small(bytes, _) if bytes.len() <= LARGEST_SMALL)
    }

    /// A body that a commit can give to a key. Blocks, unless it lies in the index.
    pub(super) fn into_body(self, bodies: &Arc<BodyStore>) -> std::io::Result<NewBody> {
        match self {
            Self::Small(bytes, _) => NewBody::of(bodies, bytes),
            Self::Large(file, _) => file.stage().map(NewBody::File),
        }
    }

    /// The same as a file, whatever its size. Blocks.
    pub(super) fn stage(self, bodies: &Arc<BodyStore>) -> std::io::Result<StagedBody> {
        match self {
            Self::Small(bytes, _) => {
                let mut file = TempBody::create(Arc::clone(bodies))?;
                file.write(&bytes)?;
                file.stage()
            }
            Self::Large(file, _) => file.stage(),
        }
    }
}

/// Receives what `expected` announces, and no byte more.
pub(super) async fn receive(bodies: &Arc<BodyStore>, body: Option<StreamingBlob>, expected: &Expected) -> S3Result<Received> {
    let mut incoming = Incoming { body, left: expected.length };
    let digester = Digester::new(expected.wanted());
    if expected.length <= PIECE as u64 {
        return receive_small(&mut incoming, digester).await;
    }
    receive_large(&mut incoming, digester, bodies).await
}

async fn receive_small(incoming: &mut Incoming, mut digester: Digester) -> S3Result<Received> {
    let mut bytes = Vec::with_capacity(usize::try_from(incoming.left).unwrap_or(PIECE));
    while let Some(piece) = incoming.next().await? {
        bytes.extend_from_slice(&piece);
    }
    digester.update(&bytes);
    Ok(Received::Small(bytes, digester.finish()))
}

/// Each piece is written and digested at the same time.
async fn receive_large(incoming: &mut Incoming, mut digester: Digester, bodies: &Arc<BodyStore>) -> S3Result<Received> {
    let store = Arc::clone(bodies);
    let mut file = on_disk(move || TempBody::create(store)).await?;
    let mut buffer = Vec::with_capacity(PIECE);
    loop {
        let piece = incoming.next().await?;
        let finished = piece.is_none();
        buffer.extend_from_slice(&piece.unwrap_or_default());
        if buffer.len() >= PIECE || finished {
            let written = Arc::new(std::mem::replace(&mut buffer, Vec::with_capacity(PIECE)));
            let digested = Arc::clone(&written);
            let write = on_disk(move || file.write(&written).map(|()| file));
            let digest = on_disk(move || {
                digester.update(&digested);
                Ok(digester)
            });
            (file, digester) = tokio::try_join!(write, digest)?;
        }
        if finished {
            return Ok(Received::Large(file, digester.finish()));
        }
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(internal(&StoreError::Closed)),
    }
}

struct Incoming {
    body: Option<StreamingBlob>,
    /// Bytes that were announced and have not come yet.
    left: u64,
}

impl Incoming {
    async fn next(&mut self) -> S3Result<Option<Bytes>> {
        let Some(body) = self.body.as_mut() else {
            return Ok(None);
        };
        let next = tokio::time::timeout(PATIENCE, body.next()).await;
        let next = next.map_err(|_| error(S3ErrorCode::RequestTimeout, "the body stopped coming"))?;
        let Some(piece) = next.transpose().map_err(|cause| broken(&cause))? else {
            return Ok(None);
        };
        let length = piece.len() as u64;
        self.left = self
            .left
            .checked_sub(length)
            .ok_or_else(|| error(S3ErrorCode::IncompleteBody, "the body is longer than was said"))?;
        Ok(Some(piece))
    }
}

/// Why a body broke off. `s3s` keeps its stream errors to itself; their names are all there is to go by.
fn broken(cause: &StdError) -> S3Error {
    let cause = cause.to_string();
    if cause.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let mut mismatch = error(code, "the body does not fit x-amz-content-sha256");
        mismatch.set_status_code(http::StatusCode::BAD_REQUEST);
        return mismatch;
    }
    if cause.contains("SignatureMismatch") {
        return error(S3ErrorCode::SignatureDoesNotMatch, "the signature of a chunk does not fit");
    }
    error(S3ErrorCode::IncompleteBody, "the body broke off or is malformed")
}
