//! Contents in the database, read with nothing held but the database.

use std::path::PathBuf;
use std::sync::PoisonError;

use rusqlite::{OptionalExtension as _, params};
use tidegate_protocol::{ContentHmac, Space};

use super::asleep::Shelf;
use super::sealing::content_row;
use crate::error::Error;

/// Where contents are read, beside whatever else is done with the account.
#[derive(Debug, Clone)]
pub(crate) struct ContentRows {
    pub(super) shelf: Shelf,
    pub(super) path: PathBuf,
}

impl ContentRows {
    /// Several contents, read as of one moment; `None` for each that is not there.
    pub(crate) fn read(&self, names: &[Option<(Space, ContentHmac)>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let sealed = self.sealed(names).map_err(|error| super::failure(&self.path, error))?;
        let open = |(name, sealed): (&Option<(Space, ContentHmac)>, Option<Vec<u8>>)| {
            let Some(((space, hmac), sealed)) = name.zip(sealed) else { return Ok(None) };
            let opened = self.shelf.sealing.open(&content_row(space, hmac), &sealed);
            opened.map(Some).map_err(|reason| Error::DatabaseDamaged { reason })
        };
        names.iter().zip(sealed).map(open).collect()
    }

    fn sealed(&self, names: &[Option<(Space, ContentHmac)>]) -> rusqlite::Result<Vec<Option<Vec<u8>>>> {
        let connection = self.shelf.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // In one transaction: each content by itself would take locks on the file.
        let transaction = connection.unchecked_transaction()?;
        let mut statement = transaction.prepare_cached("SELECT sealed FROM contents WHERE space = ?1 AND hmac = ?2")?;
        let read = |name: &Option<(Space, ContentHmac)>| {
            let Some((space, hmac)) = name else { return Ok(None) };
            statement.query_row(params![space.to_string(), hmac.to_string()], |row| row.get(0)).optional()
        };
        names.iter().map(read).collect()
    }
}
