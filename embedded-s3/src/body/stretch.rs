//! A stretch of an object, read through the files that hold it: one after the other, each opened when it is its turn.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, Take};
use tokio::task::JoinHandle;

use super::{BodyId, BodyStore, Hold};
use crate::index::Piece;

/// Bytes that are held at a time.
pub(crate) const PIECE: usize = 256 * 1024;

/// Files that were found whole, and which of their bytes are wanted.
#[derive(Debug)]
pub(crate) struct Stretch {
    store: Arc<BodyStore>,
    slices: VecDeque<Slice>,
    /// Open already: the first, so that an object of one file needs no more looking.
    first: Option<(File, u64)>,
    hold: Option<Hold>,
    length: u64,
}

/// Bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    body: BodyId,
    /// Bytes to leave out.
    skip: u64,
    /// Bytes to read.
    length: u64,
}

impl Stretch {
    /// Opens the bytes `wanted` of an object of `size` bytes. Blocks.
    ///
    /// # Errors
    /// `NotFound` if a file is gone, `InvalidData` if one does not have its size or the pieces do not make the object.
    pub(crate) fn open(store: &Arc<BodyStore>, pieces: &[Piece], size: u64, wanted: Range<u64>) -> io::Result<Self> {
        if pieces.is_empty() {
            // The object was replaced after it was looked up.
            return Err(io::ErrorKind::NotFound.into());
        }
        if pieces.iter().map(|piece| piece.size).sum::<u64>() != size {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = wanted.end - wanted.start;
        let (touched, slices) = cut(pieces, wanted);
        let hold = (touched.len() > 1).then(|| Hold::new(Arc::clone(store), touched.iter().map(|piece| piece.body).collect()));
        // Looked at after the hold: what is there now stays.
        for piece in &touched {
            if store.size(piece.body)? != piece.size {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        let mut stretch = Self { store: Arc::clone(store), slices, first: None, hold, length };
        stretch.first = stretch.slices.pop_front().map(|slice| open(store, slice)).transpose()?;
        Ok(stretch)
    }

    /// Bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// All of it. Blocks.
    ///
    /// # Errors
    /// `UnexpectedEof` if a file ends too early, or what the system says.
    pub(crate) fn read_to_end(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or_default());
        self.read_in_pieces(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands over all of it, a bounded piece at a time. Blocks.
    ///
    /// # Errors
    /// `UnexpectedEof` if a file ends too early, what the system says, or what `take` says.
    pub(crate) fn read_in_pieces(mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; usize::try_from(self.length).unwrap_or(usize::MAX).min(PIECE)];
        let mut next = self.first.take();
        while let Some((mut file, mut left)) = next {
            while left > 0 {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let count = file.read(&mut buffer[..most])?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                take(&buffer[..count])?;
                left -= count as u64;
            }
            next = self.slices.pop_front().map(|slice| open(&self.store, slice)).transpose()?;
        }
        Ok(())
    }

    /// All of it, as it is asked for.
    pub(crate) fn into_reader(self) -> StretchReader {
        let Self { store, slices, first, hold, length: _ } = self;
        let state = first.map_or(State::Between, State::reading);
        StretchReader { store, slices, state, _hold: hold }
    }
}

/// The pieces that hold `wanted`, and which of their bytes are it. Of an empty stretch the first piece, so that it is looked at.
fn cut(pieces: &[Piece], wanted: Range<u64>) -> (Vec<Piece>, VecDeque<Slice>) {
    let (mut touched, mut slices) = (Vec::new(), VecDeque::new());
    let mut start = 0;
    for piece in pieces {
        let end = start + piece.size;
        let (from, to) = (wanted.start.max(start), wanted.end.min(end));
        if from < to {
            touched.push(*piece);
            slices.push_back(Slice { body: piece.body, skip: from - start, length: to - from });
        }
        start = end;
    }
    if touched.is_empty() {
        touched.extend(pieces.first());
    }
    (touched, slices)
}

fn open(store: &BodyStore, slice: Slice) -> io::Result<(File, u64)> {
    let mut file = store.open(slice.body)?;
    if slice.skip > 0 {
        file.seek(SeekFrom::Start(slice.skip))?;
    }
    Ok((file, slice.length))
}

/// Reads a stretch; at most one file is open at a time.
#[derive(Debug)]
pub(crate) struct StretchReader {
    store: Arc<BodyStore>,
    slices: VecDeque<Slice>,
    state: State,
    _hold: Option<Hold>,
}

#[derive(Debug)]
enum State {
    Between,
    Opening(JoinHandle<io::Result<(File, u64)>>),
    Reading(Box<Take<tokio::fs::File>>),
}

impl State {
    fn reading((file, length): (File, u64)) -> Self {
        Self::Reading(Box::new(tokio::fs::File::from_std(file).take(length)))
    }
}

impl AsyncRead for StretchReader {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let reader = &mut *self;
            reader.state = match &mut reader.state {
                State::Between => {
                    let Some(slice) = reader.slices.pop_front() else { return Poll::Ready(Ok(())) };
                    let store = Arc::clone(&reader.store);
                    State::Opening(tokio::task::spawn_blocking(move || open(&store, slice)))
                }
                State::Opening(opening) => State::reading(ready!(Pin::new(opening).poll(context)).map_err(io::Error::other)??),
                State::Reading(file) => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(&mut **file).poll_read(context, buffer))?;
                    if buffer.filled().len() > before || buffer.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if file.limit() > 0 {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    State::Between
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::TempBody;
    use super::*;

    fn stored(store: &Arc<BodyStore>, bytes: &[u8]) -> Piece {
        let mut body = TempBody::create(Arc::clone(store)).unwrap();
        body.write(bytes).unwrap();
        let body = body.stage().unwrap();
        let id = body.id();
        body.keep();
        Piece { body: id, size: bytes.len() as u64 }
    }

    #[test]
    fn files_that_do_not_make_the_object_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let pieces = [stored(&store, b"abc"), stored(&store, b"de")];
        let kind = |pieces: &[Piece], size| Stretch::open(&store, pieces, size, 0..size).err().map(|error| error.kind());
        assert_eq!(kind(&pieces, 5), None);
        assert_eq!(kind(&pieces, 6), Some(io::ErrorKind::InvalidData));
        assert_eq!(kind(&[], 0), Some(io::ErrorKind::NotFound));
        std::fs::write(store.path(pieces[1].body), b"d").unwrap();
        assert_eq!(kind(&pieces, 5), Some(io::ErrorKind::InvalidData));
        store.remove(pieces[1].body);
        assert_eq!(kind(&pieces, 5), Some(io::ErrorKind::NotFound));
    }

    #[tokio::test]
    async fn who_reads_goes_on_reading_what_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let pieces = [stored(&store, b"abc"), stored(&store, b"de")];
        let mut reader = Stretch::open(&store, &pieces, 5, 0..5).unwrap().into_reader();
        pieces.iter().for_each(|piece| store.remove(piece.body));
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"abcde");
        drop(reader);
        assert!(!store.has_bodies().unwrap());
    }

    proptest! {
        #[test]
        fn any_stretch_is_read_through_any_pieces(sizes in prop::collection::vec(1_usize..9, 1..6), from in 0_u64..40, to in 0_u64..40) {
            let home = tempfile::tempdir().unwrap();
            let store = Arc::new(BodyStore::create(home.path()).unwrap());
            let whole: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| u8::try_from(at).unwrap()).collect();
            let mut rest = whole.as_slice();
            let mut pieces = Vec::new();
            for size in sizes {
                let (piece, later) = rest.split_at(size);
                pieces.push(stored(&store, piece));
                rest = later;
            }
            let size = whole.len() as u64;
            let wanted = from.min(to).min(size)..from.max(to).min(size);
            let expected = &whole[usize::try_from(wanted.start).unwrap()..usize::try_from(wanted.end).unwrap()];
            let at_once = Stretch::open(&store, &pieces, size, wanted.clone()).unwrap();
            prop_assert_eq!(at_once.length(), expected.len() as u64);
            prop_assert_eq!(at_once.read_to_end().unwrap(), expected);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let streamed = runtime.block_on(async {
                let mut bytes = Vec::new();
                let mut reader = Stretch::open(&store, &pieces, size, wanted).unwrap().into_reader();
                reader.read_to_end(&mut bytes).await.map(|_| bytes)
            });
            prop_assert_eq!(streamed.unwrap(), expected);
        }
    }
}
