//! What syncing costs: the prices of stores, and a month's bill before it comes.

mod prices;
mod projection;

pub use prices::{RequestPrices, StorePrices, Unknown, store_at, store_named, stores};
pub use projection::{Bill, Projection, Usage, project};
