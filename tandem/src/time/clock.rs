//! A pump's clock through its history. It has no zone and sets itself for nobody: between two changes by hand (codes 13 and 14)
//! it runs on, through the zone's own changes and over borders. So what it was ahead of UTC is known for every stretch between
//! two changes once it is known for one, by adding up how far each change moved it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::zone::instant;
use super::{Moment, Resolution, WallTime, Zone};
use crate::event::{Body, Event, EventId};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Changes that follow one another within this time are one act of setting: date and time are set one after the other.
const ONE_ACT: i64 = 10 * MINUTE;
/// What is set within this time after the clock was set up still belongs to setting it up.
const SET_UP: i64 = HOUR;
/// No journey moves a clock by more: this is a clock that was lost and set up again.
const FARTHEST: i64 = 26 * HOUR;
/// Offsets are multiples of it; what is less is a clock that ran fast or slow and was put right.
const QUARTER: i64 = 15 * MINUTE;
/// The offsets that are in use, in milliseconds.
const OFFSETS: std::ops::RangeInclusive<i64> = -12 * HOUR..=14 * HOUR;

/// A change of the pump's clock.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// What it shows right after.
    after: i64,
    /// How far it was moved.
    shift: i64,
}

impl Change {
    /// What it showed right before.
    const fn before(&self) -> i64 {
        self.after - self.shift
    }
}

/// Time between two changes.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// How far all changes before it moved the clock.
    shifted: i64,
    /// What it was ahead of UTC, in milliseconds; `None` before the first change that is known.
    ahead: Option<i64>,
}

/// A place in the pump's log, on its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Which stretch, counted from the first.
    stretch: usize,
    /// What the clock shows.
    pub wall: WallTime,
    /// Milliseconds by a clock that nobody ever set: differences are real time, across all changes.
    pub elapsed: i64,
}

/// A pump's clock through its history, in the zone of its wearer.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Zone,
    changes: Vec<EventId>,
    made: Vec<Change>,
    stretches: Vec<Stretch>,
}

impl Clock {
    /// From all changes that are known, in any order and told any number of times. Events of other codes are passed over.
    #[must_use]
    pub fn new<'a>(zone: Zone, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let changes: BTreeMap<EventId, Change> =
            events.into_iter().filter_map(|event| Some((event.id, change_of(event)?))).collect();
        let (changes, made): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
        let stretches = stretches(&zone, &made);
        Self { zone, changes, made, stretches }
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What the clock showed at an event. A change itself shows the time after it.
    #[must_use]
    pub fn reading(&self, id: EventId, wall: WallTime) -> Reading {
        self.reading_in(self.changes.partition_point(|change| *change <= id), wall)
    }

    /// How many changes decide on an event's time: those before it, and those after it that belong to the same act of setting. It
    /// grows with what is known of the log.
    #[must_use]
    pub fn known(&self, id: EventId) -> usize {
        let before = self.changes.partition_point(|change| *change <= id);
        let rest = self.made.get(before.saturating_sub(1)..).unwrap_or_default();
        let later = rest.array_windows().take_while(|[one, next]| before > 0 && is_one_act(one, next)).count();
        before + later
    }

    /// What the clock showed right before and right after a change; `None` for an event that is none.
    #[must_use]
    pub fn change(&self, id: EventId) -> Option<(Reading, Reading)> {
        let index = self.changes.binary_search(&id).ok()?;
        let change = self.made.get(index)?;
        let wall = WallTime::from_millis;
        Some((self.reading_in(index, wall(change.before())), self.reading_in(index + 1, wall(change.after))))
    }

    /// Whether the zone's rules alone decide here: no change is known that was before.
    #[must_use]
    pub fn is_by_zone(&self, reading: Reading) -> bool {
        self.stretches[reading.stretch].ahead.is_none()
    }

    /// What the clock showed before at an event that reads like this: in the same stretch.
    #[must_use]
    pub fn at(&self, near: Reading, wall: WallTime) -> Reading {
        self.reading_in(near.stretch, wall)
    }

    fn reading_in(&self, stretch: usize, wall: WallTime) -> Reading {
        Reading { stretch, wall, elapsed: wall.millis() - self.stretches[stretch].shifted }
    }

    /// When that was.
    #[must_use]
    pub fn moment(&self, reading: Reading) -> Moment {
        resolved(&self.zone, reading.wall, self.stretches[reading.stretch].ahead.map(seconds))
    }

