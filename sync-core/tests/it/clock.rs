use proptest::prelude::*;
use tidegate_sync_core::clock::{Clock, ClockOverflow, Hlc, MAX_AHEAD_MS};

const NOON: u64 = 1_795_000_000_000;

#[test]
fn the_text_of_a_timestamp_is_16_hex_digits_of_milliseconds_and_counter() {
    let hlc = Hlc::new(NOON, 3);
    assert_eq!(hlc.to_string(), format!("{NOON:012x}0003"));
    assert_eq!((hlc.millis(), hlc.counter()), (NOON, 3));
    assert_eq!(serde_json::to_string(&hlc).unwrap(), format!("\"{NOON:012x}0003\""));
    assert_eq!(hlc.to_string().parse::<Hlc>().unwrap(), hlc);
}

#[test]
fn only_the_written_form_of_a_timestamp_is_read() {
    for text in ["", "0", "01a20000000000000", "01A2000000000000", "+1a2000000000000", "01a200000000000g", " 1a2000000000000"] {
        assert!(text.parse::<Hlc>().is_err(), "{text:?}");
    }
}

#[test]
fn ticks_within_one_millisecond_count_up() {
    let mut clock = Clock::default();
    let first = clock.tick(NOON).unwrap();
    let second = clock.tick(NOON).unwrap();
    assert_eq!((first, second), (Hlc::new(NOON, 0), Hlc::new(NOON, 1)));
}

#[test]
fn a_clock_set_back_does_not_run_backwards() {
    let mut clock = Clock::resume(Hlc::new(NOON, 9));
    assert_eq!(clock.tick(NOON - 3_600_000).unwrap(), Hlc::new(NOON, 10));
}

#[test]
fn a_change_comes_after_everything_seen() {
    let mut clock = Clock::default();
    clock.tick(NOON).unwrap();
    clock.observe(Hlc::new(NOON + 50, 7));
    clock.observe(Hlc::new(NOON - 50, 9));
    assert_eq!(clock.tick(NOON + 1).unwrap(), Hlc::new(NOON + 50, 8));
}

#[test]
fn a_full_counter_carries_into_the_milliseconds() {
    let mut clock = Clock::resume(Hlc::new(NOON, u16::MAX));
    assert_eq!(clock.tick(NOON).unwrap(), Hlc::new(NOON + 1, 0));
}

#[test]
fn the_last_value_is_an_error_and_not_a_wrap() {
    let mut clock = Clock::resume(Hlc::from_u64(u64::MAX));
    assert_eq!(clock.tick(NOON), Err(ClockOverflow));
    assert_eq!(clock.tick(u64::MAX), Err(ClockOverflow));
    assert_eq!(Hlc::new(u64::MAX, 0).millis(), (1 << 48) - 1);
}

#[test]
fn more_than_24_hours_ahead_of_the_store_is_too_far() {
    assert!(!Hlc::new(NOON + MAX_AHEAD_MS, u16::MAX).is_too_far_ahead(NOON));
    assert!(Hlc::new(NOON + MAX_AHEAD_MS + 1, 0).is_too_far_ahead(NOON));
    assert!(!Hlc::from_u64(u64::MAX).is_too_far_ahead(u64::MAX));
}

proptest! {
    #[test]
    fn text_order_is_time_order(a: u64, b: u64) {
        let (a, b) = (Hlc::from_u64(a), Hlc::from_u64(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn timestamps_always_grow(times in prop::collection::vec((any::<bool>(), 0..(1_u64 << 47)), 1..50)) {
        let mut clock = Clock::default();
        let mut last = Hlc::default();
        for (local, millis) in times {
            if local {
                let next = clock.tick(millis).unwrap();
                prop_assert!(next > last);
                last = next;
            } else {
                clock.observe(Hlc::new(millis, 5));
                prop_assert!(clock.greatest() >= Hlc::new(millis, 5));
            }
        }
    }
}
