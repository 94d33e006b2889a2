//! A subscription as it travels on in tokens: what every mint looks at again.

use serde::{Deserialize, Serialize};
use tidegate_app_store::Environment;
use tidegate_protocol::Sha256;

/// The claim `aps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionClaim {
    /// Names the entitlement.
    pub(crate) ent: Sha256,
    /// Another name of the same customer, whose link follows the first's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) also: Option<Sha256>,
    /// Where it was bought.
    pub(crate) env: Environment,
}

impl SubscriptionClaim {
    /// Whether it was paid for with money.
    pub(crate) fn is_real(&self) -> bool {
        self.env == Environment::Production
    }
}
