//! One door for every kind of outside identity: does it still open sessions, and what ties it to an account for the first time.

use tidegate_protocol::{Sha256, UserId};
use time::OffsetDateTime;

use super::{app_store, link, link_account, oidc, self_host};
use crate::broker::Broker;
use crate::problem::Problem;
use crate::session::{IdentityClaims, WayIn};

/// Refuses what opens no session any more; says when it will end, where that is known. Asked at every mint.
pub(crate) async fn refuse_ended(broker: &Broker, identity: &IdentityClaims) -> Result<Option<OffsetDateTime>, Problem> {
    match &identity.way {
        WayIn::Invite(invite) => self_host::refuse_revoked(broker, invite).await.map(|()| None),
        WayIn::Subscription(claim) => app_store::refuse_ended(broker, claim).await.map(Some),
        WayIn::Oidc(claim) => oidc::refuse_ended(broker, identity.lnk, claim).await.map(Some),
    }
}

/// What must be had before the identity is tied to the account; repeated it does no harm.
pub(crate) async fn reserve(
    broker: &Broker,
    identity: &IdentityClaims,
    thumbprint: &Sha256,
    user: UserId,
) -> Result<(), Problem> {
    match &identity.way {
        // The slot: a link without a device would leave an account that nobody with this invite can open.
        WayIn::Invite(invite) => self_host::take_slot(broker, invite, thumbprint, user).await,
        // The environment: an account that is linked in two would be opened for nothing by a sandbox purchase.
        WayIn::Subscription(claim) => app_store::settle(broker, claim, user).await,
        // A login has nothing but its link.
        WayIn::Oidc(_) => Ok(()),
    }
}

/// Ties the identity to the account; repeated it does no harm.
pub(crate) async fn tie(broker: &Broker, identity: &IdentityClaims, thumbprint: &Sha256, user: UserId) -> Result<(), Problem> {
    reserve(broker, identity, thumbprint, user).await?;
    if link::create(broker, identity.lnk, user).await? != user {
        return Err(link_account::already_linked());
    }
    match &identity.way {
        WayIn::Invite(_) | WayIn::Oidc(_) => Ok(()),
        WayIn::Subscription(claim) => app_store::tie_second_name(broker, claim, user).await,
    }
}
