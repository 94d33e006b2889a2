//! The account's devices.

use tidegate_protocol::device::{DevicesReply, SessionsEndedReply};
use tidegate_protocol::{DeviceId, Space};
use tidegate_sync_core::keys::Keyring;

use super::SyncClient;
use super::edits::{check_name, refusal};
use crate::device::Device;
use crate::enrol::{KnownDevice, Reach, devices_in_store, rename_device_file};
use crate::error::Error;
use crate::home::Keys;
use crate::report::DeviceInfo;
use crate::transport::Transport;
use crate::transport::retry::repeat;

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

    /// Marks a device as retired; other devices see it after the next sync. Its session is another matter, which
    /// [`SyncClient::revoke_device`] ends, and so are its keys.
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

impl SyncClient {
    /// Ends a device's sessions with the broker for good: it gets nothing signed any more, within the times stated. `None` straight on
    /// a store, where the access key decides. What the device has read, and the keys that it holds, it keeps.
    ///
    /// # Errors
    /// `not-found` for a device that is none of this account's; else as [`SyncClient::sync`]. It can be repeated.
    pub async fn revoke_device(&self, device: DeviceId) -> Result<Option<SessionsEndedReply>, Error> {
        let Reach::Broker(session, transport) = self.device.reach()? else { return Ok(None) };
        repeat(transport.retry(), || session.revoke(device)).await.map(Some)
    }

    /// The devices that have signed in at the broker, as it knows them: ids and times alone. `None` straight on a store.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn broker_devices(&self) -> Result<Option<DevicesReply>, Error> {
        let Reach::Broker(session, transport) = self.device.reach()? else { return Ok(None) };
        repeat(transport.retry(), || session.devices()).await.map(Some)
    }

    /// Ends this device's session with the broker, and forgets its tokens. Keys and content stay; [`SyncClient::sign_in`] begins the
    /// next session. Straight on a store there is none to end.
    ///
    /// # Errors
    /// As [`SyncClient::sync`]; then the session goes on, and the call can be repeated.
    pub async fn log_out(&self) -> Result<LoggedOut, Error> {
        let _guard = self.device.lock_home().await?;
        let Reach::Broker(session, transport) = self.device.reach()? else { return Ok(LoggedOut::NoBroker) };
        Ok(match repeat(transport.retry(), || session.log_out()).await? {
            Some(reply) => LoggedOut::Ended(reply),
            None => LoggedOut::HadEnded,
        })
    }
}

/// What became of a session that was to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOut {
    /// The broker has ended it.
    Ended(SessionsEndedReply),
    /// It had ended before.
    HadEnded,
    /// This account goes straight to its store: there are no sessions.
    NoBroker,
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
