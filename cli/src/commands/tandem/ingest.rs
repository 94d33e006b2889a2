//! `tandem ingest`: what is new in the pumps' logs becomes samples of the account, once or again and again.

use std::time::Duration;

use serde::Serialize;
use tidegate_protocol::MemberId;
use tidegate_sync_client::tandem::{IngestOptions, IngestReport, IngestWatch, TandemWatched};
use tidegate_sync_client::{Error, SyncClient};
use time::OffsetDateTime;

use super::super::Context;
use super::super::reader::Reader;
use super::super::watch::signals;
use super::name_of;
use super::pumps::ReadDocument;
use crate::arguments::TandemIngestArguments;
use crate::client_failure;
use crate::failure::{Failure, Named};
use crate::item;
use crate::moment::{clock_time, rfc3339};
use crate::progress::LogBar;
use crate::style::{Style, shown};

#[derive(Serialize)]
struct IngestDocument {
    members: Vec<MemberDocument>,
}

#[derive(Serialize)]
struct MemberDocument {
    member_id: MemberId,
    pumps: Vec<ReadDocument>,
    error: Option<Named>,
    #[serde(skip)]
    name: String,
}

#[derive(Serialize)]
struct Line {
    at: String,
    #[serde(flatten)]
    member: MemberDocument,
    next_in_seconds: f64,
}

pub(in crate::commands) async fn ingest(context: &Context, arguments: &TandemIngestArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let named = arguments.member.as_deref().map(|given| item::member(&client, given)).transpose()?;
    let named = named.map(|member| member.member_id);
    let options = IngestOptions { since: arguments.since, only_news: false };
    if arguments.watch {
        let every = Duration::from_secs(60 * arguments.every);
        let watch = IngestWatch { member: named, first: options, every, ..IngestWatch::default() };
        return go_on(context, &client, &watch).await;
    }
    let members = match named {
        Some(member) => vec![member],
        None => client.tandem_accounts()?.into_iter().map(|account| account.member).collect(),
    };
    if members.is_empty() {
        return Err(Error::from(tidegate_sync_client::tandem::SourceError::NoLogin).into());
    }
    let is_only_one = members.len() == 1;
    let mut document = IngestDocument { members: Vec::new() };
    let mut failed = None;
    let bar = LogBar::new(context.output);
    for member in members {
        let outcome = client.tandem_ingest(member, options, &|progress| bar.update(progress)).await;
        if is_only_one && outcome.is_err() {
            drop(bar);
            return outcome.map(drop).map_err(Failure::from);
        }
        failed = failed.or_else(|| class_of(&outcome));
        document.members.push(member_document(&client, member, outcome)?);
    }
    drop(bar);
    document.members.iter().for_each(|member| warn(context, member));
    context.output.result(&document, |style| {
        let sections = document.members.iter().map(|member| section(member, is_only_one, style));
        sections.collect::<String>()
    })?;
    context.output.note("the samples are on this device; `tidegate sync` sends what is new");
    failed.map_or(Ok(()), |class| Err(Failure::Told(client_failure::class(class))))
}

/// The class of the first thing that failed, if anything did.
fn class_of(outcome: &Result<IngestReport, Error>) -> Option<tidegate_sync_client::Class> {
    match outcome {
        Ok(report) => report.pumps.iter().find_map(|pump| pump.failure.as_ref()).map(Error::class),
        Err(error) => Some(error.class()),
    }
}

fn member_document(
    client: &SyncClient,
    member_id: MemberId,
    outcome: Result<IngestReport, Error>,
) -> Result<MemberDocument, Failure> {
    let name = name_of(client, member_id)?;
    match outcome {
        Ok(report) => {
            let pumps = report.pumps.into_iter().map(ReadDocument::from).collect();
            Ok(MemberDocument { member_id, pumps, error: None, name })
        }
        Err(error) => match Failure::from(error) {
            Failure::Named(named) => Ok(MemberDocument { member_id, pumps: Vec::new(), error: Some(*named), name }),
            other @ (Failure::Told(_) | Failure::OutputClosed) => Err(other),
        },
    }
}

fn warn(context: &Context, member: &MemberDocument) {
    member.pumps.iter().filter_map(ReadDocument::warning).for_each(|warning| context.output.warn(&warning));
}

fn section(member: &MemberDocument, is_only_one: bool, style: Style) -> String {
    let heading = if is_only_one { String::new() } else { format!("{}\n", style.bold(shown(&member.name))) };
    let failed = member.error.as_ref().map(|error| format!("{} {}; {}\n", style.warning("!"), error.message, error.help));
    let pumps = member.pumps.iter().map(|pump| pump.line(style));
    heading + &failed.into_iter().chain(pumps).collect::<String>()
}

/// Again and again, one line a look.
async fn go_on(context: &Context, client: &SyncClient, watch: &IngestWatch) -> Result<(), Failure> {
    let stop = signals()?;
    let bar = LogBar::new(context.output);
    let reader = Reader::new();
    let mut tell = |watched: TandemWatched| reader.took(bar.hidden(|| tell_one(context, client, watched)));
    client.tandem_watch(watch, &|progress| bar.update(progress), &mut tell, reader.gone_or(stop)).await?;
    drop(bar);
    reader.end()
}

fn tell_one(context: &Context, client: &SyncClient, watched: TandemWatched) -> Result<(), Failure> {
    let now = OffsetDateTime::now_utc();
    let member = member_document(client, watched.member, watched.ingest)?;
    warn(context, &member);
    let line = Line { at: rfc3339(now), member, next_in_seconds: watched.next.as_secs_f64() };
    context.output.result(&line, |style| {
        let next = style.dim(format!("  next look in {:.0} min", line.next_in_seconds / 60.0));
        format!("{} {}{next}\n", style.dim(clock_time(now)), section(&line.member, false, style))
    })
}
