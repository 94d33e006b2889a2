//! What whoever has no credential can do.

use bytes::Bytes;
use tidegate_protocol::capability::{Attack, AttackOutcome};

use super::contains;
use super::verdict::judge;
use crate::error::ProbeError;
use crate::ground::{Ground, Via, whole};
use crate::http::Shot;

/// Reads, lists and writes without a signature.
pub(crate) async fn attack(ground: &Ground, via: Via) -> Result<Vec<(Attack, AttackOutcome)>, ProbeError> {
    let (key, bytes) = (ground.key("anonymous/there"), ground.bytes("anonymous"));
    ground.plant(&key, &bytes).await?;
    let unsigned = |method: reqwest::Method, url: String, body: Bytes| {
        move || Shot { method: method.clone(), url: url.clone(), headers: Vec::new(), body: whole(body.clone()) }
    };
    let endpoint = ground.signers(via).endpoint();

    let read = ground.fire(unsigned(reqwest::Method::GET, endpoint.object_url(&key), Bytes::new())).await;
    let was_read = read.as_ref().is_ok_and(|answer| contains(&answer.body, &bytes));

    let list = format!("{}?list-type=2&prefix={}", endpoint.object_url(""), ground.folder().replace('/', "%2F"));
    let list = ground.fire(unsigned(reqwest::Method::GET, list, Bytes::new())).await;
    let was_listed = list
        .as_ref()
        .is_ok_and(|answer| contains(&answer.body, b"anonymous/there") || contains(&answer.body, b"anonymous%2Fthere"));

    let new = ground.key("anonymous/new");
    let write = ground.fire(unsigned(reqwest::Method::PUT, endpoint.object_url(&new), bytes.clone())).await;
    let was_written = ground.stored(&new).await?.is_some();

    Ok(vec![
        (Attack::AnonymousRead, judge(true, &read, was_read)),
        (Attack::AnonymousList, judge(true, &list, was_listed)),
        (Attack::AnonymousWrite, judge(true, &write, was_written)),
    ])
}
