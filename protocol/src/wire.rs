//! How bytes and times stand in the broker's JSON.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes, written as base64url without padding (RFC 4648, section 5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Base64Url(pub Vec<u8>);

/// Groups of four characters, and a last one of two or three whose unused bits are zero.
#[cfg(feature = "openapi")]
const BASE64URL_PATTERN: &str = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$";

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Base64Url {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let string = utoipa::openapi::schema::Type::String;
        let description = "Bytes, written as base64url without padding (RFC 4648, section 5).";
        let schema = utoipa::openapi::ObjectBuilder::new().schema_type(string).pattern(Some(BASE64URL_PATTERN));
        schema.description(Some(description)).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Base64Url {}

impl fmt::Debug for Base64Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Url({} bytes)", self.0.len())
    }
}

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| de::Error::custom("expected base64url without padding"))
    }
}

/// Times as RFC 3339 with milliseconds and `Z`; any RFC 3339 time is read.
pub mod timestamp {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use time::format_description::BorrowedFormatItem;
    use time::format_description::well_known::Rfc3339;
    use time::macros::format_description;
    use time::{OffsetDateTime, UtcOffset};

    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

    /// The time as text, for example `2026-11-21T09:30:00.000Z`.
    ///
    /// # Errors
    /// A year that RFC 3339 cannot write.
    pub fn format(time: OffsetDateTime) -> Result<String, time::error::Format> {
        time.to_offset(UtcOffset::UTC).format(FORMAT)
    }

    /// Reads any RFC 3339 time.
    ///
    /// # Errors
    /// Text that is not RFC 3339.
    pub fn parse(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
        OffsetDateTime::parse(text, &Rfc3339)
    }

    /// For `#[serde(with = ...)]`.
    ///
    /// # Errors
    /// A year that RFC 3339 cannot write.
    pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*time).map_err(ser::Error::custom)?)
    }

    /// For `#[serde(with = ...)]`.
    ///
    /// # Errors
    /// Text that is not RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }

    /// The same for an optional time.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer, de};
        use time::OffsetDateTime;

        /// For `#[serde(with = ...)]`.
        ///
        /// # Errors
        /// A year that RFC 3339 cannot write.
        pub fn serialize<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// For `#[serde(with = ...)]`.
        ///
        /// # Errors
        /// Text that is not RFC 3339.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| super::parse(&text).map_err(de::Error::custom)).transpose()
        }
    }
}
