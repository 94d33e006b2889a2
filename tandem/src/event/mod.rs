//! What a pump wrote into its log: one type for all events, whichever way they came.

pub(crate) mod bits;
pub(crate) mod choice;
mod define;
pub(crate) mod raw;
pub(crate) mod table;

use std::cmp::Ordering;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

pub(crate) use self::table::Body;
use crate::time::WallTime;

/// Names an event among all of one pump, and says which came first: a pump numbers its events within a sequence group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// The sequence group. Records of archives have none: 0.
    pub group: u32,
    /// The number within it.
    pub sequence: u32,
}

/// One entry of a pump's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name and place.
    pub id: EventId,
    /// Its code, also of those that this version does not know.
    pub code: u32,
    /// When, by the pump's clock.
    pub pump_time: WallTime,
    /// Which of the pump's processors wrote it; records alone say so.
    pub source: Option<u8>,
    /// What it says.
    pub body: Body,
}

impl Event {
    /// Which of two events of one name is kept: the same one whichever came first.
    pub(crate) fn kept<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self == other {
            return self;
        }
        // A record and the JSON of the same event differ in `source` alone; what was understood goes before what was not.
        match self.rank().cmp(&other.rank()) {
            Ordering::Less => other,
            Ordering::Equal | Ordering::Greater => self,
        }
    }

    fn rank(&self) -> (bool, String) {
        (self.body.code().is_some(), serde_json::to_string(self).unwrap_or_default())
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Event", 7)?;
        event.serialize_field("code", &self.code)?;
        event.serialize_field("name", self.body.name())?;
        event.serialize_field("sequence_group", &self.id.group)?;
        event.serialize_field("sequence", &self.id.sequence)?;
        event.serialize_field("pump_time", &self.pump_time)?;
        if let Some(source) = self.source {
            event.serialize_field("source", &source)?;
        }
        if let Body::Unread { error, .. } = &self.body {
            event.serialize_field("error", &error.to_string())?;
        }
        event.serialize_field("fields", &self.body.fields())?;
        event.end()
    }
}

/// An event's fields as they came, for what this version cannot read.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Properties in JSON.
    Json(serde_json::Map<String, serde_json::Value>),
    /// The last 16 bytes of a record.
    Record([u8; 16]),
}

impl Serialize for Payload {
    /// Properties as they are; bytes as `{"payload": hex}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(properties) => properties.serialize(serializer),
            Self::Record(bytes) => serializer.collect_map([("payload", hex::encode(bytes))]),
        }
    }
}
