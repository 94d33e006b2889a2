//! The little XML that a probe reads.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.

use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::Event;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The most elements that are read of one document.
const MOST_ELEMENTS: usize = 50_000;

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

/// The `Code` of an error; empty where there is none.
pub(crate) fn error_code(document: &[u8]) -> String {
    let code = text_at(document, &["Error", "Code"]).or_else(|| text_at(document, &["ErrorResponse", "Error", "Code"]));
    code.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

/// The first text at a path of elements.
pub(crate) fn text_at(document: &[u8], wanted: &[&str]) -> Option<String> {
    let mut found = None;
    // What was read before the XML broke off still counts.
    let _ = elements(document, |path, text| {
        if found.is_none() && path.iter().map(String::as_str).eq(wanted.iter().copied()) {
            found = Some(text.to_owned());
        }
        found.is_none()
    });
    found
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

/// Calls `visit` with path and text of each element at its end, until it answers `false`; `None` if this is not XML.
fn elements(document: &[u8], mut visit: impl FnMut(&[String], &str) -> bool) -> Option<()> {
    let mut reader = Reader::from_reader(document);
    let (mut path, mut text, mut seen): (Vec<String>, String, usize) = (Vec::new(), String::new(), 0);
    loop {
        seen += 1;
        match reader.read_event().ok().filter(|_| seen < MOST_ELEMENTS)? {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().ok()?),
            Event::CData(part) => text.push_str(&part.decode().ok()?),
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().ok()?;
                let named = || match reference.decode().ok()?.as_ref() {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => None,
                };
                text.push(resolved.or_else(named)?);
            }
            Event::End(_) => {
                if !visit(&path, text.trim()) {
                    return Some(());
                }
                path.pop();
                text.clear();
            }
            Event::Eof => return path.is_empty().then_some(()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
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
        assert_eq!(error_code(b"<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
        assert_eq!(error_code(b"no"), "");
    }
}
