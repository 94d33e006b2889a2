//! LIST: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, ETag, ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass};
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, failed, no_such_bucket};
use super::{Backend, blocking, token};
use crate::clock::from_ms;
use crate::index::{Entry, ListRequest, ObjectRecord, Start};

const MOST_KEYS: i32 = 1000;

/// `encoding-type=url`: everything but the unreserved characters and `/`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) async fn list(backend: &Arc<Backend>, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let names = Names::of(&input)?;
    let request = request(&input)?;
    let max_keys = request.max_entries;
    let page =
        blocking(backend, move |backend| backend.reads.page(&request).map_err(failed)).await?.ok_or_else(no_such_bucket)?;

    let mut contents = Vec::new();
    let mut common_prefixes = Vec::new();
    for entry in page.entries {
        match entry {
            Entry::Object(key, record) => contents.push(object(names.format(key), record)),
            Entry::Prefix(prefix) => common_prefixes.push(CommonPrefix { prefix: Some(names.format(prefix)) }),
        }
    }
    let count = i32::try_from(contents.len() + common_prefixes.len()).unwrap_or(MOST_KEYS);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(names.format(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| names.format(delimiter)),
        start_after: input.start_after.map(|key| names.format(key)),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        next_continuation_token: page.next.as_ref().and_then(token::format),
        is_truncated: Some(page.next.is_some()),
        max_keys: i32::try_from(max_keys).ok(),
        key_count: Some(count),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..Default::default()
    })
}

fn request(input: &ListObjectsV2Input) -> S3Result<ListRequest> {
    let max_keys = input.max_keys.unwrap_or(MOST_KEYS).min(MOST_KEYS);
    let max_entries =
        usize::try_from(max_keys).map_err(|_| error(S3ErrorCode::InvalidArgument, "max-keys must not be negative"))?;
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => {
            token::parse(token).ok_or_else(|| error(S3ErrorCode::InvalidArgument, "the continuation token is not one of ours"))?
        }
        (None, Some(key)) => Start::AfterKey(key.clone().into_bytes()),
        (None, None) => Start::First,
    };
    Ok(ListRequest {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        start,
        max_entries,
    })
}

fn object(key: String, record: Box<ObjectRecord>) -> Object {
    Object {
        key: Some(key),
        e_tag: Some(ETag::Strong(record.etag)),
        last_modified: Some(from_ms(record.modified_ms).into()),
        size: Some(record.size.cast_signed()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    }
}

/// How names are written into the page.
#[derive(Debug, Clone, Copy)]
enum Names {
    Plain,
    Url,
}

impl Names {
    fn of(input: &ListObjectsV2Input) -> S3Result<Self> {
        match input.encoding_type.as_ref().map(|encoding| encoding.as_str()) {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(_) => Err(error(S3ErrorCode::InvalidArgument, "encoding-type must be url")),
        }
    }

    fn format(self, name: String) -> String {
        match self {
            Self::Plain => name,
            Self::Url => utf8_percent_encode(&name, ESCAPED).to_string(),
        }
    }
}
