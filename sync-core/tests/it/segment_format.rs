//! The segment's JSON: golden, and every malformed one refused by name.
