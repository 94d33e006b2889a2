//! What an id says: `pump/group/sequence/part`.

/// The parts of a line's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineName<'a> {
    /// The pump.
    pub(super) pump: &'a str,
    /// Pump and sequence group: within them sequences are in the order of the log.
    pub(super) log: &'a str,
    /// The place in it.
    pub(super) sequence: u32,
}

impl<'a> LineName<'a> {
    /// `None` for what no line is called.
    pub(super) fn of(id: &'a str) -> Option<Self> {
        let (event, _part) = id.rsplit_once('/')?;
        let (log, sequence) = event.rsplit_once('/')?;
        let (pump, _group) = log.rsplit_once('/')?;
        Some(Self { pump, log, sequence: sequence.parse().ok()? })
    }
}
