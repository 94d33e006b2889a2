//! The obvious model: all changes of all merged segments, everything recomputed from scratch. For tests.
