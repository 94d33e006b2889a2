//! `POST /v1/oidc/session`: from an ID token to a session.

use axum::extract::State;
use tidegate_oidc::{UnverifiedIdToken, VerifiedIdToken};
use tidegate_protocol::Sha256;
use tidegate_protocol::oidc::{MAX_SALT_BYTES, MIN_SALT_BYTES, OidcSessionRequest, nonce};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::wire::Base64Url;

use super::claim::OidcClaim;
use super::issuer::Issuer;
use super::{refusal, token_use};
use crate::account::reset;
use crate::broker::Broker;
use crate::config::NoncePolicy;
use crate::identity::{account_proof, link, link_account};
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{IdentityClaims, ProvenKey, SessionGrant, WayIn, open_full, open_limited};

/// Opens a session: `create` for a new account, `bootstrap` for a device without the account's key, `full` with its proof.
#[utoipa::path(
    post,
    path = "/v1/oidc/session",
    tag = "session",
    request_body = OidcSessionRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A session", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The issuer or the store does not answer", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn oidc_session(
    State(broker): State<Broker>,
    key: ProvenKey,
    Json(request): Json<OidcSessionRequest>,
) -> Result<Json<SessionReply>, Problem> {
    open(&broker, &key, request).await.map(Json)
}

/// The same as `POST /v1/oidc/session`, under the first design's name.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "session",
    request_body = OidcSessionRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A session", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The issuer or the store does not answer", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn auth_login(
    State(broker): State<Broker>,
    key: ProvenKey,
    Json(request): Json<OidcSessionRequest>,
) -> Result<Json<SessionReply>, Problem> {
    open(&broker, &key, request).await.map(Json)
}

async fn open(broker: &Broker, key: &ProvenKey, request: OidcSessionRequest) -> Result<SessionReply, Problem> {
    if broker.issuers.is_empty() {
        return Err(refusal::not_offered());
    }
    let token = UnverifiedIdToken::parse(&request.id_token).map_err(refusal::not_believed)?;
    let issuer = token
        .claimed_issuer()
        .and_then(|issuer| broker.issuers.of(issuer))
        .ok_or_else(|| Problem::new(ProblemCode::IdTokenIssuer, "the ID token is of an issuer that this broker does not know"))?;
    let verified = issuer.verify(&token, broker.clock.now()).await?;
    let binding = check_nonce(broker, issuer, &verified, request.nonce_salt.as_ref(), key)?;
    let lnk = link::oidc_identity(&broker.server_id_key, &issuer.settings().issuer, &verified.subject);
    let claim = remembered(broker, issuer, &verified);
    let until = super::refuse_ended(broker, lnk, &claim).await?;
    if binding == Binding::ByFirstUse {
        token_use::bind(broker, Sha256::of(token.signed_part().as_bytes()), key.thumbprint).await?;
    }
    let proven = match &request.account {
        Some(proof) => Some(account_proof::verify(broker, proof, key).await?),
        None => None,
    };
    let mut linked = link::find(broker, lnk).await?;
    let holder = proven.map(|proven| proven.user);
    if reset::is_led_back(broker, lnk, linked, holder).await? {
        linked = holder;
    }
    let grant = |user, generation| {
        let identity = IdentityClaims { lnk, way: WayIn::Oidc(claim.clone()) };
        SessionGrant { user, thumbprint: key.thumbprint, identity, generation, until: Some(until) }
    };
    match (linked, proven) {
        (None, None) => Err(Problem::new(
            ProblemCode::AccountNotFound,
            "this login opens no account yet; send the genesis of a new one with its proof",
        )),
        (None, Some(proven)) => open_limited(broker, &grant(proven.user, proven.generation), AccountScope::Create).await,
        (Some(user), None) => open_limited(broker, &grant(user, 0), AccountScope::Bootstrap).await,
        (Some(user), Some(proven)) if user == proven.user => open_full(broker, &grant(user, proven.generation)).await,
        (Some(_), Some(_)) => Err(link_account::already_linked()),
    }
}

/// What ties an ID token to the device that presents it, so that one who finds it opens nothing with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binding {
    /// Its nonce names the device's key.
    ByNonce,
    /// It has no nonce: the first key that presents it has it.
    ByFirstUse,
}

/// A token that has a nonce must have this device's, whatever the policy: else one that was bound could be used unbound.
fn check_nonce(
    broker: &Broker,
    issuer: &Issuer,
    verified: &VerifiedIdToken,
    salt: Option<&Base64Url>,
    key: &ProvenKey,
) -> Result<Binding, Problem> {
    let refused = |message: &str| Err(Problem::new(ProblemCode::IdTokenNonce, message));
    match (salt, verified.has_nonce(), issuer.settings().nonce) {
        (Some(Base64Url(salt)), true, NoncePolicy::Required | NoncePolicy::FirstUse) => {
            if !(MIN_SALT_BYTES..=MAX_SALT_BYTES).contains(&salt.len()) {
                return refused("the nonce's salt must have 16 to 64 bytes");
            }
            let expected = nonce(broker.public_url(), &key.thumbprint, salt);
            verified.check_nonce(&expected).map_err(refusal::not_believed)?;
            Ok(Binding::ByNonce)
        }
        (None, true, NoncePolicy::Required | NoncePolicy::FirstUse) => {
            refused("the ID token has a nonce, and the request lacks the salt from which it was made")
        }
        (_, false, NoncePolicy::Required) => refused("the ID token has no nonce; begin the login with the nonce of this device"),
        (_, false, NoncePolicy::FirstUse) => Ok(Binding::ByFirstUse),
    }
}

/// What renewals look at: of e-mail address and groups no more than the lists ask for.
fn remembered(broker: &Broker, issuer: &Issuer, verified: &VerifiedIdToken) -> OidcClaim {
    let admission = &issuer.settings().admission;
    OidcClaim {
        iss: issuer.settings().issuer.clone(),
        at: broker.clock.now().unix_timestamp(),
        dom: admission.domains.as_ref().and(verified.verified_domain.clone()),
        grp: admission.listed(&verified.groups).into_iter().map(str::to_owned).collect(),
    }
}
