//! `devices`: the account's devices, as far as they are known here.

use serde::Serialize;
use tidegate_sync_client::DeviceInfo;

use super::Context;
use crate::document::{DeviceDocument, short};
use crate::failure::Failure;
use crate::moment::minute;
use crate::table::{Column, Table};

#[derive(Serialize)]
struct Devices {
    devices: Vec<DeviceDocument>,
}

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let devices = context.open()?.status()?.devices;
    let document = Devices { devices: devices.iter().map(DeviceDocument::from).collect() };
    context.output.result(&document, |style| table(&devices).render(style))
}

pub(super) fn table(devices: &[DeviceInfo]) -> Table {
    let mut table =
        Table::new([Column::Left("id"), Column::Left("name"), Column::Left("last change (UTC)"), Column::Left("state")]);
    for device in devices {
        let seen = device.last_seen.map_or_else(|| "-".to_owned(), minute);
        let state = if device.this { format!("{}, this one", device.state.as_str()) } else { device.state.as_str().to_owned() };
        table.row([short(device.device_id), device.name.clone().unwrap_or_else(|| "-".to_owned()), seen, state]);
    }
    table
}
