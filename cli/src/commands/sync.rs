//! `sync`: once, now; `watch.rs` goes on.

use serde::Serialize;
use tidegate_sync_client::{Error, SyncOptions, SyncReport};

use super::clock_warning::clock_warning;
use super::{Context, doubts};
use crate::arguments::SyncArguments;
use crate::document::{HoleDocument, NoticeDocument, QuarantinedDocument, RequestsDocument};
use crate::failure::Failure;
use crate::progress::SyncBar;
use crate::style::{Style, count, size};

/// What one sync did.
#[derive(Serialize)]
pub(super) struct SyncDocument {
    pulled: u64,
    pushed: u64,
    conflicts: u64,
    quarantined: Vec<QuarantinedDocument>,
    holes: Vec<HoleDocument>,
    notices: Vec<NoticeDocument>,
    requests: RequestsDocument,
    bytes_up: u64,
    bytes_down: u64,
    seconds: f64,
}

impl From<&SyncReport> for SyncDocument {
    fn from(report: &SyncReport) -> Self {
        Self {
            pulled: report.pulled,
            pushed: report.pushed,
            conflicts: report.conflicts,
            quarantined: report.quarantined.iter().map(QuarantinedDocument::from).collect(),
            holes: report.holes.iter().map(HoleDocument::from).collect(),
            notices: report.notices.iter().map(NoticeDocument::from).collect(),
            requests: report.traffic.requests.into(),
            bytes_up: report.traffic.bytes_up,
            bytes_down: report.traffic.bytes_down,
            seconds: report.duration.as_secs_f64(),
        }
    }
}

pub(super) async fn run(context: &Context, arguments: &SyncArguments) -> Result<(), Failure> {
    let options = SyncOptions { allow_mass_delete: arguments.allow_mass_delete, look_again: arguments.full, write_down: false };
    let client = context.open()?;
    if client.is_syncing_elsewhere() {
        context.output.note("another process is syncing this home: waiting for it");
    }
    let bar = SyncBar::new(context.output, "syncing");
    let report = client.sync_with(options, &|progress| bar.update(progress)).await;
    drop(bar);
    let report = report?;
    doubts::warn(context, &report.holes, &report.quarantined, &report.notices);
    if let Some(warning) = clock_warning(client.status()?.clock_offset_ms) {
        context.output.warn(&warning);
    }
    // Everything else is synced by now; what is held back is what a person has to know of.
    if let Some(held) = report.mass_delete.first() {
        return Err(Error::from(*held).into());
    }
    context.output.result(&SyncDocument::from(&report), |style| summary(&report, style))
}

/// One line, and one more where there are conflicts.
pub(super) fn summary(report: &SyncReport, style: Style) -> String {
    let (pushed, pulled) = (report.pushed, report.pulled);
    let done = match (pushed, pulled) {
        (0, 0) => "nothing new".to_owned(),
        (pushed, 0) => format!("{} sent", count(pushed, "change")),
        (0, pulled) => format!("{} fetched", count(pulled, "change")),
        (pushed, pulled) => format!("{} sent, {pulled} fetched", count(pushed, "change")),
    };
    let traffic = format!(
        "{}, {} up, {} down, {:.1} s",
        count(report.traffic.requests.to_store(), "request"),
        size(report.traffic.bytes_up),
        size(report.traffic.bytes_down),
        report.duration.as_secs_f64()
    );
    let mut text = format!("{} {done}  {}\n", style.good("✓"), style.dim(traffic));
    if report.conflicts > 0 {
        let (records, see) = (count(report.conflicts, "record"), style.code("tidegate conflicts"));
        text.push_str(&format!("{} {records} edited in two places at once: see {see}\n", style.warning("!")));
    }
    text
}
