//! ID tokens that name no device key: the first key that presents one has it.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{Listed, put_and_rank, rank, ranked};

const FORMAT: &str = "tidegate/id-token-use/v1";

/// `_tidegate/id-tokens/{sha256}/{thumbprint}.json`. It is needed for as long as the token is good, at most a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenUseDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) presented_at: OffsetDateTime,
}

impl TokenUseDocument {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), presented_at: now }
    }
}

/// Binds the token to this key, unless another one has presented it before. `token` is the hash of what the issuer signed, without the
/// signature: of that there may be several that hold.
pub(super) async fn bind(broker: &Broker, token: Sha256, thumbprint: Sha256) -> Result<(), Problem> {
    let key = ObjectKey::State(StateKey::IdTokenUse { token, thumbprint });
    let before = ranked(&broker.store, &key).await?;
    if !before.is_empty() {
        return refuse_second(&before, &key);
    }
    let document = TokenUseDocument::new(broker.clock.now());
    refuse_second(&put_and_rank(&broker.store, &key, &document).await?, &key)
}

fn refuse_second(listed: &[Listed], key: &ObjectKey) -> Result<(), Problem> {
    if rank(listed, key) == Some(0) {
        return Ok(());
    }
    Err(Problem::new(ProblemCode::IdTokenReplayed, "another device has presented this ID token before; log in on this one"))
}
