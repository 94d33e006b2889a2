//! Sealed files and the database: a file gets its name and then its row, and loses its row and then its name.

use std::fs::File;

use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::{Edit, Engine, Persist, Row, Step};
use tidegate_sync_core::envelope::StreamSealer;
use tidegate_sync_core::keys::SpaceKeys;

use super::folder::{Folder, Temporary};
use super::open::SealedReader;
use super::seal::{Seal, Sealed, seal};
use super::source::OpenSource;
use crate::device::{Device, LocalState};
use crate::error::Error;
use crate::local::Upload;

impl Device {
    /// The folder of the attachments on this device.
    pub(crate) fn folder(&self) -> Folder {
        Folder::of(&self.home)
    }

    /// Decides an edit that may need a sealed file, gives that its name, and commits. A file that is there already stays: an
    /// upload of it may be on its way.
    pub(crate) fn edit_with_file<T>(
        &self,
        (space, hmac, size): (Space, ContentHmac, u64),
        sealed: Option<Sealed>,
        decide: impl FnOnce(&Engine, u64) -> Result<(Edit, T), Error>,
    ) -> Result<Filed<T>, Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let decided = decide(&state.engine, self.now_ms());
        state.check_read()?;
        let (edit, result) = decided?;
        if edit.batch.rows.is_empty() {
            return Ok(Filed::Done(result));
        }
        let folder = self.folder();
        let upload = if folder.length_of(hmac).is_some() {
            None
        } else {
            // Taken from the cache since it was looked for.
            let Some(Sealed { file, length, hashes }) = sealed else { return Ok(Filed::FileIsGone) };
            file.place(&folder.path_of(hmac))?;
            Some(Upload { size, length, hashes, began_at_ms: None, upload_id: None, stored: false })
        };
        state.persist_with_upload(&edit.batch, upload.as_ref().map(|upload| (space, hmac, upload)))?;
        state.engine.committed(&edit);
        Ok(Filed::Done(result))
    }

    /// Keeps an attachment that was fetched and checked.
    pub(crate) fn keep_file(&self, space: Space, hmac: ContentHmac, size: u64, fetched: Temporary) -> Result<File, Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let path = self.folder().path_of(hmac);
        // These bytes are in the store: were they sent again, an old name would come back to life.
        state.database.remove_upload(space, hmac)?;
        let file = fetched.place(&path)?;
        let rows = vec![Row::PutContentFile { space, hmac, size }];
        state.persist(&Persist { step: Step::Contents, rows })?;
        state.engine.content_stored(space, hmac);
        Ok(file)
    }

    /// Puts other sealed bytes of a content in the place of those that may not be sent any more.
    pub(crate) fn replace_file(&self, space: Space, hmac: ContentHmac, size: u64, sealed: Sealed) -> Result<Upload, Error> {
        let Sealed { file, length, hashes } = sealed;
        let upload = Upload { size, length, hashes, began_at_ms: None, upload_id: None, stored: false };
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        // In this order: a crash in between leaves a file of which nothing is known, and it is sealed once more.
        state.database.remove_upload(space, hmac)?;
        file.place(&self.folder().path_of(hmac))?;
        state.database.put_upload(space, hmac, &upload)?;
        Ok(upload)
    }

    /// Takes attachments from the device that can be fetched again; `true` for each that is gone.
    pub(crate) fn remove_file(&self, space: Space, hmac: ContentHmac) -> Result<bool, Error> {
        let _guard = self.lock.acquire()?;
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let can_go = state.engine.can_fetch_again(space, hmac);
        state.check_read()?;
        if !can_go {
            return Ok(false);
        }
        state.persist(&Persist { step: Step::Contents, rows: vec![Row::RemoveContent { space, hmac }] })?;
        state.engine.content_removed(space, hmac);
        self.folder().remove(hmac)?;
        Ok(true)
    }

    /// Takes away what crashes have left in the folder, unless another process works on the home.
    pub(crate) fn sweep_files(&self) -> Result<(), Error> {
        // Most starts find that nothing was written here since the last time: what is there need not be looked at.
        if !self.folder().is_marked() {
            return Ok(());
        }
        let Some(_guard) = self.lock.try_acquire()? else { return Ok(()) };
        let mut state = self.state();
        self.catch_up(&mut state)?;
        let known = state.database.files()?.into_iter().map(|(_, hmac)| hmac).collect();
        self.folder().sweep(&known);
        Ok(())
    }
}

/// The outcome of an edit that may need a sealed file.
pub(crate) enum Filed<T> {
    /// It is committed, or there was nothing to do.
    Done(T),
    /// The file that was counted on is gone; it has to be sealed again.
    FileIsGone,
}

impl LocalState {
    /// Opens a content on the device: its row, or else its file; `None` if it is not here.
    pub(crate) fn open_local(&self, folder: &Folder, space: Space, hmac: ContentHmac) -> Result<Option<LocalContent>, Error> {
        // The row first: of ten thousand small records none has a file.
        if let Some(bytes) = self.database.content(space, hmac)? {
            return Ok(Some(LocalContent::Row(bytes)));
        }
        let path = folder.path_of(hmac);
        let opened = File::open(&path).and_then(|file| SealedReader::new(file, self.engine.keyring(), space, hmac));
        match opened {
            Ok(reader) => Ok(Some(LocalContent::File(reader))),
            Err(error) if super::damage(&error).is_some() => Ok(None),
            Err(error) => Err(Error::HomeUnreadable { path, source: error }),
        }
    }
}

/// A content on the device.
#[derive(Debug)]
pub(crate) enum LocalContent {
    /// In a sealed file.
    File(SealedReader),
    /// In the database.
    Row(Vec<u8>),
}

/// Begins to seal a content under the current key and a salt of its own.
pub(crate) fn begin_seal(keys: &SpaceKeys, space: Space, hmac: ContentHmac, size: u64) -> Result<Seal, Error> {
    use rand_core::Rng as _;
    let mut salt = [0; 32];
    crate::random::system().fill_bytes(&mut salt);
    let begun = StreamSealer::begin(keys.key(), space, hmac, salt, size);
    let (sealer, head) = begun.map_err(|error| Error::bug(error.to_string()))?;
    Ok(Seal { sealer, head, hmac, size, naming: keys.attachment_key().hasher() })
}

/// Seals a source that was named, for its first upload.
pub(crate) fn seal_for_attach(
    folder: &Folder,
    keys: &SpaceKeys,
    (space, hmac, size): (Space, ContentHmac, u64),
    source: &mut OpenSource,
    progress: impl FnMut(u64),
) -> Result<Sealed, Error> {
    source.rewind()?;
    let path = source.path().cloned().unwrap_or_default();
    let unreadable = |source| Error::SourceUnreadable { path: path.clone(), source };
    seal(folder, begin_seal(keys, space, hmac, size)?, source, unreadable, progress)
}
