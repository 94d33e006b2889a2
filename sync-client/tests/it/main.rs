//! The sync client against real servers: the embedded store, and the broker in its development mode.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account_reset;
mod ahead_clock;
mod attachments;
mod conformance;
mod counts;
mod damage;
mod devices;
mod enrolment;
mod exports;
mod faults;
mod flow;
mod garbage;
mod health;
mod lost_answers;
mod merge_kinds;
mod new_keys;
mod samples;
mod session_expiry;
mod stand;
mod strangers;
mod tandem;
mod transfers;
mod two_processes;
mod url_refresh;
mod watch;
