//! Does the caller hold the account's key?

use ed25519_dalek::{Signature, VerifyingKey};
use tidegate_protocol::UserId;
use tidegate_protocol::account::{ProofPurpose, account_proof_message, user_id};
use tidegate_protocol::genesis::Genesis;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::session::AccountProof;

use crate::problem::Problem;
use crate::session::ProvenKey;

/// The account whose key signed for this broker, this device key and this nonce.
pub(super) fn verify(proof: &AccountProof, public_url: &str, key: &ProvenKey) -> Result<UserId, Problem> {
    let genesis = &proof.genesis.0;
    let parsed = Genesis::parse(genesis).map_err(|error| refused(&error.to_string()))?;
    let user = user_id(genesis);
    let account_key = VerifyingKey::from_bytes(&parsed.account_ed25519_public_key)
        .map_err(|_| refused("the genesis holds no valid account key"))?;
    let signature = Signature::from_slice(&proof.signature.0).map_err(|_| refused("the signature does not have 64 bytes"))?;
    match proof.purpose {
        ProofPurpose::Session => {}
    }
    let message = account_proof_message(proof.purpose, public_url, user, &key.thumbprint, &key.nonce);
    // Strict: the lax equation would accept keys of small order, by which one signature fits many messages.
    account_key.verify_strict(&message, &signature).map_err(|_| refused("the signature does not hold"))?;
    Ok(user)
}

fn refused(reason: &str) -> Problem {
    Problem::new(ProblemCode::AccountProofInvalid, format!("the account proof is refused: {reason}"))
}
