//! `attach`: files of any kind, stored once however often they are named.

use serde::Serialize;
use tidegate_protocol::ContentHmac;
use tidegate_sync_client::NewAttachment;

use super::Context;
use super::put::partly;
use crate::arguments::AttachArguments;
use crate::document::short;
use crate::failure::Failure;
use crate::progress::ByteBar;
use crate::style::{shown, size};
use crate::table::{Column, Table};
use crate::{input, item, limit};

#[derive(Serialize)]
struct AttachedAll {
    attachments: Vec<AttachedDocument>,
}

#[derive(Serialize)]
struct AttachedDocument {
    hmac: ContentHmac,
    bytes: u64,
    deduplicated: bool,
}

pub(super) fn run(context: &Context, arguments: &AttachArguments) -> Result<(), Failure> {
    if arguments.files.len() > 1 && arguments.name.is_some() {
        return Err(Failure::usage("one-file-only", "--name is for one file at a time", "name one file, or leave --name away"));
    }
    let client = context.open()?;
    let member = item::member(&client, &arguments.member)?.member_id;
    let record = arguments.record.as_deref().map(|id| item::record(&client, id)).transpose()?;
    let inputs = input::check(&arguments.files, limit::ATTACHMENT)?;
    let given = |input: &input::Input| arguments.name.clone().map_or_else(|| input.name("--name NAME"), Ok);
    let names = inputs.iter().map(given).collect::<Result<Vec<_>, _>>()?;

    let total = inputs.len();
    let mut attachments = Vec::with_capacity(total);
    for (input, name) in inputs.into_iter().zip(&names) {
        let media_type = input.media_type()?;
        let new = NewAttachment { member, record, name: name.clone(), media_type, body: input.source() };
        let bar = ByteBar::new(context.output, "storing");
        let attached = client.attach_with(new, &|done, total| bar.update(done, total));
        drop(bar);
        let attached = attached.map_err(|error| partly(Failure::from(error), attachments.len(), total))?;
        attachments.push(AttachedDocument { hmac: attached.hmac, bytes: attached.bytes, deduplicated: attached.deduplicated });
    }
    let mut table = Table::new([Column::Left("id"), Column::Right("size"), Column::Left("name"), Column::Left("")]);
    for (attachment, name) in attachments.iter().zip(&names) {
        let known = if attachment.deduplicated { "stored already" } else { "" };
        table.row([short(attachment.hmac), size(attachment.bytes), shown(name), known.to_owned()]);
    }
    context.output.result(&AttachedAll { attachments }, |style| table.render(style))
}
