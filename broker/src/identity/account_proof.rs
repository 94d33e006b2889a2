//! Does the caller hold the account's key?

use ed25519_dalek::{Signature, VerifyingKey};
use tidegate_protocol::account::{ProofPurpose, account_proof_message, user_id};
use tidegate_protocol::genesis::{ED25519_PUBLIC_KEY_BYTES, Genesis};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::session::AccountProof;
use tidegate_protocol::{Sha256, UserId};

use crate::account::generation::{self, AccountState, Generation};
use crate::account::reset;
use crate::broker::Broker;
use crate::problem::Problem;
use crate::session::ProvenKey;

/// The device key and nonce that the request's DPoP proof has shown, and which an account proof repeats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prover<'a> {
    pub(crate) thumbprint: &'a Sha256,
    pub(crate) nonce: &'a str,
}

/// An account whose key the caller holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProvenAccount {
    pub(crate) user: UserId,
    /// Of the keys by which it was proven: the greatest that there is.
    pub(crate) generation: u32,
}

/// A proof whose genesis is read, and not yet its signature.
pub(crate) struct UnverifiedAccountProof<'a> {
    proof: &'a AccountProof,
    pub(crate) user: UserId,
    /// What the genesis says of generation 0.
    pub(crate) genesis: Generation,
}

/// The account whose key signed for this broker, this device key and this nonce, to open a session.
pub(super) async fn verify(broker: &Broker, proof: &AccountProof, key: &ProvenKey) -> Result<ProvenAccount, Problem> {
    verify_for(broker, proof, ProofPurpose::Session, key.prover()).await
}

/// The same for another purpose. Only the keys of the greatest generation count.
pub(crate) async fn verify_for(
    broker: &Broker,
    proof: &AccountProof,
    purpose: ProofPurpose,
    prover: Prover<'_>,
) -> Result<ProvenAccount, Problem> {
    let unverified = UnverifiedAccountProof::read(proof, purpose)?;
    let user = unverified.user;
    let AccountState { greatest, resets } = AccountState::read(broker, user).await?;
    let stands = greatest.as_ref().unwrap_or(&unverified.genesis);
    match unverified.check(&stands.account, broker.public_url(), prover) {
        Ok(()) => {
            // Whoever holds the account is there: nobody is led away from it.
            reset::cancel(broker, user, &resets).await?;
            Ok(ProvenAccount { user, generation: stands.number })
        }
        // Whoever signs by the first keys learns that they were replaced; the proof is worth nothing all the same.
        Err(_) if unverified.check(&unverified.genesis.account, broker.public_url(), prover).is_ok() => {
            Err(generation::replaced())
        }
        Err(refusal) => Err(refusal),
    }
}

impl<'a> UnverifiedAccountProof<'a> {
    /// Reads the proof of this purpose.
    pub(crate) fn read(proof: &'a AccountProof, purpose: ProofPurpose) -> Result<Self, Problem> {
        if proof.purpose != purpose {
            return Err(refused("it is for another purpose"));
        }
        let genesis = Genesis::parse(&proof.genesis.0).map_err(|error| refused(&error.to_string()))?;
        let user = user_id(&proof.genesis.0);
        Ok(Self { proof, user, genesis: Generation::of_genesis(&proof.genesis.0, &genesis) })
    }

    /// Refuses it unless this key signed it.
    pub(crate) fn check(
        &self,
        account: &[u8; ED25519_PUBLIC_KEY_BYTES],
        public_url: &str,
        prover: Prover<'_>,
    ) -> Result<(), Problem> {
        let key = VerifyingKey::from_bytes(account).map_err(|_| refused("the account's key is none"))?;
        let signature =
            Signature::from_slice(&self.proof.signature.0).map_err(|_| refused("the signature does not have 64 bytes"))?;
        let message = account_proof_message(self.proof.purpose, public_url, self.user, prover.thumbprint, prover.nonce);
        // Strict: the lax equation would accept keys of small order, by which one signature fits many messages.
        key.verify_strict(&message, &signature).map_err(|_| refused("the signature does not hold"))
    }
}

pub(crate) fn refused(reason: &str) -> Problem {
    Problem::new(ProblemCode::AccountProofInvalid, format!("the account proof is refused: {reason}"))
}
