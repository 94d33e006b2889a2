//! A pump's clock between two changes, as a line tells it: what it makes of other times that it showed then.

use crate::line::BasalRate;
use crate::time::{Moment, WallTime, Zone, resolved};

/// How a clock was set.
#[derive(Debug, Clone)]
pub(super) struct Local {
    zone: Option<Zone>,
    /// What it is ahead of UTC, in seconds; `None` leaves it to the zone's rules.
    offset: Option<i32>,
    /// For zones that these rules do not know.
    like: Moment,
}

impl Local {
    pub(super) fn at(rate: &BasalRate) -> Self {
        let offset = (!rate.by_zone).then_some(rate.at.offset_seconds);
        Self { zone: Zone::named(&rate.at.zone).ok(), offset, like: rate.at.clone() }
    }

    /// When the clock showed this.
    pub(super) fn moment(&self, wall: i64) -> Moment {
        let wall = WallTime::from_millis(wall);
        match &self.zone {
            Some(zone) => resolved(zone, wall, self.offset),
            None => self.like.moved_to(wall),
        }
    }
}
