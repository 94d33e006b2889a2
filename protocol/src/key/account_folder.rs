//! The folders in which everything lies that is one account's: what its deletion empties.

use std::fmt;

use super::UserId;

/// A folder of one account's, written with a `/` at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountFolder {
    /// `users/{user}/`: everything that its devices stored.
    Objects(UserId),
    /// `users/{user}/devices/`: among them what names its devices.
    Devices(UserId),
    /// `_tidegate/accounts/{user}/`: what the broker knows of the account itself.
    Account(UserId),
    /// `_tidegate/renewals/{user}/`: which renewal tokens of its devices are current.
    Renewals(UserId),
    /// `_tidegate/audit/{user}/`: what was done for it.
    Audit(UserId),
    /// `_tidegate/revocations/sessions/{user}/`: which of its sessions have ended.
    EndedSessions(UserId),
}

impl fmt::Display for AccountFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(user) => write!(f, "users/{user}/"),
            Self::Devices(user) => write!(f, "users/{user}/devices/"),
            Self::Account(user) => write!(f, "_tidegate/accounts/{user}/"),
            Self::Renewals(user) => write!(f, "_tidegate/renewals/{user}/"),
            Self::Audit(user) => write!(f, "_tidegate/audit/{user}/"),
            Self::EndedSessions(user) => write!(f, "_tidegate/revocations/sessions/{user}/"),
        }
    }
}
