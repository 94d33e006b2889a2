//! `sync --watch`: again and again, one line a sync, until it is told to stop.

use serde::Serialize;
use tidegate_sync_client::watch::{Budget, Next, WatchOptions, Watched};
use time::OffsetDateTime;

use super::Context;
use super::clock_warning::clock_warning;
use super::cost::prices_of;
use super::doubts;
use super::reader::Reader;
use super::sync::{SyncDocument, summary};
use crate::arguments::SyncArguments;
use crate::failure::{Failure, Named};
use crate::moment::{clock_time, rfc3339};
use crate::progress::SyncBar;
use crate::style::Style;

/// A sync that ended well.
#[derive(Serialize)]
struct Line {
    at: String,
    #[serde(flatten)]
    sync: SyncDocument,
    next: NextDocument,
}

/// A sync that failed and is tried again.
#[derive(Serialize)]
struct FailedLine {
    at: String,
    error: Named,
    next: NextDocument,
}

#[derive(Serialize)]
struct NextDocument {
    in_seconds: f64,
    why: &'static str,
}

impl From<Next> for NextDocument {
    fn from(next: Next) -> Self {
        Self { in_seconds: next.wait.as_secs_f64(), why: next.why.as_str() }
    }
}

pub(super) async fn run(context: &Context, arguments: &SyncArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let prices = arguments.store.as_deref().map(prices_of).transpose()?;
    // Whole nanodollars: the argument is at most a million dollars.
    let budget = Budget { nanodollars: (arguments.budget * 1e9).round() as u64 };
    let options = WatchOptions { budget, prices, ..WatchOptions::default() };
    let stop = signals()?;
    if let Some(warning) = clock_warning(client.status()?.clock_offset_ms) {
        context.output.warn(&warning);
    }
    let bar = SyncBar::new(context.output, "syncing");
    let reader = Reader::new();
    let mut warned = Vec::new();
    let mut tell = |watched: Watched| {
        reader.took(bar.hidden(|| {
            warn_of_news(context, &watched, &mut warned);
            tell_one(context, watched)
        }));
    };
    client.watch(&options, &|progress| bar.update(progress), &mut tell, reader.gone_or(stop)).await?;
    drop(bar);
    reader.end()
}

/// What stays as it is is said once, not with every sync.
fn warn_of_news(context: &Context, watched: &Watched, warned: &mut Vec<String>) {
    let Ok(report) = &watched.sync else { return };
    let lines = doubts::lines(&report.holes, &report.quarantined, &report.notices);
    for line in lines.iter().filter(|line| !warned.contains(line)) {
        context.output.warn(line);
    }
    *warned = lines;
}

fn tell_one(context: &Context, watched: Watched) -> Result<(), Failure> {
    let now = OffsetDateTime::now_utc();
    let (at, next) = (rfc3339(now), NextDocument::from(watched.next));
    let time = clock_time(now);
    let then = format!("next in {:.0} s ({})", next.in_seconds, next.why);
    match watched.sync {
        Ok(report) => {
            let human =
                |style: Style| format!("{} {}{}\n", style.dim(&time), summary(&report, style), style.dim(format!("  {then}")));
            context.output.result(&Line { at, sync: SyncDocument::from(&report), next }, human)
        }
        Err(error) => {
            let Failure::Named(named) = Failure::from(error) else { return Ok(()) };
            let told = format!("{}; {}", named.message, named.help);
            let human = |style: Style| {
                format!("{} {} {told}\n{}\n", style.dim(&time), style.warning("!"), style.dim(format!("  {then}")))
            };
            context.output.result(&FailedLine { at, error: *named, next }, human)
        }
    }
}

/// Ends at the first interrupt or request to end.
#[cfg(unix)]
pub(super) fn signals() -> Result<impl Future<Output = ()> + Send, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Failure::bug(format!("signals cannot be listened to: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(super) fn signals() -> Result<impl Future<Output = ()> + Send, Failure> {
    Ok(async {
        // Without Ctrl-C the process can still be ended the hard way, and loses nothing by it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
