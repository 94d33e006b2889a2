//! Rights that a credential has and should not have.

use bytes::Bytes;
use tidegate_protocol::capability::ExcessRight;
use tidegate_sigv4::Method;

use crate::attack::contains;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Who;

/// Tries what each signing credential has no use for, and reads back what came of it.
pub(crate) async fn excess(ground: &Ground) -> Result<Vec<ExcessRight>, ProbeError> {
    let mut excess = Vec::new();
    let (there, bytes) = (ground.key("rights/there"), ground.bytes("rights"));
    let hidden = ground.state_key("rights/there");
    ground.plant(&there, &bytes).await?;
    ground.plant(&hidden, &bytes).await?;

    for (who, key, right) in
        [(Who::Read, hidden.as_str(), ExcessRight::ReadKeyReadsState), (Who::Write, there.as_str(), ExcessRight::WriteKeyReads)]
    {
        let reply = ground.call((who, Via::Internal), Method::Get, key, &[], &[], Bytes::new()).await?;
        excess.extend(reply.is_ok_and(|answer| contains(&answer.body, &bytes)).then_some(right));
    }

    let folder = ground.key("rights/");
    let query = [("list-type", "2"), ("prefix", folder.as_str())];
    let reply = ground.call((Who::Write, Via::Internal), Method::Get, "", &query, &[], Bytes::new()).await?;
    excess.extend(reply.is_ok_and(|answer| contains(&answer.body, there.as_bytes())).then_some(ExcessRight::WriteKeyLists));

    for (who, key, right) in [
        (Who::Read, ground.key("rights/by-read"), ExcessRight::ReadKeyWrites),
        (Who::Write, ground.state_key("rights/by-write"), ExcessRight::WriteKeyWritesState),
    ] {
        drop(ground.call((who, Via::Internal), Method::Put, &key, &[], &[], bytes.clone()).await?);
        excess.extend(ground.stored(&key).await?.is_some().then_some(right));
    }

    for (who, right) in [(Who::Read, ExcessRight::ReadKeyDeletes), (Who::Write, ExcessRight::WriteKeyDeletes)] {
        ground.plant(&there, &bytes).await?;
        drop(ground.call((who, Via::Internal), Method::Delete, &there, &[], &[], Bytes::new()).await?);
        excess.extend(ground.stored(&there).await?.is_none().then_some(right));
    }
    Ok(excess)
}
