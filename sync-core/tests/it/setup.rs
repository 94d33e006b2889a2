//! One account with fixed keys, for every test of keys and envelopes.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tidegate_protocol::account::user_id;
use tidegate_protocol::{MemberId, RecordId, Sha256, Space, UserId};
use tidegate_sync_core::envelope::{ObjectContext, ObjectName};
use tidegate_sync_core::keys::{AccountKeys, Certificate, DeviceKey, Keyring, MasterKey, RecoveryCode, SpaceKeys, make_genesis};

pub(crate) struct Account {
    pub(crate) recovery: RecoveryCode,
    pub(crate) master: MasterKey,
    pub(crate) keys: AccountKeys,
    pub(crate) genesis: Vec<u8>,
    pub(crate) user: UserId,
    pub(crate) device: DeviceKey,
    pub(crate) certificate: Certificate,
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng(seed).fill_bytes(&mut bytes);
    bytes
}

/// An account that is the same for the same seed.
pub(crate) fn account(seed: u64) -> Account {
    let mut rng = rng(seed);
    let recovery = RecoveryCode::generate(&mut rng);
    let master = MasterKey::generate(&mut rng);
    let keys = master.account_keys();
    let genesis = make_genesis(&recovery, keys.public());
    let user = user_id(&genesis);
    let device = DeviceKey::generate(&mut rng);
    let certificate = Certificate::issue(&keys, user, &device, &thumbprint(seed), 0);
    Account { recovery, master, keys, genesis, user, device, certificate }
}

pub(crate) fn thumbprint(seed: u64) -> Sha256 {
    Sha256::of(&seed.to_be_bytes())
}

pub(crate) fn member() -> MemberId {
    "6f2c1d34-9a1b-4c5d-8e7f-0123456789ab".parse().unwrap()
}

pub(crate) fn record() -> RecordId {
    "0d9b6c52-4f1e-4a39-b7c8-aabbccddeeff".parse().unwrap()
}

pub(crate) fn member_space(user: UserId) -> Space {
    Space::Member(user, member())
}

pub(crate) fn record_context(space: Space, version: u64) -> ObjectContext {
    ObjectContext { space, name: ObjectName::Record { id: record(), version } }
}

/// The first keys of a space, and a keyring that holds them alone.
pub(crate) fn space_keys(space: Space, seed: u64) -> (SpaceKeys, Keyring) {
    let keys = SpaceKeys::generate(space, &mut rng(seed));
    let mut keyring = Keyring::new();
    keyring.insert(keys.clone());
    (keys, keyring)
}