    /// When a span began and ended: never the other way round.
    #[must_use]
    pub fn span(&self, start: Reading, end: Reading, now: Option<Timestamp>) -> (Moment, Moment) {
        let (start, mut end) = (self.moment(start), self.moment(end));
        end.utc = end.utc.max(start.utc);
        (start.not_after(now), end.not_after(now))
    }
}

/// When a clock showed this that was ahead of UTC by so many seconds; `None` leaves it to the zone's rules.
pub(crate) fn resolved(zone: &Zone, wall: WallTime, offset: Option<i32>) -> Moment {
    let (offset_seconds, resolution) = match offset {
        None => zone.offset_of(wall),
        Some(offset) => (offset, agreement(zone, wall, offset)),
    };
    let utc = instant(wall, offset_seconds);
    Moment { wall, zone: zone.name().to_owned(), utc, offset_seconds, resolution, clamped: false }
}

/// Whether the zone's clocks showed the same as a pump's with this offset.
fn agreement(zone: &Zone, wall: WallTime, offset: i32) -> Resolution {
    if zone.offset_at(instant(wall, offset)) != offset {
        return Resolution::PumpOffset;
    }
    match zone.fold(wall) {
        Some((first, _)) if first == offset => Resolution::AmbiguousFirst,
        Some(_) => Resolution::AmbiguousSecond,
        None => Resolution::Unique,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 40 hours")]
const fn seconds(ahead: i64) -> i32 {
    (ahead / 1000) as i32
}

/// What an event did to the clock.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events sets the clock")]
fn change_of(event: &Event) -> Option<Change> {
    let (before, after, shown) = match &event.body {
        Body::TimeChanged(change) => {
            let (before, after) = (i64::from(change.before.0), i64::from(change.after.0));
            if before >= DAY || after >= DAY {
                return None;
            }
            (before, after, event.pump_time.millis().rem_euclid(DAY))
        }
        Body::DateChanged(change) => {
            let days = |days: u32| i64::from(days) * DAY;
            (days(change.before.0), days(change.after.0), event.pump_time.millis().div_euclid(DAY) * DAY)
        }
        _ => return None,
    };
    let shift = after - before;
    // The event bears the time after the change; should one bear the time before, it says so by agreeing with that.
    let bears_old = (shown - before).abs() < MINUTE && (shown - after).abs() >= MINUTE;
    Some(Change { after: event.pump_time.millis() + if bears_old { shift } else { 0 }, shift })
}

/// The stretches before, between and after the changes.
fn stretches(zone: &Zone, changes: &[Change]) -> Vec<Stretch> {
    let mut stretches = vec![Stretch { shifted: 0, ahead: None }];
    let mut set_up_at: Option<i64> = None;
    for act in changes.chunk_by(is_one_act) {
        let (Some(first), Some(last)) = (act.first(), act.last()) else { continue };
        let before = stretches[stretches.len() - 1];
        let moved: i64 = act.iter().map(|change| change.shift).sum();
        let carried = before.ahead.map(|ahead| ahead + to_quarters(moved)).filter(|ahead| OFFSETS.contains(ahead));
        let setting_up = set_up_at.is_some_and(|at| (0..=SET_UP).contains(&(first.before() - at)));
        let ahead = match carried {
            Some(ahead) if moved.abs() <= FARTHEST && !setting_up => ahead,
            Some(_) | None => {
                set_up_at = Some(last.after);
                set_right(zone, last.after, moved)
            }
        };
        // In the midst of the act the clock shows what nobody wants it to show, and is read by what is still to come.
        let mut shifted = before.shifted;
        for change in act {
            shifted += change.shift;
            let ahead = ahead - (before.shifted + moved - shifted);
            let ahead = Some(ahead).filter(|ahead| ahead.abs() <= FARTHEST + HOUR * 14);
            stretches.push(Stretch { shifted, ahead });
        }
    }
    stretches
}

fn is_one_act(one: &Change, next: &Change) -> bool {
    (0..=ONE_ACT).contains(&(next.before() - one.after))
}

/// What a clock is ahead of UTC that was just set to the zone's time. Set back by as much as the zone's clocks were in this very
/// hour, it shows the hour for the second time.
fn set_right(zone: &Zone, shown: i64, moved: i64) -> i64 {
    let wall = WallTime::from_millis(shown);
    let offset = match zone.fold(wall) {
        Some((first, second)) if to_quarters(moved) == i64::from(second - first) * 1000 => second,
        Some(_) | None => zone.offset_of(wall).0,
    };
    i64::from(offset) * 1000
}

/// To the nearest multiple of a quarter of an hour.
fn to_quarters(millis: i64) -> i64 {
    (millis + QUARTER / 2).div_euclid(QUARTER) * QUARTER
}
