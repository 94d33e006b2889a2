//! The change's JSON: golden, caps, and every malformed one refused by name.
