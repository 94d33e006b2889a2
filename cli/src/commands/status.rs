//! `status`: this device, what waits, what was last heard.

use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Error, Remote, Status};

use super::clock_warning::clock_warning;
use super::{Context, devices, doubts};
use crate::document::{DeviceDocument, HeldDocument, HoleDocument, NoticeDocument, QuarantinedDocument};
use crate::failure::Failure;
use crate::moment::{minute, rfc3339};
use crate::style::{Style, count};
use crate::table::{Column, Table};

#[derive(Serialize)]
struct StatusDocument {
    user_id: UserId,
    device_id: DeviceId,
    pending: u64,
    last_sync: Option<String>,
    store_profile: Option<String>,
    holes: Vec<HoleDocument>,
    quarantined: Vec<QuarantinedDocument>,
    notices: Vec<NoticeDocument>,
    held: Vec<HeldDocument>,
    conflicts: u64,
    devices: Vec<DeviceDocument>,
}

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let status = context.open()?.status()?;
    doubts::warn(context, &status.holes, &status.quarantined, &status.notices);
    for held in &status.mass_delete {
        let error = Error::from(*held);
        context.output.warn(&format!("{error}: {}", error.help()));
    }
    if let Some(warning) = clock_warning(status.clock_offset_ms) {
        context.output.warn(&warning);
    }
    let document = StatusDocument {
        user_id: status.user_id,
        device_id: status.device_id,
        pending: status.pending,
        last_sync: status.last_sync.map(rfc3339),
        store_profile: status.store_profile.clone(),
        holes: status.holes.iter().map(HoleDocument::from).collect(),
        quarantined: status.quarantined.iter().map(QuarantinedDocument::from).collect(),
        notices: status.notices.iter().map(NoticeDocument::from).collect(),
        held: status.mass_delete.iter().map(HeldDocument::from).collect(),
        conflicts: status.conflicts,
        devices: status.devices.iter().map(DeviceDocument::from).collect(),
    };
    context.output.result(&document, |style| summary(&status, style))
}

fn summary(status: &Status, style: Style) -> String {
    let remote = match &status.remote {
        Remote::Broker { url } => format!("{url} (broker)"),
        Remote::Direct { endpoint, bucket, .. } => format!("{endpoint} (bucket {bucket}, directly)"),
    };
    let waiting = if status.pending == 0 { "nothing".to_owned() } else { count(status.pending, "change") };
    let last = status.last_sync.map_or_else(|| "never".to_owned(), |last| format!("{} UTC", minute(last)));
    let mut table = Table::new([Column::Left(""), Column::Left("")]);
    table.row(["account".to_owned(), status.user_id.to_string()]);
    table.row(["device".to_owned(), status.device_id.to_string()]);
    table.row(["store".to_owned(), remote]);
    table.row(["waiting".to_owned(), waiting]);
    table.row(["last sync".to_owned(), last]);
    if status.conflicts > 0 {
        let see = format!("{}: see 'tidegate conflicts'", count(status.conflicts, "record"));
        table.row(["in conflict".to_owned(), see]);
    }
    format!("{}\n{}", table.render(style), devices::table(&status.devices).render(style))
}
