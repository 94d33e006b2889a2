//! The sync client against real servers: the embedded store, and the broker in its development mode.

mod conformance;
mod counts;
mod damage;
mod enrolment;
mod faults;
mod flow;
mod stand;
