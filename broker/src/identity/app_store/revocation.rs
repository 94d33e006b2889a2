//! Whether a chain was revoked, as the operator wants it to be known.

use std::sync::Arc;

use tidegate_app_store::{Chain, ChainStanding, JwsError, NoOcsp};
use time::OffsetDateTime;

use crate::config::{AppStoreSettings, OcspPolicy};
use crate::problem::Problem;

/// Knows how chains stand.
pub(super) struct Revocation {
    policy: OcspPolicy,
}

impl Revocation {
    pub(super) fn new(settings: &AppStoreSettings) -> Self {
        Self { policy: settings.ocsp }
    }

    #[expect(clippy::unused_async, reason = "an answer may have to be fetched")]
    pub(super) async fn standing(&self, chain: &Arc<Chain>, _now: OffsetDateTime) -> Result<ChainStanding, Problem> {
        match self.policy {
            OcspPolicy::Off => Ok(ChainStanding::by_policy(chain, NoOcsp::Off)),
            OcspPolicy::Prefer => Ok(ChainStanding::by_policy(chain, NoOcsp::Unreachable)),
            OcspPolicy::Require => Err(JwsError::RevocationUnknown.into()),
        }
    }
}
