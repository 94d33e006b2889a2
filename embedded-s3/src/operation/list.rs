//! LIST: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>, and its first version.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, failed, no_such_bucket};
use super::{Backend, blocking, token};
use crate::clock::from_ms;
use crate::index::{Entry, ListRequest, ObjectRecord, Page, Start};

const MOST_KEYS: i32 = 1000;

/// `encoding-type=url`: everything but the unreserved characters and `/`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) async fn list(backend: &Arc<Backend>, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let names = Names::of(input.encoding_type.as_ref())?;
    let request = ListRequest {
        start: start(&input)?,
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        max_entries: max_entries(input.max_keys)?,
    };
    let max_keys = request.max_entries;
    let page = page(backend, request).await?;
    let next_continuation_token = page.next.as_ref().and_then(token::format);
    let is_truncated = page.next.is_some();
    let (contents, common_prefixes) = lines(page.entries, names);
    let count = i32::try_from(contents.len() + common_prefixes.len()).unwrap_or(MOST_KEYS);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(names.format(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| names.format(delimiter)),
        start_after: input.start_after.map(|key| names.format(key)),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        next_continuation_token,
        is_truncated: Some(is_truncated),
        max_keys: i32::try_from(max_keys).ok(),
        key_count: Some(count),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..Default::default()
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html>
pub(super) async fn list_v1(backend: &Arc<Backend>, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let names = Names::of(input.encoding_type.as_ref())?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let request = ListRequest {
        start: after_marker(input.marker.as_deref().unwrap_or_default(), &prefix, &delimiter),
        bucket: input.bucket.clone(),
        prefix,
        delimiter,
        max_entries: max_entries(input.max_keys)?,
    };
    let max_keys = request.max_entries;
    let page = page(backend, request).await?;
    let is_truncated = page.next.is_some();
    // Without a delimiter the last key is the next marker, and is not said twice.
    let next = page.next.filter(|_| input.delimiter.is_some()).and_then(Start::into_place);
    let (contents, common_prefixes) = lines(page.entries, names);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(names.format(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(|delimiter| names.format(delimiter)),
        marker: Some(names.format(input.marker.unwrap_or_default())),
        next_marker: next.map(|next| names.format(next)),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        max_keys: i32::try_from(max_keys).ok(),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..Default::default()
    })
}

async fn page(backend: &Arc<Backend>, request: ListRequest) -> S3Result<Page> {
    blocking(backend, move |backend| backend.reads.page(&request).map_err(failed)).await?.ok_or_else(no_such_bucket)
}

fn lines(entries: Vec<Entry>, names: Names) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut contents, mut common_prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Object(key, record) => contents.push(object(names.format(key), record)),
            Entry::Prefix(prefix) => common_prefixes.push(CommonPrefix { prefix: Some(names.format(prefix)) }),
        }
    }
    (contents, common_prefixes)
}

fn max_entries(asked: Option<i32>) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(MOST_KEYS).min(MOST_KEYS))
        .map_err(|_| error(S3ErrorCode::InvalidArgument, "max-keys must not be negative"))
}

fn start(input: &ListObjectsV2Input) -> S3Result<Start> {
    match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => {
            token::parse(token).ok_or_else(|| error(S3ErrorCode::InvalidArgument, "the continuation token is not one of ours"))
        }
        (None, Some(key)) => Ok(Start::AfterKey(key.clone().into_bytes())),
        (None, None) => Ok(Start::First),
    }
}

/// A marker may be a common prefix that a page ended with; all that it stands for is behind us, or the pages would never end.
fn after_marker(marker: &str, prefix: &str, delimiter: &str) -> Start {
    if marker.is_empty() {
        return Start::First;
    }
    let group = marker.strip_prefix(prefix).filter(|_| !delimiter.is_empty());
    let is_group = group.is_some_and(|rest| rest.find(delimiter).is_some_and(|at| at + delimiter.len() == rest.len()));
    if is_group { Start::AfterPrefix(marker.as_bytes().to_vec()) } else { Start::AfterKey(marker.as_bytes().to_vec()) }
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
    fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_is_a_common_prefix_stands_for_all_it_rolls_up() {
        let prefix = |group: &str| Start::AfterPrefix(group.as_bytes().to_vec());
        let key = |key: &str| Start::AfterKey(key.as_bytes().to_vec());
        assert_eq!(after_marker("", "a/", "/"), Start::First);
        assert_eq!(after_marker("a/b/", "a/", "/"), prefix("a/b/"));
        assert_eq!(after_marker("a/b/c", "a/", "/"), key("a/b/c"));
        assert_eq!(after_marker("a/b/c/", "a/", "/"), key("a/b/c/"));
        assert_eq!(after_marker("a/b/", "a/", ""), key("a/b/"));
        assert_eq!(after_marker("b/", "a/", "/"), key("b/"));
    }
}
