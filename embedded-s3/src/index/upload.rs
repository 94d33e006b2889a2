//! Changes of uploads in parts, inside the commit: begun, added to, completed, aborted.
//!
//! A completion copies nothing: the bodies of the parts become the pieces of the object, and that one commit shows it whole or not.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::assembly::{Assembled, Claim, StoredPart};
use super::change::{NewPart, NewUpload, Refused, UploadPlace};
use super::checksum::{Checksums, Summing};
use super::condition::Condition;
use super::record::Attributes;
use super::settings;
use super::writer::{Decided, Effect, Stored, bucket_id, retire, stored};
use crate::body::BodyId;

pub(super) fn create(
    transaction: &Transaction<'_>,
    bucket: &str,
    key: &str,
    upload: &NewUpload,
    now_ms: i64,
) -> rusqlite::Result<Decided> {
    let Some(bucket) = bucket_id(transaction, bucket)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    transaction
        .prepare_cached(
            "INSERT INTO uploads (id, bucket, key, started_ms, algorithm, checksum_type, attributes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            upload.id,
            bucket,
            key.as_bytes(),
            now_ms,
            upload.summing.map(|summing| summing.algorithm.name()),
            upload.summing.map(|summing| summing.kind.name()),
            upload.attributes.to_json()
        ])?;
    Ok(Ok(Effect { changed: true, ..Effect::default() }))
}

pub(super) fn put_part(
    transaction: &Transaction<'_>,
    place: &UploadPlace,
    part: NewPart,
    now_ms: i64,
) -> rusqlite::Result<Decided> {
    if let Err(refused) = open_upload(transaction, place)? {
        return Ok(Err(refused));
    }
    let before = transaction
        .prepare_cached("SELECT body FROM parts WHERE upload = ?1 AND number = ?2")?
        .query_row(params![place.id, part.number], |row| body_id(row, 0))
        .optional()?;
    let checksums = to_json(&part.checksums);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO parts (upload, number, size, etag, sha256, checksums, modified_ms, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            place.id,
            part.number,
            part.size.cast_signed(),
            part.etag,
            part.sha256,
            checksums,
            now_ms,
            part.body.id().0.cast_signed()
        ])?;
    let retired = before.into_iter().collect();
    Ok(Ok(Effect { retired, placed: Some(part.body), changed: true, ..Effect::default() }))
}

pub(super) fn complete(
    transaction: &Transaction<'_>,
    place: &UploadPlace,
    claim: &Claim,
    condition: &Condition,
    now_ms: i64,
) -> rusqlite::Result<Decided> {
    let upload = match find(transaction, place)? {
        Ok(upload) => upload,
        Err(refused) => return Ok(Err(refused)),
    };
    let before = stored(transaction, upload.bucket, &place.key)?;
    if let Some(completion) = upload.completion {
        return Ok(completion.again(claim, before.as_ref()));
    }
    let etag_before = before.as_ref().map(|object| object.etag.as_str());
    let selected = claim.select(parts(transaction, &place.id)?).and_then(|selection| {
        let assembled = claim.assemble(&selection.used, upload.summing)?;
        condition.check_put(etag_before)?;
        Ok((selection, assembled))
    });
    let (selection, assembled) = match selected {
        Ok(selected) => selected,
        Err(refused) => return Ok(Err(refused)),
    };

    let mut retired = retire(transaction, before.as_ref())?;
    retired.extend(selection.unused.iter().map(|part| part.body));
    let bodies: Vec<(BodyId, u64)> = selection.used.iter().map(|part| (part.body, part.size)).collect();
    write_object(transaction, &upload, place, &assembled, &bodies, now_ms)?;
    transaction.prepare_cached("DELETE FROM parts WHERE upload = ?1")?.execute([&place.id])?;
    transaction
        .prepare_cached("UPDATE uploads SET completed = ?2, etag = ?3, sha256 = ?4, checksums = ?5 WHERE id = ?1")?
        .execute(params![place.id, claim.fingerprint(), assembled.etag, assembled.sha256, to_json(&assembled.checksums)])?;
    Ok(Ok(Effect { retired, changed: true, assembled: Some(assembled), ..Effect::default() }))
}

/// What was completed stays: its parts belong to the object.
pub(super) fn abort(transaction: &Transaction<'_>, place: &UploadPlace) -> rusqlite::Result<Decided> {
    if let Err(refused) = open_upload(transaction, place)? {
        return Ok(Err(refused));
    }
    let retired = forget(transaction, &place.id)?;
    Ok(Ok(Effect { retired, changed: true, ..Effect::default() }))
}

