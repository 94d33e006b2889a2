//! The most that one thing may hold.

use tidegate_sync_client::MAX_ATTACHMENT_BYTES;

use crate::input::Limit;

/// A record's content.
pub(crate) const RECORD: Limit = Limit { bytes: 16 << 20, piped_bytes: 16 << 20, noun: "a record", piped_noun: "a record" };

/// An attachment's content. A pipe gives its bytes only once, and they are held in memory.
pub(crate) const ATTACHMENT: Limit =
    Limit { bytes: MAX_ATTACHMENT_BYTES, piped_bytes: 64 << 20, noun: "an attachment", piped_noun: "an attachment from a pipe" };

/// What an app says that it wrote to Apple Health: the receipts of a batch, and room for more.
pub(crate) const HEALTH_CONFIRMATION: Limit =
    Limit { bytes: 4 << 20, piped_bytes: 4 << 20, noun: "a confirmation", piped_noun: "a confirmation" };

/// A file that a pump's log was kept in; it is read as a whole.
pub(crate) const PUMP_LOG: Limit =
    Limit { bytes: 256 << 20, piped_bytes: 256 << 20, noun: "a pump's log", piped_noun: "a pump's log" };
