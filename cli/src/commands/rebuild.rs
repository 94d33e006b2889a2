//! `rebuild`: the local database anew, from what the store holds.

use serde::Serialize;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{ListFilter, Options, SyncClient};

use super::Context;
use crate::failure::Failure;
use crate::style::count;

#[derive(Serialize)]
struct RebuildDocument {
    user_id: UserId,
    device_id: DeviceId,
    records: usize,
    attachments: usize,
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let client = SyncClient::rebuild(&context.home, Options::default()).await?;
    let listing = client.list(&ListFilter::default())?;
    let document = RebuildDocument {
        user_id: client.user_id(),
        device_id: client.device_id(),
        records: listing.records.len(),
        attachments: listing.attachments.len(),
    };
    context.output.result(&document, |style| {
        let (records, attachments) = (count(document.records, "record"), count(document.attachments, "attachment"));
        format!("{} the local database is made anew: {records}, {attachments}\n", style.good("✓"))
    })
}
