//! An unsigned `x-minio-force-delete` on a DELETE: on MinIO it removes everything that begins with the key. Tidegate signs no DELETE
//! for anybody; this tries what would happen if the keys that sign for others could be brought to it.

use bytes::Bytes;
use tidegate_protocol::capability::Attack;
use tidegate_sigv4::Method;

use super::campaign::{Campaign, Must};
use crate::error::ProbeError;
use crate::target::Who;

/// Tries both signing credentials on a folder. That their honest requests work, the round trip has shown.
pub(crate) async fn attack(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    for (who, name) in [(Who::Read, "read"), (Who::Write, "write")] {
        let folder = ground.key(&format!("force/{name}"));
        let victims =
            ["one", "two"].map(|victim| (format!("{folder}/{victim}"), ground.bytes(&format!("force {name} {victim}"))));
        for (key, bytes) in &victims {
            ground.plant(key, bytes).await?;
        }
        let watched = victims.map(|(key, bytes)| (key, Must::Be(bytes)));
        for target in [folder.clone(), format!("{folder}/")] {
            let url = ground.presigned((who, via), Method::Delete, &target, &[], &[])?.with("x-minio-force-delete", "true");
            campaign.on_stored(Attack::ForceDelete, true, || url.honest(Bytes::new()), &watched).await?;
        }
    }
    Ok(())
}
