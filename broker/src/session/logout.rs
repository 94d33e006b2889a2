//! `POST /v1/session/logout`.

use axum::extract::State;
use tidegate_protocol::device::{LogoutRequest, SessionsEndedReply};
use tidegate_protocol::problem::ProblemDocument;

use super::caller::Caller;
use super::ended::{EndReason, Standing, end_sessions};
use super::revocation::REVOCATION_SECONDS;
use crate::audit::Action;
use crate::broker::Broker;
use crate::json::Json;
use crate::presign::MAX_URL_SECONDS;
use crate::problem::Problem;

/// Ends the caller's own session: its renewal token at once, its access tokens within the time stated. The device may sign in again.
#[utoipa::path(
    post,
    path = "/v1/session/logout",
    tag = "session",
    request_body = LogoutRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The session has ended", body = SessionsEndedReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(
    State(broker): State<Broker>,
    caller: Caller,
    Json(LogoutRequest {}): Json<LogoutRequest>,
) -> Result<Json<SessionsEndedReply>, Problem> {
    let now = broker.clock.now();
    let scopes = caller.scopes();
    // A call that is replayed at a replica that has not heard of the ending must not end the session that came after it.
    Standing::read(&broker, scopes.user, scopes.device).await?.refuse_ended(caller.issued_at())?;
    end_sessions(&broker, scopes.user, Some(scopes.device), EndReason::LoggedOut, now).await?;
    caller.note(&broker, Action::SessionEnded { reason: EndReason::LoggedOut.as_str().to_owned() }, now);
    Ok(Json(sessions_ended()))
}

/// What is out already goes on for so long.
pub(super) const fn sessions_ended() -> SessionsEndedReply {
    SessionsEndedReply {
        tokens_end_within_seconds: REVOCATION_SECONDS,
        urls_end_within_seconds: REVOCATION_SECONDS + MAX_URL_SECONDS,
    }
}
