//! The checkpoint's NDJSON: golden, and every malformed one refused by name.
