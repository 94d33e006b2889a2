//! The XML of uploads in parts: what the store has, and what makes the object whole.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_protocol::Sha256;
use tidegate_store_probe::xml::elements;

/// The most parts that a page may hold; stores send at most 1,000.
const MAX_PARTS: usize = 10_000;

/// A part as the store lists it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ListedPart {
    pub(super) number: u32,
    pub(super) length: u64,
    pub(super) etag: String,
    pub(super) sha256: Option<Sha256>,
}

/// A page of ListParts.
#[derive(Debug, Default)]
pub(super) struct PartsPage {
    pub(super) parts: Vec<ListedPart>,
    /// The marker of the next page.
    pub(super) next: Option<u32>,
}

/// Reads a page of ListParts; `None` if it is not one.
pub(super) fn read_parts(xml: &[u8]) -> Option<PartsPage> {
    let (mut page, mut truncated, mut seen_root) = (PartsPage::default(), false, false);
    // Elements end innermost first: a part's fields are gathered until it ends itself.
    let mut part = ListedPart::default();
    elements(xml, |path, text| {
        seen_root |= path.first().is_some_and(|name| name == "ListPartsResult");
        let inner: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match inner.as_slice() {
            ["IsTruncated"] => truncated = text == "true",
            ["NextPartNumberMarker"] => page.next = text.parse().ok(),
            ["Part"] => page.parts.push(std::mem::take(&mut part)),
            ["Part", "PartNumber"] => part.number = text.parse().unwrap_or(0),
            ["Part", "Size"] => part.length = text.parse().unwrap_or(0),
            ["Part", "ETag"] => part.etag = text.to_owned(),
            ["Part", "ChecksumSHA256"] => part.sha256 = read_sha256(text),
            _ => {}
        }
        page.parts.len() <= MAX_PARTS
    })?;
    page.next = page.next.filter(|_| truncated);
    seen_root.then_some(page)
}

/// The `UploadId` of InitiateMultipartUploadResult.
pub(super) fn read_upload_id(xml: &[u8]) -> Option<String> {
    let mut id = None;
    elements(xml, |path, text| {
        if path.len() == 2 && path[0] == "InitiateMultipartUploadResult" && path[1] == "UploadId" {
            id = Some(text.to_owned());
        }
        true
    })?;
    id.filter(|id: &String| !id.is_empty())
}

/// The part of each number that makes the object whole; `None` if one is missing or is another. A store may list a number more than once:
/// SeaweedFS does, where a part came again while an earlier sending of it was still being stored.
pub(super) fn match_parts(mut listed: Vec<ListedPart>, hashes: &[Sha256]) -> Option<Vec<ListedPart>> {
    listed.sort_by_key(|part| part.number);
    let mut listed = listed.into_iter().peekable();
    let mut matched = Vec::with_capacity(hashes.len());
    for (number, hash) in (1..).zip(hashes) {
        let is_it = |part: &ListedPart| part.number == number && part.sha256.is_none_or(|told| told == *hash);
        while listed.next_if(|part| part.number <= number && !is_it(part)).is_some() {}
        matched.push(listed.next_if(is_it)?);
    }
    // Nothing beyond them, and of those only what was listed twice.
    let last = u32::try_from(hashes.len()).ok()?;
    listed.all(|part| part.number <= last).then_some(matched)
}

/// The body of CompleteMultipartUpload.
pub(super) fn complete(parts: &[ListedPart], hashes: &[Sha256]) -> Vec<u8> {
    let mut xml = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (part, hash) in parts.iter().zip(hashes) {
        let etag = part.etag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let (number, sha256) = (part.number, STANDARD.encode(hash.as_bytes()));
        xml.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{sha256}</ChecksumSHA256></Part>"
        ));
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml.into_bytes()
}

fn read_sha256(text: &str) -> Option<Sha256> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Sha256::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_their_hashes_and_the_next_page() {
        let hash = STANDARD.encode([7; 32]);
        let xml = format!(
            "<?xml version=\"1.0\"?><ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>\
             <Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>16</Size><ChecksumSHA256>{hash}</ChecksumSHA256></Part>\
             <Part><PartNumber>2</PartNumber><ETag>b</ETag><Size>3</Size></Part></ListPartsResult>"
        );
        let page = read_parts(xml.as_bytes()).unwrap();
        assert_eq!(page.next, Some(2));
        let first = ListedPart { number: 1, length: 16, etag: "\"a\"".into(), sha256: Some(Sha256::from_bytes([7; 32])) };
        assert_eq!(page.parts, [first, ListedPart { number: 2, length: 3, etag: "b".into(), sha256: None }]);
        assert!(read_parts(b"<html></html>").is_none());
    }

    #[test]
    fn an_upload_is_named_and_ended() {
        let xml =
            b"<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>x&amp;y</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(read_upload_id(xml).as_deref(), Some("x&y"));
        let part = ListedPart { number: 1, length: 1, etag: "\"e\"".into(), sha256: None };
        let xml = String::from_utf8(complete(&[part], &[Sha256::from_bytes([0; 32])])).unwrap();
        assert!(xml.contains("<PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag><ChecksumSHA256>AAAA"), "{xml}");
    }

    #[test]
    fn a_number_listed_twice_is_one_part() {
        let hashes: Vec<Sha256> = (0..3_u8).map(|byte| Sha256::of(&[byte])).collect();
        let part = |number: u32, sha256: Option<Sha256>| ListedPart { number, length: 1, etag: format!("{number}"), sha256 };
        let numbers = |listed: &[ListedPart]| {
            match_parts(listed.to_vec(), &hashes).map(|parts| parts.iter().map(|part| part.number).collect::<Vec<_>>())
        };
        let all = vec![1, 2, 3];
        assert_eq!(numbers(&[part(3, None), part(1, None), part(2, None)]), Some(all.clone()));
        assert_eq!(numbers(&[part(1, None), part(2, None), part(2, None), part(3, None), part(3, None)]), Some(all.clone()));
        let other = Some(Sha256::of(b"other"));
        assert_eq!(numbers(&[part(1, None), part(2, other), part(2, Some(hashes[1])), part(3, None)]), Some(all));
        assert_eq!(numbers(&[part(1, None), part(3, None), part(3, None)]), None, "one is missing");
        assert_eq!(numbers(&[part(1, None), part(2, other), part(3, None)]), None, "one is another");
        assert_eq!(numbers(&[part(1, None), part(2, None), part(3, None), part(4, None)]), None, "one too many");
    }
}
