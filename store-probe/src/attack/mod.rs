//! What somebody could try who holds presigned URLs, or nothing: one file for each way.

mod altered;
pub(crate) mod anonymous;
mod campaign;
mod copy_source;
mod expired;
mod force_delete;
mod path;
mod pinned;
mod raw;
mod unsigned_acl;
pub(crate) mod verdict;

use tidegate_protocol::capability::{Attack, AttackFinding, AttackOutcome, Precondition};

use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Reach;
use campaign::Campaign;

/// Carries out every attack that the target's reach has a meaning for. Without a broker no URLs are handed out, so there nobody
/// but the anonymous is left.
pub(crate) async fn all(ground: &Ground, via: Via, create: Precondition) -> Result<Vec<AttackFinding>, ProbeError> {
    let mut findings: Vec<(Attack, AttackOutcome)> = anonymous::attack(ground, via).await?;
    match ground.target.reach {
        Reach::Users => {}
        Reach::Broker => {
            let mut campaign = Campaign::new(ground, via);
            copy_source::object(&mut campaign).await?;
            copy_source::part(&mut campaign).await?;
            force_delete::attack(&mut campaign).await?;
            unsigned_acl::attack(&mut campaign).await?;
            path::attack(&mut campaign).await?;
            altered::key(&mut campaign).await?;
            altered::query(&mut campaign).await?;
            altered::method(&mut campaign).await?;
            pinned::checksum(&mut campaign).await?;
            pinned::length(&mut campaign).await?;
            pinned::condition(&mut campaign, create).await?;
            expired::attack(&mut campaign).await?;
            findings.extend(campaign.end().await?);
        }
    }
    findings.sort_by_key(|(attack, _)| *attack);
    Ok(findings.into_iter().map(|(name, outcome)| AttackFinding { name, outcome }).collect())
}

/// Whether `needle` stands in `haystack`.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
