//! What makes a store, and the way to it, what it is: plain data, so that a new kind of store is a new row of numbers.

use tidegate_sync_core::engine::{Conditions, StoreProfile};

/// Something that happens now and then, and takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sometimes {
    /// How often of a thousand times.
    pub per_mille: u32,
    /// How long at most, in milliseconds.
    pub most_ms: u64,
}

/// What does not happen.
pub const NEVER: Sometimes = Sometimes { per_mille: 0, most_ms: 0 };

/// How a store, the network before it and the clocks of its clients behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Character {
    /// What it really does with `If-None-Match: *`.
    pub create: Conditions,
    /// What it really does with `If-Match`.
    pub replace: Conditions,
    /// It looks whether a condition holds, and writes somewhat later.
    pub is_racy: bool,
    /// How many of a thousand PUTs it answers with 409 while another PUT of the key is on its way.
    pub contention: u32,
    /// How long it refuses a second PUT of a key with 429, in milliseconds.
    pub key_pause_ms: u64,
    /// How many requests of a thousand never reach it.
    pub loses_requests: u32,
    /// How many answers of a thousand never reach the client, although the request was carried out.
    pub loses_answers: u32,
    /// PUTs whose client gives up and that are carried out all the same, so much later.
    pub late: Sometimes,
    /// A listing may not show for so long what was written, and may show for so long what was deleted, in milliseconds.
    pub stale_ms: u64,
    /// How many PUTs of a thousand break off; what is left is listed, and cannot be read.
    pub torn: u32,
    /// Requests and answers that take so long.
    pub slow: Sometimes,
    /// Times in which every request is answered with 503, by steps of a schedule.
    pub storms: Sometimes,
    /// Clocks of clients that jump, forth or back, by steps of a schedule.
    pub clocks: Sometimes,
    /// The most time between two steps of a schedule, in milliseconds.
    pub haste_ms: u64,
}

/// An ordinary good store: a request or an answer is lost now and then.
pub const ORDINARY: Character = Character {
    create: Conditions::Honoured,
    replace: Conditions::Honoured,
    is_racy: false,
    contention: 0,
    key_pause_ms: 0,
    loses_requests: 10,
    loses_answers: 10,
    late: NEVER,
    stale_ms: 0,
    torn: 0,
    slow: NEVER,
    storms: NEVER,
    clocks: NEVER,
    haste_ms: 3_000,
};

impl Character {
    /// What a probe of such a store finds out.
    #[must_use]
    pub const fn profile(&self) -> StoreProfile {
        StoreProfile { create: self.create, replace: self.replace }
    }
}
