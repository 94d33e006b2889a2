//! Several devices of one account over one store: edits, syncs in any interleaving, crashes between any two effects; and
//! what must hold whatever happens. The same seed gives the same schedule, effect for effect.

mod account;
mod bug;
mod device;
mod disk;
mod invariant;
mod model;
mod schedule;
mod world;

pub use account::Household;
pub use bug::Bug;
pub use device::Device;
pub use disk::Disk;
pub use invariant::Violation;
pub use model::{Acknowledged, Model};
pub use schedule::{Counts, Plan, Report, run};
pub use world::World;
