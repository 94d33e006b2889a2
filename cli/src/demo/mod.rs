//! `tidegate demo`: everything in one process.

mod folder;
mod scan;
