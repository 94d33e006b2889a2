//! `device.blob`: the device's name, sealed for the account's devices, and its certificate.

use std::collections::BTreeMap;

use bytes::Bytes;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ListPrefix, ObjectKey, Space};
use tidegate_sync_core::envelope::{AccountDirectory, ObjectContext, open_signed, seal_signed};
use tidegate_sync_core::keys::{Certificate, DeviceDocument, Keyring, make_device_document};
use time::OffsetDateTime;

use super::account::{list_all, read};
use crate::error::Error;
use crate::home::Keys;
use crate::transport::{PutCondition, Transport};

/// The account's word that this device is one of its own.
pub(crate) fn certificate(keys: &Keys) -> Certificate {
    Certificate::issue(&keys.master.account_keys(), keys.user, &keys.device_key, &keys.dpop.thumbprint(), keys.generation)
}

/// Writes this device's file. Written again it replaces itself.
pub(super) async fn put_device_file(
    transport: &dyn Transport,
    keys: &Keys,
    keyring: &Keyring,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let key = ObjectKey::DeviceFile { user: keys.user, device: keys.device };
    let context = ObjectContext::of_key(&key).ok_or_else(|| Error::bug("a device file has no context"))?;
    let space_keys = keyring.current(Space::Account(keys.user)).ok_or_else(|| Error::bug("no key for the account space"))?;
    let joined_at = timestamp::format(now).map_err(|error| Error::bug(error.to_string()))?;
    let document = make_device_document(&DeviceDocument { name: keys.device_name.clone(), joined_at });
    let mut rng = crate::random::system();
    let sealed = seal_signed(space_keys.key(), &context, &document, &keys.device_key, &certificate(keys), &mut rng)
        .map_err(|error| Error::bug(format!("the device file cannot be sealed: {error}")))?;
    transport.put(&key, Bytes::from(sealed), &PutCondition::None).await.map(drop)
}

/// The names of the account's devices, as far as their files hold.
pub(crate) async fn device_names(
    transport: &dyn Transport,
    keys: &Keys,
    keyring: &Keyring,
    known: &BTreeMap<DeviceId, String>,
) -> Result<BTreeMap<DeviceId, String>, Error> {
    let mut directory = AccountDirectory::new();
    directory.insert(keys.user, keys.generation, *keys.master.account_keys().public().ed25519());
    let mut names = BTreeMap::new();
    for entry in list_all(transport, &ListPrefix::Devices(Space::Account(keys.user))).await? {
        let ObjectKey::DeviceFile { device, .. } = entry.key else { continue };
        if let Some(name) = known.get(&device) {
            names.insert(device, name.clone());
            continue;
        }
        let Some(bytes) = read(transport, &entry.key).await? else { continue };
        let Some(context) = ObjectContext::of_key(&entry.key) else { continue };
        let opened = open_signed(keyring, &directory, &context, &bytes);
        let document = opened
            .map_err(|error| error.code())
            .and_then(|verified| DeviceDocument::parse(&verified.document).map_err(|error| error.code()));
        match document {
            Ok(document) => {
                names.insert(device, document.name);
            }
            Err(code) => tracing::warn!(%device, code, "a device file is not believed"),
        }
    }
    Ok(names)
}
