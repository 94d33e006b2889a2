//! `delete`: a record or an attachment, on all devices.

use serde::Serialize;
use tidegate_protocol::{ContentHmac, RecordId};
use tidegate_sync_client::SyncClient;

use super::Context;
use crate::arguments::DeleteArguments;
use crate::document::WrittenDocument;
use crate::failure::Failure;
use crate::item::{self, Item};

#[derive(Serialize)]
struct DeletedAttachment {
    hmac: ContentHmac,
}

pub(super) fn run(context: &Context, arguments: &DeleteArguments) -> Result<(), Failure> {
    let client = context.open()?;
    match item::any(&client, &arguments.id)? {
        Item::Record(record) => delete_record(context, record, &client, &arguments.id),
        Item::Attachment(hmac) => {
            client.delete_attachment(hmac)?;
            context.output.result(&DeletedAttachment { hmac }, |style| format!("{} deleted\n", style.good("✓")))
        }
    }
}

fn delete_record(context: &Context, record: RecordId, client: &SyncClient, given: &str) -> Result<(), Failure> {
    let written = client.delete(record)?;
    context.output.result(&WrittenDocument::from(written), |style| {
        let undo = style.code(format!("tidegate history {given}"));
        format!("{} deleted; {undo} shows the versions that can be restored\n", style.good("✓"))
    })
}
