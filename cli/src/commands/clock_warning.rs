//! A word about a clock that is far off. Nothing depends on it: times are corrected by the store's.

use crate::style::count;

/// Half an hour: further off than this, a clock is worth a word.
const WORTH_A_WORD_MS: u64 = 30 * 60 * 1000;

/// What to say of a device whose clock is `offset_ms` behind the store's (negative: ahead of it); nothing if it is about right.
pub(super) fn clock_warning(offset_ms: i64) -> Option<String> {
    let off = offset_ms.unsigned_abs();
    if off <= WORTH_A_WORD_MS {
        return None;
    }
    let side = if offset_ms > 0 { "behind" } else { "ahead of" };
    let minutes = count(off / 60_000, "minute");
    Some(format!("this device's clock is {minutes} {side} the store's; times are corrected by it, but set the clock right"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_off_by_an_hour_is_named_with_its_side() {
        let behind = clock_warning(3_600_000).unwrap();
        assert!(behind.contains("60 minutes behind the store's") && behind.contains("set the clock right"), "{behind}");
        let ahead = clock_warning(-3_600_000).unwrap();
        assert!(ahead.contains("60 minutes ahead of the store's"), "{ahead}");
    }

    #[test]
    fn a_clock_off_by_minutes_is_not_worth_a_word() {
        for offset_ms in [0, 60_000, -60_000, 1_800_000, -1_800_000] {
            assert_eq!(clock_warning(offset_ms), None);
        }
    }
}
