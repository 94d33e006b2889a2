//! Self-hosting: an invite, signed by the broker, lets a person open one account on a few devices.

mod invite;
mod session;
mod slot;

pub use invite::{Invite, InviteError, InviteRequest, MAX_INVITE_DEVICES, issue_invite};
pub(crate) use invite::{InviteClaim, refuse_revoked};
pub(crate) use session::{__path_session, session};
#[cfg(test)]
pub(crate) use slot::SlotDocument;
pub(super) use slot::take_slot;
