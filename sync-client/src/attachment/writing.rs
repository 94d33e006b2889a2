//! From the network to the disk in one pass: checked as it comes, kept sealed where it is to stay on the device, and written as the
//! caller's file where there is one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use bytes::Bytes;
use tidegate_sync_core::envelope::HEADER_BYTES;
use tokio::sync::mpsc;

use super::folder::Temporary;
use super::seal::PIECE_BYTES;
use super::verify::{Expected, Verifier};
use crate::error::Error;

/// Pieces that are checked and wait to be written.
const CHECKED_WAITING: usize = 4;

/// Writes what comes, checked. Blocks.
pub(super) struct Writing {
    /// A file of the home, for the bytes as they come. Where there is one, a later try goes on from it, and else from the target.
    sealed: Option<Temporary>,
    /// The caller's; what is in it counts only once all of it was checked.
    target: Option<File>,
    verifier: Verifier,
    /// Bytes of the content that were in the target before: only the end tells whether they are the right ones.
    unproven: u64,
}

/// How a download ended that has come to its object's end.
pub(super) enum Finished {
    /// It is the content; with the sealed file, if there is one.
    Whole(Option<Temporary>),
    /// What was in the target before is not how the content begins: all of it is to come again.
    Anew(Box<Writing>),
}

/// A piece that was checked.
struct Checked {
    sealed: Bytes,
    content: Vec<u8>,
}

impl Writing {
    /// Goes on after the sealed bytes that an earlier try has written, if they are sound. The target is written from its start.
    pub(super) fn resume(sealed: Temporary, target: Option<File>, expected: Expected) -> Result<Self, Error> {
        let verifier = Verifier::of_object(expected.clone())?;
        let mut writing = Self { sealed: Some(sealed), target, verifier, unproven: 0 };
        writing.empty_target()?;
        match writing.check_what_is_there() {
            Ok(()) => {}
            // It is fetched again from the first byte.
            Err(Error::ContentDamaged { .. }) => {
                writing.verifier = Verifier::of_object(expected)?;
                writing.on_sealed(|file| file.set_len(0))?;
                writing.empty_target()?;
            }
            Err(error) => return Err(error),
        }
        let taken = writing.verifier.taken();
        writing.on_sealed(|mut file| file.seek(SeekFrom::Start(taken)))?;
        Ok(writing)
    }

    /// Goes on after the content that an earlier try has left in the caller's file. `head` is the object's; without it, and in a
    /// file that cannot be read, it begins anew.
    pub(super) fn into_file(target: File, head: Option<[u8; HEADER_BYTES]>, expected: Expected) -> Result<Self, Error> {
        let at_hand = target.metadata().map_err(unwritable)?.len();
        if let Some(head) = head {
            let (mut verifier, unproven) = Verifier::after(expected.clone(), &head, at_hand)?;
            if take_content(&target, unproven, &mut verifier).is_ok() {
                target.set_len(unproven).and_then(|()| (&target).seek(SeekFrom::Start(unproven))).map_err(unwritable)?;
                return Ok(Self { sealed: None, target: Some(target), verifier, unproven });
            }
        }
        let mut writing = Self { sealed: None, target: Some(target), verifier: Verifier::of_content(expected)?, unproven: 0 };
        writing.empty_target()?;
        Ok(writing)
    }

    /// How many of the object's bytes are there.
    pub(super) const fn taken(&self) -> u64 {
        self.verifier.taken()
    }

    /// Writes what comes until no more does. One thread checks what another writes. After an error nothing is left of the sealed
    /// bytes: damaged ones are not gone on with, and a full disk needs the room.
    pub(super) fn run(mut self, mut pieces: mpsc::Receiver<Bytes>) -> Result<Self, Error> {
        let Self { sealed: file, target, verifier, .. } = &mut self;
        let file = file.as_ref();
        let (checked, to_write) = sync_channel(CHECKED_WAITING);
        let (written, reuse) = channel();
        let ran = std::thread::scope(|scope| {
            let writer = scope.spawn(move || write(file, target.as_mut(), &to_write, &written));
            let mut outcome = Ok(());
            while let Some(sealed) = pieces.blocking_recv() {
                let mut content: Vec<u8> = reuse.try_recv().unwrap_or_default();
                // Checked first: what is in the files is sound, so that a later try can go on with it.
                outcome = verifier.take(&sealed, &mut content);
                // Nobody takes it: the writer has failed, and says why.
                if outcome.is_err() || checked.send(Checked { sealed, content }).is_err() {
                    break;
                }
            }
            drop((checked, pieces));
            let written = writer.join().map_err(|_| Error::bug("the writer of a download panicked"))?;
            written.and(outcome)
        });
        match ran {
            Ok(()) => Ok(self),
            Err(error) => {
                discard(self.sealed);
                Err(error)
            }
        }
    }

