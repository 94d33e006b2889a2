//! `conflicts`: records that were edited in two places at once.

use serde::Serialize;
use tidegate_protocol::RecordId;

use super::{Context, history};
use crate::document::{VersionDocument, short};
use crate::failure::Failure;

#[derive(Serialize)]
struct Conflicts {
    conflicts: Vec<ConflictDocument>,
}

#[derive(Serialize)]
struct ConflictDocument {
    record_id: RecordId,
    versions: Vec<VersionDocument>,
}

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let client = context.open()?;
    let conflicts = client.conflicts()?;
    let devices =
        client.status()?.devices.into_iter().filter_map(|device| Some((device.device_id.to_string(), device.name?))).collect();
    let document = |conflict: &tidegate_sync_client::Conflict| ConflictDocument {
        record_id: conflict.record_id,
        versions: conflict.versions.iter().map(VersionDocument::from).collect(),
    };
    let documents = Conflicts { conflicts: conflicts.iter().map(document).collect() };
    context.output.result(&documents, |style| {
        if conflicts.is_empty() {
            return "No conflicts.\n".to_owned();
        }
        let mut text = String::new();
        for conflict in &conflicts {
            text.push_str(&format!("Record {}\n", style.bold(short(conflict.record_id))));
            text.push_str(&history::table(&conflict.versions, &devices).render(style));
            text.push('\n');
        }
        let (see, keep) = ("tidegate get ID --change CHANGE", "tidegate restore ID --change CHANGE");
        text + &format!("Look at one with {}, make it the current one with {}.\n", style.code(see), style.code(keep))
    })
}
