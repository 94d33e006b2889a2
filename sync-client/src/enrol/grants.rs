//! The grants to oneself: they hold the keys of the account's spaces.

use std::collections::BTreeMap;

use tidegate_protocol::{GrantId, ListPrefix, ObjectKey, UserId};
use tidegate_sync_core::keys::{AccountKeys, GrantError, Keyring, open_own_grant};

use super::account::{list_all, read};
use crate::error::Error;
use crate::transport::Transport;

/// The grants in the store that open for the account itself, and the keys in them.
///
/// A blob that is no grant to oneself is left out: other recipients' grants lie in the same folder.
pub(crate) async fn own_grants(
    transport: &dyn Transport,
    user: UserId,
    account: &AccountKeys,
    generation: u32,
) -> Result<(BTreeMap<GrantId, Vec<u8>>, Keyring), Error> {
    let mut grants = BTreeMap::new();
    let mut keyring = Keyring::new();
    for entry in list_all(transport, &ListPrefix::AccessGrants(user)).await? {
        let ObjectKey::AccessGrant { grant, .. } = entry.key else { continue };
        let Some(blob) = read(transport, &entry.key).await? else { continue };
        match open_own_grant(grant, &blob, user, account, generation) {
            Ok(opened) => {
                keyring.insert(opened.keys);
                grants.insert(grant, blob);
            }
            Err(GrantError::OtherOwnerKey) => {
                tracing::debug!(%grant, "a grant is by other keys of this account than those that count")
            }
            Err(error) => tracing::warn!(%grant, code = error.code(), "a grant does not open for this account"),
        }
    }
    Ok((grants, keyring))
}
