//! Records of 26 bytes.

use proptest::prelude::*;
use tidegate_tandem::{
    Body, ByteOrder, Completion, Event, FieldError, LAYOUTS, Payload, RECORD_BYTES, decode_answer, decode_record, decode_records,
    encode_record,
};

use crate::json::as_json;

fn record(hex: &str) -> [u8; RECORD_BYTES] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

#[test]
fn fields_stand_where_the_layout_says() {
    let event = decode_record(&record("10142270000000000007062f00033fc000004030000040600000"), ByteOrder::Service);
    assert_eq!((event.source, event.code, event.id.group, event.id.sequence), (Some(1), 20, 0, 7));
    let Body::BolusCompleted(bolus) = event.body else { panic!("{event:?}") };
    assert_eq!((bolus.bolus.0, bolus.completion), (1583, Completion::Completed));
    assert_eq!((bolus.iob.unwrap().0, bolus.delivered.0, bolus.requested.unwrap().0), (1.5, 2.75, 3.5));
}

#[test]
fn bluetooth_reverses_header_fields_and_words() {
    let service = record("00141a97d79e0002d870042100034069c8543fe4baf23fe4baf2");
    let mut bluetooth = service;
    bluetooth[..2].reverse();
    bluetooth[2..].chunks_exact_mut(4).for_each(<[u8]>::reverse);
    assert_ne!(service, bluetooth);
    assert_eq!(decode_record(&service, ByteOrder::Service), decode_record(&bluetooth, ByteOrder::Bluetooth));
    assert_eq!(decode_record(&service, ByteOrder::Service).pump_time.to_string(), "2022-02-19T20:59:10");
}

#[test]
fn what_is_unknown_is_kept() {
    let event = decode_record(&record("0fff00000000000000010102030405060708090a0b0c0d0e0f10"), ByteOrder::Service);
    assert_eq!((event.code, event.body.name()), (0xfff, "unknown"));
    let Body::Unknown(Payload::Record(payload)) = event.body else { panic!() };
    assert_eq!(payload, std::array::from_fn(|index| u8::try_from(index).unwrap() + 1));
}

#[test]
fn an_amount_that_is_no_number_makes_a_bolus_unread_and_not_lost() {
    let event = decode_record(&record("0014000000000000000100010003000000007fc0000000000000"), ByteOrder::Service);
    let Body::Unread { error, .. } = &event.body else { panic!("{event:?}") };
    assert_eq!(*error, FieldError::Unreadable { field: "insulinDelivered" });
}

#[test]
fn the_number_65535_is_absent_where_a_field_may_be() {
    let event = decode_record(&record("0117000000000000000100000001ffff0320ffffffff00000000"), ByteOrder::Service);
    let Body::BasalDelivery(basal) = event.body else { panic!("{event:?}") };
    assert_eq!((basal.commanded.0, basal.profile, basal.temporary, basal.algorithm), (800, None, None, None));
}

#[test]
fn a_prime_of_minus_one_was_not_recorded() {
    let event = decode_record(&record("003f0000000000000001bf800000000000030000000000000000"), ByteOrder::Service);
    let Body::TubingFilled(tubing) = event.body else { panic!("{event:?}") };
    assert_eq!(tubing.prime.unwrap().0, None);
}

#[test]
fn layouts_do_not_overlap_and_stay_within_the_payload() {
    for layout in LAYOUTS {
        let mut taken = [false; 16];
        for slot in layout.slots {
            for byte in &mut taken[slot.offset..slot.offset + slot.wire.size()] {
                assert!(!*byte, "{} {}", layout.name, slot.name);
                *byte = true;
            }
            assert_eq!(slot.offset % slot.wire.size(), 0, "{} {}", layout.name, slot.name);
        }
    }
    assert!(LAYOUTS.windows(2).all(|pair| pair[0].code < pair[1].code));
}

/// Records of known codes.
fn known_record() -> impl Strategy<Value = [u8; RECORD_BYTES]> {
    (any::<[u8; RECORD_BYTES]>(), 0..LAYOUTS.len()).prop_map(|(mut record, layout)| {
        let head = (u16::from(record[0] & 0xf0) << 8) | LAYOUTS[layout].code;
        record[..2].copy_from_slice(&head.to_be_bytes());
        record
    })
}

/// Records of any code, half of them of known ones.
fn any_record() -> impl Strategy<Value = [u8; RECORD_BYTES]> {
    prop_oneof![any::<[u8; RECORD_BYTES]>(), known_record()]
}

fn same(one: &Event, other: &Event) -> bool {
    // By their JSON, as a float that is no number equals nothing.
    serde_json::to_value(one).unwrap() == serde_json::to_value(other).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn every_record_is_an_event_and_its_event_is_read_again(bytes in any_record()) {
        let event = decode_record(&bytes, ByteOrder::Service);
        let again = decode_record(&encode_record(&event).unwrap(), ByteOrder::Service);
        prop_assert!(same(&event, &again), "{event:?} {again:?}");
    }

    #[test]
    fn a_record_and_its_json_are_one_event(bytes in known_record()) {
        let mut event = decode_record(&bytes, ByteOrder::Service);
        if event.body.code().is_none() {
            // A field of it cannot be read: then it has no JSON.
            return Ok(());
        }
        event.source = None;
        let answer = decode_answer(&serde_json::json!([as_json(&event)])).unwrap();
        prop_assert!(same(&event, &answer.events[0]), "{event:?} {:?}", answer.events[0]);
    }

    #[test]
    fn bytes_of_any_length_are_records_and_a_rest(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (events, rest) = decode_records(&bytes, ByteOrder::Bluetooth);
        prop_assert_eq!(events.len() * RECORD_BYTES + rest, bytes.len());
    }
}
