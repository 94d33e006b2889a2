//! What the database knows of the attachments that lie as sealed files beside it.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use tidegate_protocol::{ContentHmac, Sha256, Space};

use super::{Database, encode, records};
use crate::attachment::{ObjectHashes, goes_in_parts};
use crate::error::Error;
use crate::transport::UploadId;

/// A sealed file's bytes that may be sent to the store, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The content's length in bytes.
    pub(crate) size: u64,
    /// Length of the file in bytes.
    pub(crate) length: u64,
    /// The hashes of its bytes.
    pub(crate) hashes: ObjectHashes,
    /// When the first byte was about to be sent.
    pub(crate) began_at_ms: Option<u64>,
    /// The upload in parts that is going on.
    pub(crate) upload_id: Option<UploadId>,
    /// Whether the store has all of it.
    pub(crate) stored: bool,
}

impl Database {
    /// What is known of an attachment's sealed file; `None` if its bytes may not be sent.
    pub(crate) fn upload(&self, space: Space, hmac: ContentHmac) -> std::result::Result<Option<Upload>, Error> {
        read(&self.connection(), space, hmac).map_err(|error| self.failure(error))
    }

    pub(crate) fn put_upload(&mut self, space: Space, hmac: ContentHmac, upload: &Upload) -> std::result::Result<(), Error> {
        write(&self.connection(), space, hmac, upload).map_err(|error| self.failure(error))
    }

    pub(crate) fn remove_upload(&mut self, space: Space, hmac: ContentHmac) -> std::result::Result<(), Error> {
        let sql = "DELETE FROM uploads WHERE space = ?1 AND hmac = ?2";
        let removed = self.connection().execute(sql, params![space.to_string(), hmac.to_string()]);
        removed.map(drop).map_err(|error| self.failure(error))
    }

    /// The attachments that lie as files.
    pub(crate) fn files(&self) -> std::result::Result<Vec<(Space, ContentHmac)>, Error> {
        let work = || -> Result<Vec<(String, String)>> {
            let connection = self.connection();
            let mut statement = connection.prepare_cached("SELECT space, hmac FROM files")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        let rows = work().map_err(|error| self.failure(error))?;
        let named = |(space, hmac): (String, String)| Some((encode::read_space(&space)?, hmac.parse().ok()?));
        Ok(rows.into_iter().filter_map(named).collect())
    }
}

fn read(db: &Connection, space: Space, hmac: ContentHmac) -> Result<Option<Upload>> {
    let sql = "SELECT size, length, hashes, began_at_ms, upload_id, stored FROM uploads JOIN files USING (space, hmac)
               WHERE space = ?1 AND hmac = ?2";
    db.prepare_cached(sql)?
        .query_row(params![space.to_string(), hmac.to_string()], |row| {
            let (size, length): (i64, i64) = (row.get(0)?, row.get(1)?);
            let hashes: Vec<u8> = row.get(2)?;
            let began: Option<i64> = row.get(3)?;
            let size = size.unsigned_abs();
            let hashes = hashes.as_chunks::<32>().0.iter().copied().map(Sha256::from_bytes).collect();
            Ok(Upload {
                size,
                length: length.unsigned_abs(),
                hashes: ObjectHashes { in_parts: goes_in_parts(size), hashes },
                began_at_ms: began.map(i64::unsigned_abs),
                upload_id: row.get::<_, Option<String>>(4)?.map(UploadId),
                stored: row.get(5)?,
            })
        })
        .optional()
}

/// Writes what is known of a sealed file, and that it is there.
pub(super) fn write(db: &Connection, space: Space, hmac: ContentHmac, upload: &Upload) -> Result<()> {
    let file = "INSERT OR REPLACE INTO files (space, hmac, size) VALUES (?1, ?2, ?3)";
    let (space, hmac) = (space.to_string(), hmac.to_string());
    db.prepare_cached(file)?.execute(params![space, hmac, records::number(upload.size)])?;
    let hashes: Vec<u8> = upload.hashes.hashes.iter().flat_map(Sha256::as_bytes).copied().collect();
    let began = upload.began_at_ms.map(records::number);
    let id = upload.upload_id.as_ref().map(|id| id.0.as_str());
    let sql = "INSERT OR REPLACE INTO uploads (space, hmac, length, hashes, began_at_ms, upload_id, stored)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let length = records::number(upload.length);
    db.prepare_cached(sql)?.execute(params![space, hmac, length, hashes, began, id, upload.stored]).map(drop)
}
