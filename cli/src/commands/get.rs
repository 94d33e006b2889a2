//! `get`: the exact bytes of a record or an attachment.

use serde::Serialize;
use tidegate_sync_client::{Class, ContentId, ContentReader, Error, SyncClient};

use super::Context;
use crate::arguments::GetArguments;
use crate::failure::Failure;
use crate::input::{display, is_dash};
use crate::item::{self, Item};
use crate::progress::ByteBar;
use crate::save::{Place, Replacement};
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
    let Some(file) = file else {
        let mut reader = fetch(context, &client, id).await?;
        return print(context, &mut reader);
    };
    // What is long is gone on with after a stop, by its name.
    let name = match id {
        ContentId::Attachment(hmac) => Some(hmac.to_string()),
        ContentId::Record(..) => None,
    };
    let got = match Place::open(file, name.as_deref())? {
        Place::File(replacement) => write_file(context, &client, id, replacement).await?,
        Place::Stream(mut stream) => {
            let mut reader = fetch(context, &client, id).await?;
            while let Some(piece) = reader.next_piece()? {
                stream.write(piece)?;
            }
            Got { bytes: reader.size, media_type: reader.media_type }
        }
    };
    context.output.result(&got, |style| {
        let (size, media_type) = (size(got.bytes), &got.media_type);
        format!("{} {} written, {size} of {media_type}\n", style.good("✓"), style.bold(display(file)))
    })
}

async fn fetch(context: &Context, client: &SyncClient, id: ContentId) -> Result<ContentReader, Failure> {
    let bar = ByteBar::new(context.output, "fetching");
    Ok(client.read(id, &|done, total| bar.update(done, total)).await?)
}

/// Fetches and writes in one pass; nothing has the file's name before all of it was checked.
async fn write_file(context: &Context, client: &SyncClient, id: ContentId, file: Replacement) -> Result<Got, Failure> {
    let bar = ByteBar::new(context.output, "fetching");
    let written = client.write_to(id, file.handle()?, &|done, total| bar.update(done, total)).await;
    drop(bar);
    let written = match written {
        Err(Error::TargetUnwritable { source }) => return Err(file.unwritable(&source)),
        Err(error) => {
            if error.class() == Class::Retry {
                file.leave();
            }
            return Err(error.into());
        }
        Ok(written) => written,
    };
    file.put()?;
    Ok(Got { bytes: written.size, media_type: written.media_type })
}

/// What turns out to be damaged on the way ends in an error, with what was sound printed before it.
fn print(context: &Context, reader: &mut ContentReader) -> Result<(), Failure> {
    while let Some(piece) = reader.next_piece()? {
        context.output.bytes(piece)?;
    }
    Ok(())
}
