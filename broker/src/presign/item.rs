//! The items of a batch as they stand in the body: nothing of them is copied, for a batch has up to a thousand. What they are is
//! [`tidegate_protocol::presign::PresignBatch`].

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use tidegate_protocol::presign::PresignItem;

/// [`tidegate_protocol::presign::PresignBatch`], of a body that outlives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub(super) items: Vec<Item<'a>>,
}

/// [`PresignItem`], of a text that outlives it.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(PartialEq))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item<'a> {
    #[serde(borrow)]
    pub(super) method: Text<'a>,
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    #[serde(default)]
    pub(super) length: Option<u64>,
    #[serde(borrow, default)]
    pub(super) sha256: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) upload_id: Option<Text<'a>>,
    #[serde(default)]
    pub(super) part_number: Option<u32>,
    #[serde(borrow, default)]
    pub(super) if_match: Option<Text<'a>>,
    #[serde(default)]
    pub(super) create_only: bool,
    #[serde(default)]
    pub(super) max_keys: Option<u32>,
    #[serde(borrow, default)]
    pub(super) continuation_token: Option<Text<'a>>,
}

/// A text of JSON: copied only where it holds escapes. Without a type of its own serde would copy each that is optional.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(PartialEq))]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'a> From<Text<'a>> for Cow<'a, str> {
    fn from(text: Text<'a>) -> Self {
        text.0
    }
}

impl<'a> From<&'a PresignItem> for Item<'a> {
    fn from(item: &'a PresignItem) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(Text::from);
        Self {
            method: item.method.as_str().into(),
            key: item.key.as_str().into(),
            length: item.length,
            sha256: text(&item.sha256),
            upload_id: text(&item.upload_id),
            part_number: item.part_number,
            if_match: text(&item.if_match),
            create_only: item.create_only,
            max_keys: item.max_keys,
            continuation_token: text(&item.continuation_token),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::presign::PresignBatch;

    use super::*;

    const FULL: &str = r#"{"items": [{"method": "PUT", "key": "a/b", "length": 7, "sha256": "00ff", "uploadId": "u", "partNumber": 3,
        "ifMatch": "\"etag\"", "createOnly": true, "maxKeys": 5, "continuationToken": "next"}, {"method": "GET", "key": "a\u002fb"}]}"#;

    /// Each body is read as the protocol reads it, or refused for the same reason.
    #[test]
    fn it_is_the_protocols_batch() {
        let with = |from: &str, to: &str| {
            assert!(FULL.contains(from), "{from}");
            FULL.replacen(from, to, 1)
        };
        let mut bodies = vec![FULL.to_owned(), FULL[..FULL.len() - 1].to_owned(), r#"{"items": []}"#.to_owned(), "{}".to_owned()];
        bodies.extend([
            with("\"items\"", "\"more\": 1, \"items\""),
            with("\"length\": 7", "\"length\": 7, \"size\": 7"),
            with("\"length\": 7", "\"length\": -7"),
            with("\"length\": 7", "\"length\": 7.0"),
            with("\"length\": 7", "\"length\": 7, \"length\": 7"),
            with("\"length\": 7", "\"length\": null"),
            with("\"sha256\": \"00ff\"", "\"sha256\": null"),
            with("\"sha256\": \"00ff\"", "\"sha256\": 1"),
            with("\"partNumber\": 3", "\"partNumber\": 4294967296"),
            with("\"createOnly\": true", "\"createOnly\": \"true\""),
            with("\"createOnly\": true", "\"createOnly\": null"),
            with("\"method\": \"GET\", ", ""),
            with("\"key\": \"a/b\"", "\"key\": null"),
            with("\"u\"", "\"\\ud800\""),
        ]);
        for body in &bodies {
            let ours = serde_json::from_str::<Batch<'_>>(body);
            match (ours, serde_json::from_str::<PresignBatch>(body)) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(ours.items, theirs.items.iter().map(Item::from).collect::<Vec<_>>(), "{body}")
                }
                (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string(), "{body}"),
                (ours, theirs) => panic!("{body}: {:?}, {theirs:?}", ours.map(|batch| batch.items)),
            }
        }
    }

    #[test]
    fn what_has_no_escapes_is_not_copied() {
        let batch: Batch<'_> = serde_json::from_str(FULL).unwrap();
        let is_borrowed = |text: &Text<'_>| matches!(text.0, Cow::Borrowed(_));
        let Item { method, key, sha256, upload_id, if_match, continuation_token, .. } = &batch.items[0];
        for text in [Some(method), Some(key), sha256.as_ref(), upload_id.as_ref(), continuation_token.as_ref()] {
            assert!(text.is_some_and(is_borrowed), "{text:?}");
        }
        assert!(!if_match.as_ref().is_some_and(is_borrowed) && !is_borrowed(&batch.items[1].key));
    }
}
