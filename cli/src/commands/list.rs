//! `list`: what there is, without a word to the network.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use tidegate_protocol::{ContentHmac, MemberId, RecordId};
use tidegate_sync_client::{AttachmentInfo, ListFilter, Listing, RecordInfo, SyncClient, VersionState};

use super::Context;
use crate::arguments::ListArguments;
use crate::document::{short, short_list};
use crate::failure::Failure;
use crate::item;
use crate::moment::{minute, rfc3339};
use crate::style::{Style, size};
use crate::table::{Column, Table};

#[derive(Serialize)]
struct ListDocument {
    records: Vec<RecordDocument>,
    attachments: Vec<AttachmentDocument>,
}

#[derive(Serialize)]
struct RecordDocument {
    record_id: RecordId,
    member_id: MemberId,
    kind: String,
    title: String,
    media_type: String,
    version: u64,
    updated_at: String,
    bytes: u64,
    conflicts: usize,
    attachments: Vec<ContentHmac>,
}

#[derive(Serialize)]
struct AttachmentDocument {
    hmac: ContentHmac,
    member_id: MemberId,
    name: String,
    media_type: String,
    bytes: u64,
    local: bool,
}

impl From<&RecordInfo> for RecordDocument {
    fn from(record: &RecordInfo) -> Self {
        Self {
            record_id: record.record_id,
            member_id: record.member_id,
            kind: record.kind.clone(),
            title: record.title.clone(),
            media_type: record.media_type.clone(),
            version: record.version,
            updated_at: rfc3339(record.updated_at),
            bytes: record.bytes,
            conflicts: record.conflicts,
            attachments: record.attachments.clone(),
        }
    }
}

impl From<&AttachmentInfo> for AttachmentDocument {
    fn from(attachment: &AttachmentInfo) -> Self {
        Self {
            hmac: attachment.hmac,
            member_id: attachment.member_id,
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            bytes: attachment.bytes,
            local: attachment.local,
        }
    }
}

pub(super) fn run(context: &Context, arguments: &ListArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let member = arguments.member.as_deref().map(|given| item::member(&client, given)).transpose()?;
    let member = member.map(|member| member.member_id);
    let mut listing = client.list(&ListFilter { member, kind: arguments.kind.clone(), deleted: arguments.deleted })?;
    if arguments.deleted {
        listing.records.retain(|record| record.deleted);
        listing.attachments.clear();
        for record in &mut listing.records {
            name_deleted(&client, record)?;
        }
    }
    // What is attached in two places under one name is one line.
    let mut seen = HashSet::new();
    listing.attachments.retain(|it| seen.insert((it.member_id, it.hmac, it.name.clone(), it.media_type.clone())));
    let names: HashMap<MemberId, String> = client.members()?.into_iter().map(|member| (member.member_id, member.name)).collect();
    let document = ListDocument {
        records: listing.records.iter().map(RecordDocument::from).collect(),
        attachments: listing.attachments.iter().map(AttachmentDocument::from).collect(),
    };
    context.output.result(&document, |style| tables(&listing, &names, style))
}

/// A delete has no title of its own: the record goes by the last one that it had.
fn name_deleted(client: &SyncClient, record: &mut RecordInfo) -> Result<(), Failure> {
    if record.title.is_empty() {
        let last = client.history(record.record_id)?.into_iter().find(|version| version.state != VersionState::Deleted);
        record.title = last.map(|version| version.title).unwrap_or_default();
    }
    Ok(())
}

/// Records, then attachments, each with whose they are.
pub(crate) fn tables(listing: &Listing, names: &HashMap<MemberId, String>, style: Style) -> String {
    let name = |member: MemberId| names.get(&member).cloned().unwrap_or_else(|| short(member));
    let mut records = Table::new([
        Column::Left("id"),
        Column::Left("member"),
        Column::Left("kind"),
        Column::Left("title"),
        Column::Right("version"),
        Column::Left("updated (UTC)"),
        Column::Right("size"),
        Column::Left(""),
    ]);
    for record in in_order(&listing.records, |record| (name(record.member_id), record.title.clone())) {
        records.row([
            short(record.record_id),
            name(record.member_id),
            record.kind.clone(),
            record.title.clone(),
            record.version.to_string(),
            minute(record.updated_at),
            size(record.bytes),
            remarks(record),
        ]);
    }
    let mut attachments = Table::new([
        Column::Left("attachment"),
        Column::Left("member"),
        Column::Left("name"),
        Column::Right("size"),
        Column::Left(""),
    ]);
    for attachment in in_order(&listing.attachments, |attachment| (name(attachment.member_id), attachment.name.clone())) {
        let place = if attachment.local { "" } else { "in the store" };
        let (id, member) = (short(attachment.hmac), name(attachment.member_id));
        attachments.row([id, member, attachment.name.clone(), size(attachment.bytes), place.to_owned()]);
    }
    match (records.is_empty(), attachments.is_empty()) {
        (true, true) => "Nothing here.\n".to_owned(),
        (false, true) => records.render(style),
        (true, false) => attachments.render(style),
        (false, false) => format!("{}\n{}", records.render(style), attachments.render(style)),
    }
}

/// By whose they are, then by what they are called.
fn in_order<T>(items: &[T], key: impl Fn(&T) -> (String, String)) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by_cached_key(|item| key(item));
    items
}

fn remarks(record: &RecordInfo) -> String {
    let mut remarks = Vec::new();
    if record.deleted {
        remarks.push("deleted".to_owned());
    }
    if record.conflicts > 0 {
        remarks.push(format!("{} in conflict", record.conflicts));
    }
    if !record.attachments.is_empty() {
        remarks.push(format!("+ {}", short_list(&record.attachments)));
    }
    remarks.join(", ")
}
