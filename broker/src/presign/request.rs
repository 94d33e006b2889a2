//! From an item of a presign batch to a request whose every field has been checked and has a place.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{InvalidKey, ListPrefix, ObjectKey, Sha256};

use super::item::{Item, Text};
use super::upload_id::{UploadId, UploadIds};

const MAX_ETAG_CHARACTERS: usize = 128;
const MAX_CONTINUATION_BYTES: usize = 1024;
const MAX_LIST_KEYS: u32 = 1000;

/// What one item asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRequest<'a> {
    /// Read an object.
    Get {
        /// The object.
        key: RequestedKey<'a>,
    },
    /// Read an object's length, ETag and checksum.
    Head {
        /// The object.
        key: RequestedKey<'a>,
    },
    /// Write an object in one piece.
    Put {
        /// The object.
        key: RequestedKey<'a>,
        /// Exact number of bytes.
        length: u64,
        /// SHA-256 of the bytes.
        sha256: Sha256,
        /// What must hold for the write to happen.
        condition: Option<Condition>,
    },
    /// Write one part of an attachment.
    PutPart {
        /// The object.
        key: RequestedKey<'a>,
        /// Its upload.
        upload: UploadId,
        /// The part's number, from 1.
        number: u32,
        /// Exact number of bytes.
        length: u64,
        /// SHA-256 of the bytes.
        sha256: Sha256,
    },
    /// List a folder.
    List {
        /// The folder.
        prefix: ListPrefix,
        /// Most keys of a page, 1 to 1,000.
        max_keys: u32,
        /// Where the last page ended: printable ASCII.
        continuation: Option<String>,
    },
}

/// An object's key with the text that it was read from. A key has one spelling, so this is how it is written, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedKey<'a> {
    key: ObjectKey,
    text: Cow<'a, str>,
}

impl<'a> RequestedKey<'a> {
    fn read(text: Text<'a>) -> Result<Self, Refusal> {
        let key = parse_key(&text)?;
        debug_assert_eq!(key.to_string(), *text, "a key has one spelling");
        Ok(Self { key, text: text.into() })
    }

    /// The key as it is written.
    #[must_use]
    pub fn into_text(self) -> Cow<'a, str> {
        self.text
    }
}

impl Deref for RequestedKey<'_> {
    type Target = ObjectKey;

    fn deref(&self) -> &ObjectKey {
        &self.key
    }
}

/// A precondition of a PUT (RFC 9110, section 13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no such object yet.
    CreateOnly,
    /// The object is still the one with this ETag.
    Replace(ETag),
}

/// A strong entity tag with its quotes: `"`, 1 to 128 of `[A-Za-z0-9._-]`, `"`. Nothing in it can end a header or mean a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag as it stands in a header.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Text that is not an [`ETag`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an ETag is 1 to {MAX_ETAG_CHARACTERS} of A-Z, a-z, 0-9, '.', '_' and '-' in double quotes")]
pub struct InvalidETag;

impl FromStr for ETag {
    type Err = InvalidETag;

