//! The body of a request: bytes at hand, or a part of a file that is read as it is sent.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::Body;
use tidegate_protocol::Sha256;
use tidegate_sigv4::PayloadHash;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::patience::Patience;
use super::traffic::TrafficCounter;

/// How much of a body is handed over at a time: what is on its way is held in memory once a request.
const PIECE_BYTES: usize = 128 * 1024;

/// A part of a file, sent as it is. The file must not change while it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSlice {
    /// The file.
    pub path: PathBuf,
    /// Where the part begins.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// The hash of its bytes.
    pub sha256: Sha256,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// None.
    Empty,
    /// Bytes at hand.
    Held(Bytes),
    /// A part of a file.
    File(FileSlice),
}

impl Payload {
    pub(crate) const fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Held(bytes) => bytes.len() as u64,
            Self::File(slice) => slice.length,
        }
    }

    /// What a signature says about it.
    pub(crate) fn hash(&self) -> PayloadHash {
        match self {
            Self::Empty => PayloadHash::of(b""),
            Self::Held(bytes) => PayloadHash::of(bytes),
            Self::File(slice) => PayloadHash::Sha256(*slice.sha256.as_bytes()),
        }
    }

    /// The body, each piece counted as it is taken up; `None` where there is none.
    pub(crate) fn into_body(self, traffic: &Arc<TrafficCounter>, patience: &Patience) -> Option<Body> {
        match self {
            Self::Empty => None,
            Self::Held(bytes) if bytes.len() <= PIECE_BYTES => {
                traffic.sent(bytes.len() as u64);
                Some(Body::from(bytes))
            }
            Self::Held(bytes) => Some(counted(stream::iter(pieces(bytes)).map(Ok), traffic, patience)),
            Self::File(slice) => Some(counted(read(slice), traffic, patience)),
        }
    }
}

fn pieces(bytes: Bytes) -> impl Iterator<Item = Bytes> + Send {
    let starts = (0..bytes.len()).step_by(PIECE_BYTES);
    starts.map(move |start| bytes.slice(start..bytes.len().min(start + PIECE_BYTES)))
}

fn read(slice: FileSlice) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let open = async move {
        let mut file = tokio::fs::File::open(&slice.path).await?;
        file.seek(std::io::SeekFrom::Start(slice.offset)).await?;
        Ok::<_, std::io::Error>(ReaderStream::with_capacity(file.take(slice.length), PIECE_BYTES))
    };
    stream::once(open).try_flatten()
}

fn counted<S>(pieces: S, traffic: &Arc<TrafficCounter>, patience: &Patience) -> Body
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let (traffic, patience) = (Arc::clone(traffic), patience.clone());
    Body::wrap_stream(pieces.inspect_ok(move |piece| {
        traffic.sent(piece.len() as u64);
        patience.renew();
    }))
}
