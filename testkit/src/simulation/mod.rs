//! Several devices of one account over one store: edits, syncs in any interleaving, crashes between any two effects, disks
//! that are lost, restored and cloned; and what must hold whatever happens. The same seed gives the same schedule, effect for
//! effect.

mod account;
mod backup;
mod bound;
mod counts;
mod device;
mod disk;
mod edit;
mod fault;
mod invariant;
mod many;
mod model;
mod network;
mod peace;
mod plan;
mod schedule;
mod shrink;
mod world;

pub use account::Household;
pub use backup::Backup;
pub use counts::Counts;
pub use device::{Answer, Device, Presence, Request, Setup};
pub use disk::Disk;
pub use fault::Fault;
pub use invariant::Violation;
pub use many::{Result, all_cores, run_many};
pub use model::{Acknowledged, Model};
pub use network::LatePut;
pub use plan::{Calendar, NEEDING_A_LISTING, Plan};
pub use schedule::{Report, run};
pub use shrink::shrink;
pub use world::World;
