//! On which day a line lies, and what its record is called.

use jiff::civil::Date;
use tidegate_tandem::Line;

use super::SampleKind;

/// Which record of a pump's a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The day, by the pump's clock.
    pub(super) day: Date,
    /// What of.
    pub(super) kind: SampleKind,
}

/// No version of a line lies elsewhere: by [`Line::day`].
pub(super) fn place_of(line: &Line) -> Place {
    let kind = match line {
        Line::Rate(_) => SampleKind::InsulinBasal,
        Line::Sample(sample) => SampleKind::of(&sample.what),
    };
    Place { day: line.day(), kind }
}

/// What a record of a day is called: its day, and whose log it is from, for people who list records.
pub(super) fn title(day: Date, pump: &str) -> String {
    // A title has at most 256 bytes.
    let pump = pump.get(..64).unwrap_or(pump);
    format!("{day} {pump}")
}

/// The day in a title; `None` if somebody has given the record another one.
pub(super) fn day_of_title(title: &str) -> Option<Date> {
    title.get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn moment(wall: &str) -> Value {
        json!({"wall": wall, "zone": "UTC", "utc": format!("{wall}Z"), "offset_seconds": 0, "resolution": "unique"})
    }

    fn day(start: &str, end: &str, mut what: Value) -> String {
        let head = json!({"id": "p/0/1/x", "version": 1_000_001, "start": moment(start), "end": moment(end)});
        what.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        place_of(&Line::Sample(serde_json::from_value(what).unwrap())).day.to_string()
    }

    #[test]
    fn a_bolus_lies_on_the_day_of_its_end_however_much_is_known_of_its_beginning() {
        let bolus = json!({"kind": "insulin-bolus", "units": 1.0, "part": "normal", "outcome": "completed", "bolus_id": 7});
        assert_eq!(day("2026-11-01T23:58:00", "2026-11-02T00:01:00", bolus.clone()), "2026-11-02");
        assert_eq!(day("2026-11-02T00:01:00", "2026-11-02T00:01:00", bolus.clone()), "2026-11-02");
        assert_eq!(day("2026-11-01T23:58:00", "2026-11-02T00:00:00", bolus.clone()), "2026-11-02");
        assert_eq!(day("2026-11-02T00:00:00", "2026-11-02T00:00:00", bolus), "2026-11-02");
    }

    #[test]
    fn basal_insulin_up_to_midnight_lies_on_the_day_before() {
        let basal = json!({"kind": "insulin-basal", "units": 1.0, "units_per_hour": 1.0});
        assert_eq!(day("2026-11-01T23:00:00", "2026-11-02T00:00:00", basal.clone()), "2026-11-01");
        assert_eq!(day("2026-11-02T00:00:00", "2026-11-02T00:05:00", basal), "2026-11-02");
    }

    #[test]
    fn a_title_tells_its_day() {
        let day: Date = "2026-11-01".parse().unwrap();
        assert_eq!(day_of_title(&title(day, "6a0b2c3d")), Some(day));
        assert_eq!(day_of_title(&title(day, &"ä".repeat(300))), Some(day));
        assert_eq!(day_of_title("Monday"), None);
    }
}
