//! Frontiers: what is covered, what is not, and how two become one.
