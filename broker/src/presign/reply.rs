//! The reply of a batch, written while its items are signed: a batch of 1,000 comes to 600 KiB, so nothing of it is collected first and
//! copied then. What it comes to is [`tidegate_protocol::presign::PresignReply`].

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tidegate_protocol::presign::Refusal;

use super::handler::Signed;

/// About what a signed URL with its headers comes to in JSON.
const ITEM_BYTES: usize = 900;

/// A reply that is not complete.
pub(super) struct ReplyWriter {
    json: Vec<u8>,
    is_empty: bool,
    /// What stands behind the headers of each that is signed.
    end_of_signed: Vec<u8>,
}

/// When the URLs of a call end and are to be renewed, as text: the same for all of them.
pub(super) struct Times {
    pub(super) expires_at: String,
    pub(super) renew_after: String,
}

impl Times {
    fn end_of_signed(&self) -> Vec<u8> {
        let mut json = b"},\"expiresAt\":".to_vec();
        push_text(&mut json, &self.expires_at);
        json.extend_from_slice(b",\"renewAfter\":");
        push_text(&mut json, &self.renew_after);
        json.push(b'}');
        json
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedItem<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    refusal: &'a Refusal,
}

impl ReplyWriter {
    pub(super) fn new(items: usize, times: Times) -> Self {
        let mut json = Vec::with_capacity(items * ITEM_BYTES + 16);
        json.extend_from_slice(b"{\"results\":[");
        Self { json, is_empty: true, end_of_signed: times.end_of_signed() }
    }

    pub(super) fn push(&mut self, outcome: &Result<Signed, Refusal>) {
        if !self.is_empty {
            self.json.push(b',');
        }
        self.is_empty = false;
        match outcome {
            Ok(signed) => self.push_signed(signed),
            Err(refusal) => write(&mut self.json, &RefusedItem { outcome: "refused", refusal }),
        }
    }

    fn push_signed(&mut self, signed: &Signed) {
        let json = &mut self.json;
        json.extend_from_slice(b"{\"outcome\":\"signed\",\"method\":");
        push_plain(json, signed.method);
        json.extend_from_slice(b",\"url\":");
        push_text(json, &signed.url);
        json.extend_from_slice(b",\"headers\":{");
        // Sorted by name, as they are signed. Names are words of the policy's, which need no escapes.
        for (at, (name, value)) in signed.headers.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            push_plain(json, name);
            json.push(b':');
            push_text(json, value);
        }
        json.extend_from_slice(&self.end_of_signed);
    }

    pub(super) fn finish(mut self) -> Response {
        self.json.extend_from_slice(b"]}");
        let mut response = Response::new(Body::from(self.json));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// Signed URLs and most values of headers need no escapes, and are copied whole: looked at byte by byte they would cost as much as they
/// do to sign.
fn push_text(json: &mut Vec<u8>, text: &str) {
    if needs_escapes(text) {
        return write(json, text);
    }
    push_plain(json, text);
}

/// A text that needs no escapes.
fn push_plain(json: &mut Vec<u8>, text: &str) {
    debug_assert!(!needs_escapes(text), "{text:?}");
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
}

/// Without an end before the last byte, so that it is done in the processor's widest steps.
fn needs_escapes(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'))
}

fn write<T: Serialize + ?Sized>(json: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(json, value).expect("texts always serialise, and memory takes them");
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tidegate_protocol::presign::{PresignOutcome, PresignReply, SignedUrl};
    use tidegate_protocol::problem::ProblemCode;
    use tidegate_protocol::wire::timestamp;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn it_is_the_protocols_reply_byte_for_byte() {
        let (expires_at, renew_after) = (datetime!(2026-11-22 10:00 UTC), datetime!(2026-11-22 9:59 UTC));
        let text = |time| timestamp::format(time).unwrap();
        let mut writer = ReplyWriter::new(3, Times { expires_at: text(expires_at), renew_after: text(renew_after) });
        let headers = vec![("content-length", "12".into()), ("if-match", "\"a\"".into())];
        let signed =
            Signed { method: "PUT", url: "https://store.example/key?X-Amz-Signature=0".to_owned(), headers: headers.clone() };
        let listing = Signed { method: "GET", url: "https://store.example/?prefix=a%2F".to_owned(), headers: Vec::new() };
        let refusal = Refusal { code: ProblemCode::KeyInvalid, message: "not an object key: \"\u{1}\"".to_owned() };
        let signed_url = |signed: &Signed| {
            PresignOutcome::Signed(SignedUrl {
                method: signed.method.to_owned(),
                url: signed.url.clone(),
                headers: signed.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_owned())).collect(),
                expires_at,
                renew_after,
            })
        };
        let results = vec![signed_url(&signed), PresignOutcome::Refused(refusal.clone()), signed_url(&listing)];
        for outcome in [Ok(signed), Err(refusal), Ok(listing)] {
            writer.push(&outcome);
        }
        let body = writer.finish().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, serde_json::to_vec(&PresignReply { results }).unwrap());
    }

    #[test]
    fn texts_are_escaped_as_json_has_it() {
        for text in ["", "https://store.example/a?b=%2F", "\"", "\\", "a\u{1f}b", "\u{7f}", "ä\u{2028}"] {
            let mut json = Vec::new();
            push_text(&mut json, text);
            assert_eq!(json, serde_json::to_vec(text).unwrap());
        }
    }
}
