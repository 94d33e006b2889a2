//! Whether temporary credentials are to be had where the store is.

use bytes::Bytes;
use tidegate_protocol::capability::Support;

use crate::ground::Ground;
use crate::http::{Body, Shot};

/// Asks for AssumeRole without a signature: who offers it refuses in the words of STS, who does not in those of S3 or not at all.
/// Whether a credential may assume a role is not asked.
pub(crate) async fn sts(ground: &Ground) -> Support {
    let url = format!("{}/", ground.target.endpoint_internal.trim_end_matches('/'));
    let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let body = Bytes::from_static(b"Action=AssumeRole&Version=2011-06-15");
    let shot =
        || Shot { method: reqwest::Method::POST, url: url.clone(), headers: headers.clone(), body: Body::Whole(body.clone()) };
    match ground.fire(shot).await {
        Ok(answer) if crate::attack::contains(&answer.body, b"sts.amazonaws.com/doc/2011-06-15") => Support::Works,
        Ok(answer) if answer.is_passing() => Support::Unknown,
        Ok(_) => Support::Refused,
        Err(_) => Support::Unknown,
    }
}
