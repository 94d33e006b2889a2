//! The embedded store over real HTTP on a loopback port, with real files and a real index.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod buckets;
mod conditions;
mod copies;
mod cors;
mod deletions;
mod durability;
mod forms;
mod integrity;
mod kill;
mod listing;
mod memory;
mod objects;
mod opening;
mod process;
mod races;
mod refusals;
mod rights;
mod server;
mod time;
mod upload_attacks;
mod uploads;
mod whole_checksums;
