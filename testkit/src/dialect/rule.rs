//! What a dialect refuses, by the head of a request and by what is known of its key.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method};

use super::{aws, r2};

/// Whose peculiarities are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// AWS S3: a conditional PUT that meets another PUT of its key is answered with 409.
    Aws,
    /// Cloudflare R2: one write a second and key, no conditional DELETE, URLs of at most seven days.
    R2,
}

impl Dialect {
    /// How long a PUT is held before it goes to the store, so that PUTs of one key meet.
    pub(super) const fn hold(self) -> Duration {
        match self {
            Self::Aws => Duration::from_millis(40),
            Self::R2 => Duration::ZERO,
        }
    }

    pub(super) fn refuses(self, request: &Head<'_>, known: &Known) -> Option<Refusal> {
        match self {
            Self::Aws => aws::refuses(request, known),
            Self::R2 => r2::refuses(request, known),
        }
    }
}

/// An answer in place of the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// S3's code of the error.
    pub code: &'static str,
}

/// What a rule looks at.
pub(super) struct Head<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) now: Instant,
}

impl Head<'_> {
    /// A write of a whole object under its key.
    pub(super) fn is_put(&self) -> bool {
        *self.method == Method::PUT && !self.has("partNumber")
    }

    pub(super) fn is_conditional(&self) -> bool {
        self.headers.contains_key("if-match") || self.headers.contains_key("if-none-match")
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.split_once('=').filter(|(left, _)| *left == name).map(|(_, right)| right))
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

/// What is known of keys.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Paths that a PUT is under way to.
    pub(super) under_way: HashSet<String>,
    /// When a path was last written.
    pub(super) written: HashMap<String, Instant>,
}