    fn from_str(text: &str) -> Result<Self, InvalidETag> {
        let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(InvalidETag)?;
        let plain = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if tag.is_empty() || tag.len() > MAX_ETAG_CHARACTERS || !plain {
            return Err(InvalidETag);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> ObjectRequest<'a> {
    /// Reads an item. A field that has no place on the item's method is refused rather than dropped, so that nobody takes for
    /// signed what is not.
    ///
    /// # Errors
    /// A refusal that says which field is wrong.
    pub fn parse(item: impl Into<Item<'a>>, uploads: &UploadIds) -> Result<Self, Refusal> {
        let item = item.into();
        match &*item.method {
            "GET" => Ok(Self::Get { key: parse_bare(item)? }),
            "HEAD" => Ok(Self::Head { key: parse_bare(item)? }),
            "PUT" => parse_put(item, uploads),
            "LIST" => parse_list(item),
            "DELETE" => Err(refuse(ProblemCode::DeleteNotSigned, "DELETE is never signed; POST /v1/delete deletes")),
            _ => Err(refuse(ProblemCode::MethodInvalid, "the method is one of GET, HEAD, PUT and LIST")),
        }
    }
}

/// An item of a method that takes the key alone.
fn parse_bare(item: Item<'_>) -> Result<RequestedKey<'_>, Refusal> {
    refuse_put_fields(&item)?;
    refuse_list_fields(&item)?;
    RequestedKey::read(item.key)
}

fn parse_put<'a>(item: Item<'a>, uploads: &UploadIds) -> Result<ObjectRequest<'a>, Refusal> {
    refuse_list_fields(&item)?;
    let key = RequestedKey::read(item.key)?;
    let length = item.length.ok_or_else(|| refuse(ProblemCode::LengthMissing, "a PUT needs the exact length in bytes"))?;
    let sha256 =
        item.sha256.as_deref().ok_or_else(|| refuse(ProblemCode::Sha256Missing, "a PUT needs the SHA-256 of its bytes"))?;
    let sha256 = parse_sha256(sha256)?;
    match (item.upload_id.as_deref(), item.part_number) {
        (None, None) => Ok(ObjectRequest::Put {
            key,
            length,
            sha256,
            condition: parse_condition(item.if_match.as_deref(), item.create_only)?,
        }),
        (Some(upload), Some(number)) => {
            refuse_present("ifMatch", item.if_match.is_some())?;
            refuse_present("createOnly", item.create_only)?;
            let upload = uploads.open(&key, upload)?;
            Ok(ObjectRequest::PutPart { key, upload, number, length, sha256 })
        }
        (Some(_), None) | (None, Some(_)) => {
            Err(refuse(ProblemCode::InvalidRequest, "a part is named by uploadId and partNumber, both of them"))
        }
    }
}

fn parse_list(item: Item<'_>) -> Result<ObjectRequest<'_>, Refusal> {
    refuse_put_fields(&item)?;
    let prefix =
        item.key.parse().map_err(|invalid| refuse(ProblemCode::ListPrefixInvalid, explain("no folder to list", &invalid)))?;
    let max_keys = item.max_keys.unwrap_or(MAX_LIST_KEYS);
    if !(1..=MAX_LIST_KEYS).contains(&max_keys) {
        return Err(refuse(ProblemCode::ListParameterInvalid, format!("maxKeys is 1 to {MAX_LIST_KEYS}, not {max_keys}")));
    }
    Ok(ObjectRequest::List { prefix, max_keys, continuation: parse_continuation(item.continuation_token.as_deref())? })
}

/// Reads an object's key.
pub(crate) fn parse_key(text: &str) -> Result<ObjectKey, Refusal> {
    text.parse().map_err(|invalid| refuse(ProblemCode::KeyInvalid, explain("not an object key", &invalid)))
}

/// Reads a hash.
pub(crate) fn parse_sha256(text: &str) -> Result<Sha256, Refusal> {
    text.parse().map_err(|_| refuse(ProblemCode::InvalidRequest, "sha256 is 64 lower-case hex digits"))
}

fn parse_condition(if_match: Option<&str>, create_only: bool) -> Result<Option<Condition>, Refusal> {
    match (if_match, create_only) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(Condition::CreateOnly)),
        (Some(etag), false) => match etag.parse() {
            Ok(etag) => Ok(Some(Condition::Replace(etag))),
            Err(invalid @ InvalidETag) => Err(refuse(ProblemCode::ConditionInvalid, invalid.to_string())),
        },
        (Some(_), true) => {
            Err(refuse(ProblemCode::ConditionInvalid, "ifMatch and createOnly contradict each other: give one of them"))
        }
    }
}

fn parse_continuation(token: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    let printable = token.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if token.is_empty() || token.len() > MAX_CONTINUATION_BYTES || !printable {
        let message = format!("continuationToken is 1 to {MAX_CONTINUATION_BYTES} characters of printable ASCII");
        return Err(refuse(ProblemCode::ListParameterInvalid, message));
    }
    Ok(Some(token.to_owned()))
}

fn refuse_put_fields(item: &Item<'_>) -> Result<(), Refusal> {
    let Item {
        method: _,
        key: _,
        length,
        sha256,
        upload_id,
        part_number,
        if_match,
        create_only,
        max_keys: _,
        continuation_token: _,
    } = item;
    refuse_present("length", length.is_some())?;
    refuse_present("sha256", sha256.is_some())?;
    refuse_present("uploadId", upload_id.is_some())?;
    refuse_present("partNumber", part_number.is_some())?;
    refuse_present("ifMatch", if_match.is_some())?;
    refuse_present("createOnly", *create_only)
}

fn refuse_list_fields(item: &Item<'_>) -> Result<(), Refusal> {
    refuse_present("maxKeys", item.max_keys.is_some())?;
    refuse_present("continuationToken", item.continuation_token.is_some())
}

fn refuse_present(field: &str, present: bool) -> Result<(), Refusal> {
    if !present {
        return Ok(());
    }
    Err(refuse(ProblemCode::InvalidRequest, format!("{field} has no place on this method")))
}

/// What is wrong, down to the part of the key. A key's own text appears only in [`InvalidKey::Part`], cut and quoted.
fn explain(what: &str, invalid: &InvalidKey) -> String {
    match invalid {
        InvalidKey::Part(part) => format!("{what}: {part}"),
        InvalidKey::TooLong { .. }
        | InvalidKey::Character { .. }
        | InvalidKey::Segment
        | InvalidKey::Layout
        | InvalidKey::Number => format!("{what}: {invalid}"),
    }
}

pub(crate) fn refuse(code: ProblemCode, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}
