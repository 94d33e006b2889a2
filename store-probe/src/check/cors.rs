//! Preflight requests, as browsers send them (Fetch standard, section 4.8).

use tidegate_protocol::capability::CorsFinding;

use crate::answer::Reply;
use crate::ground::{Ground, Via};
use crate::http::{Body, Shot};

/// The headers that a page sends with a presigned PUT.
const PUT_HEADERS: &str = "content-type,if-match,if-none-match,x-amz-checksum-sha256";

/// Asks for each origin whether its pages may read and write, and sees what a GET's answer shows them.
pub(crate) async fn cors(ground: &Ground, via: Via) -> Vec<CorsFinding> {
    let url = ground.signers(via).endpoint().object_url(&ground.key("cors"));
    let mut findings = Vec::new();
    for origin in &ground.target.cors_origins {
        let mut allowed = true;
        for (method, headers) in [("PUT", PUT_HEADERS), ("GET", "if-none-match,range"), ("HEAD", "x-amz-checksum-mode")] {
            let asked = [
                ("origin", origin.as_str()),
                ("access-control-request-method", method),
                ("access-control-request-headers", headers),
            ];
            let headers_given: Vec<_> = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let shot =
                || Shot { method: reqwest::Method::OPTIONS, url: url.clone(), headers: headers_given.clone(), body: Body::None };
            allowed &= is_allowed(&ground.fire(shot).await, origin, method, headers);
        }
        findings.push(CorsFinding { origin: origin.clone(), allowed });
    }
    findings
}

fn is_allowed(reply: &Reply, origin: &str, method: &str, headers: &str) -> bool {
    let Ok(answer) = reply else { return false };
    let given = |name: &str| answer.header(name).unwrap_or_default().to_ascii_lowercase();
    let holds = |name: &str, wanted: &str| {
        given(name).split(',').map(str::trim).any(|item| item == "*" || item == wanted.to_ascii_lowercase())
    };
    answer.is_success()
        && holds("access-control-allow-origin", origin)
        && holds("access-control-allow-methods", method)
        && headers.split(',').all(|header| holds("access-control-allow-headers", header))
}
