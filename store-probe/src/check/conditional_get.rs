//! `If-None-Match` on GET: 304 for what is unchanged, and only for that. A poll that finds nothing new costs one such request; a
//! store that says 304 of what has changed would hide every edit.

use bytes::Bytes;
use tidegate_protocol::capability::Support;
use tidegate_sigv4::Method;

use super::put_conditions::etag_of;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Who;

pub(crate) async fn get(ground: &Ground, via: Via) -> Result<Support, ProbeError> {
    let key = ground.key("conditional-get");
    let (old, new) = (ground.bytes("conditional GET, first"), ground.bytes("conditional GET, second"));
    let Some(etag) = etag_of(&ground.plant(&key, &old).await?) else { return Ok(Support::Ignored) };
    let headers = [("if-none-match", etag.clone())];
    let ask = || ground.call((Who::Read, via), Method::Get, &key, &[], &headers, Bytes::new());
    let unchanged = ask().await?;
    ground.plant(&key, &new).await?;
    let changed = ask().await?;
    let shows_the_new = changed.as_ref().is_ok_and(|answer| answer.status == 200 && answer.body == new);
    Ok(match unchanged {
        Ok(answer) if answer.status == 304 && shows_the_new => Support::Works,
        Ok(answer) if answer.status == 304 => Support::Broken,
        Ok(answer) if answer.status == 200 && answer.body == old && shows_the_new => Support::Ignored,
        Ok(answer) if answer.is_passing() => Support::Unknown,
        Ok(answer) if answer.is_success() => Support::Broken,
        Ok(_) => Support::Refused,
        Err(_) => Support::Unknown,
    })
}
