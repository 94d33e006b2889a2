//! What went wrong: one sentence, what to do about it, a stable code and the exit code of its class.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

use serde::Serialize;

/// What a failure calls for; its exit code is part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The command was written wrongly.
    Usage,
    /// The input or the configuration is not valid.
    Invalid,
    /// Not allowed: sign in again.
    Denied,
    /// The store or the broker can't be reached; nothing is lost.
    Unreachable,
    /// Stopped before doing harm: a person must decide.
    Undecided,
    /// Damaged data was found.
    Damaged,
    /// What was named does not exist.
    Missing,
    /// A bug in Tidegate.
    Bug,
}

impl Class {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Invalid => 10,
            Self::Denied => 11,
            Self::Unreachable => 12,
            Self::Undecided => 13,
            Self::Damaged => 14,
            Self::Missing => 15,
            Self::Bug => 20,
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the person or script that called.
    Named(Box<Named>),
    /// The result itself, already printed, says what is wrong; only the exit code is left.
    Told(Class),
    /// Whoever read our output has gone (`tidegate list | head -1`): nothing to say, and nobody to say it to.
    OutputClosed,
}

/// A failure that is told.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    #[serde(skip)]
    pub(crate) class: Class,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) help: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(
        class: Class,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Named(Box::new(Named { class, code: code.into(), message: message.into(), help: help.into() }))
    }

    pub(crate) fn usage(code: &'static str, message: impl Into<String>, help: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Class::Usage, code, message, help)
    }

    pub(crate) fn invalid(code: &'static str, message: impl Into<String>, help: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Class::Invalid, code, message, help)
    }

    pub(crate) fn missing(code: &'static str, message: impl Into<String>, help: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Class::Missing, code, message, help)
    }

    /// A state that Tidegate itself should have made impossible.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::new(Class::Bug, "bug", message, "this is a bug in Tidegate; please report it with the command that you ran")
    }

    /// Writing to standard output failed.
    pub(crate) fn from_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::invalid("output-failed", format!("writing to standard output failed: {error}"), "check where the output goes")
    }

    /// The same failure, with `context` said first.
    pub(crate) fn after(self, context: impl fmt::Display) -> Self {
        let Self::Named(mut named) = self else { return self };
        named.message = format!("{context}: {}", named.message);
        Self::Named(named)
    }
}

/// An error and its causes, outermost first, as one sentence; what a cause only repeats is left out.
pub(crate) fn with_causes(error: &dyn Error) -> String {
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
