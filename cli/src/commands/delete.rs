//! `delete`: a record, on all devices; the store keeps earlier versions for a while.

use super::Context;
use crate::arguments::DeleteArguments;
use crate::document::WrittenDocument;
use crate::failure::Failure;
use crate::item::{self, Item};

pub(super) fn run(context: &Context, arguments: &DeleteArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let written = match item::any(&client, &arguments.id)? {
        Item::Record(record) => client.delete(record)?,
        Item::Attachment(_) => {
            let message = "an attachment can't be deleted by itself";
            return Err(Failure::invalid("not-a-record", message, "delete the record that it belongs to"));
        }
    };
    context.output.result(&WrittenDocument::from(written), |style| {
        let undo = format!("tidegate history {}", arguments.id);
        format!("{} deleted; {} shows the versions that can be restored\n", style.good("✓"), style.code(undo))
    })
}
