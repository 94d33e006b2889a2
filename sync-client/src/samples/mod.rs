//! A pump's samples in records: one for each day, kind and pump, written by any number of devices, and never in conflict.
//!
//! A record's content is lines of JSON ([`tidegate_tandem::Line`]), united by their ids ([`tidegate_sync_core::state::UnionById`]): the
//! greatest version of each stays. Two devices that gather the same day, fully or in part, come to the same record. What follows from
//! several lines is found when they are read.

mod day;
mod kind;
mod read;
mod write;

use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_core::engine::Engine;
use tidegate_sync_core::state::{MergeKinds, UnionById};

use crate::error::Error;

pub use kind::SampleKind;
pub use read::{SampleDay, SampleFilter, SampleReader};
pub use write::SamplesWritten;

/// The media type of a day of samples: <https://github.com/ndjson/ndjson-spec>.
const MEDIA_TYPE: &str = "application/x-ndjson";

/// Every kind of samples, merged by the samples' ids.
pub(crate) fn merge_kinds() -> MergeKinds {
    SampleKind::ALL.into_iter().fold(MergeKinds::default(), |kinds, kind| kinds.with(kind.record_kind(), UnionById))
}

/// The record of a day of samples: every device comes to the same one.
fn record_of(engine: &Engine, member: MemberId, pump: &str, place: &day::Place) -> Result<RecordId, Error> {
    let keys = engine.space_keys(engine.space_of(member)).ok_or(Error::MemberUnknown(member))?;
    Ok(keys.attachment_key().record_id(&["samples", place.kind.record_kind(), pump, &place.day.to_string()]))
}
