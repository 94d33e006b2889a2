//! Whether a URL signed for `a//b` reaches `a/b`.

use bytes::Bytes;

use crate::attack::contains;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};

pub(crate) async fn normalises_keys(ground: &Ground, via: Via) -> Result<bool, ProbeError> {
    let bytes = ground.bytes("normalised");
    ground.plant(&ground.key("normal/there"), &bytes).await?;
    let url = ground.get_url(via, &ground.key("normal//there"))?;
    let reply = ground.fire(|| url.honest(Bytes::new())).await;
    Ok(reply.is_ok_and(|answer| contains(&answer.body, &bytes)))
}
