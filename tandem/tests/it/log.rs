//! A pump that is made up: it writes its log by the real time and by a clock that its wearer sets.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};
use tidegate_tandem::{Concentration, Event, Normaliser, Sample, Settings, Zone, decode_event};

/// The name of the pump in ids.
pub(crate) const PUMP: &str = "pump-1";

/// A pump and its log.
pub(crate) struct Pump {
    /// What the clock is ahead of UTC, in milliseconds.
    pub(crate) ahead: i64,
    pub(crate) sequence: u32,
    /// The log, and when each entry really was written.
    pub(crate) log: Vec<(Event, Timestamp)>,
}

impl Pump {
    /// Its clock this much ahead of UTC, in seconds.
    pub(crate) fn new(ahead_seconds: i64) -> Self {
        Self { ahead: ahead_seconds * 1000, sequence: 0, log: Vec::new() }
    }

    /// What the clock shows.
    pub(crate) fn wall(&self, now: Timestamp) -> String {
        let shown = Timestamp::from_millisecond(now.as_millisecond() + self.ahead).unwrap();
        Offset::UTC.to_datetime(shown).to_string()
    }

    /// Writes an event.
    pub(crate) fn write(&mut self, now: Timestamp, code: u32, properties: &Value) -> Event {
        self.sequence += 1 + u32::from(self.sequence.is_multiple_of(3));
        let entry = json!({
            "eventCode": code,
            "sequenceGroup": 0,
            "sequenceNumber": self.sequence,
            "pumpDateTime": self.wall(now),
            "eventProperties": properties,
        });
        let event = decode_event(&entry).unwrap();
        assert!(event.body.code().is_some(), "{event:?}");
        self.log.push((event.clone(), now));
        event
    }

    /// The wearer sets the clock to be this much ahead of UTC: the time of day first, then the date, as far as they change.
    pub(crate) fn set(&mut self, now: Timestamp, ahead_seconds: i64) {
        const DAY: i64 = 86_400_000;
        let epoch = 1_199_145_600_000;
        let (before, after) = (now.as_millisecond() + self.ahead - epoch, now.as_millisecond() + ahead_seconds * 1000 - epoch);
        let (days_before, days_after) = (before.div_euclid(DAY), after.div_euclid(DAY));
        let (time_before, time_after) = (before.rem_euclid(DAY), after.rem_euclid(DAY));
        if time_before != time_after {
            self.ahead += time_after - time_before;
            self.write(now, 13, &json!({ "timePrior": time_before, "timeAfter": time_after, "rawRtcTime": 1 }));
        }
        if days_before != days_after {
            self.ahead += (days_after - days_before) * DAY;
            self.write(now, 14, &json!({ "datePrior": days_before, "dateAfter": days_after, "rawRtcTime": 1 }));
        }
        assert_eq!(self.ahead, ahead_seconds * 1000);
    }

    /// The rate goes on.
    pub(crate) fn basal(&mut self, now: Timestamp, milliunits_per_hour: u32, source: u32) {
        let properties = json!({
            "commandedRateSource": source, "commandedRate": milliunits_per_hour, "profileBasalRate": 800, "algorithmRate": 65535,
            "tempRate": 65535,
        });
        self.write(now, 279, &properties);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.log.iter().map(|(event, _)| event.clone()).collect()
    }
}

pub(crate) fn settings(zone: &str) -> Settings {
    Settings { pump: PUMP.to_owned(), zone: Zone::named(zone).unwrap(), concentration: Concentration::U100 }
}

/// The samples of these events.
pub(crate) fn samples(zone: &str, events: impl IntoIterator<Item = Event>) -> Vec<Sample> {
    let mut normaliser = Normaliser::new(settings(zone));
    normaliser.add(events);
    normaliser.samples(None)
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn later(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond() + seconds * 1000).unwrap()
}
