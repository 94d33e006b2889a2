//! `devices`: the account's devices as the store shows them; this one's name, and which are retired.

use serde::Serialize;
use tidegate_protocol::DeviceId;
use tidegate_sync_client::{DeviceInfo, SyncClient};

use super::Context;
use crate::document::{DeviceDocument, short};
use crate::failure::{Class, Failure};
use crate::item;
use crate::moment::minute;
use crate::style::shown;
use crate::table::{Column, Table};

#[derive(Serialize)]
struct Devices {
    devices: Vec<DeviceDocument>,
}

#[derive(Serialize)]
struct Retired {
    device_id: DeviceId,
    state: &'static str,
    sessions_revoked: bool,
}

#[derive(Serialize)]
struct Renamed {
    device_id: DeviceId,
    name: String,
}

pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let client = context.open()?;
    let devices = match client.refresh_devices().await {
        Ok(devices) => devices,
        // What is known here is worth showing all the same.
        Err(error) => {
            context.output.warn(&format!("the store's list could not be read: {error}; this is what is known here"));
            client.status()?.devices
        }
    };
    let document = Devices { devices: devices.iter().map(DeviceDocument::from).collect() };
    context.output.result(&document, |style| table(&devices).render(style))
}

pub(super) async fn retire(context: &Context, given: &str) -> Result<(), Failure> {
    let client = context.open()?;
    let device = found(&client, given).await?;
    client.retire_device(device.device_id)?;
    // The mark stands whatever the broker says, and the command can be repeated until it has said yes.
    let revoked = client.revoke_device(device.device_id).await?;
    let document = Retired { device_id: device.device_id, state: "retired", sessions_revoked: revoked.is_some() };
    match revoked {
        Some(ended) => context.output.note(&format!(
            "its session with the broker has ended: it gets nothing signed after {} s, and URLs that it has end within {} s; what it has read, and its \
             keys, it keeps",
            ended.tokens_end_within_seconds, ended.urls_end_within_seconds
        )),
        None => {
            context
                .output
                .warn("it still has the store's access key: replace the key, and give the new one to the other devices");
        }
    }
    context.output.note("other devices see it after 'tidegate sync' here and there");
    context.output.result(&document, |style| format!("{} device {} is retired\n", style.good("✓"), style.bold(called(&device))))
}

pub(super) async fn rename(context: &Context, given: &str, name: &str) -> Result<(), Failure> {
    let client = context.open()?;
    let device = found(&client, given).await?;
    if !device.this {
        return Err(tidegate_sync_client::Error::OtherDevice(device.device_id).into());
    }
    client.rename_device(name).await?;
    let document = Renamed { device_id: device.device_id, name: name.to_owned() };
    context.output.result(&document, |style| format!("{} this device is {}\n", style.good("✓"), style.bold(shown(name))))
}

/// The device that is meant; one that is not known here is looked for in the store.
async fn found(client: &SyncClient, given: &str) -> Result<DeviceInfo, Failure> {
    match item::device(&client.status()?.devices, given) {
        Err(Failure::Named(named)) if named.class == Class::Missing => item::device(&client.refresh_devices().await?, given),
        found => found,
    }
}

fn called(device: &DeviceInfo) -> String {
    device.name.as_deref().map_or_else(|| short(device.device_id), shown)
}

pub(super) fn table(devices: &[DeviceInfo]) -> Table {
    let mut table =
        Table::new([Column::Left("id"), Column::Left("name"), Column::Left("last seen (UTC)"), Column::Left("state")]);
    for device in devices {
        let seen = device.last_seen.map_or_else(|| "-".to_owned(), minute);
        let state = if device.this { format!("{}, this one", device.state.as_str()) } else { device.state.as_str().to_owned() };
        table.row([short(device.device_id), device.name.clone().unwrap_or_else(|| "-".to_owned()), seen, state]);
    }
    table
}
