//! How sessions end: this device's own, and those of devices that are to come back no more.

use reqwest::Method;
use tidegate_protocol::DeviceId;
use tidegate_protocol::device::{DevicesReply, LogoutRequest, SessionsEndedReply};
use tidegate_protocol::problem::ProblemCode;

use super::Session;
use crate::error::Error;
use crate::home::SessionFile;
use crate::transport::RequestKind;

impl Session {
    /// Ends this device's session, at the broker and here. One that has ended already counts as ended now; `None` then.
    pub(crate) async fn log_out(&self) -> Result<Option<SessionsEndedReply>, Error> {
        let ended = match self.call_with_token(RequestKind::Renew, "/v1/session/logout", &LogoutRequest {}).await {
            Ok(reply) => Some(reply),
            Err(error) if is_over(&error) => None,
            Err(error) => return Err(error),
        };
        self.forget()?;
        Ok(ended)
    }

    /// The devices that the broker knows.
    pub(crate) async fn devices(&self) -> Result<DevicesReply, Error> {
        self.call_by(&Method::GET, RequestKind::Renew, "/v1/devices", &[]).await
    }

    /// Revokes a device of this account for good.
    pub(crate) async fn revoke(&self, device: DeviceId) -> Result<SessionsEndedReply, Error> {
        self.call_by(&Method::DELETE, RequestKind::Renew, &format!("/v1/devices/{device}"), &[]).await
    }

    /// Removes the tokens; what this process still holds of them serves nobody.
    fn forget(&self) -> Result<(), Error> {
        SessionFile::remove(&self.home)?;
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).tokens = None;
        Ok(())
    }
}

/// Whether there is no session to end any more.
fn is_over(error: &Error) -> bool {
    let Error::Problem { code, .. } = error else { return matches!(error, Error::SessionMissing) };
    [ProblemCode::SessionEnded, ProblemCode::RenewalReused, ProblemCode::RenewalExpired, ProblemCode::DeviceRevoked]
        .contains(code)
}