    /// Checks that it is whole, and waits until it is on the disk, if it stays on the device.
    pub(super) fn finish(self) -> Result<Finished, Error> {
        let Self { sealed, target, verifier, unproven } = self;
        let expected = verifier.expected.clone();
        match (verifier.finish(), target) {
            (Ok(()), _) => {}
            (Err(_), Some(target)) if unproven > 0 => {
                return Ok(Finished::Anew(Box::new(Self::into_file(target, None, expected)?)));
            }
            (Err(error), _) => {
                discard(sealed);
                return Err(error);
            }
        }
        let Some(sealed) = sealed else { return Ok(Finished::Whole(None)) };
        match sealed.file().map_or(Ok(()), File::sync_all) {
            Ok(()) => Ok(Finished::Whole(Some(sealed))),
            Err(error) => {
                let error = sealed.writing(error);
                sealed.discard();
                Err(error)
            }
        }
    }

    /// Takes away what is there, of an object that is not the one it has to be.
    pub(super) fn discard(self, reason: &str) -> Error {
        discard(self.sealed);
        self.verifier.expected.damaged(reason)
    }

    fn on_sealed<T>(&self, act: impl FnOnce(&File) -> io::Result<T>) -> Result<(), Error> {
        let Some(sealed) = &self.sealed else { return Ok(()) };
        act(handle(sealed)?).map(drop).map_err(|error| sealed.writing(error))
    }

    fn empty_target(&mut self) -> Result<(), Error> {
        self.target.as_mut().map_or(Ok(()), begin_anew).map_err(unwritable)
    }

    fn check_what_is_there(&mut self) -> Result<(), Error> {
        let Some(sealed) = &self.sealed else { return Ok(()) };
        let mut file = handle(sealed)?;
        let (mut piece, mut content) = (vec![0; PIECE_BYTES], Vec::new());
        loop {
            let read = file.read(&mut piece).map_err(|error| sealed.writing(error))?;
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
    sealed_file: Option<&Temporary>,
    mut target: Option<&mut File>,
    checked: &Receiver<Checked>,
    written: &Sender<Vec<u8>>,
) -> Result<(), Error> {
    while let Ok(Checked { sealed, mut content }) = checked.recv() {
        if let Some(file) = sealed_file {
            handle(file)?.write_all(&sealed).map_err(|error| file.writing(error))?;
        }
        target.as_mut().map_or(Ok(()), |target| target.write_all(&content)).map_err(unwritable)?;
        content.clear();
        // Nobody needs it any more at the end.
        let _ = written.send(content);
    }
    Ok(())
}

/// Reads the first bytes of the content in a file.
fn take_content(mut file: &File, length: u64, verifier: &mut Verifier) -> io::Result<()> {
    file.rewind()?;
    let mut left = length;
    let mut piece = vec![0; PIECE_BYTES];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        file.read_exact(&mut piece[..wanted])?;
        verifier.take_content(&piece[..wanted]);
        left -= wanted as u64;
    }
    Ok(())
}

fn discard(sealed: Option<Temporary>) {
    if let Some(sealed) = sealed {
        sealed.discard();
    }
}

fn handle(file: &Temporary) -> Result<&File, Error> {
    file.file().ok_or_else(|| Error::bug("a temporary file without a file"))
}

/// Takes out what is in a file, and goes to its start. What is no file has neither.
pub(crate) fn begin_anew(file: &mut File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    // Of a file that was cut, even one that was empty, ext4 brings to the disk on closing what was written since.
    if metadata.len() > 0 {
        file.set_len(0)?;
    }
    file.rewind()
}

/// The caller's file cannot be written.
pub(crate) const fn unwritable(source: io::Error) -> Error {
    Error::TargetUnwritable { source }
}
