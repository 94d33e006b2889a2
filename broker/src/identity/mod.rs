//! Outside identities: who may open which account. Self-hosted brokers know invites.

mod account_proof;
pub(crate) mod app_store;
pub(crate) mod link;
mod link_account;
mod self_host;

#[cfg(test)]
pub(crate) use link::LinkDocument;
pub(crate) use link_account::{__path_link_account, link_account};
#[cfg(test)]
pub(crate) use self_host::SlotDocument;
pub(crate) use self_host::{__path_session, InviteClaim, refuse_revoked, session};
pub use self_host::{Invite, InviteError, InviteRequest, MAX_INVITE_DEVICES, issue_invite};
