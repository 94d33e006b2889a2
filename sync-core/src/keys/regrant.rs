//! New grants of everything that a device can open, once the account has other keys.

use rand_core::CryptoRng;
use tidegate_protocol::{GrantId, UserId};

use super::account::AccountKeys;
use super::grant::{GrantRequest, Permission, grant_id, make_grant};
use super::keyring::Keyring;
use super::member::SpaceKeys;

/// Grants to oneself, by and for the account's new keys: of every key in `held` that `granted` lacks, so that what was sealed under
/// it stays readable, and of a key of the next epoch for each space that has none yet, so that whoever has the old keys reads
/// nothing that is sealed from now on.
///
/// `granted` is what was granted under the new keys already, by whichever device. Spaces of other owners are theirs to grant.
#[must_use]
pub fn regrant(
    user: UserId,
    account: &AccountKeys,
    held: &Keyring,
    granted: &Keyring,
    rng: &mut dyn CryptoRng,
) -> Vec<(GrantId, Vec<u8>)> {
    let to_oneself =
        GrantRequest { recipient: user, recipient_keys: account.public(), permission: Permission::Owner, expires_at: None };
    let mut grants = Vec::new();
    let mut grant = |keys: &SpaceKeys, rng: &mut dyn CryptoRng| {
        let blob = make_grant(account, keys, to_oneself, rng);
        grants.push((grant_id(&blob), blob));
    };
    for space in held.spaces().into_iter().filter(|space| space.owner() == user) {
        for keys in held.of_space(space).filter(|keys| granted.get(space, keys.key().name()).is_none()) {
            grant(keys, rng);
        }
        let newest = |keyring: &Keyring| keyring.current(space).map(|keys| keys.key().name().epoch);
        if newest(granted) <= newest(held)
            && let Some(next) = held.current(space).and_then(|keys| keys.next_epoch(rng))
        {
            grant(&next, rng);
        }
    }
    grants
}
