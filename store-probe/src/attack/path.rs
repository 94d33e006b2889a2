//! A URL signed for one key, its path bent to another by segments that something on the way takes away.

use bytes::Bytes;
use tidegate_protocol::capability::{Attack, AttackOutcome};

use super::campaign::{Campaign, Must};
use super::verdict::judge;
use super::{contains, raw};
use crate::error::ProbeError;
use crate::ground::Signed;

/// Ways from `path/mine/file` to `path/theirs/file` that an HTTP client leaves as they are.
const BENT: [&str; 6] = [
    "path/mine/..%2Ftheirs/file",
    "path/mine%2F..%2Ftheirs%2Ffile",
    "path/mine/file/..%2F..%2Ftheirs/file",
    "path/mine/%252e%252e/theirs/file",
    "path/mine//..%2f..%2Ftheirs/file",
    "path/mine/..%5Ctheirs/file",
];
/// Ways that HTTP clients straighten, so that they are sent byte by byte.
const RAW: [&str; 3] = ["path/mine/../theirs/file", "path/mine/%2e%2e/theirs/file", "path/mine/./../theirs/file"];

pub(crate) async fn attack(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let (mine, theirs) = (ground.key("path/mine/file"), ground.key("path/theirs/file"));
    let (my_bytes, secret) = (ground.bytes("path, mine"), ground.bytes("path, theirs"));
    ground.plant(&mine, &my_bytes).await?;
    ground.plant(&theirs, &secret).await?;
    let get = ground.get_url(via, &mine)?;
    let put = ground.put_url(via, &mine, &[], &my_bytes, false)?;
    let honest_works = campaign.honest(&get, &Bytes::new()).await? && campaign.honest(&put, &my_bytes).await?;
    let watched = [(theirs, Must::Be(secret.clone()))];
    for path in BENT {
        let bend = |signed: &Signed| Signed { url: signed.url.replacen("path/mine/file", path, 1), ..signed.clone() };
        let (get, put) = (bend(&get), bend(&put));
        campaign.on_shown(Attack::PathNormalisation, honest_works, || get.honest(Bytes::new()), &secret).await?;
        campaign.on_stored(Attack::PathNormalisation, honest_works, || put.honest(my_bytes.clone()), &watched).await?;
    }
    for path in RAW {
        let url = get.url.replacen("path/mine/file", path, 1);
        // Over TLS these are left out: it would take an HTTP client that straightens nothing.
        let Some(reply) = raw::get(&url).await else { continue };
        let shown = reply.as_ref().is_ok_and(|answer| contains(&answer.body, &secret));
        // What cuts the connection at a crooked path has refused it.
        let outcome = if reply.is_err() && honest_works { AttackOutcome::Refused } else { judge(honest_works, &reply, shown) };
        campaign.record(Attack::PathNormalisation, outcome);
    }
    Ok(())
}
