//! Stand-ins for stores that tests cannot reach: a proxy before a real store that answers as AWS S3 or Cloudflare R2 would where
//! those are peculiar, and lets everything else through. What is peculiar is decided apart from the proxy.

mod aws;
mod proxy;
mod r2;
mod rule;

pub use proxy::StandIn;
pub use rule::{Dialect, Refusal};
