//! The account's devices.

use tidegate_protocol::{DeviceId, Space};
use tidegate_sync_core::keys::Keyring;

use super::SyncClient;
use super::edits::{check_name, refusal};
use crate::device::Device;
use crate::enrol::{KnownDevice, devices_in_store, rename_device_file};
use crate::error::Error;
use crate::home::Keys;
use crate::report::DeviceInfo;
use crate::transport::Transport;

impl SyncClient {
    /// The account's devices as the store shows them: names, and when each last wrote.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn refresh_devices(&self) -> Result<Vec<DeviceInfo>, Error> {
        let _guard = self.device.lock_home().await?;
        read_devices(&self.device, &*self.device.transport()?).await?;
        self.status().map(|status| status.devices)
    }

    /// Gives this device another name, for all devices of the account.
    ///
    /// # Errors
    /// `text-length`; `device-file-changed`; else as [`SyncClient::sync`]. The store has the name first: stopped in between,
    /// the next listing brings it here.
    pub async fn rename_device(&self, name: &str) -> Result<(), Error> {
        check_name("device name", name)?;
        let _guard = self.device.lock_home().await?;
        let (device, transport) = (&self.device, self.device.transport()?);
        let keyring = account_keyring(device)?;
        rename_device_file(&*transport, &device.keys, &keyring, name, device.clock.now()).await?;
        let own = device.keys.device;
        device.note(|database| {
            Keys { device_name: name.to_owned(), ..device.keys.clone() }.save(&device.home)?;
            let mut devices = database.devices()?;
            let before = devices.remove(&own);
            // Without a mark the next listing reads the file again.
            let seen_at_ms = before.and_then(|known| known.seen_at_ms);
            let renamed = KnownDevice { name: name.to_owned(), mark: String::new(), seen_at_ms };
            database.put_devices(&[(own, renamed)].into())
        })
    }

    /// Marks a device as retired; other devices see it after the next sync. Its session and its keys are another matter: as
    /// long as the broker renews the one, the device can read and write.
    ///
    /// # Errors
    /// `device-unknown`, `home-busy`, `disk-full`.
    pub fn retire_device(&self, retired: DeviceId) -> Result<(), Error> {
        if !self.status()?.devices.iter().any(|device| device.device_id == retired) {
            return Err(Error::DeviceUnknown(retired));
        }
        self.device.edit(|engine, now_ms| {
            let edit = engine.retire_device(retired, now_ms, &mut crate::random::system()).map_err(refusal)?;
            Ok((Some(edit), ()))
        })
    }
}

pub(super) async fn read_devices(device: &Device, transport: &dyn Transport) -> Result<(), Error> {
    let known = device.read(|state| state.database.devices())?;
    let devices = devices_in_store(transport, &device.keys, &account_keyring(device)?, &known).await?;
    device.note(|database| database.put_devices(&devices))
}

fn account_keyring(device: &Device) -> Result<Keyring, Error> {
    let account = Space::Account(device.keys.user);
    device.read(|state| {
        let mut keyring = Keyring::new();
        state.engine.space_keys(account).into_iter().for_each(|keys| keyring.insert(keys.clone()));
        Ok(keyring)
    })
}
