//! Tests of the broker from outside.

mod policy;
