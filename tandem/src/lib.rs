//! What a Tandem insulin pump recorded: events from the vendor's service or from archives, placed in time, normalised to samples.
//! Pure: no IO, no clock, no random source; the time zone data is compiled in. `docs/tandem.md` has the rules. What fetches logs from
//! the vendor's service stands apart in `source`, behind the feature of this name.
//!
//! [`decode_answer`] and [`decode_archive`] give [`Event`]s; a [`Normaliser`] takes the events of one pump and gives [`Sample`]s.

mod archive;
mod event;
mod json;
mod line;
mod normalise;
mod record;
mod sample;
#[cfg(feature = "source")]
pub mod source;
mod time;
mod units;
mod view;

pub use archive::{ArchiveError, decode_archive};
pub use event::bits::{
    BasalChange, BasalChanges, BolusPart as BolusPartBit, BolusParts, Feature, Features, ReadingCheck, ReadingChecks,
    ReadingKind, ReadingKinds, SleepSchedule, SleepSchedules,
};
pub use event::choice::{
    AcknowledgedBy, BasalSource, BolusOption, BolusSource, BolusType, Completion, DeliveryStatus, GlucoseEntry, GlucoseSource,
    GlucoseStatus, IobKind, LoopState, ModeAction, SensorType, SuspendReason, UserMode,
};
pub use event::raw::{FieldError, Raw, Slot, Wire};
pub use event::table::*;
pub use event::{Event, EventId, Payload};
pub use json::{Answer, AnswerError, EntryError, Rejected, decode_answer, decode_event};
pub use line::{BasalRate, Line, Said};
pub use normalise::{Concentration, Normaliser, OVERLAP_HOURS, Settings};
pub use record::{ByteOrder, RECORD_BYTES, decode_record, decode_records, encode_record};
pub use sample::{BolusPart, Carbohydrates, Glucose, GlucoseRange, Happening, InsulinBasal, InsulinBolus, Outcome, Sample, What};
pub use time::{Clock, Moment, Reading, Resolution, UnknownZone, WallTime, Zone};
pub use units::{
    BolusId, CarbRatio, Days, Diagnostic, Grams, MgDl, MgDlPerUnit, Microunits, Milliamperes, Milliseconds, Milliunits,
    MilliunitsPerHour, Millivolts, Minutes, Percent, Prime, PumpDays, PumpSeconds, SensorSeconds, Trend, Units, UnitsPerHour,
    WholeUnits,
};
pub use view::{CONTEXT_AFTER, CONTEXT_BEFORE, DayView, Withdrawn, WithdrawnKind, samples_of, view_day};
