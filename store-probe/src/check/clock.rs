//! What the store's clock is ahead of the prober's.

use crate::answer::Reply;
use crate::error::ProbeError;
use crate::ground::Ground;
use crate::http::{Body, Shot};

/// The clocks' difference in milliseconds, from an answer's `Date`. Whether the request was allowed makes no difference.
pub(crate) async fn offset_ms(ground: &Ground) -> Result<Option<i64>, ProbeError> {
    let url = ground.signers(crate::ground::Via::Internal).endpoint().object_url("");
    let before = ground.now();
    let reply: Reply =
        ground.fire(|| Shot { method: reqwest::Method::GET, url: url.clone(), headers: Vec::new(), body: Body::None }).await;
    let answer = reply.map_err(|lost| ProbeError::Unreachable { host: lost.host, step: "GET", reason: lost.reason })?;
    let middle = before + (ground.now() - before) / 2;
    // `Date` is cut to whole seconds: its middle is half a second later.
    let offset = answer.date().map(|date| (date - middle) + time::Duration::milliseconds(500));
    Ok(offset.map(|offset: time::Duration| i64::try_from(offset.whole_milliseconds()).unwrap_or(i64::MAX)))
}
