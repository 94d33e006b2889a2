//! Hand-over of samples to Apple Health: what is to be written there, and a ledger of what was.
//!
//! An app asks for what is [pending](crate::SyncClient::health_pending), writes it with HealthKit and
//! [confirms](crate::SyncClient::health_confirm) what HealthKit has taken. Nothing counts as written before that, and nothing is handed over
//! again after it. `docs/apple-health.md` has the contract in JSON.

mod batch;
mod hand_over;
mod ledger;
mod lines;
mod quantity;
mod receipt;

use serde_json::Value;
use tidegate_sync_core::state::{MergeKinds, UnionById};
use tidegate_tandem::Sample;
use uuid::Uuid;

pub use batch::{Confirmation, Confirmed, HealthBatch, HealthDeletion, HealthObject, HealthStore};
pub use hand_over::HandOver;
pub use ledger::{LEDGER_DAYS, LEDGER_ENTRIES};

/// A sample as Apple Health takes it, for exports; `None` if it takes none of that kind, or there is no amount.
pub(crate) fn document(sample: &Sample, name: Uuid) -> Option<Value> {
    match quantity::quantity(sample) {
        quantity::Quantity::Amount(amount) => serde_json::to_value(batch::HealthObject::new(sample, name, amount, None)).ok(),
        quantity::Quantity::Nothing(_) | quantity::Quantity::Foreign => None,
    }
}

/// The kinds of records that a ledger lies in: united by their lines' ids.
pub(crate) fn merge_kinds(kinds: MergeKinds) -> MergeKinds {
    kinds.with(lines::STORE_KIND, UnionById).with(lines::LEDGER_KIND, UnionById)
}
