//! Answers by somebody in between: a hotel's page, a router, a proxy. They are named, and never taken for data, for absence or
//! for the time.

use reqwest::StatusCode;

use super::Answer;
use crate::error::Error;

impl Answer {
    /// Whether neither a store nor a broker sends such an answer: a web page, a redirect, a request to sign in to the network.
    pub(crate) fn is_of_somebody_else(&self) -> bool {
        let is_redirect =
            self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED && !self.is_redirect_of_a_store();
        let is_page = !self.status.is_server_error() && looks_like_a_page(&self.body);
        self.is_plainly_of_somebody_else() || is_page || is_redirect
    }

    /// The same where status and headers alone tell, before anything of the body is read.
    pub(crate) fn is_plainly_of_somebody_else(&self) -> bool {
        // A balancer's page that says "bad gateway" is the other side's own: it is not available.
        let is_page = !self.status.is_server_error() && is_page_type(self.media_type());
        // RFC 6585, section 6, and RFC 9110, section 15.5.8: to sign in to the network or to a proxy.
        let is_of_the_network = matches!(self.status.as_u16(), 407 | 511);
        is_page || is_of_the_network
    }

    /// What such an answer is told as.
    pub(crate) fn not_ours(&self) -> Error {
        let content_type = match self.media_type() {
            "" => "no media type",
            media_type => media_type,
        };
        Error::NotOurs {
            peer: self.peer,
            host: self.host.clone(),
            status: self.status.as_u16(),
            content_type: content_type.chars().take(64).collect(),
        }
    }

    /// A store redirects to another region's address, in its own words.
    fn is_redirect_of_a_store(&self) -> bool {
        self.body.starts_with(b"<?xml") || self.headers.contains_key("x-amz-bucket-region")
    }
}

fn is_page_type(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("text/html") || media_type.eq_ignore_ascii_case("application/xhtml+xml")
}

/// Whether a body begins as a web page does, whatever its media type says. Nothing of Tidegate begins so.
fn looks_like_a_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let begins = |word: &[u8]| body.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins(b"<!doctype html") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_first_word() {
        for page in ["<!DOCTYPE html><html>", "\n  <HTML lang=en>", "\u{feff}<!doctype HTML>"] {
            assert!(looks_like_a_page(page.as_bytes()), "{page}");
        }
        for other in ["", "<?xml version=\"1.0\"?><Error>", "TGE1<html>", "<h", "{}"] {
            assert!(!looks_like_a_page(other.as_bytes()), "{other}");
        }
    }
}
