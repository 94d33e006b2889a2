//! `gc`: what nothing refers to any more goes, by delay.

use serde::Serialize;
use tidegate_protocol::MemberId;
use tidegate_sync_client::{CollectReport, HeldMember, Member, WaitingObjects};

use super::Context;
use super::doubts;
use crate::arguments::GcArguments;
use crate::document::RequestsDocument;
use crate::failure::Failure;
use crate::moment::{minute, rfc3339};
use crate::progress::SyncBar;
use crate::style::{Style, count, shown, size};

#[derive(Serialize)]
struct GcDocument {
    dry_run: bool,
    deleted: DeletedDocument,
    waiting: Vec<WaitingDocument>,
    held: Vec<HeldDocument>,
    repacked: RepackedDocument,
    refused: u64,
    left: u64,
    requests: RequestsDocument,
    bytes_up: u64,
    bytes_down: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct DeletedDocument {
    objects: u64,
    segments: u64,
    checkpoints: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct WaitingDocument {
    member_id: Option<MemberId>,
    objects: u64,
    bytes: u64,
    next_at: Option<String>,
}

#[derive(Serialize)]
struct HeldDocument {
    member_id: Option<MemberId>,
    reason: String,
}

#[derive(Serialize)]
struct RepackedDocument {
    packs: u64,
    items: u64,
}

impl From<&CollectReport> for GcDocument {
    fn from(report: &CollectReport) -> Self {
        let (deleted, repacked, traffic) = (report.deleted, report.repacked, report.sync.traffic);
        let waits = |it: &WaitingObjects| WaitingDocument {
            member_id: it.member_id,
            objects: it.objects,
            bytes: it.bytes,
            next_at: it.next_at.map(rfc3339),
        };
        let is_held = |it: &HeldMember| HeldDocument { member_id: it.member_id, reason: it.reason.clone() };
        Self {
            dry_run: report.dry_run,
            deleted: DeletedDocument {
                objects: deleted.objects,
                segments: deleted.segments,
                checkpoints: deleted.checkpoints,
                bytes: deleted.bytes,
            },
            waiting: report.waiting.iter().map(waits).collect(),
            held: report.held.iter().map(is_held).collect(),
            repacked: RepackedDocument { packs: repacked.packs, items: repacked.items },
            refused: report.refused,
            left: report.left,
            requests: traffic.requests.into(),
            bytes_up: traffic.bytes_up,
            bytes_down: traffic.bytes_down,
            seconds: report.sync.duration.as_secs_f64(),
        }
    }
}

pub(super) async fn run(context: &Context, arguments: &GcArguments) -> Result<(), Failure> {
    let client = context.open()?;
    if client.is_syncing_elsewhere() {
        context.output.note("another process is syncing this home: waiting for it");
    }
    let bar = SyncBar::new(context.output, "collecting");
    let report = client.collect(arguments.dry_run, &|progress| bar.update(progress)).await;
    drop(bar);
    let report = report?;
    doubts::warn(context, &report.sync.holes, &report.sync.quarantined, &report.sync.notices);
    let members = client.members()?;
    for held in &report.held {
        let whose = name_of(held.member_id, &members);
        context.output.warn(&format!("nothing of {whose} was collected: {}", because(&held.reason)));
    }
    if !report.sync.mass_delete.is_empty() {
        context.output.warn("many deletes wait for your word: see 'tidegate sync'");
    }
    if report.refused > 0 {
        let objects = count(report.refused, "object");
        context.output.warn(&format!("{objects} could not be deleted now; the next run tries again"));
    }
    if report.left > 0 {
        let objects = count(report.left, "object");
        context.output.warn(&format!("it took too long: {objects} are left for the next run"));
    }
    context.output.result(&GcDocument::from(&report), |style| summary(&report, &members, style))
}

fn name_of(member: Option<MemberId>, members: &[Member]) -> String {
    match member {
        None => "the account itself".to_owned(),
        Some(id) => members
            .iter()
            .find(|member| member.member_id == id)
            .map_or_else(|| format!("member {id}"), |member| shown(&member.name)),
    }
}

fn because(reason: &str) -> &str {
    match reason {
        "hole" => "the store does not show part of the history, which may refer to anything ('tidegate status' names it)",
        "unreadable" => "something there cannot be read yet, and may refer to anything",
        "unknown-place" => "a newer version of tidegate stores something where this one does not look",
        "not-listed" => "the store did not list everything",
        other => other,
    }
}

fn summary(report: &CollectReport, members: &[Member], style: Style) -> String {
    let deleted = report.deleted;
    let would = if report.dry_run { "would be " } else { "" };
    let all = deleted.objects + deleted.segments + deleted.checkpoints;
    let mut text = if all == 0 {
        format!("{} nothing to delete\n", style.good("✓"))
    } else {
        let what = format!(
            "{}, {}, {} {would}deleted",
            count(deleted.objects, "object"),
            count(deleted.segments, "segment"),
            count(deleted.checkpoints, "checkpoint")
        );
        format!("{} {what}  {}\n", style.good("✓"), style.dim(size(deleted.bytes)))
    };
    if report.repacked.packs > 0 {
        let (items, packs) = (count(report.repacked.items, "content"), count(report.repacked.packs, "half-empty pack"));
        text.push_str(&format!("  {items} {would}moved out of {packs}\n"));
    }
    for waiting in &report.waiting {
        let (objects, whose) = (count(waiting.objects, "object"), name_of(waiting.member_id, members));
        let when = waiting.next_at.map_or_else(String::new, |at| format!(", the first until {} UTC", minute(at)));
        let line = format!("{objects} of {whose} ({}) wait until a week has passed{when}", size(waiting.bytes));
        text.push_str(&format!("  {}\n", style.dim(line)));
    }
    text
}
