//! The most that one thing may hold.

use crate::input::Limit;

/// A record's content.
pub(crate) const RECORD: Limit = Limit { bytes: 16 << 20, noun: "a record" };

/// An attachment's content.
pub(crate) const ATTACHMENT: Limit = Limit { bytes: 64 << 20, noun: "an attachment" };
