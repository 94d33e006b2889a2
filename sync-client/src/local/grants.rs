//! The grants that open for the account, with the keys of its spaces in them.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result, params};
use tidegate_protocol::GrantId;

use super::schema;

/// What stands in `meta` from the moment that grants under new keys take the others' place, until everything is written down anew
/// under these keys.
const WRITE_DOWN: &str = "write_down";

/// A grant's blob, and whether it has yet to be stored.
pub(crate) type KeptGrants = BTreeMap<GrantId, (Vec<u8>, bool)>;

/// Puts these in the place of all that are there.
pub(super) fn replace(connection: &mut Connection, grants: &KeptGrants) -> Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM grants", [])?;
    for (grant, (blob, unsent)) in grants {
        let sql = "INSERT INTO grants (id, blob, unsent) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![grant.to_string(), blob, unsent])?;
    }
    schema::set_meta(&transaction, WRITE_DOWN, true)?;
    transaction.commit()
}

pub(super) fn must_write_down(connection: &Connection) -> Result<bool> {
    Ok(schema::meta(connection, WRITE_DOWN)?.unwrap_or(false))
}

pub(super) fn set_must_write_down(connection: &Connection, must: bool) -> Result<()> {
    schema::set_meta(connection, WRITE_DOWN, must)
}
