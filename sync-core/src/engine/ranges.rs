//! Which ranges of a pack to ask for.

/// One wanted part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<T> {
    /// First byte.
    pub(super) offset: u64,
    /// Length in bytes.
    pub(super) length: u64,
    /// Whose it is.
    pub(super) of: T,
}

/// The longest range that is asked for at once, in bytes: a whole pack, and no more memory than that.
const MAX_SPAN_BYTES: u64 = 8 << 20;

/// One part in so many of a range must be wanted.
const WANTED_PART: u64 = 4;

/// Groups the wanted parts of one object into ranges, each read by one request from its first to its last wanted byte.
///
/// One request where at least a quarter of what comes is wanted: a request costs as much as some tens of kilobytes, but a
/// device that misses one record in a thousand must not read the whole pack for it. Otherwise the range is cut at its widest
/// gap, and the same is asked of both halves.
pub(super) fn ranges<T>(mut parts: Vec<Part<T>>) -> Vec<Vec<Part<T>>> {
    parts.sort_by_key(|part| (part.offset, part.length));
    let mut done = Vec::new();
    let mut open = vec![parts];
    while let Some(mut parts) = open.pop() {
        if parts.len() <= 1 || is_worth_one_request(&parts) {
            if !parts.is_empty() {
                done.push(parts);
            }
            continue;
        }
        let cut = widest_gap(&parts);
        let rest = parts.split_off(cut);
        open.push(rest);
        open.push(parts);
    }
    done
}

/// First byte and length of the range that holds all these parts.
pub(super) fn span<T>(parts: &[Part<T>]) -> (u64, u64) {
    let first = parts.iter().map(|part| part.offset).min().unwrap_or(0);
    let end = parts.iter().map(end_of).max().unwrap_or(0);
    (first, end.saturating_sub(first))
}

fn is_worth_one_request<T>(parts: &[Part<T>]) -> bool {
    let (_, length) = span(parts);
    let wanted = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.length));
    length <= MAX_SPAN_BYTES && wanted.saturating_mul(WANTED_PART) >= length
}

/// The index before which the widest gap lies; of parts without a gap between them, the middle.
fn widest_gap<T>(parts: &[Part<T>]) -> usize {
    let mut end = end_of(&parts[0]);
    let mut widest = (0, parts.len() / 2);
    for (index, part) in parts.iter().enumerate().skip(1) {
        let gap = part.offset.saturating_sub(end);
        if gap > widest.0 {
            widest = (gap, index);
        }
        end = end.max(end_of(part));
    }
    widest.1
}

const fn end_of<T>(part: &Part<T>) -> u64 {
    part.offset.saturating_add(part.length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(offset: u64, length: u64) -> Part<()> {
        Part { offset, length, of: () }
    }

    fn spans(parts: Vec<Part<()>>) -> Vec<(u64, u64)> {
        ranges(parts).iter().map(|parts| span(parts)).collect()
    }

    #[test]
    fn a_pack_of_which_all_is_wanted_is_one_request() {
        assert_eq!(spans((0..3_000).map(|n| part(n * 1_200, 1_200)).collect()), [(0, 3_600_000)]);
    }

    #[test]
    fn a_quarter_is_enough_and_less_is_not() {
        assert_eq!(spans(vec![part(0, 100), part(700, 100)]), [(0, 800)]);
        assert_eq!(spans(vec![part(0, 100), part(701, 100)]), [(0, 100), (701, 100)]);
    }

    #[test]
    fn a_lonely_part_far_away_is_read_by_itself() {
        assert_eq!(spans(vec![part(4_000_000, 10), part(0, 100), part(100, 100)]), [(0, 200), (4_000_000, 10)]);
    }

    proptest! {
        #[test]
        fn every_part_is_read_once_and_no_range_is_mostly_unwanted(
            parts in prop::collection::vec((0_u64..5_000_000, 1_u64..300_000), 0..60)
        ) {
            let wanted: Vec<Part<usize>> =
                parts.iter().enumerate().map(|(of, (offset, length))| Part { offset: *offset, length: *length, of }).collect();
            let read = ranges(wanted);
            let mut seen: Vec<usize> = read.iter().flatten().map(|part| part.of).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..parts.len()).collect::<Vec<_>>());
            for range in &read {
                let (_, length) = span(range);
                let sum: u64 = range.iter().map(|part| part.length).sum();
                prop_assert!(range.len() == 1 || sum * WANTED_PART >= length);
            }
        }
    }
}
