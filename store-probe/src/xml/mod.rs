//! The XML that stores answer with: the one reader of it, for the probe and for whoever else talks to a store.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

mod page;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

pub(crate) use page::{Entry, Page, page};

/// Elements inside each other at most. The documents of S3 and STS have five; a store that nests without end must cost nobody time.
const DEEPEST: usize = 16;

/// Calls `visit` with the local names that lead to an element, and its own text, at its end: innermost first. Stops early where
/// `visit` answers `false`. `None` if this is no XML, or nested deeper than any answer of a store.
///
/// Entities are XML's own five; those that a document defines stand for nothing, and make it `None`.
pub fn elements(document: &[u8], mut visit: impl FnMut(&[String], &str) -> bool) -> Option<()> {
    let mut reader = Reader::from_reader(document);
    let (mut path, mut text): (Vec<String>, String) = (Vec::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) if path.len() == DEEPEST => return None,
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().ok()?),
            Event::CData(part) => text.push_str(&part.decode().ok()?),
            Event::GeneralRef(reference) => text.push(character(&reference)?),
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

/// The first text at a path of elements. What was read before the XML broke off still counts.
#[must_use]
pub fn text_at(document: &[u8], wanted: &[&str]) -> Option<String> {
    let mut found = None;
    let _ = elements(document, |path, text| {
        if path.iter().map(String::as_str).eq(wanted.iter().copied()) {
            found = Some(text.to_owned());
        }
        found.is_none()
    });
    found
}

/// The `Code` of an error, of S3's or of STS's form: letters and digits, at most 64. Empty where there is none.
#[must_use]
pub fn error_code(document: &[u8]) -> String {
    let code = text_at(document, &["Error", "Code"]).or_else(|| text_at(document, &["ErrorResponse", "Error", "Code"]));
    code.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character);
    }
    match reference.decode().ok()?.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        elements(document.as_bytes(), |path, text| {
            found.push((path.join("/"), text.to_owned()));
            true
        })?;
        Some(found)
    }

    #[test]
    fn elements_come_innermost_first_with_their_own_text() {
        let found = read("<?xml version=\"1.0\"?><a xmlns=\"x\"><n:b>1 &amp; &#x3D;</n:b> <c><![CDATA[<]]></c></a>").unwrap();
        let expected = [("a/b", "1 & ="), ("a/c", "<"), ("a", "")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn what_is_no_xml_or_names_entities_of_its_own_is_none() {
        for document in ["<a>", "<a></b>", "<a>&own;</a>", "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>"] {
            assert_eq!(read(document), None, "{document}");
        }
    }

    #[test]
    fn nothing_is_read_that_is_nested_without_end() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert_eq!(read(&nested(DEEPEST)).map(|found| found.len()), Some(DEEPEST));
        assert_eq!(read(&nested(DEEPEST + 1)), None);
    }

    #[test]
    fn an_errors_code_is_found_in_both_forms() {
        assert_eq!(error_code(b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>"), "NoSuchKey");
        assert_eq!(error_code(b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"), "AccessDenied");
        assert_eq!(error_code(b"<Error><Code>NoSuchKey</Code><Message>broken off"), "NoSuchKey");
        assert_eq!(error_code(b"not xml"), "");
    }
}
