//! `get`: the exact bytes of a record or an attachment.

use serde::Serialize;
use tidegate_sync_client::ContentId;

use super::Context;
use crate::arguments::GetArguments;
use crate::failure::Failure;
use crate::input::{display, is_dash};
use crate::item::{self, Item};
use crate::save;
use crate::style::size;

#[derive(Serialize)]
struct Got {
    bytes: u64,
    media_type: String,
}

pub(super) async fn run(context: &Context, arguments: &GetArguments) -> Result<(), Failure> {
    let file = arguments.output.as_deref().filter(|path| !is_dash(path));
    if context.output.is_json() && file.is_none() {
        let message = "standard output can't carry both the content and a JSON document";
        return Err(Failure::usage("output-missing", message, "pass -o FILE, or leave --json away"));
    }
    let client = context.open()?;
    let id = match (item::any(&client, &arguments.id)?, &arguments.change) {
        (Item::Record(record), None) => ContentId::Record(record, None),
        (Item::Record(record), Some(change)) => ContentId::Record(record, Some(item::change(&client, record, change)?)),
        (Item::Attachment(hmac), None) => ContentId::Attachment(hmac),
        (Item::Attachment(_), Some(_)) => {
            return Err(Failure::usage("change-of-attachment", "an attachment has no versions", "leave --change away"));
        }
    };
    let content = client.get(id).await?;
    let Some(file) = file else {
        return context.output.bytes(&content.bytes);
    };
    save::replace(file, &content.bytes)?;
    let got = Got { bytes: content.bytes.len() as u64, media_type: content.media_type };
    context.output.result(&got, |style| {
        let (size, media_type) = (size(got.bytes), &got.media_type);
        format!("{} {} written, {size} of {media_type}\n", style.good("✓"), style.bold(display(file)))
    })
}
