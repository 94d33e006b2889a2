//! What stands in segments, doorbells and checkpoints: the formats and their checks. These are final; a change would cost a
//! migration of every bucket.
//!
//! Everything is JSON in snake_case, times are RFC 3339 with milliseconds and `Z`, and no number is greater than 2^53 - 1.
//! A reader keeps unknown fields of a change, of its `meta` and `location`, and of a doorbell, and writes them on: after the
//! known ones, in the order of their names, so that one content has one form on every device.

mod chain;
mod change;
mod checkpoint;
mod checkpoint_reader;
mod doorbell;
mod floor;
mod format;
mod frontier;
mod location;
mod segment;
mod shared;
mod timestamp;

pub use chain::{Chain, Origin, SegmentRef, causal_order, missing_before};
pub use change::{Change, Cid, Meta, Op, Register, Target};
pub use checkpoint::{CHECKPOINT_PART_BYTES, Checkpoint, CheckpointLine, Part};
pub(crate) use checkpoint_reader::CheckpointReader;
pub use doorbell::{Doorbell, SpaceBell};
pub use floor::floor_of;
pub(crate) use format::check_size;
pub use format::{
    FORMAT, FormatError, INLINE_BYTES, MAX_ATTACHMENT_BYTES, MAX_CHECKPOINT_BYTES, MAX_DOORBELL_BYTES, MAX_NUMBER,
    MAX_RECORD_BYTES, MAX_SEGMENT_BYTES, MAX_SINGLE_ATTACHMENT_BYTES, MAX_TITLE_BYTES,
};
pub use frontier::{ChainFrontier, Frontier};
pub use location::{InlineContent, Location, ObjectLocation, PackLocation};
pub use segment::Segment;
pub(crate) use shared::Shared;
pub use timestamp::Timestamp;
