//! Where a change's content lies: in the change itself, in an object of its own, or in a range of a pack.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_protocol::{ObjectKey, Space};

use super::format::{FormatError, INLINE_BYTES, check_number, check_size, check_value};

/// Where a content lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum Location {
    /// In the change.
    Inline(InlineContent),
    /// One object.
    Object(Box<ObjectLocation>),
    /// A range of a pack.
    Pack(PackLocation),
    /// A place that only a later version knows; copied on, and not readable here.
    Unknown(Map<String, Value>),
}

/// A content that travels in its change: the plaintext itself, sealed with the segment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InlineContent {
    /// The content, at most [`INLINE_BYTES`].
    pub bytes: Vec<u8>,
    /// Fields of later versions.
    pub extra: Map<String, Value>,
}

impl From<Vec<u8>> for InlineContent {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, extra: Map::new() }
    }
}

impl Deref for InlineContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// One object that holds one content.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectLocation {
    /// The object.
    pub key: ObjectKey,
    /// Its stored (sealed) length in bytes.
    pub length: u64,
    /// Fields of later versions.
    pub extra: Map<String, Value>,
}

/// A range of a pack that holds one content.
#[derive(Debug, Clone, PartialEq)]
pub struct PackLocation {
    /// The pack; shared by the changes whose contents lie in it.
    pub pack: Arc<ObjectKey>,
    /// First byte of the range.
    pub offset: u64,
    /// Length of the range in bytes.
    pub length: u64,
    /// Fields of later versions.
    pub extra: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pack: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl TryFrom<Fields> for Location {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let object_key = |text: String| text.parse::<ObjectKey>().map_err(|error| error.to_string());
        let extra = fields.extra;
        match (fields.inline, fields.key, fields.pack, fields.offset, fields.length) {
            (Some(text), None, None, None, None) => {
                let bytes = crate::base64url::decode(&text).ok_or_else(|| "inline content is not base64url".to_owned())?;
                Ok(Self::Inline(InlineContent { bytes, extra }))
            }
            (None, Some(key), None, None, Some(length)) => {
                Ok(Self::Object(Box::new(ObjectLocation { key: object_key(key)?, length, extra })))
            }
            (None, None, Some(pack), Some(offset), Some(length)) => {
                Ok(Self::Pack(PackLocation { pack: Arc::new(object_key(pack)?), offset, length, extra }))
            }
            (None, None, None, offset, length) if !extra.is_empty() => {
                let numbers = [("offset", offset), ("length", length)];
                let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name.to_owned(), number?.into())));
                Ok(Self::Unknown(extra.into_iter().chain(numbers).collect()))
            }
            _ => Err("a location is inline, key + length, or pack + offset + length".to_owned()),
        }
    }
}

impl From<Location> for Fields {
    fn from(location: Location) -> Self {
        let empty = Self { inline: None, key: None, pack: None, offset: None, length: None, extra: Map::new() };
        match location {
            Location::Inline(InlineContent { bytes, extra }) => {
                Self { inline: Some(crate::base64url::encode(&bytes)), extra, ..empty }
            }
            Location::Object(object) => {
                let ObjectLocation { key, length, extra } = *object;
                Self { key: Some(key.to_string()), length: Some(length), extra, ..empty }
            }
            Location::Pack(PackLocation { pack, offset, length, extra }) => {
                Self { pack: Some(pack.to_string()), offset: Some(offset), length: Some(length), extra, ..empty }
            }
            Location::Unknown(extra) => Self { extra, ..empty },
        }
    }
}

impl Location {
    pub(crate) fn check(&self) -> Result<(), FormatError> {
        let extra = match self {
            Self::Inline(content) => {
                check_size("inline content", content.len() as u64, INLINE_BYTES as u64)?;
                &content.extra
            }
            Self::Object(object) => {
                check_number("change", object.length)?;
                if !matches!(object.key, ObjectKey::Record { .. } | ObjectKey::Attachment { .. }) {
                    return Err(FormatError::malformed("change", "its location is not a record or an attachment"));
                }
                &object.extra
            }
            Self::Pack(pack) => {
                check_number("change", pack.offset)?;
                check_number("change", pack.length)?;
                check_number("change", pack.offset.saturating_add(pack.length))?;
                if !matches!(*pack.pack, ObjectKey::Pack { .. }) {
                    return Err(FormatError::malformed("change", "its location is not a pack"));
                }
                &pack.extra
            }
            Self::Unknown(extra) => extra,
        };
        extra.values().try_for_each(|value| check_value("change", value))
    }

    /// Whether the content lies in this space: a change that points into another space would have a reader fetch, and a
    /// collector keep, what its author has no say over.
    #[must_use]
    pub fn lies_in(&self, space: Space) -> bool {
        let key = match self {
            Self::Inline(_) | Self::Unknown(_) => return true,
            Self::Object(object) => &object.key,
            Self::Pack(pack) => &pack.pack,
        };
        key.content_space() == Some(space)
    }
}
