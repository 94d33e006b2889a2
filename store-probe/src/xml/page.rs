//! A page of a listing, as far as a probe reads it.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.

use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::elements;

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<String>,
}

/// One line of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) etag: Option<String>,
    pub(crate) upload_id: String,
    pub(crate) last_modified: Option<OffsetDateTime>,
}

/// A page of objects or of uploads; `None` if it is neither.
pub(crate) fn page(document: &[u8]) -> Option<Page> {
    let (mut page, mut current, mut encoded, mut truncated, mut is_list) =
        (Page::default(), Entry::default(), false, false, false);
    elements(document, |path, text| {
        is_list |= path.first().is_some_and(|root| matches!(root.as_str(), "ListBucketResult" | "ListMultipartUploadsResult"));
        let inner: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match inner.as_slice() {
            ["EncodingType"] => encoded = text == "url",
            ["IsTruncated"] => truncated = text == "true",
            ["NextContinuationToken"] => page.next = Some(text.to_owned()),
            ["Contents" | "Upload"] => page.entries.push(std::mem::take(&mut current)),
            ["Contents" | "Upload", "Key"] => text.clone_into(&mut current.key),
            ["Contents", "ETag"] => current.etag = Some(text.to_owned()),
            ["Contents", "LastModified"] | ["Upload", "Initiated"] => {
                current.last_modified = OffsetDateTime::parse(text, &Rfc3339).ok();
            }
            ["Upload", "UploadId"] => text.clone_into(&mut current.upload_id),
            _ => {}
        }
        true
    })?;
    if encoded {
        for entry in &mut page.entries {
            entry.key = percent_decode_str(&entry.key).decode_utf8_lossy().into_owned();
        }
    }
    page.next = page.next.filter(|_| truncated);
    is_list.then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_objects_is_read() {
        let document = b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
            <NextContinuationToken>a&amp;b</NextContinuationToken><Contents><ETag>&quot;e&quot;</ETag><Key>a%2Fb</Key></Contents>\
            </ListBucketResult>";
        let page = page(document).unwrap();
        assert_eq!(page.next.as_deref(), Some("a&b"));
        assert_eq!(page.entries, [Entry { key: "a/b".to_owned(), etag: Some("\"e\"".to_owned()), ..Entry::default() }]);
    }

    #[test]
    fn what_is_no_listing_is_none() {
        assert_eq!(page(b"<html></html>"), None);
        assert_eq!(page(b"<ListBucketResult>"), None);
    }
}
