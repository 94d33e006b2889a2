//! What pumps wrote, from outside: records, JSON, times, samples.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod clock;
mod golden;
mod json;
mod log;
mod record;
mod samples;
mod source;
mod vectors;
mod windows;
mod zones;
