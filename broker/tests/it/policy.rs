//! The policy of presigning, held against tables that are written down here and nowhere else.

mod bounds;
mod grants;
mod parts;
mod pinned;
mod requests;
mod world;
