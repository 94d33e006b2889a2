//! `rebuild`: the local database anew, from what the store holds.

use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{ListFilter, Options, Rebuilt, SyncClient};

use super::Context;
use crate::failure::Failure;
use crate::progress::SyncBar;
use crate::style::count;

#[derive(Serialize)]
struct RebuildDocument {
    user_id: UserId,
    device_id: DeviceId,
    records: usize,
    attachments: usize,
    lost_edits: Option<u64>,
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let bar = SyncBar::new(context.output, "rebuilding");
    let rebuilt = SyncClient::rebuild(&context.home, Options::default()).await;
    drop(bar);
    let Rebuilt { client, lost_edits, .. } = rebuilt?;
    let listing = client.list(&ListFilter::default())?;
    match lost_edits {
        Some(0) => {}
        Some(lost) => context.output.warn(&format!("{} that had not been sent could not be kept", count(lost, "edit"))),
        None => {
            context.output.warn("the damaged database could not tell whether edits were waiting to be sent; if so, they are lost")
        }
    }
    let document = RebuildDocument {
        user_id: client.user_id(),
        device_id: client.device_id(),
        records: listing.records.len(),
        attachments: listing.attachments.len(),
        lost_edits,
    };
    context.output.result(&document, |style| {
        let (records, attachments) = (count(document.records, "record"), count(document.attachments, "attachment"));
        format!("{} the local database is made anew: {records}, {attachments}\n", style.good("✓"))
    })
}
