//! From the sync client's errors to ours: same code, same help, the class's exit code.

use std::error::Error as _;

use tidegate_sync_client::{Class as ClientClass, Error};

use crate::failure::{Class, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(class(error.class()), error.code(), sentence(&error), error.help())
    }
}

const fn class(class: ClientClass) -> Class {
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

/// The error and its causes, outermost first; what a cause only repeats is left out.
fn sentence(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
