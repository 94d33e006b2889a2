//! From the network to the disk in one pass: checked as it comes, kept sealed, and written as the caller's file where there is one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::folder::Temporary;
use super::seal::PIECE_BYTES;
use super::verify::{Expected, Verifier};
use crate::error::Error;

/// Pieces that are checked and wait to be written.
const CHECKED_WAITING: usize = 4;

/// Writes what comes, checked, into a file of the home, and what it opens to into the caller's file. Blocks.
pub(super) struct Writing {
    pub(super) file: Temporary,
    /// The caller's; what is in it counts only once all of it was checked.
    target: Option<File>,
    verifier: Verifier,
}

/// A piece that was checked.
struct Checked {
    sealed: Bytes,
    content: Vec<u8>,
}

impl Writing {
    /// Goes on after what an earlier try has written, if that is sound.
    pub(super) fn resume(file: Temporary, target: Option<File>, expected: Expected) -> Result<Self, Error> {
        let mut writing = Self { file, target, verifier: Verifier::new(expected.clone())? };
        match writing.check_what_is_there() {
            Ok(()) => {}
            // It is fetched again from the first byte.
            Err(Error::ContentDamaged { .. }) => {
                writing.verifier = Verifier::new(expected)?;
                writing.handle()?.set_len(0).map_err(|error| writing.file.writing(error))?;
                writing.target.as_mut().map_or(Ok(()), begin_anew).map_err(unwritable)?;
            }
            Err(error) => return Err(error),
        }
        let taken = writing.verifier.taken();
        writing.handle()?.seek(SeekFrom::Start(taken)).map_err(|error| writing.file.writing(error))?;
        Ok(writing)
    }

    /// How many bytes are there.
    pub(super) const fn taken(&self) -> u64 {
        self.verifier.taken()
    }

    /// Writes what comes until no more does. One thread checks what another writes.
    pub(super) fn run(mut self, mut pieces: mpsc::Receiver<Bytes>) -> Result<Self, Error> {
        let Self { file, target, verifier } = &mut self;
        let file: &Temporary = file;
        let (checked, to_write) = sync_channel(CHECKED_WAITING);
        let (written, reuse) = channel();
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || write(file, target.as_mut(), &to_write, &written));
            let mut outcome = Ok(());
            while let Some(sealed) = pieces.blocking_recv() {
                let mut content: Vec<u8> = reuse.try_recv().unwrap_or_default();
                // Checked first: what is in the file is sound, so that a later try can go on with it.
                outcome = verifier.take(&sealed, &mut content);
                // Nobody takes it: the writer has failed, and says why.
                if outcome.is_err() || checked.send(Checked { sealed, content }).is_err() {
                    break;
                }
            }
            drop((checked, pieces));
            let written = writer.join().map_err(|_| Error::bug("the writer of a download panicked"))?;
            written.and(outcome)
        })?;
        Ok(self)
    }

    /// Checks that it is whole, and waits until it is on the disk, if it is to be kept.
    pub(super) fn finish(self, is_kept: bool) -> Result<Temporary, (Temporary, Error)> {
        let Self { file, verifier, target: _ } = self;
        let synced = verifier.finish().and_then(|()| {
            let synced = file.file().filter(|_| is_kept).map_or(Ok(()), File::sync_all);
            synced.map_err(|error| file.writing(error))
        });
        match synced {
            Ok(()) => Ok(file),
            Err(error) => Err((file, error)),
        }
    }

    /// Takes away what is there, of an object that is not the one it has to be.
    pub(super) fn discard(self, reason: &str) -> Error {
        let Self { file, verifier, target: _ } = self;
        file.discard();
        verifier.expected.damaged(reason)
    }

    fn handle(&self) -> Result<&File, Error> {
        handle(&self.file)
    }

    fn check_what_is_there(&mut self) -> Result<(), Error> {
        let (mut piece, mut content) = (vec![0; PIECE_BYTES], Vec::new());
        loop {
            let read = self.handle()?.read(&mut piece).map_err(|error| self.file.writing(error))?;
            if read == 0 {
                return Ok(());
            }
            self.verifier.take(&piece[..read], &mut content)?;
            self.target.as_mut().map_or(Ok(()), |target| target.write_all(&content)).map_err(unwritable)?;
            content.clear();
        }
    }
}

fn write(
    file: &Temporary,
    mut target: Option<&mut File>,
    checked: &Receiver<Checked>,
    written: &Sender<Vec<u8>>,
) -> Result<(), Error> {
    let mut sealed_file = handle(file)?;
    while let Ok(Checked { sealed, mut content }) = checked.recv() {
        sealed_file.write_all(&sealed).map_err(|error| file.writing(error))?;
        target.as_mut().map_or(Ok(()), |target| target.write_all(&content)).map_err(unwritable)?;
        content.clear();
        // Nobody needs it any more at the end.
        let _ = written.send(content);
    }
    Ok(())
}

fn handle(file: &Temporary) -> Result<&File, Error> {
    file.file().ok_or_else(|| Error::bug("a temporary file without a file"))
}

fn begin_anew(target: &mut File) -> io::Result<()> {
    target.set_len(0)?;
    target.rewind()
}

/// The caller's file cannot be written.
pub(super) const fn unwritable(source: io::Error) -> Error {
    Error::TargetUnwritable { source }
}
