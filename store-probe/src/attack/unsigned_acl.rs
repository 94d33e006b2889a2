//! Unsigned `x-amz-acl` and `x-amz-grant-read` on a presigned PUT: opens the object to everybody where ACLs are on.

use tidegate_protocol::capability::Attack;

use super::campaign::Campaign;
use super::verdict::judge;
use crate::error::ProbeError;
use crate::http::{Body, Shot};

pub(crate) async fn attack(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let body = ground.bytes("open to everybody");
    let honest = ground.put_url(via, &ground.key("acl/honest"), &[], &body, false)?;
    let honest_works = campaign.honest(&honest, &body).await?;
    let everybody = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
    for (header, value) in [("x-amz-acl", "public-read"), ("x-amz-acl", "public-read-write"), ("x-amz-grant-read", everybody)] {
        let key = ground.key(&format!("acl/{header}-{}", value.len()));
        let url = ground.put_url(via, &key, &[], &body, false)?.with(header, value);
        let reply = ground.fire(|| url.honest(body.clone())).await;
        let bare = ground.signers(via).endpoint().object_url(&key);
        let shot = || Shot { method: reqwest::Method::GET, url: bare.clone(), headers: Vec::new(), body: Body::None };
        let shown = ground.fire(shot).await;
        let is_open = shown.is_ok_and(|answer| super::contains(&answer.body, &body));
        campaign.record(Attack::UnsignedAcl, judge(honest_works, &reply, is_open));
    }
    Ok(())
}
