#![no_main]
//! Files of any bytes as pumps' logs: whatever they are read as, the samples of it are in order, and records are read as written.

use libfuzzer_sys::fuzz_target;
use tidegate_tandem::{
    ByteOrder, Concentration, Normaliser, Settings, Zone, decode_archive, decode_record, decode_records, encode_record,
};

fuzz_target!(|bytes: &[u8]| {
    let order = if bytes.len().is_multiple_of(2) { ByteOrder::Service } else { ByteOrder::Bluetooth };
    let (records, _) = decode_records(bytes, order);
    for event in &records {
        let written = encode_record(event).expect("a record has a place for what was read from one");
        let again = decode_record(&written, ByteOrder::Service);
        assert_eq!(serde_json::to_string(event).ok(), serde_json::to_string(&again).ok());
    }
    let zone = Zone::named("Pacific/Chatham").expect("it exists");
    let mut normaliser = Normaliser::new(Settings { pump: "pump".to_owned(), zone, concentration: Concentration::U200 });
    normaliser.add(records);
    if let Ok(answer) = decode_archive(bytes, order) {
        normaliser.add(answer.events);
        normaliser.add_clock_changes(answer.clock_changes);
    }
    for sample in normaliser.samples(None) {
        assert!(sample.start.utc <= sample.end.utc, "{sample:?}");
        serde_json::to_string(&sample).expect("a sample has a JSON form");
    }
});
