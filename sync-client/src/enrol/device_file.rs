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
use crate::transport::{GetOptions, GetOutcome, ListEntry, PutCondition, PutOutcome, Transport};

/// The largest device file that a broker signs for, in bytes.
const MAX_DEVICE_FILE_BYTES: u64 = 16 * 1024;

/// The account's word that this device is one of its own.
pub(crate) fn certificate(keys: &Keys) -> Certificate {
    Certificate::issue(&keys.master.account_keys(), keys.user, &keys.device_key, &keys.dpop.thumbprint(), keys.generation)
}

/// What is known of a device from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownDevice {
    pub(crate) name: String,
    /// What the listing said of the file that the name was read from: another one has another name.
    pub(crate) mark: String,
    /// When the device last wrote, by the store's clock, in milliseconds since 1970.
    pub(crate) seen_at_ms: Option<u64>,
}

/// Writes this device's file for the first time. Written again it replaces itself.
pub(super) async fn put_device_file(
    transport: &dyn Transport,
    keys: &Keys,
    keyring: &Keyring,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let joined_at = timestamp::format(now).map_err(|error| Error::bug(error.to_string()))?;
    let sealed = sealed_file(keys, keyring, &DeviceDocument { name: keys.device_name.clone(), joined_at })?;
    transport.put(&file_of(keys), Bytes::from(sealed), &PutCondition::None).await.map(drop)
}

/// Gives this device another name in the store.
pub(crate) async fn rename_device_file(
    transport: &dyn Transport,
    keys: &Keys,
    keyring: &Keyring,
    name: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let options = GetOptions { limit: MAX_DEVICE_FILE_BYTES, ..GetOptions::default() };
    let key = file_of(keys);
    let (before, condition) = match transport.get(&key, &options).await? {
        GetOutcome::Found(fetched) => (opened_file(keys, keyring, &key, &fetched.body), PutCondition::Matches(fetched.etag)),
        GetOutcome::Missing | GetOutcome::NotModified => (Err("missing"), PutCondition::Absent),
    };
    // A file that cannot be read is written anew: it is this device's own.
    let now = timestamp::format(now).map_err(|error| Error::bug(error.to_string()))?;
    let joined_at = before.map_or(now, |document| document.joined_at);
    let sealed = sealed_file(keys, keyring, &DeviceDocument { name: name.to_owned(), joined_at })?;
    match transport.put(&key, Bytes::from(sealed), &condition).await? {
        PutOutcome::Stored { .. } => Ok(()),
        PutOutcome::ConditionFailed => Err(Error::DeviceFileChanged),
    }
}

/// The account's devices as the store shows them: all that have a file that holds. Files that are known are not read again.
pub(crate) async fn devices_in_store(
    transport: &dyn Transport,
    keys: &Keys,
    keyring: &Keyring,
    known: &BTreeMap<DeviceId, KnownDevice>,
) -> Result<BTreeMap<DeviceId, KnownDevice>, Error> {
    let mut files = BTreeMap::new();
    let mut seen: BTreeMap<DeviceId, Option<u64>> = BTreeMap::new();
    for entry in list_all(transport, &ListPrefix::Devices(Space::Account(keys.user))).await? {
        let at_ms = entry.last_modified.and_then(|at| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
        let Some(device) = writer_of(&entry.key) else { continue };
        let latest = seen.entry(device).or_default();
        *latest = (*latest).max(at_ms);
        if matches!(entry.key, ObjectKey::DeviceFile { .. }) {
            files.insert(device, (mark_of(&entry), entry.key));
        }
    }
    let mut devices = BTreeMap::new();
    for (device, (mark, key)) in files {
        let seen_at_ms = seen.get(&device).copied().flatten();
        if let Some(known) = known.get(&device).filter(|known| known.mark == mark) {
            devices.insert(device, KnownDevice { seen_at_ms: known.seen_at_ms.max(seen_at_ms), ..known.clone() });
            continue;
        }
        if device == keys.device && !known.contains_key(&device) {
            // One's own name is known without asking.
            devices.insert(device, KnownDevice { name: keys.device_name.clone(), mark, seen_at_ms });
            continue;
        }
        let Some(bytes) = read(transport, &key).await? else { continue };
        match opened_file(keys, keyring, &key, &bytes) {
            Ok(document) => {
                devices.insert(device, KnownDevice { name: document.name, mark, seen_at_ms });
            }
            Err(code) => tracing::warn!(%device, code, "a device file is not believed"),
        }
    }
    Ok(devices)
}

const fn file_of(keys: &Keys) -> ObjectKey {
    ObjectKey::DeviceFile { user: keys.user, device: keys.device }
}

/// The device under whose name an object of the devices' folder lies.
const fn writer_of(key: &ObjectKey) -> Option<DeviceId> {
    if let ObjectKey::DeviceFile { device, .. } | ObjectKey::Segment { device, .. } = key { Some(*device) } else { None }
}

fn mark_of(entry: &ListEntry) -> String {
    let at = entry.last_modified.map_or(0, OffsetDateTime::unix_timestamp_nanos);
    format!("{} {} {at}", entry.etag.as_deref().unwrap_or_default(), entry.length)
}

fn sealed_file(keys: &Keys, keyring: &Keyring, document: &DeviceDocument) -> Result<Vec<u8>, Error> {
    let context = ObjectContext::of_key(&file_of(keys)).ok_or_else(|| Error::bug("a device file has no context"))?;
    let space_keys = keyring.current(Space::Account(keys.user)).ok_or_else(|| Error::bug("no key for the account space"))?;
    let document = make_device_document(document);
    let mut rng = crate::random::system();
    seal_signed(space_keys.key(), &context, &document, &keys.device_key, &certificate(keys), &mut rng)
        .map_err(|error| Error::bug(format!("the device file cannot be sealed: {error}")))
}

fn opened_file(keys: &Keys, keyring: &Keyring, key: &ObjectKey, bytes: &[u8]) -> Result<DeviceDocument, &'static str> {
    let mut directory = AccountDirectory::new();
    directory.insert(keys.user, keys.generation, *keys.master.account_keys().public().ed25519());
    let context = ObjectContext::of_key(key).ok_or("no-context")?;
    let verified = open_signed(keyring, &directory, &context, bytes).map_err(|error| error.code())?;
    DeviceDocument::parse(&verified.document).map_err(|error| error.code())
}
