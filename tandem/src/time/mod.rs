//! From the pump's wall clock to instants: see `docs/tandem.md`, "Time".

mod clock;
mod moment;
mod wall;
mod zone;

pub(crate) use self::clock::resolved;
pub use self::clock::{Clock, Reading};
pub use self::moment::{Moment, Resolution};
pub use self::wall::WallTime;
pub use self::zone::{UnknownZone, Zone};
