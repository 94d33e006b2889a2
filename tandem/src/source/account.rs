//! The pumps of an account.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// What an account has that this project reads. Names and birth dates are in the same answer; they are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Every pump that was ever assigned to the person, in the order of the answer: an old one has an old one's log.
    pub pumps: Vec<Pump>,
}

/// A pump as it was assigned to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pump {
    /// Names the assignment; logs are asked for by it.
    pub assignment_id: String,
    /// The pump's serial number; tells a person, not a program, which one it is.
    pub serial_number: Option<String>,
    /// Such as `t:slim X2`.
    pub model_name: Option<String>,
    /// The version of the pump's software.
    pub software_version: Option<String>,
    /// First and last time of the log by the pump's clock; `None` if nothing was ever uploaded.
    pub available: Option<(DateTime, DateTime)>,
    /// When something was last uploaded.
    pub last_upload: Option<Timestamp>,
}
