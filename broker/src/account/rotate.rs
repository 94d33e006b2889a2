//! `POST /v1/account/rotate`: new keys take the place of an account's keys, by a statement that the recovery key signed.
//!
//! From then on the keys before count for nothing: no account proof holds by them, no session that was opened under them is renewed,
//! and their access tokens end. So a stolen device, which holds everything but the recovery code, is shut out.

use axum::extract::State;
use ed25519_dalek::{Signature, VerifyingKey};
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::genesis::ED25519_PUBLIC_KEY_BYTES;
use tidegate_protocol::keys_statement::KeysStatement;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::rotation::RotateRequest;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::{Digest, ObjectKey, Sha256, UserId};

use super::generation::{self, Generation, Kept, keep};
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::identity::account_proof::UnverifiedAccountProof;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{EndReason, PresentedRenewal, ProvenKey, end_sessions, open_full};
use crate::store::ranked;

/// Lets new keys take the place of the account's keys, and ends every session that was opened under the old ones. Statement and wrapped
/// master key of the new generation are in the store already.
#[utoipa::path(
    post,
    path = "/v1/account/rotate",
    tag = "account",
    request_body = RotateRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A full session under the new keys", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rotate(
    State(broker): State<Broker>,
    key: ProvenKey,
    Json(request): Json<RotateRequest>,
) -> Result<Json<SessionReply>, Problem> {
    let now = broker.clock.now();
    let presented = PresentedRenewal::read(&broker, &key, &request.renewal_token, now).await?;
    let user = presented.user();
    let bytes = &request.statement.0;
    let statement = KeysStatement::parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let proof = UnverifiedAccountProof::read(&request.account, ProofPurpose::ReplaceKeys)?;
    if statement.user != user || proof.user != user {
        return Err(invalid("it is of another account than the session"));
    }
    proof.check(&statement.account_ed25519_public_key, broker.public_url(), key.prover())?;
    let stands = generation::greatest(&broker, user).await?.unwrap_or_else(|| proof.genesis.clone());
    // Else it stands already and the reply was lost: the proof by its key is worth what it is worth at signing in.
    if stands.hash != Sha256::of(bytes) {
        presented.require_current(&broker, now).await?;
        check_succession(&stands, &statement)?;
        refuse_unstored(&broker, user, bytes, &statement).await?;
        match keep(&broker, bytes, &statement).await? {
            Kept::Yes => {}
            Kept::Other => return Err(conflict()),
        }
        let device = presented.device();
        broker.audit.note(Event { at: now, user, device, action: Action::KeysReplaced { generation: statement.generation } });
    }
    end_sessions(&broker, user, None, EndReason::KeysReplaced, now).await?;
    open_full(&broker, &presented.into_grant(key.thumbprint, statement.generation)).await.map(Json)
}

/// Whether the statement follows on what stands, by the word of its recovery key.
fn check_succession(stands: &Generation, statement: &KeysStatement) -> Result<(), Problem> {
    if statement.generation <= stands.number {
        return Err(conflict());
    }
    if Some(statement.generation) != stands.number.checked_add(1) {
        return Err(invalid("its generation does not follow on the last"));
    }
    if statement.previous != stands.hash {
        return Err(conflict());
    }
    if statement.account_ed25519_public_key == stands.account {
        return Err(invalid("its account key is the one that it is to replace"));
    }
    // A key that nothing can be signed by would lock its owner out of the next replacement.
    usable(&statement.recovery_public_key)?;
    let signature = Signature::from_bytes(&statement.signature);
    usable(&stands.recovery)?
        .verify_strict(&statement.message(), &signature)
        .map_err(|_| invalid("it is not signed by the recovery key of the generation before"))
}

fn usable(key: &[u8; ED25519_PUBLIC_KEY_BYTES]) -> Result<VerifyingKey, Problem> {
    VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak()).ok_or_else(|| invalid("a recovery key in it is no key"))
}

/// New keys that nobody can read would lock everybody out.
async fn refuse_unstored(broker: &Broker, user: UserId, bytes: &[u8], statement: &KeysStatement) -> Result<(), Problem> {
    let missing =
        |what: &str| Problem::new(ProblemCode::AccountIncomplete, format!("the new generation's {what} is not in the store yet"));
    let generation = statement.generation;
    let key = ObjectKey::PublicKeys { user, generation, digest: Digest::of(bytes) };
    let stored = broker.store.get(&key).await?.ok_or_else(|| missing("statement"))?;
    if stored.bytes != bytes {
        return Err(missing("statement"));
    }
    let any = ObjectKey::MasterKeys { user, generation, digest: Digest::from_bytes([0; 16]) };
    let is_of_generation =
        |key: &str| matches!(key.parse(), Ok(ObjectKey::MasterKeys { generation: found, .. }) if found == generation);
    if !ranked(&broker.store, &any).await?.iter().any(|object| is_of_generation(&object.key)) {
        return Err(missing("master key"));
    }
    Ok(())
}

fn invalid(reason: &str) -> Problem {
    Problem::new(ProblemCode::StatementInvalid, format!("the statement is refused: {reason}"))
}

fn conflict() -> Problem {
    Problem::new(ProblemCode::StatementConflict, "other keys took this account's keys' place first; read them before going on")
}