/// Uploads that began longer ago are given up, whatever a bucket's lifecycle says.
const LIFE_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Forgets the uploads whose time is over, by their bucket's lifecycle or after 7 days; returns the bodies of their parts.
pub(super) fn give_up(transaction: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<Vec<BodyId>> {
    let mut retired = give_up_of(transaction, None, "", now_ms - LIFE_MS)?;
    for (bucket, rules) in settings::lifecycles(transaction)? {
        for rule in rules {
            let limit_ms = now_ms - i64::from(rule.abort_after_days) * DAY_MS;
            retired.extend(give_up_of(transaction, Some(bucket), &rule.prefix, limit_ms)?);
        }
    }
    Ok(retired)
}

fn give_up_of(transaction: &Transaction<'_>, bucket: Option<i64>, prefix: &str, limit_ms: i64) -> rusqlite::Result<Vec<BodyId>> {
    let prefix = prefix.as_bytes();
    let length = i64::try_from(prefix.len()).unwrap_or(i64::MAX);
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM uploads WHERE started_ms < ?1 AND (?2 IS NULL OR bucket = ?2) AND substr(key, 1, ?3) = ?4",
    )?;
    let ids: Vec<String> =
        statement.query_map(params![limit_ms, bucket, length, prefix], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut retired = Vec::new();
    for id in ids {
        retired.extend(forget(transaction, &id)?);
    }
    Ok(retired)
}

/// Forgets an upload; returns the bodies of its parts.
fn forget(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Vec<BodyId>> {
    let mut statement = transaction.prepare_cached("DELETE FROM parts WHERE upload = ?1 RETURNING body")?;
    let bodies = statement.query_map([id], |row| body_id(row, 0))?.collect::<rusqlite::Result<_>>()?;
    transaction.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
    Ok(bodies)
}

/// An upload as its row has it.
struct Upload {
    bucket: i64,
    attributes: Attributes,
    summing: Option<Summing>,
    completion: Option<Completion>,
}

/// What an upload was completed to.
struct Completion {
    fingerprint: String,
    etag: String,
    sha256: String,
    checksums: Checksums,
}

impl Completion {
    /// The answer to a completion that is repeated: the same for the same parts, as long as the key still names what they made.
    fn again(&self, claim: &Claim, stored: Option<&Stored>) -> Decided {
        let made = stored.filter(|object| object.etag == self.etag && self.fingerprint == claim.fingerprint());
        let Some(Stored { part_count, size, .. }) = made else { return Err(Refused::NoSuchUpload) };
        let (etag, sha256, checksums) = (self.etag.clone(), self.sha256.clone(), self.checksums.clone());
        let assembled = Assembled { etag, sha256, checksums, part_count: *part_count, size: *size };
        Ok(Effect { assembled: Some(assembled), ..Effect::default() })
    }
}

fn find(transaction: &Transaction<'_>, place: &UploadPlace) -> rusqlite::Result<Result<Upload, Refused>> {
    let Some(bucket) = bucket_id(transaction, &place.bucket)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    let found = transaction
        .prepare_cached(
            "SELECT attributes, completed, etag, sha256, checksums, algorithm, checksum_type FROM uploads
             WHERE id = ?1 AND bucket = ?2 AND key = ?3",
        )?
        .query_row(params![place.id, bucket, place.key.as_bytes()], |row| {
            let fingerprint: Option<String> = row.get(1)?;
            let completion = match fingerprint {
                Some(fingerprint) => {
                    let checksums = super::uploads::checksums(row, 4)?;
                    Some(Completion { fingerprint, etag: row.get(2)?, sha256: row.get(3)?, checksums })
                }
                None => None,
            };
            let attributes = Attributes::from_row(row, 0)?;
            Ok(Upload { bucket, attributes, summing: super::uploads::summing(row, 5)?, completion })
        })
        .optional()?;
    Ok(found.ok_or(Refused::NoSuchUpload))
}

/// The upload, unless it was completed.
fn open_upload(transaction: &Transaction<'_>, place: &UploadPlace) -> rusqlite::Result<Result<Upload, Refused>> {
    Ok(find(transaction, place)?.and_then(|upload| match upload.completion {
        Some(_) => Err(Refused::NoSuchUpload),
        None => Ok(upload),
    }))
}

fn parts(transaction: &Transaction<'_>, upload: &str) -> rusqlite::Result<Vec<StoredPart<BodyId>>> {
    let mut statement = transaction
        .prepare_cached("SELECT number, size, etag, sha256, checksums, body FROM parts WHERE upload = ?1 ORDER BY number")?;
    let rows = statement.query_map([upload], |row| {
        Ok(StoredPart {
            number: row.get(0)?,
            size: row.get::<_, i64>(1)?.unsigned_abs(),
            etag: row.get(2)?,
            sha256: row.get(3)?,
            checksums: super::uploads::checksums(row, 4)?,
            body: body_id(row, 5)?,
        })
    })?;
    rows.collect()
}

fn write_object(
    transaction: &Transaction<'_>,
    upload: &Upload,
    place: &UploadPlace,
    assembled: &Assembled,
    bodies: &[(BodyId, u64)],
    now_ms: i64,
) -> rusqlite::Result<()> {
    let Some((whole, _)) = bodies.first() else { return Ok(()) };
    let whole = whole.0.cast_signed();
    let attributes = Attributes { checksums: assembled.checksums.clone(), ..upload.attributes.clone() };
    let mut statement = transaction.prepare_cached("INSERT INTO pieces (whole, ordinal, body, size) VALUES (?1, ?2, ?3, ?4)")?;
    for (ordinal, (body, size)) in (0_i64..).zip(bodies) {
        statement.execute(params![whole, ordinal, body.0.cast_signed(), size.cast_signed()])?;
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO objects (bucket, key, size, etag, sha256, modified_ms, body, attributes, part_count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            upload.bucket,
            place.key.as_bytes(),
            assembled.size.cast_signed(),
            assembled.etag,
            assembled.sha256,
            now_ms,
            whole,
            attributes.to_json(),
            assembled.part_count,
        ])
        .map(drop)
}

fn to_json(checksums: &Checksums) -> String {
    serde_json::to_string(checksums).expect("strings always serialise")
}

fn body_id(row: &Row<'_>, column: usize) -> rusqlite::Result<BodyId> {
    row.get::<_, i64>(column).map(|id| BodyId(id.unsigned_abs()))
}
