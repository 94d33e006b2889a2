//! Answers of the vendor's service in JSON. Its schema is not promised to anyone: unknown fields are passed over, and what cannot
//! be read is said, event by event, without losing the others.

use serde_json::{Map, Value};

use crate::event::raw::{FieldError, Fields, Raw, Slot, Wire};
use crate::event::{Body, Event, EventId, Payload};
use crate::time::WallTime;

/// An answer of `pump-logs`, or events of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The events of the days asked for, in the order of the answer.
    pub events: Vec<Event>,
    /// Every change of the pump's clock in its whole history (codes 13 and 14).
    pub clock_changes: Vec<Event>,
    /// Entries that are not even an event.
    pub rejected: Vec<Rejected>,
    /// The pump's assignment, if all events name the same one.
    pub assignment: Option<String>,
}

/// An entry that is not an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in its list.
    pub index: usize,
    /// Why.
    pub reason: EntryError,
}

/// Why an entry is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not an object.
    #[error("it is not an object")]
    NotAnObject,
    /// A property that every event has is missing, or is not what it must be.
    #[error("`{field}` is missing or unreadable")]
    Header {
        /// The property.
        field: &'static str,
    },
}

/// Why a document is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Neither an object with `events` nor an array of events.
    #[error("neither an object with a list `events` nor a list of events")]
    Shape,
    /// There are entries, and none of them is an event: the service has changed.
    #[error("none of {entries} entries is an event; the service has changed its answers")]
    NoneReadable {
        /// How many there are.
        entries: usize,
    },
}

/// Reads an answer: `{events, clockChanges}`, or a list of events alone.
///
/// # Errors
/// If the document is no answer at all; single entries that cannot be read are in [`Answer::rejected`].
pub fn decode_answer(document: &Value) -> Result<Answer, AnswerError> {
    let (events, changes) = match document {
        Value::Array(events) => (events.as_slice(), None),
        Value::Object(answer) => (
            answer.get("events").and_then(Value::as_array).ok_or(AnswerError::Shape)?.as_slice(),
            answer.get("clockChanges").and_then(Value::as_array),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err(AnswerError::Shape),
    };
    let mut answer = Answer { assignment: common_assignment(events), ..Answer::default() };
    for (list, into) in [(events, &mut answer.events), (changes.map_or(&[][..], Vec::as_slice), &mut answer.clock_changes)] {
        for (index, entry) in list.iter().enumerate() {
            match decode_event(entry) {
                Ok(event) => into.push(event),
                Err(reason) => answer.rejected.push(Rejected { index, reason }),
            }
        }
    }
    if !events.is_empty() && answer.events.is_empty() {
        return Err(AnswerError::NoneReadable { entries: events.len() });
    }
    Ok(answer)
}

/// Reads one event.
///
/// # Errors
/// If it has no code, number or time. Unknown codes and unreadable properties are no errors: [`Body`] says so.
pub fn decode_event(entry: &Value) -> Result<Event, EntryError> {
    let entry = entry.as_object().ok_or(EntryError::NotAnObject)?;
    let whole = |field: &'static str| {
        let number = entry.get(field).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        number.ok_or(EntryError::Header { field })
    };
    let code = whole("eventCode")?;
    let id = EventId { group: whole("sequenceGroup").unwrap_or(0), sequence: whole("sequenceNumber")? };
    let pump_time = entry.get("pumpDateTime").and_then(Value::as_str).and_then(WallTime::parse);
    let pump_time = pump_time.ok_or(EntryError::Header { field: "pumpDateTime" })?;
    let nothing = Map::new();
    let properties = entry.get("eventProperties").and_then(Value::as_object).unwrap_or(&nothing);
    let payload = || Payload::Json(properties.clone());
    let read = u16::try_from(code).ok().and_then(|code| Body::read(code, &JsonFields(properties)));
    let body = match read {
        Some(Ok(body)) => body,
        Some(Err(error)) => Body::Unread { error, payload: payload() },
        None => Body::Unknown(payload()),
    };
    Ok(Event { id, code, pump_time, source: None, body })
}

fn common_assignment(events: &[Value]) -> Option<String> {
    let mut names = events.iter().map(|event| event.get("deviceAssignmentId").and_then(Value::as_str));
    let first = names.next()??;
    names.all(|name| name == Some(first)).then(|| first.to_owned())
}

/// The properties of an event in JSON.
struct JsonFields<'a>(&'a Map<String, Value>);

impl Fields for JsonFields<'_> {
    fn get(&self, slot: &Slot) -> Result<Option<Raw>, FieldError> {
        let unreadable = FieldError::Unreadable { field: slot.name };
        match self.0.get(slot.name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) if slot.wire != Wire::F32 => Ok(Some(Raw::Integer(i64::from(*value)))),
            Some(Value::Number(number)) if slot.wire == Wire::F32 => {
                #[expect(clippy::cast_possible_truncation, reason = "the pump's float has 32 bits; JSON shows its decimals")]
                let value = number.as_f64().ok_or(unreadable)? as f32;
                if value.is_finite() { Ok(Some(Raw::Float(value))) } else { Err(unreadable) }
            }
            Some(Value::Number(number)) => {
                let value = number.as_i64().or_else(|| whole(number.as_f64()?)).ok_or(unreadable)?;
                let (least, most) = slot.wire.range();
                if (least..=most).contains(&value) { Ok(Some(Raw::Integer(value))) } else { Err(unreadable) }
            }
            Some(Value::Array(places)) if slot.wire != Wire::F32 => bits(places, slot.wire).map(Some).ok_or(unreadable),
            Some(Value::Bool(_) | Value::Array(_) | Value::String(_) | Value::Object(_)) => Err(unreadable),
        }
    }
}

/// A number that is whole and was only written with a fraction of zero.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and of 32 bits")]
    (value.fract() == 0.0 && value.abs() < 4_294_967_296.0).then_some(value as i64)
}

/// Places of bits as a number.
fn bits(places: &[Value], wire: Wire) -> Option<Raw> {
    let mut set = 0_i64;
    for place in places {
        let place = place.as_u64().filter(|place| *place < 8 * wire.size() as u64)?;
        set |= 1 << place;
    }
    Some(Raw::Integer(set))
}
