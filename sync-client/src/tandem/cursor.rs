//! What is known of the pumps of an account, and how far each was read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tidegate_tandem::source::Pump;

/// The pumps of an account, by assignment.
pub(super) type Pumps = BTreeMap<String, KnownPump>;

/// A pump as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KnownPump {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_upload: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<Read>,
}

/// The rules by which lines are made of a log. Greater ones make lines that earlier ones did not.
pub(super) const RULES: u32 = 1;

/// How far a pump was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    /// The first day whose samples are wanted.
    pub(super) from: Date,
    /// The last day that was read, by the pump's clock. Every day from the first one to this was; the last ones are read again.
    pub(super) to: Date,
    /// When all that there was had last been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completed_at: Option<Timestamp>,
    /// By which rules.
    #[serde(default)]
    pub(super) rules: u32,
}

impl KnownPump {
    /// The same, as the account shows it now.
    pub(super) fn seen(self, pump: &Pump) -> Self {
        Self {
            serial_number: pump.serial_number.clone(),
            model_name: pump.model_name.clone(),
            last_upload: pump.last_upload,
            read: self.read,
        }
    }
}
