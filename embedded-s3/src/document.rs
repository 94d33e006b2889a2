//! Requests whose body is a document: that it is the one whose digest they name.
//!
//! `s3s` reads such bodies itself and looks at no digest. So each is digested on its way there, and one that does not fit breaks off at
//! its end: no operation ever sees it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::body::{Body, Frame, SizeHint};
use s3s::{S3Error, S3ErrorCode};

use crate::body::{BodyDigests, Digester, WantedDigests};
use crate::drain::SharedBody;

const MD5: &str = "content-md5";
const CHECKSUMS: [&str; 5] =
    ["x-amz-checksum-sha256", "x-amz-checksum-sha1", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme"];

/// Whether headers name a digest that [`Digests`] holds a document to.
pub(crate) fn has_digest(headers: &HeaderMap) -> bool {
    headers.contains_key(MD5) || CHECKSUMS.iter().any(|name| headers.contains_key(*name))
}

/// What a request says of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests(Vec<(&'static str, String)>);

impl Digests {
    /// The digests that the headers name; `None` if there are none or the body is no document.
    pub(crate) fn of(request: &Parts) -> Option<Self> {
        let names = named_for_document(request)?;
        let text = |name: &'static str| {
            let value = request.headers.get(name)?.to_str().unwrap_or_default();
            Some((name, value.trim().to_owned()))
        };
        let said: Vec<_> = names.into_iter().filter_map(text).collect();
        (!said.is_empty()).then_some(Self(said))
    }

    fn wanted(&self) -> WantedDigests {
        let has = |wanted: &str| self.0.iter().any(|(name, _)| *name == wanted);
        WantedDigests {
            crc32: has("x-amz-checksum-crc32"),
            crc32c: has("x-amz-checksum-crc32c"),
            crc64nvme: has("x-amz-checksum-crc64nvme"),
            sha1: has("x-amz-checksum-sha1"),
        }
    }

    fn are_of(&self, body: &BodyDigests) -> bool {
        let computed = |name: &str| match name {
            MD5 => Some(body.md5.as_str()),
            "x-amz-checksum-sha256" => Some(body.sha256.as_str()),
            "x-amz-checksum-sha1" => body.sha1.as_deref(),
            "x-amz-checksum-crc32" => body.crc32.as_deref(),
            "x-amz-checksum-crc32c" => body.crc32c.as_deref(),
            _ => body.crc64nvme.as_deref(),
        };
        self.0.iter().all(|(name, said)| computed(name) == Some(said))
    }
}

/// The headers that tell the digest of a document, where the request has one. A completion's checksums are those of the object.
fn named_for_document(request: &Parts) -> Option<Vec<&'static str>> {
    let query = request.uri.query().unwrap_or_default();
    let has = |wanted: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == wanted);
    let all = || Some([MD5].into_iter().chain(CHECKSUMS).collect());
    let is_bucket = !request.uri.path().trim_matches('/').contains('/');
    match request.method {
        Method::POST if has("delete") => all(),
        Method::POST if has("uploadId") => Some(vec![MD5]),
        Method::PUT if is_bucket => all(),
        _ => None,
    }
}

/// A body that fails at its end if it is not the document that its request names.
pub(crate) struct CheckedBody {
    body: SharedBody,
    said: Digests,
    /// Taken at the end.
    digester: Option<Digester>,
    verdict: Verdict,
}

/// Whether a document turned out to be another; shared with its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict(Arc<AtomicBool>);

impl Verdict {
    /// What the client gets in place of what came of a body that broke off.
    pub(crate) fn refusal(&self) -> Option<S3Error> {
        let message = "the document does not fit its Content-MD5 or its x-amz-checksum";
        self.0.load(Ordering::Acquire).then(|| S3Error::with_message(S3ErrorCode::BadDigest, message))
    }
}

/// The body is not the document that was named.
#[derive(Debug, thiserror::Error)]
#[error("the document is another than its digest says")]
struct OtherDocument;

impl CheckedBody {
    pub(crate) fn new(body: SharedBody, said: Digests, verdict: Verdict) -> Self {
        let digester = Some(Digester::new(said.wanted()));
        Self { body, said, digester, verdict }
    }

    fn is_as_said(&mut self) -> bool {
        let Some(digester) = self.digester.take() else { return true };
        let fits = self.said.are_of(&digester.finish());
        if !fits {
            self.verdict.0.store(true, Ordering::Release);
        }
        fits
    }
}

impl Body for CheckedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let polled = std::task::ready!(Pin::new(&mut this.body).poll_frame(context));
        let is_end = match &polled {
            Some(Ok(frame)) => {
                if let (Some(digester), Some(piece)) = (this.digester.as_mut(), frame.data_ref()) {
                    digester.update(piece);
                }
                // Who asks `is_end_stream` may not poll again.
                this.body.is_end_stream()
            }
            Some(Err(_)) => false,
            None => true,
        };
        if is_end && !this.is_as_said() {
            return Poll::Ready(Some(Err(OtherDocument.into())));
        }
        Poll::Ready(polled.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.digester.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(method: Method, uri: &str, headers: &[(&str, &str)]) -> Vec<&'static str> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        Digests::of(&parts).map(|digests| digests.0.into_iter().map(|(name, _)| name).collect()).unwrap_or_default()
    }

    #[test]
    fn the_digests_of_documents_are_told_from_those_of_objects() {
        let both = [("content-md5", "m"), ("x-amz-checksum-crc32", "c")];
        assert_eq!(digests(Method::POST, "/bucket?delete", &both), ["content-md5", "x-amz-checksum-crc32"]);
        assert_eq!(digests(Method::POST, "/bucket/?delete=&x-id=DeleteObjects", &both).len(), 2);
        assert_eq!(digests(Method::PUT, "/bucket?cors", &both).len(), 2);
        assert_eq!(digests(Method::POST, "/bucket/key?uploadId=1", &both), ["content-md5"]);
        assert!(digests(Method::POST, "/bucket?delete", &[]).is_empty());
        assert!(digests(Method::PUT, "/bucket/key", &both).is_empty(), "of an object, the PUT itself sees to them");
        assert!(digests(Method::PUT, "/bucket/key?partNumber=1&uploadId=1", &both).is_empty());
        assert!(digests(Method::GET, "/bucket?delete", &both).is_empty());
    }
}
