//! Outside identities: who may open which account. Self-hosted brokers know invites, hosted ones App Store subscriptions,
//! and either may know logins of OpenID providers.

pub(crate) mod account_proof;
pub(crate) mod app_store;
mod bearer;
mod door;
pub(crate) mod link;
mod link_account;
pub(crate) mod oidc;
mod self_host;

#[cfg(test)]
pub(crate) use app_store::EnvironmentDocument;
pub(crate) use app_store::{__path_status, __path_subscription_session, SubscriptionClaim, status, subscription_session};
pub(crate) use door::{refuse_ended, reserve, tie};
pub(crate) use link::LinkDocument;
pub(crate) use link_account::{__path_link_account, link_account, refuse_incomplete};
#[cfg(test)]
pub(crate) use self_host::SlotDocument;
pub(crate) use self_host::{__path_session, InviteClaim, session};
pub use self_host::{Invite, InviteError, InviteRequest, MAX_INVITE_DEVICES, issue_invite};
