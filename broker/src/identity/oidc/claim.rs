//! A login as it travels on in tokens: what every mint looks at again.

use serde::{Deserialize, Serialize};

/// The claim `oid`. Not the person's name with the issuer: the link's name stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OidcClaim {
    /// The issuer.
    pub(crate) iss: String,
    /// When the person logged in, in seconds since 1970.
    pub(crate) at: i64,
    /// The domain of the verified e-mail address, where the operator's lists look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dom: Option<String>,
    /// Those of the person's groups that the operator's lists name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) grp: Vec<String>,
}
