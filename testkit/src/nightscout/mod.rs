//! A stand-in for a Nightscout over real HTTP: it keeps documents by the rules of API v1 and v3, lets in whom they let in, and says no as
//! they do. What it enforces are the rules that the project documents and its public source shows, not all that it does.

mod rules;
mod server;

pub use server::NightscoutStandIn;
