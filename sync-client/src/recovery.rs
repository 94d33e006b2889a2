//! What a person can do about a state that `status` and `sync` name. `docs/recovery.md` has a section for each code.

use tidegate_sync_core::notice::NoticeKind;
use tidegate_sync_core::quarantine::{HoleReason, Reason, Subject};

/// What something is that is not believed.
pub(crate) const fn what(subject: &Subject) -> &'static str {
    match subject {
        Subject::Segment(_) => "segment",
        Subject::Doorbell => "sync-manifest",
        Subject::Checkpoint(_) => "checkpoint",
        Subject::Grant(_) => "grant",
        Subject::Content(_) => "content",
    }
}

/// About something that is not believed.
pub(crate) const fn of_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NewerFormat => "update Tidegate on this device, then run 'tidegate sync --full'",
        Reason::UnknownKey => "run 'tidegate sync --full'; if it stays, let a device that shows it sync first",
        Reason::AheadOfClock => "set the clock of the device that wrote it right; it is taken in once its time has come",
        Reason::Corrupt | Reason::Malformed | Reason::MissingContent => {
            "run 'tidegate sync --full'; if it stays, put the object back from a backup or an older version of the bucket"
        }
        Reason::ReplacedKeys => {
            "if a device of yours wrote it, run 'tidegate join' there with the new recovery code, then 'tidegate sync'; else nothing"
        }
        Reason::ForgedSignature | Reason::UnknownDevice | Reason::WrongSpace | Reason::Disagrees => {
            "nothing of it was taken in: find out who else can write to the bucket, and change its keys"
        }
    }
}

/// About a segment that cannot be found.
pub(crate) const fn of_hole(reason: HoleReason) -> &'static str {
    match reason {
        HoleReason::PrevMissing | HoleReason::SeenMissing | HoleReason::NamedMissing => {
            "run 'tidegate sync --full' on the device that wrote it, then here; if it stays, put it back from a backup of the bucket"
        }
    }
}

/// About something that has happened.
pub(crate) const fn of_notice(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::RestoredOrCloned => {
            "if this home was restored from a backup, nothing; if it is a copy of another device's, join here anew with 'tidegate join'"
        }
        NoticeKind::EditsKept => "'tidegate conflicts' shows them; keep what is right with 'tidegate resolve'",
        NoticeKind::StoreLostSegments => "run 'tidegate sync --full' on every device: each writes down again what it knows",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// Every code that may be shown has its section, so that whoever looks it up finds what to do.
    #[test]
    fn every_state_is_in_the_book() {
        let book = include_str!("../../docs/recovery.md");
        let notices = NoticeKind::ALL.iter().map(NoticeKind::code);
        let holes = ["prev-missing", "seen-missing", "named-missing"];
        let reasons = [
            "forged-signature",
            "unknown-device",
            "wrong-space",
            "corrupt",
            "malformed",
            "newer-format",
            "unknown-key",
            "ahead-of-clock",
            "missing-content",
            "disagrees",
            "replaced-keys",
        ];
        assert!(holes.iter().all(|code| HoleReason::from_code(code).is_some()));
        assert!(reasons.iter().all(|code| Reason::from_code(code).is_some()));
        let held = [Error::MassDelete { deletes: 21, records: 21 }.code()];
        for code in notices.chain(holes).chain(reasons).chain(held) {
            assert!(book.contains(&format!("`{code}`")), "{code} is not in docs/recovery.md");
        }
    }
}
