//! Records of 26 bytes: what the vendor's service gave until 2026, and what pumps say over Bluetooth.

use crate::event::raw::{FieldError, Fields, Raw, Slot, Wire};
use crate::event::{Body, Event, EventId, Payload};
use crate::time::WallTime;

/// Bytes of a record: a header of 10 and a payload of 16.
pub const RECORD_BYTES: usize = 26;

/// The order of a record's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// As in the service's answers: big-endian.
    #[default]
    Service,
    /// As over Bluetooth: each field of the header and each four bytes of the payload are reversed.
    Bluetooth,
}

/// Reads one record. Every record is an event: what is unknown is kept.
#[must_use]
pub fn decode_record(record: &[u8; RECORD_BYTES], order: ByteOrder) -> Event {
    let record = match order {
        ByteOrder::Service => *record,
        ByteOrder::Bluetooth => swapped(record),
    };
    let [h0, h1, t0, t1, t2, t3, s0, s1, s2, s3, payload @ ..] = record;
    let head = u16::from_be_bytes([h0, h1]);
    let code = head & 0x0fff;
    let body = match Body::read(code, &RecordFields(&payload)) {
        Some(Ok(body)) => body,
        Some(Err(error)) => Body::Unread { error, payload: Payload::Record(payload) },
        None => Body::Unknown(Payload::Record(payload)),
    };
    Event {
        id: EventId { group: 0, sequence: u32::from_be_bytes([s0, s1, s2, s3]) },
        code: u32::from(code),
        pump_time: WallTime::from_pump_seconds(u32::from_be_bytes([t0, t1, t2, t3])),
        source: Some(h0 >> 4),
        body,
    }
}

/// Reads records that follow one another; the bytes left at the end that are no whole record are counted.
#[must_use]
pub fn decode_records(bytes: &[u8], order: ByteOrder) -> (Vec<Event>, usize) {
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    (records.iter().map(|record| decode_record(record, order)).collect(), rest.len())
}

/// Writes an event as a record in the service's order; `None` where its time or its code has no place in one. Absent fields
/// that no number stands for are written as 0.
#[must_use]
pub fn encode_record(event: &Event) -> Option<[u8; RECORD_BYTES]> {
    let mut record = [0; RECORD_BYTES];
    let code = u16::try_from(event.code).ok().filter(|code| *code < 0x1000)?;
    let head = u16::from(event.source.unwrap_or(0) & 0x0f) << 12 | code;
    record[..2].copy_from_slice(&head.to_be_bytes());
    record[2..6].copy_from_slice(&event.pump_time.pump_seconds()?.to_be_bytes());
    record[6..10].copy_from_slice(&event.id.sequence.to_be_bytes());
    if let Body::Unknown(Payload::Record(payload)) | Body::Unread { payload: Payload::Record(payload), .. } = &event.body {
        record[10..].copy_from_slice(payload);
    }
    for (slot, raw) in event.body.raw_fields() {
        let place = &mut record[10 + slot.offset..][..slot.wire.size()];
        place.copy_from_slice(&bytes_of(raw.unwrap_or(Raw::Integer(0)), slot.wire)[4 - slot.wire.size()..]);
    }
    Some(record)
}

/// Bluetooth's order of bytes to the service's, and back.
fn swapped(record: &[u8; RECORD_BYTES]) -> [u8; RECORD_BYTES] {
    let mut swapped = *record;
    swapped[..2].reverse();
    for word in swapped[2..].chunks_exact_mut(4) {
        word.reverse();
    }
    swapped
}

/// A field's bytes, at the end of four.
fn bytes_of(raw: Raw, wire: Wire) -> [u8; 4] {
    match (raw, wire) {
        (Raw::Float(value), _) => value.to_be_bytes(),
        #[expect(clippy::cast_precision_loss, reason = "only an absent float comes as an integer: 0")]
        (Raw::Integer(value), Wire::F32) => (value as f32).to_be_bytes(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a field's integer has room in the field")]
        (Raw::Integer(value), Wire::U8 | Wire::I8 | Wire::U16 | Wire::I16 | Wire::U32) => (value as u32).to_be_bytes(),
    }
}

/// The payload of a record.
struct RecordFields<'a>(&'a [u8; 16]);

impl Fields for RecordFields<'_> {
    fn get(&self, slot: &Slot) -> Result<Option<Raw>, FieldError> {
        let bytes = &self.0[slot.offset..][..slot.wire.size()];
        let mut word = [0; 4];
        word[4 - bytes.len()..].copy_from_slice(bytes);
        let unsigned = u32::from_be_bytes(word);
        #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "the field's own width, read as signed")]
        Ok(Some(match slot.wire {
            Wire::U8 | Wire::U16 | Wire::U32 => Raw::Integer(i64::from(unsigned)),
            Wire::I8 => Raw::Integer(i64::from(unsigned as u8 as i8)),
            Wire::I16 => Raw::Integer(i64::from(unsigned as u16 as i16)),
            Wire::F32 => Raw::Float(f32::from_bits(unsigned)),
        }))
    }
}
