//! An account with as many devices as wanted, all keys from one seed.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use tidegate_protocol::account::user_id;
use tidegate_protocol::{Sha256, UserId};
use tidegate_sync_core::engine::Identity;
use tidegate_sync_core::envelope::AccountDirectory;
use tidegate_sync_core::keys::{AccountKeys, Certificate, DeviceKey, MasterKey, RecoveryCode, make_genesis};

/// One account and the keys of its devices.
#[derive(Debug, Clone)]
pub struct Household {
    user: UserId,
    keys: AccountKeys,
    seed: u64,
}

impl Household {
    /// The account of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let recovery = RecoveryCode::generate(&mut rng);
        let keys = MasterKey::generate(&mut rng).account_keys();
        let user = user_id(&make_genesis(&recovery, keys.public()));
        Self { user, keys, seed }
    }

    /// The account's id.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The identity of one of its devices.
    #[must_use]
    pub fn device(&self, number: u64) -> Identity {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed ^ (number + 1) << 32);
        let device = DeviceKey::generate(&mut rng);
        let thumbprint = Sha256::of(&[self.seed.to_be_bytes(), number.to_be_bytes()].concat());
        let certificate = Certificate::issue(&self.keys, self.user, &device, &thumbprint, 0);
        let mut directory = AccountDirectory::new();
        directory.insert(self.user, 0, *self.keys.public().ed25519());
        Identity { user: self.user, account: self.keys.clone(), directory, device, certificate }
    }
}
