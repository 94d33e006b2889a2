//! From the sync client's errors to ours: same code, same help, the class's exit code.

use tidegate_sync_client::{Class as ClientClass, Error};

use crate::failure::{Class, Failure, with_causes};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(class(error.class()), error.code(), with_causes(&error), error.help())
    }
}

pub(crate) const fn class(class: ClientClass) -> Class {
    match class {
        ClientClass::Retry => Class::Unreachable,
        ClientClass::Reauthenticate | ClientClass::Denied => Class::Denied,
        ClientClass::Conflict | ClientClass::Decide => Class::Undecided,
        ClientClass::Corrupt => Class::Damaged,
        ClientClass::Invalid => Class::Invalid,
        ClientClass::NotFound => Class::Missing,
        ClientClass::Bug => Class::Bug,
    }
}
