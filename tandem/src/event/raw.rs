//! One field of an event before its meaning: where it stands in a record, what it is called in JSON, and how it is read from
//! either. Every event's layout is written once, in `table.rs`, and read through this.

/// How a field stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// One byte.
    U8,
    /// One byte, signed.
    I8,
    /// Two bytes.
    U16,
    /// Two bytes, signed.
    I16,
    /// Four bytes.
    U32,
    /// IEEE 754, four bytes.
    F32,
}

impl Wire {
    /// Bytes in a record.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// The least and greatest integer that has room.
    pub(crate) const fn range(self) -> (i64, i64) {
        match self {
            Self::U8 => (0, u8::MAX as i64),
            Self::I8 => (i8::MIN as i64, i8::MAX as i64),
            Self::U16 => (0, u16::MAX as i64),
            Self::I16 => (i16::MIN as i64, i16::MAX as i64),
            Self::U32 | Self::F32 => (0, u32::MAX as i64),
        }
    }

    /// A float, written as this field is written.
    pub(crate) fn float(self, value: f32) -> Raw {
        match self {
            Self::F32 => Raw::Float(value),
            #[expect(clippy::cast_possible_truncation, reason = "saturates; the pump's whole amounts are small")]
            Self::U8 | Self::I8 | Self::U16 | Self::I16 | Self::U32 => Raw::Integer(value as i64),
        }
    }
}

/// A field's place and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The property's name in the JSON of the vendor's service.
    pub name: &'static str,
    /// How it stands in a record.
    pub wire: Wire,
    /// Where it stands in the 16 bytes of a record's payload.
    pub offset: usize,
}

/// A field's value before its meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw {
    /// Of an integer field.
    Integer(i64),
    /// Of a float field.
    Float(f32),
}

impl Raw {
    /// The integer; `None` if the field is a float.
    pub(crate) const fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    /// As a float; integers are exact up to 2^24.
    pub(crate) const fn as_float(self) -> f32 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the pump's whole amounts are small")]
            Self::Integer(value) => value as f32,
            Self::Float(value) => value,
        }
    }
}

/// A field that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The event has no such property, and means nothing without it.
    #[error("`{field}` is missing")]
    Missing {
        /// The property.
        field: &'static str,
    },
    /// The property is no number, or not one that the field has room for.
    #[error("`{field}` has no value that it can have")]
    Unreadable {
        /// The property.
        field: &'static str,
    },
}

/// Where fields are read from: a record or the JSON of the service.
pub(crate) trait Fields {
    /// The value; `None` where the source does not say.
    ///
    /// # Errors
    /// Where the source has something that no such field can hold.
    fn get(&self, slot: &Slot) -> Result<Option<Raw>, FieldError>;
}

/// A meaning of one field.
pub(crate) trait Scalar: Sized + Copy {
    /// The meaning; `None` if there is none.
    fn from_raw(raw: Raw) -> Option<Self>;

    /// The field that has this meaning.
    fn to_raw(self, wire: Wire) -> Raw;
}

impl Scalar for bool {
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(raw.as_integer()? != 0)
    }

    fn to_raw(self, _: Wire) -> Raw {
        Raw::Integer(i64::from(self))
    }
}

/// Numbers that have no unit: identifiers and diagnostic values.
macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Scalar for $type {
            fn from_raw(raw: Raw) -> Option<Self> {
                raw.as_integer()?.try_into().ok()
            }

            fn to_raw(self, _: Wire) -> Raw {
                Raw::Integer(i64::from(self))
            }
        }
    )*};
}

plain!(u8 i8 u16 u32);

/// A field's value in an event: a meaning that the event is nothing without, or one that may be absent.
pub(crate) trait Value: Sized {
    fn read(fields: &dyn Fields, slot: &Slot) -> Result<Self, FieldError>;
    fn write(&self, wire: Wire) -> Option<Raw>;
}

/// The number that stands for "not available" in every 16-bit field that may be absent.
const ABSENT: Raw = Raw::Integer(65_535);

impl<T: Scalar> Value for Option<T> {
    fn read(fields: &dyn Fields, slot: &Slot) -> Result<Self, FieldError> {
        let Some(raw) = fields.get(slot)? else { return Ok(None) };
        if slot.wire == Wire::U16 && raw == ABSENT {
            return Ok(None);
        }
        // A float that is no number says as little as an absent one.
        if matches!(raw, Raw::Float(value) if !value.is_finite()) {
            return Ok(None);
        }
        T::from_raw(raw).map(Some).ok_or(FieldError::Unreadable { field: slot.name })
    }

    fn write(&self, wire: Wire) -> Option<Raw> {
        match self {
            Some(value) => Some(value.to_raw(wire)),
            None if wire == Wire::U16 => Some(ABSENT),
            None if wire == Wire::F32 => Some(Raw::Float(f32::NAN)),
            None => None,
        }
    }
}

impl<T: Scalar> Value for T {
    fn read(fields: &dyn Fields, slot: &Slot) -> Result<Self, FieldError> {
        let raw = fields.get(slot)?.ok_or(FieldError::Missing { field: slot.name })?;
        T::from_raw(raw).ok_or(FieldError::Unreadable { field: slot.name })
    }

    fn write(&self, wire: Wire) -> Option<Raw> {
        Some(self.to_raw(wire))
    }
}
