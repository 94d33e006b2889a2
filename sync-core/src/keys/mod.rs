//! The key hierarchy: recovery code, master key, account keys, space keys and grants, device keys.
//!
//! ```text
//! recovery code ── unwraps ──> master key ── HKDF ──> account Ed25519, account X-Wing, local-store key
//!       │                                                  │ signs                │ opens
//!       └─ HKDF ─> recovery Ed25519                device certificates       access grants ──> space key, attachment key
//!                  signs the statement of the next generation of keys
//! ```

mod account;
mod attachment;
mod derive;
mod device;
mod generation;
mod grant;
mod keyring;
mod member;
mod passphrase;
mod recovery;
mod regrant;
#[cfg(test)]
mod vectors;
mod wrap;

pub use account::{
    AccountKeys, AccountPublicKeys, GenesisError, MasterKey, account_public_keys, make_genesis, verify_account_proof,
};
pub use attachment::{AttachmentKey, ContentHasher};
pub use device::{Certificate, CertificateError, DeviceDocument, DeviceFileError, DeviceKey, make_device_document};
pub use generation::{KeyGeneration, StatementError};
pub use grant::{
    GrantError, GrantHeader, GrantRequest, OpenedGrant, Permission, grant_id, make_grant, open_grant, open_own_grant,
    parse_grant_header,
};
pub use keyring::Keyring;
pub use member::{KeyName, SpaceKey, SpaceKeys, member_or_nil};
pub use passphrase::{Argon2Cost, Passphrase};
pub use recovery::{RecoveryCode, RecoveryCodeError};
pub use regrant::regrant;
pub use wrap::{MasterKeys, MasterKeysError, SlotSecret, make_master_keys};
