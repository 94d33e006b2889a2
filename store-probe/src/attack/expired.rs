//! A URL used after its end.

use bytes::Bytes;
use tidegate_protocol::capability::Attack;
use tidegate_sigv4::Method;
use time::Duration;

use super::campaign::{Campaign, Must};
use crate::error::ProbeError;
use crate::ground::checksum;
use crate::target::Who;

/// Ended so long ago by the store's own clock: longer than any clock is let be wrong for a URL.
const AGO: Duration = Duration::minutes(2);
const LIVED_SECONDS: u32 = 60;

/// Signed in the past, so that nobody has to wait.
pub(crate) async fn attack(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let then = ground.store_now() - AGO - Duration::seconds(i64::from(LIVED_SECONDS));
    let (key, bytes) = (ground.key("expired/read"), ground.bytes("expired"));
    ground.plant(&key, &bytes).await?;
    let get_works = campaign.honest(&ground.get_url(via, &key)?, &Bytes::new()).await?;
    let get = ground.presigned_at(then, LIVED_SECONDS, (Who::Read, via), Method::Get, &key, &[], &[])?;
    campaign.on_shown(Attack::ExpiredUrl, get_works, || get.honest(Bytes::new()), &bytes).await?;

    let put_works = campaign.honest(&ground.put_url(via, &key, &[], &bytes, false)?, &bytes).await?;
    let new = ground.key("expired/written");
    let headers = [
        ("content-length", bytes.len().to_string()),
        ("content-type", "application/octet-stream".to_owned()),
        ("x-amz-checksum-sha256", checksum(&bytes)),
    ];
    let put = ground.presigned_at(then, LIVED_SECONDS, (Who::Write, via), Method::Put, &new, &[], &headers)?;
    campaign.on_stored(Attack::ExpiredUrl, put_works, || put.honest(bytes.clone()), &[(new, Must::BeAbsent)]).await
}
