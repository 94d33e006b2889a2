//! The data service's interface of 2026: JSON about a person's pumps, and JSON of 28 days of a pump's log.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::source::account::{Account, Pump};
use crate::source::id_token::is_identifier;
use crate::source::pump_log::PumpLog;
use crate::source::window::Window;
use crate::{Event, EventId, LAYOUTS, Rejected, WallTime, decode_event};

/// So many events of known codes, none of which can be read, are a service that has changed, and not a pump that has.
const MANY_UNREAD: usize = 10;

/// Where the pumps of a person are, below the data service.
pub(in crate::source) const fn account_path(pumper_id: &str) -> [&str; 4] {
    ["reports", "bff", "pumper", pumper_id]
}

/// Where the log of a pump is, below the data service.
pub(in crate::source) const fn log_path(assignment_id: &str) -> [&str; 4] {
    ["reports", "bff", "pump-logs", assignment_id]
}

/// What is asked of it.
pub(in crate::source) fn log_query(pumper_id: &str, window: Window) -> [(&'static str, String); 4] {
    let codes: Vec<String> = LAYOUTS.iter().map(|layout| layout.code.to_string()).collect();
    [
        ("pumperId", pumper_id.to_owned()),
        ("startDate", format!("{}T00:00:00Z", window.from())),
        ("endDate", format!("{}T23:59:59Z", window.to())),
        ("eventCodes", codes.join(",")),
    ]
}

#[derive(Deserialize)]
struct PersonAnswer {
    pumps: Vec<PumpAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PumpAnswer {
    assignment_id: String,
    serial_number: Option<Value>,
    model_name: Option<Value>,
    software_version: Option<Value>,
    available_data_range: Option<RangeAnswer>,
    last_upload_date: Option<Value>,
}

#[derive(Deserialize)]
struct RangeAnswer {
    start: Option<String>,
    end: Option<String>,
}

/// The pumps of an answer about a person.
///
/// # Errors
/// What is wrong with the answer.
pub(in crate::source) fn read_account(body: &[u8]) -> Result<Account, &'static str> {
    let answer: PersonAnswer = serde_json::from_slice(body).map_err(|_| "it is no list of pumps")?;
    Ok(Account { pumps: answer.pumps.into_iter().map(PumpAnswer::read).collect::<Result<_, _>>()? })
}

impl PumpAnswer {
    fn read(self) -> Result<Pump, &'static str> {
        if !is_identifier(&self.assignment_id) {
            return Err("a pump's assignment is no identifier");
        }
        let available = match self.available_data_range {
            Some(RangeAnswer { start: Some(start), end: Some(end) }) => {
                let time =
                    |text: &str| WallTime::parse(text).map(WallTime::civil).ok_or("a pump's range of data is no range of times");
                Some((time(&start)?, time(&end)?))
            }
            Some(RangeAnswer { .. }) | None => None,
        };
        Ok(Pump {
            assignment_id: self.assignment_id,
            serial_number: text(self.serial_number),
            model_name: text(self.model_name),
            software_version: text(self.software_version),
            available,
            last_upload: text(self.last_upload_date).and_then(|text| text.parse::<Timestamp>().ok()),
        })
    }
}

/// A text that a person is shown; it has been a number elsewhere.
fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The log of an answer.
///
/// # Errors
/// What is wrong with the answer.
pub(in crate::source) fn read_log(body: &[u8], assignment_id: &str, window: Window) -> Result<PumpLog, &'static str> {
    let mut read = Reading { assignment_id, ..Reading::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let outcome = deserializer.deserialize_map(LogVisitor(&mut read)).and_then(|()| deserializer.end());
    outcome.map_err(|_| "it is no log")?;
    if !read.has_events {
        return Err("it has no list `events`");
    }
    if read.is_mixed {
        return Err("an event is another pump's");
    }
    let Reading { events, changes, rejected, .. } = read;
    if events.is_empty() && !rejected.is_empty() && read.entries == rejected.len() {
        return Err("none of its entries is an event");
    }
    let is_known = |event: &Event| LAYOUTS.iter().any(|layout| u32::from(layout.code) == event.code);
    let known = events.values().filter(|event| is_known(event)).count();
    if known >= MANY_UNREAD && !events.values().any(|event| event.body.code().is_some()) {
        return Err("no event of a known code can be read");
    }
    let there = read.entries - rejected.len();
    let events: Vec<Event> =
        events.into_values().filter(|event| is_known(event) && window.contains(event.pump_time.date())).collect();
    let others = there - events.len() - read.repeated;
    Ok(PumpLog { events, clock_changes: changes.into_values().collect(), rejected, others })
}

/// What is read of a log so far: its entries become events one by one, so that an answer is never in memory as JSON.
#[derive(Default)]
struct Reading<'a> {
    assignment_id: &'a str,
    events: BTreeMap<EventId, Event>,
    changes: BTreeMap<EventId, Event>,
    rejected: Vec<Rejected>,
    entries: usize,
    repeated: usize,
    has_events: bool,
    is_mixed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Events,
    Changes,
}

impl Reading<'_> {
    fn add(&mut self, list: List, index: usize, entry: &Value) {
        let assignment = entry.get("deviceAssignmentId").and_then(Value::as_str);
        self.is_mixed |= assignment.is_some_and(|id| !id.eq_ignore_ascii_case(self.assignment_id));
        self.entries += usize::from(list == List::Events);
        let event = match decode_event(entry) {
            Ok(event) => event,
            Err(reason) if list == List::Events => return self.rejected.push(Rejected { index, reason }),
            // A change that cannot be read is not known; the log of its day says so again.
            Err(_) => return,
        };
        let into = match list {
            List::Events => &mut self.events,
            List::Changes => &mut self.changes,
        };
        let kept = into.get(&event.id).map(|there| there.kept(&event).clone());
        self.repeated += usize::from(kept.is_some() && list == List::Events);
        into.insert(event.id, kept.unwrap_or(event));
    }
}

struct LogVisitor<'r, 'a>(&'r mut Reading<'a>);

impl<'de> Visitor<'de> for LogVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "events" => {
                    self.0.has_events = true;
                    map.next_value_seed(Entries { reading: &mut *self.0, list: List::Events })?;
                }
                "clockChanges" => map.next_value_seed(Entries { reading: &mut *self.0, list: List::Changes })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Entries<'r, 'a> {
    reading: &'r mut Reading<'a>,
    list: List,
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    /// A pump whose clock was never set may have no list of changes.
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match self.list {
            List::Changes => Ok(()),
            List::Events => Err(E::custom("no list of events")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(entry) = entries.next_element::<Value>()? {
            self.reading.add(self.list, index, &entry);
            index += 1;
        }
        Ok(())
    }
}
