//! A stand-in for an OpenID provider: keys of every algorithm, tokens of every shape, and a server that gives them out.

mod issuer;
mod key;

pub use issuer::{Answer, StandInIssuer};
pub use key::{SigningKey, jwt};
