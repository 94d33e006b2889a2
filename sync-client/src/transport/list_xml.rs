//! The XML of S3: a page of a listing.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.

use percent_encoding::percent_decode_str;
use tidegate_store_probe::xml::elements;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ListEntry, ListPage};

/// The most elements that a page may hold; stores send at most 1,000 keys.
const MAX_ENTRIES: usize = 10_000;

/// A page as it stands in the XML.
#[derive(Debug, Default)]
pub(super) struct RawPage {
    url_encoded: bool,
    truncated: bool,
    token: Option<String>,
    entries: Vec<RawEntry>,
    /// The entry that is being read: its fields come in any order, and the name need not be the first.
    current: RawEntry,
    folders: Vec<String>,
}

#[derive(Debug, Default)]
struct RawEntry {
    key: String,
    etag: Option<String>,
    length: u64,
    last_modified: Option<OffsetDateTime>,
}

/// Reads a page of ListObjectsV2; `None` if it is not one.
pub(super) fn read_page(xml: &[u8]) -> Option<RawPage> {
    let mut page = RawPage::default();
    let mut seen_root = false;
    elements(xml, |path, text| {
        seen_root |= path.first().is_some_and(|name| name == "ListBucketResult");
        let inner: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match inner.as_slice() {
            ["EncodingType"] => page.url_encoded = text == "url",
            ["IsTruncated"] => page.truncated = text == "true",
            ["NextContinuationToken"] => page.token = Some(text.to_owned()),
            ["CommonPrefixes", "Prefix"] => page.folders.push(text.to_owned()),
            ["Contents"] => {
                let entry = std::mem::take(&mut page.current);
                page.entries.push(entry);
            }
            ["Contents", field] => page.current.set(field, text),
            _ => {}
        }
        page.entries.len() <= MAX_ENTRIES
    })?;
    seen_root.then_some(page)
}

impl RawEntry {
    fn set(&mut self, field: &str, text: &str) {
        match field {
            "Key" => self.key = text.to_owned(),
            "ETag" => self.etag = Some(text.to_owned()),
            "Size" => self.length = text.parse().unwrap_or(0),
            "LastModified" => self.last_modified = OffsetDateTime::parse(text, &Rfc3339).ok(),
            _ => {}
        }
    }
}

impl RawPage {
    /// The page's objects; names that are none of ours are only counted.
    pub(super) fn into_page(self) -> ListPage {
        let mut page = ListPage { next: self.token.filter(|_| self.truncated), ..ListPage::default() };
        for entry in self.entries {
            match decode(&entry.key, self.url_encoded).parse() {
                Ok(key) => {
                    let RawEntry { etag, length, last_modified, .. } = entry;
                    page.entries.push(ListEntry { key, etag, length, last_modified });
                }
                Err(_) => page.strangers += 1,
            }
        }
        page
    }

    /// The page's folders, and where the next page begins.
    pub(super) fn into_folders(self) -> (Vec<String>, Option<String>) {
        let folders = self.folders.iter().map(|folder| decode(folder, self.url_encoded)).collect();
        (folders, self.token.filter(|_| self.truncated))
    }
}

fn decode(text: &str, url_encoded: bool) -> String {
    if url_encoded { percent_decode_str(text).decode_utf8_lossy().into_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

    #[test]
    fn a_page_is_read_with_keys_etags_times_and_token() {
        let xml = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
              <NextContinuationToken>a&amp;b&#x3D;</NextContinuationToken>
              <Contents><Key>users%2F{USER}/genesis.json</Key><LastModified>2026-11-21T09:30:00.000Z</LastModified>
                <ETag>&quot;abc&quot;</ETag><Size>12</Size></Contents>
              <Contents><Key>users/somebody/else</Key><Size>1</Size></Contents>
            </ListBucketResult>"#
        );
        let page = read_page(xml.as_bytes()).unwrap().into_page();
        assert_eq!(page.next.as_deref(), Some("a&b="));
        assert_eq!(page.strangers, 1);
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.entries[0].key.to_string(), format!("users/{USER}/genesis.json"));
        assert_eq!(page.entries[0].etag.as_deref(), Some("\"abc\""));
        assert_eq!(page.entries[0].length, 12);
        assert!(page.entries[0].last_modified.is_some());
    }

    #[test]
    fn an_entrys_fields_may_come_in_any_order() {
        let entry = |name: &str, etag: &str| {
            format!("<Contents><ETag>{etag}</ETag><Size>7</Size><Key>users/{USER}/{name}</Key></Contents>")
        };
        let entries = entry("genesis.json", "first") + &entry("sync-manifest.blob", "second");
        let page = read_page(format!("<ListBucketResult>{entries}</ListBucketResult>").as_bytes()).unwrap().into_page();
        let etags: Vec<_> = page.entries.iter().map(|entry| entry.etag.as_deref()).collect();
        assert_eq!(etags, [Some("first"), Some("second")]);
        assert!(page.entries.iter().all(|entry| entry.length == 7));
    }

    #[test]
    fn what_is_not_a_listing_is_none() {
        assert!(read_page(b"<html><body>Welcome</body></html>").is_none());
        assert!(read_page(b"<ListBucketResult><Contents>").is_none());
        assert!(read_page(b"").is_none());
    }
}
