//! An unsigned `x-amz-copy-source` on a presigned PUT: on MinIO it copies whatever the signing key can read, whatever is pinned.

use tidegate_protocol::capability::{Attack, AttackOutcome};
use tidegate_sigv4::Method;

use super::campaign::{Campaign, Must};
use super::verdict::judge;
use crate::check::multipart;
use crate::error::ProbeError;
use crate::ground::Via;
use crate::target::Who;
use crate::xml;

/// Copies another user's object, and one of the broker's, into one's own key.
pub(crate) async fn object(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let body = ground.bytes("copy, honest");
    let honest = ground.put_url(via, &ground.key("copy/honest"), &[], &body, false)?;
    let honest_works = campaign.honest(&honest, &body).await?;
    for (victim, name) in [(ground.key("copy/victim"), "user"), (ground.state_key("copy/victim"), "state")] {
        let secret = ground.bytes(&format!("copy, a secret of {name}, longer than what is pinned"));
        ground.plant(&victim, &secret).await?;
        for (form, source) in
            [("slash", format!("/{}/{victim}", ground.target.bucket)), ("plain", format!("{}/{victim}", ground.target.bucket))]
        {
            let mine = ground.key(&format!("copy/mine-{name}-{form}"));
            let url = ground.put_url(via, &mine, &[], &body, false)?.with("x-amz-copy-source", source);
            let watched = [(mine, Must::NotBe(secret.clone()))];
            campaign.on_stored(Attack::CopySource, honest_works, || url.honest(body.clone()), &watched).await?;
        }
    }
    Ok(())
}

/// The same into a part of one's own upload: of one whose parts carry hashes, as Tidegate begins them, and of one without, which
/// MinIO treats differently.
pub(crate) async fn part(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let ground = campaign.ground;
    let with_hashes = [("x-amz-checksum-algorithm", "SHA256".to_owned())];
    for (victim, name) in [(ground.key("copy-part/victim"), "user"), (ground.state_key("copy-part/victim"), "state")] {
        let secret = ground.bytes(&format!("copy of a part, a secret of {name}, longer than what is pinned"));
        ground.plant(&victim, &secret).await?;
        for (kind, headers) in [("hashed", &with_hashes[..]), ("plain", &[])] {
            let mine = ground.key(&format!("copy-part/mine-{name}-{kind}"));
            let outcome = match multipart::create_with(ground, &mine, headers).await? {
                Some(id) => copy_into(campaign, &mine, &id, (&victim, secret.len())).await?,
                // A store that takes no uploads in parts has no part to copy into.
                None => AttackOutcome::Refused,
            };
            campaign.record(Attack::CopySourcePart, outcome);
        }
    }
    Ok(())
}

async fn copy_into(
    campaign: &Campaign<'_>,
    mine: &str,
    id: &str,
    (victim, length): (&str, usize),
) -> Result<AttackOutcome, ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let body = ground.bytes("copy of a part, honest");
    let part = |number| ground.put_url(via, mine, &[("partNumber", number), ("uploadId", id)], &body, false);
    let honest_works = campaign.honest(&part("1")?, &body).await?;
    let url = part("2")?.with("x-amz-copy-source", format!("/{}/{victim}", ground.target.bucket));
    let reply = ground.fire(|| url.honest(body.clone())).await;
    let by = (Who::State, Via::Internal);
    let parts = ground.call(by, Method::Get, mine, &[("uploadId", id)], &[], bytes::Bytes::new()).await?;
    let size = format!("<Size>{length}</Size>");
    let is_copied = reply.as_ref().is_ok_and(|answer| xml::text_at(&answer.body, &["CopyPartResult", "ETag"]).is_some())
        || parts.is_ok_and(|answer| super::contains(&answer.body, size.as_bytes()));
    Ok(judge(honest_works, &reply, is_copied))
}
