//! `POST /v1/credentials`.

use axum::extract::State;
use secrecy::ExposeSecret as _;
use tidegate_protocol::ReadPrefix;
use tidegate_protocol::credentials::{BucketAddressing, CredentialsReply, CredentialsRequest, MAX_PREFIXES};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use time::Duration;

use crate::audit::Action;
use crate::broker::Broker;
use crate::json::Json;
use crate::presign::{MAX_URL_SECONDS, policy};
use crate::problem::Problem;
use crate::session::Caller;
use crate::store::Addressing;

/// Below this life credentials are not worth handing out, and this long before their end a client should ask anew.
const MIN_LIFE: Duration = Duration::seconds(60);

/// Makes temporary credentials that read what lies under some prefixes of the caller's, where the store can make such.
#[utoipa::path(
    post,
    path = "/v1/credentials",
    tag = "objects",
    request_body = CredentialsRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The credentials", body = CredentialsReply),
        (status = 404, description = "`credentials-not-available`: this broker's store makes none; ask for URLs", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn credentials(
    State(broker): State<Broker>,
    caller: Caller,
    Json(request): Json<CredentialsRequest>,
) -> Result<Json<CredentialsReply>, Problem> {
    let issuer = broker.credentials.get();
    let Some(issuer) = issuer.as_ref() else {
        let message = "temporary credentials are not available here; ask for URLs";
        return Err(Problem::new(ProblemCode::CredentialsNotAvailable, message));
    };
    caller.require_full()?;
    let prefixes = authorized(&caller, &request)?;
    let now = broker.clock.now();
    let until = caller.expires_at().min(now + Duration::seconds(i64::from(MAX_URL_SECONDS)));
    if until - now < MIN_LIFE {
        return Err(Problem::new(ProblemCode::RenewFirst, "the access token ends within a minute; renew the session first"));
    }
    if !broker.credential_calls.take(caller.payer(), 1, now) {
        let message = "the account's temporary credentials of the day are used up; ask for URLs";
        return Err(Problem::new(ProblemCode::DailyLimit, message));
    }
    let (issued, can_list) = issuer.issue(&prefixes, &caller.scopes().device.to_string(), now, until).await?;
    caller.note(&broker, Action::CredentialsIssued { prefixes: u64::try_from(prefixes.len()).unwrap_or(u64::MAX) }, now);
    Ok(Json(CredentialsReply {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key.expose_secret().to_owned(),
        session_token: issued.session_token.expose_secret().to_owned(),
        endpoint: broker.public_store.endpoint.clone(),
        region: broker.public_store.region.clone(),
        bucket: broker.public_store.bucket.clone(),
        addressing: match broker.public_store.addressing {
            Addressing::Path => BucketAddressing::Path,
            Addressing::VirtualHost => BucketAddressing::VirtualHost,
        },
        prefixes,
        can_list,
        expires_at: issued.expires_at,
        renew_after: issued.expires_at - MIN_LIFE,
    }))
}

/// The prefixes, each of which the caller may read whole: one refusal fails all, since one key reaches them all.
fn authorized(caller: &Caller, request: &CredentialsRequest) -> Result<Vec<String>, Problem> {
    if !(1..=MAX_PREFIXES).contains(&request.prefixes.len()) {
        return Err(Problem::new(ProblemCode::InvalidRequest, format!("a request names 1 to {MAX_PREFIXES} prefixes")));
    }
    let mut prefixes = Vec::with_capacity(request.prefixes.len());
    for text in &request.prefixes {
        let prefix: ReadPrefix = text.parse().map_err(|invalid| {
            Problem::new(ProblemCode::CredentialsPrefixInvalid, format!("no account, member or folder: {invalid}"))
        })?;
        policy::authorize_reading(caller.scopes(), &prefix)?;
        let prefix = prefix.to_string();
        if !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    Ok(prefixes)
}
