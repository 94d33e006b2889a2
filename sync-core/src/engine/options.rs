//! What a caller may ask of one sync.

/// What a sync may do; the default is right unless a person has said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncOptions {
    /// Send deletes even where they take a large part of a space's records.
    pub allow_mass_delete: bool,
    /// List every space, and look again at all that was set aside, whenever that was: what a person asks for who has just
    /// updated Tidegate, or put the bucket right.
    pub look_again: bool,
    /// Write everything down anew, as a checkpoint of each space, and ring: after the account's keys were replaced, for nothing that
    /// was signed under the old ones counts any more. It implies [`SyncOptions::look_again`].
    pub write_down: bool,
}
