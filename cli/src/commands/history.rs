//! `history`: every version of a record that is still kept.

use std::collections::HashMap;

use serde::Serialize;
use tidegate_sync_client::{Version, VersionState};

use super::Context;
use crate::arguments::HistoryArguments;
use crate::document::{VersionDocument, short};
use crate::failure::Failure;
use crate::item;
use crate::moment::minute;
use crate::style::size;
use crate::table::{Column, Table};

#[derive(Serialize)]
struct HistoryDocument {
    versions: Vec<VersionDocument>,
}

pub(super) fn run(context: &Context, arguments: &HistoryArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let versions = client.history(item::record(&client, &arguments.id)?)?;
    let devices =
        client.status()?.devices.into_iter().filter_map(|device| Some((device.device_id.to_string(), device.name?))).collect();
    let table = table(&versions, &devices);
    let document = HistoryDocument { versions: versions.iter().map(VersionDocument::from).collect() };
    context.output.result(&document, |style| table.render(style))
}

/// Versions as people see them; `devices` names their authors.
pub(super) fn table(versions: &[Version], devices: &HashMap<String, String>) -> Table {
    let mut table = Table::new([
        Column::Left("change"),
        Column::Right("version"),
        Column::Left("state"),
        Column::Left("made (UTC)"),
        Column::Left("device"),
        Column::Left("title"),
        Column::Right("size"),
    ]);
    for version in versions {
        let device = version.device_id.to_string();
        table.row([
            short(version.cid),
            version.version.to_string(),
            state(version.state).to_owned(),
            minute(version.timestamp),
            devices.get(&device).cloned().unwrap_or_else(|| short(device)),
            version.title.clone(),
            size(version.bytes),
        ]);
    }
    table
}

const fn state(state: VersionState) -> &'static str {
    match state {
        VersionState::Winner => "current",
        VersionState::Conflict => "in conflict",
        VersionState::Past => "past",
        VersionState::Deleted => "deleted",
    }
}
