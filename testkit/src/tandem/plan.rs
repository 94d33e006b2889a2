//! Whose account it is, and which pumps it has.

use jiff::civil::{Date, DateTime, date};

use super::log::LogPlan;

/// An account of the stand-in, with what is personal in it: tests look for these texts where they must not be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name that logs in.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The person's first name.
    pub first_name: String,
    /// The person's last name.
    pub last_name: String,
    /// When the person was born.
    pub born: Date,
    /// What the data service calls the person.
    pub pumper_id: String,
    /// What the accounts service calls the account.
    pub account_id: String,
    /// The pumps, in the order of the answer.
    pub pumps: Vec<PlannedPump>,
    /// After so many wrong passwords the account is locked.
    pub lock_after: u32,
    /// How long a token lasts, in seconds.
    pub token_seconds: i64,
}

/// A pump of the account.
#[derive(Debug, Clone)]
pub struct PlannedPump {
    /// Names the assignment.
    pub assignment_id: String,
    /// Its serial number.
    pub serial_number: String,
    /// Its model.
    pub model_name: String,
    /// What it wrote; `None` for a pump that never uploaded anything.
    pub log: Option<LogPlan>,
    /// Up to when its log was uploaded, by its clock; all of it if `None`.
    pub uploaded_until: Option<DateTime>,
}

impl Plan {
    /// An account with one pump that has this log.
    #[must_use]
    pub fn of(log: LogPlan) -> Self {
        Self {
            username: "erika.musterfrau@example.org".to_owned(),
            password: "correct-horse-7-battery".to_owned(),
            first_name: "Erika".to_owned(),
            last_name: "Musterfrau".to_owned(),
            born: date(1971, 3, 9),
            pumper_id: "5d1f2a60-3c44-4c1e-9b56-0d8f7a1e2c33".to_owned(),
            account_id: "8b7e6d5c-4a3b-4210-8fed-cba987654321".to_owned(),
            pumps: vec![PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000001", "1234567", Some(log))],
            lock_after: 5,
            token_seconds: 28_800,
        }
    }

    /// An account with one pump that has a year's log.
    #[must_use]
    pub fn year(first_day: Date, seed: u64) -> Self {
        Self::of(LogPlan::new(first_day, 365, seed))
    }

    /// The same with one more pump.
    #[must_use]
    pub fn and_pump(mut self, pump: PlannedPump) -> Self {
        self.pumps.push(pump);
        self
    }
}

impl PlannedPump {
    /// A pump.
    #[must_use]
    pub fn with(assignment_id: &str, serial_number: &str, log: Option<LogPlan>) -> Self {
        Self {
            assignment_id: assignment_id.to_owned(),
            serial_number: serial_number.to_owned(),
            model_name: "t:slim X2".to_owned(),
            log,
            uploaded_until: None,
        }
    }
}
