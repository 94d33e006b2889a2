//! One named check and how it ended.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In order.
    Ok,
    /// It works, and something is worth changing.
    Warning,
    /// It does not work, or is not safe.
    Failed,
    /// Not looked at: `cause` says why.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its stable name, listed in docs/doctor.md.
    pub id: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was seen, one sentence in lower case.
    pub cause: Option<String>,
    /// What to change.
    pub fix: Option<String>,
}

impl Check {
    pub(super) const fn ok(id: &'static str) -> Self {
        Self { id, status: Status::Ok, cause: None, fix: None }
    }

    pub(super) fn warning(id: &'static str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, status: Status::Warning, cause: Some(cause.into()), fix: Some(fix.into()) }
    }

    pub(super) fn failed(id: &'static str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, status: Status::Failed, cause: Some(cause.into()), fix: Some(fix.into()) }
    }

    pub(super) fn skipped(id: &'static str, cause: impl Into<String>) -> Self {
        Self { id, status: Status::Skipped, cause: Some(cause.into()), fix: None }
    }
}

/// All checks, in the order of [`super::CHECKS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// In the catalogue's order; what nobody looked at was skipped because of something that failed before it.
    pub(super) fn complete(found: Vec<Check>) -> Self {
        let place = |id: &str| super::CHECKS.iter().position(|check| check.id == id);
        let mut checks = found;
        for description in super::CHECKS {
            if !checks.iter().any(|check| check.id == description.id) {
                checks.push(Check::skipped(description.id, "something before it failed"));
            }
        }
        checks.sort_by_key(|check| place(check.id));
        Self { checks }
    }

    /// The check of this name.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.status == Status::Failed)
    }
}
