//! Requests of other origins: which rules a bucket has, and what a browser is told by them.

mod answer;
mod rule;
mod rules;

pub(crate) use answer::{add_headers, preflight};
pub(crate) use rule::{CorsRule, METHODS};
pub(crate) use rules::CorsRules;
