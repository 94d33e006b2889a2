//! Merging: what comes out is the same whatever the order, and agrees with the reference model.
