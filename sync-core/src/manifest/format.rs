//! What all documents share: the format's number, the caps, and the errors of reading.

use serde::Deserialize;
use serde_json::Value;

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u64 = 1;

/// Greatest number in any document: 2^53 - 1, so that every JSON reader holds it exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Longest JSON of a segment, in bytes.
pub const MAX_SEGMENT_BYTES: usize = 8 << 20;

/// Longest JSON of a doorbell, in bytes.
pub const MAX_DOORBELL_BYTES: usize = 256 << 10;

/// Longest NDJSON of a checkpoint, in bytes.
pub const MAX_CHECKPOINT_BYTES: usize = 64 << 20;

/// Longest title or name, in bytes of UTF-8.
pub const MAX_TITLE_BYTES: usize = 256;

/// Longest content that travels inside its change, in bytes; anything longer is an object of its own.
pub const INLINE_BYTES: usize = 512;

/// Longest content of a record, in bytes.
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Longest attachment that is stored by a single PUT, in bytes.
pub const MAX_SINGLE_ATTACHMENT_BYTES: u64 = 64 << 20;

/// The longest attachment in bytes: sealed and padded it still fits into 10,000 parts of 16 MiB.
pub const MAX_ATTACHMENT_BYTES: u64 = (156 << 30) - 8;

/// Why a document is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Written by a later version; this one must be updated to read it.
    #[error("the {document} has format {found}; this version reads up to {FORMAT}")]
    Newer {
        /// What was being read.
        document: &'static str,
        /// The format that it names.
        found: u64,
    },
    /// Over its cap.
    #[error("the {what} has {size} bytes; at most {cap} are allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        cap: u64,
    },
    /// Not the JSON that it has to be.
    #[error("the {document} is malformed: {reason}")]
    Malformed {
        /// What was being read.
        document: &'static str,
        /// What is wrong, without content.
        reason: String,
    },
}

impl FormatError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "newer-format",
            Self::TooLarge { .. } => "document-too-large",
            Self::Malformed { .. } => "malformed-document",
        }
    }

    pub(crate) fn malformed(document: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { document, reason: reason.into() }
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

/// Reads nothing but the format's number, before anything else is looked at: a later format may have changed every other field.
pub(crate) fn check_format(document: &'static str, json: &[u8], cap: usize) -> Result<(), FormatError> {
    check_size(document, json.len() as u64, cap as u64)?;
    let FormatOnly { format } =
        serde_json::from_slice(json).map_err(|error| FormatError::malformed(document, category(&error)))?;
    match format {
        FORMAT => Ok(()),
        0 => Err(FormatError::malformed(document, "format 0 does not exist")),
        found => Err(FormatError::Newer { document, found }),
    }
}

/// Refuses what is over its cap.
pub(crate) const fn check_size(what: &'static str, size: u64, cap: u64) -> Result<(), FormatError> {
    if size > cap { Err(FormatError::TooLarge { what, size, cap }) } else { Ok(()) }
}

/// Refuses a number that another reader would round.
pub(crate) fn check_number(document: &'static str, number: u64) -> Result<(), FormatError> {
    if number > MAX_NUMBER {
        return Err(too_great(document));
    }
    Ok(())
}

fn too_great(document: &'static str) -> FormatError {
    FormatError::malformed(document, "a number is greater than 2^53 - 1")
}

/// Refuses numbers anywhere in an unknown value that would not survive being copied on.
pub(crate) fn check_value(document: &'static str, value: &Value) -> Result<(), FormatError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => check_number(document, number),
            (None, Some(number)) => check_number(document, number.unsigned_abs()),
            (None, None) if number.as_f64().is_some_and(|number| number.abs() > MAX_NUMBER as f64) => Err(too_great(document)),
            (None, None) => Ok(()),
        },
        Value::Array(values) => values.iter().try_for_each(|value| check_value(document, value)),
        Value::Object(fields) => fields.values().try_for_each(|value| check_value(document, value)),
    }
}

/// What kind of mistake a JSON error is and where, without quoting the document: it may hold health data.
pub(crate) fn category(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing, repeated or of another type",
        serde_json::error::Category::Eof => "cut short",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}
