//! What an account is, computed alike by both halves: ids from keys, and the message of the account proof.

use sha2::{Digest as _, Sha256 as Hasher};
use uuid::Uuid;

use crate::key::{DeviceId, Sha256, UserId};

const USER_LABEL: &[u8] = b"tidegate/user/v1";
const PROOF_LABEL: &[u8] = b"tidegate/account-proof/v1";
const APP_ACCOUNT_TOKEN_LABEL: &[u8] = b"tidegate/aat/v1";

/// Length-prefixes a field (u32, big-endian), so that no two lists of fields give the same bytes.
///
/// # Panics
/// Never for the fields of this protocol: all are far below 4 GiB.
#[must_use]
pub fn lp(field: &[u8]) -> Vec<u8> {
    let length = u32::try_from(field.len()).expect("fields of the protocol are shorter than 4 GiB");
    let mut out = Vec::with_capacity(4 + field.len());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(field);
    out
}

/// UUIDv8 (RFC 9562) whose 122 free bits are the first of this hash.
#[must_use]
pub fn uuid_of_hash(hash: &Sha256) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Uuid::new_v8(bytes)
}

/// The user id: UUIDv8 of SHA-256("tidegate/user/v1" || SHA-256(genesis)). Whoever holds the genesis can check it, so neither
/// store nor broker can put other keys under an account's name.
#[must_use]
pub fn user_id(genesis: &[u8]) -> UserId {
    user_id_of_genesis_hash(&Sha256::of(genesis))
}

/// The user id of the genesis that has this SHA-256: for who pins the bytes without having seen them.
#[must_use]
pub fn user_id_of_genesis_hash(genesis: &Sha256) -> UserId {
    let hash = Hasher::new().chain_update(USER_LABEL).chain_update(genesis.as_bytes()).finalize();
    UserId::new(uuid_of_hash(&Sha256::from_bytes(hash.into())))
}

/// The device id: UUIDv8 of SHA-256(user id || DPoP key thumbprint). Never chosen by a client.
///
/// `thumbprint` is the RFC 7638 thumbprint of the device's P-256 key.
#[must_use]
pub fn device_id(user: UserId, thumbprint: &Sha256) -> DeviceId {
    let hash = Hasher::new().chain_update(user.as_bytes()).chain_update(thumbprint.as_bytes()).finalize();
    DeviceId::new(uuid_of_hash(&Sha256::from_bytes(hash.into())))
}

/// The `appAccountToken` that an app gives StoreKit at a purchase for this account: UUIDv8 of SHA-256("tidegate/aat/v1" || user
/// id). A transaction that carries it opens this account and no other; Apple learns a hash and not the user id.
#[must_use]
pub fn app_account_token(user: UserId) -> Uuid {
    let hash = Hasher::new().chain_update(APP_ACCOUNT_TOKEN_LABEL).chain_update(user.as_bytes()).finalize();
    uuid_of_hash(&Sha256::from_bytes(hash.into()))
}

/// What an account proof is for; a proof for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProofPurpose {
    /// Open a session for this account.
    Session,
    /// Delete the account, with everything in it.
    DeleteAccount,
    /// Let new keys take the place of the account's keys: signed by the new account key.
    ReplaceKeys,
    /// Let an identity lead to this account in place of another whose recovery code is lost.
    ResetAccount,
}

impl ProofPurpose {
    /// The name that is signed.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::DeleteAccount => "delete-account",
            Self::ReplaceKeys => "replace-keys",
            Self::ResetAccount => "reset-account",
        }
    }
}

/// The bytes that the account's Ed25519 key signs to show that a caller holds the account: bound to the purpose, the broker
/// (`public_url`, as configured there), the account, the caller's DPoP key and the broker's nonce.
#[must_use]
pub fn account_proof_message(purpose: ProofPurpose, public_url: &str, user: UserId, thumbprint: &Sha256, nonce: &str) -> Vec<u8> {
    let mut message = PROOF_LABEL.to_vec();
    message.extend(lp(purpose.as_str().as_bytes()));
    message.extend(lp(public_url.as_bytes()));
    message.extend(lp(user.as_bytes()));
    message.extend_from_slice(thumbprint.as_bytes());
    message.extend_from_slice(nonce.as_bytes());
    message
}
