//! The delays of the protocol, all by the store's clock.

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Retention R: how long a superseded change or a tombstone stays, in milliseconds. Recorded in genesis.
pub const RETENTION_MS: u64 = 90 * DAY_MS;

/// How old an edit of a restored backup, of which the store knows nothing, may be and still be an ordinary one, in
/// milliseconds: five days less than R, for the clocks and the way to the store. An older one may have been sent, replaced
/// and purged since.
pub const KEPT_AFTER_MS: u64 = RETENTION_MS - 5 * DAY_MS;

/// *late*: an object uploaded longer ago than this is uploaded again before a new segment names it, in milliseconds.
pub const LATE_MS: u64 = 3 * DAY_MS;

/// *old*: the age that an object must have, and the time for which nothing may have referred to it, before it is deleted, in
/// milliseconds.
pub const OLD_MS: u64 = 7 * DAY_MS;

/// *fresh*: a segment is stored at most this long after the doorbell or the listing that its author has read, in milliseconds.
pub const FRESH_MS: u64 = HOUR_MS;

/// How often a device lists instead of trusting the doorbell, in milliseconds.
pub const BACKSTOP_MS: u64 = DAY_MS;
