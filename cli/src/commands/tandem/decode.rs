//! `tandem decode`: what a pump's log says, from a file that somebody kept.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_tandem::{Answer, Body, ByteOrder, Event, Moment, Normaliser, Sample, Settings, What, decode_archive};

use super::super::Context;
use super::{concentration, zone};
use crate::arguments::TandemDecodeArguments;
use crate::failure::{Failure, with_causes};
use crate::style::{Style, count};
use crate::table::{Column, Table};
use crate::{input, limit};

#[derive(Serialize)]
struct Decoded<'a> {
    pump: &'a str,
    zone: &'a str,
    events: Vec<&'a Event>,
    samples: &'a [Sample],
    rejected: Vec<RejectedDocument>,
}

/// An entry that is no event.
#[derive(Serialize)]
struct RejectedDocument {
    index: usize,
    reason: String,
}

pub(in crate::commands) fn decode(context: &Context, arguments: &TandemDecodeArguments) -> Result<(), Failure> {
    let zone = zone(context, arguments.zone.as_deref())?;
    let answer = read(arguments)?;
    let pump = arguments.pump.clone().or_else(|| answer.assignment.clone()).unwrap_or_else(|| "archive".to_owned());
    let concentration = concentration(&arguments.concentration);
    let rejected = answer.rejected.iter().map(|entry| RejectedDocument { index: entry.index, reason: entry.reason.to_string() });
    let rejected: Vec<_> = rejected.collect();
    let mut normaliser = Normaliser::new(Settings { pump: pump.clone(), zone: zone.clone(), concentration });
    normaliser.add(answer.events);
    normaliser.add_clock_changes(answer.clock_changes);
    let samples = normaliser.samples(None);
    let events: Vec<&Event> = normaliser.events().collect();

    warn(context, &events, rejected.len());
    let table = |style: Style| table(&events, &samples, style);
    let document = Decoded { pump: &pump, zone: zone.name(), events: events.clone(), samples: &samples, rejected };
    context.output.result(&document, table)
}

fn read(arguments: &TandemDecodeArguments) -> Result<Answer, Failure> {
    let inputs = input::check(std::slice::from_ref(&arguments.file), limit::PUMP_LOG)?;
    let bytes = inputs.into_iter().map(input::Input::read).collect::<Result<Vec<_>, _>>()?.concat();
    let order = if arguments.bluetooth { ByteOrder::Bluetooth } else { ByteOrder::Service };
    decode_archive(&bytes, order).map_err(|error| {
        let help = "name an answer of Tandem Source in JSON, or records of 26 bytes: raw, in base64, or as lines of hex digits";
        Failure::invalid("pump-log-unreadable", with_causes(&error), help).after(input::display(&arguments.file))
    })
}

/// Says what could not be read: a sign of a file that is not what it seems, or of a service that has changed.
fn warn(context: &Context, events: &[&Event], rejected: usize) {
    if rejected > 0 {
        context.output.warn(&format!("{} in the file could not be read as an event", count(rejected, "item")));
    }
    let unread = events.iter().filter(|event| matches!(event.body, Body::Unread { .. })).count();
    if unread > 0 {
        context
            .output
            .warn(&format!("{} of a known kind could not be read: Tandem may have changed them", count(unread, "event")));
    }
}

/// How many there are of each, and from when to when.
fn table(events: &[&Event], samples: &[Sample], style: Style) -> String {
    let mut kinds: BTreeMap<&str, (usize, &Moment, &Moment)> = BTreeMap::new();
    for sample in samples {
        let kind = kinds.entry(kind(&sample.what)).or_insert((0, &sample.start, &sample.end));
        *kind = (kind.0 + 1, kind.1, &sample.end);
    }
    let mut table = Table::new([Column::Left("samples"), Column::Right(""), Column::Left("first"), Column::Left("last")]);
    for (kind, (count, first, last)) in kinds {
        table.row([kind.to_owned(), count.to_string(), first.utc.to_string(), last.utc.to_string()]);
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        *names.entry(event.body.name()).or_default() += 1;
    }
    let mut by_name = Table::new([Column::Left("events"), Column::Right("")]);
    for (name, count) in names {
        by_name.row([name.to_owned(), count.to_string()]);
    }
    format!("{}\n{}", by_name.render(style), table.render(style))
}

const fn kind(what: &What) -> &'static str {
    match what {
        What::InsulinBolus(_) => "insulin bolus",
        What::InsulinBasal(_) => "insulin basal",
        What::Carbohydrates(_) => "carbohydrates",
        What::Glucose(_) => "glucose",
        What::Event(_) => "events",
    }
}
