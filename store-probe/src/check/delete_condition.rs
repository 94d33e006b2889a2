//! `If-Match` on DELETE.

use bytes::Bytes;
use futures_util::future::join;
use tidegate_protocol::capability::Precondition;
use tidegate_sigv4::Method;

use super::put_conditions::{Alone, etag_of, judge_unmet};
use super::race::{Told, told};
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Who;

const ROUNDS: usize = 4;

/// A stale condition must keep the object, and of a deletion and a replacement by the same ETag only one may happen.
pub(crate) async fn delete(ground: &Ground, replace: Precondition) -> Result<Precondition, ProbeError> {
    let by = (Who::State, Via::Internal);
    let key = ground.state_key("delete");
    let Some(stale) = etag_of(&ground.plant(&key, &ground.bytes("delete, first")).await?) else {
        return Ok(Precondition::Ignored);
    };
    let kept = ground.bytes("delete, second");
    let Some(current) = etag_of(&ground.plant(&key, &kept).await?) else { return Ok(Precondition::Ignored) };
    let condition = |etag: &str| [("if-match", etag.to_owned())];
    let reply = ground.call(by, Method::Delete, &key, &[], &condition(&stale), Bytes::new()).await?;
    let changed = ground.stored(&key).await?.as_ref() != Some(&kept);
    match judge_unmet(&reply, changed) {
        Alone::Refused => return Ok(Precondition::Refused),
        Alone::Ignored => return Ok(Precondition::Ignored),
        Alone::Wrong => return Ok(Precondition::NotAtomic),
        Alone::Honoured => {}
    }
    drop(ground.call(by, Method::Delete, &key, &[], &condition(&current), Bytes::new()).await?);
    if ground.stored(&key).await?.is_some() {
        return Ok(Precondition::Refused);
    }
    if replace != Precondition::Atomic {
        return Ok(Precondition::NotAtomic);
    }
    for round in 0..ROUNDS {
        let key = ground.state_key(&format!("delete/{round}"));
        let (before, after) = (ground.bytes("delete, before the race"), ground.bytes("delete, replaced"));
        let Some(etag) = etag_of(&ground.plant(&key, &before).await?) else { return Ok(Precondition::NotAtomic) };
        let condition = condition(&etag);
        let deletion = ground.call(by, Method::Delete, &key, &[], &condition, Bytes::new());
        let (deleted, replaced) = join(deletion, ground.put(&key, &after, &condition)).await;
        let (deleted, replaced) = (told(&deleted?), told(&replaced?));
        let stored = ground.stored(&key).await?;
        let is_lost = replaced == Told::Won && stored.as_ref() != Some(&after);
        if is_lost || deleted == Told::Won && replaced == Told::Won {
            return Ok(Precondition::NotAtomic);
        }
    }
    Ok(Precondition::Atomic)
}
