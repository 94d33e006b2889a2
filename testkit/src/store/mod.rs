//! Object stores in memory, each with the character of a real kind.

mod character;
mod listing;
mod memory;
mod personality;

pub use character::{Character, NEVER, ORDINARY, Sometimes};
pub use memory::{MemoryStore, StoredObject};
pub use personality::Personality;
