//! What a store answered.

use bytes::Bytes;
use reqwest::header::{DATE, ETAG, HeaderMap};
use time::OffsetDateTime;

use crate::xml;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// No answer: nothing is known of what the store did.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) host: String,
    pub(crate) reason: String,
}

pub(crate) type Reply = Result<Answer, Lost>;

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The store does not know the request, or will not do it for anybody.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.status == 501
            || (self.status == 400 || self.status == 405) && matches!(self.code().as_str(), "NotImplemented" | "MethodNotAllowed")
    }

    /// A failure that says nothing about the request: overload or a fault of the server's.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504)
    }

    /// The error code of S3; empty where there is none.
    pub(crate) fn code(&self) -> String {
        xml::error_code(&self.body)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        self.header(ETAG.as_str())
    }

    /// When the store sent it, in whole seconds.
    pub(crate) fn date(&self) -> Option<OffsetDateTime> {
        let text = self.header(DATE.as_str())?;
        httpdate::parse_http_date(text).ok().map(OffsetDateTime::from)
    }
}

/// Whether the store said yes.
pub(crate) fn said_yes(reply: &Reply) -> bool {
    reply.as_ref().is_ok_and(Answer::is_success)
}

/// Whether the store said no, and not merely that it cannot just now.
pub(crate) fn said_no(reply: &Reply) -> bool {
    reply.as_ref().is_ok_and(|answer| !answer.is_success() && !answer.is_passing())
}
