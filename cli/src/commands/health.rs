//! `health pending|confirm|stores`: the hand-over to Apple Health, for an app that speaks HealthKit.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_sync_client::health::{Confirmation, HandOver, HealthStore};

use super::Context;
use crate::arguments::{HealthConfirmArguments, HealthPendingArguments, HealthStoresArguments};
use crate::failure::Failure;
use crate::style::{count, shown};
use crate::table::{Column, Table};
use crate::{input, item, limit};

pub(super) async fn pending(context: &Context, arguments: &HealthPendingArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let member = item::one_member(&client, arguments.member.as_deref())?.member_id;
    let store = arguments.store.clone().unwrap_or_else(|| client.device_id().to_string());
    let hand_over = HandOver { initial_days: arguments.days, limit: arguments.limit, ..HandOver::new(member, store) };
    let hand_over = if arguments.glucose { hand_over.with_glucose() } else { hand_over };
    let batch = client.health_pending(&hand_over).await?;
    context.output.result(&batch, |style| {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for sample in &batch.samples {
            *kinds.entry(sample.r#type.trim_start_matches("HKQuantityTypeIdentifier")).or_default() += 1;
        }
        let mut table = Table::new([Column::Left("to be written"), Column::Right("")]);
        for (kind, count) in kinds {
            table.row([kind.to_owned(), count.to_string()]);
        }
        if !batch.deletions.is_empty() {
            table.row(["to be deleted".to_owned(), batch.deletions.len().to_string()]);
        }
        if table.is_empty() {
            return format!("{} nothing is pending for {}\n", style.good("✓"), style.bold(shown(&batch.store)));
        }
        let more = if batch.more { " There is more: ask again when this is confirmed." } else { "" };
        format!("{}\n`--json` prints the batch for the app that writes it to Apple Health.{more}\n", table.render(style))
    })
}

pub(super) async fn confirm(context: &Context, arguments: &HealthConfirmArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let inputs = input::check(std::slice::from_ref(&arguments.file), limit::HEALTH_CONFIRMATION)?;
    let bytes = inputs.into_iter().map(input::Input::read).collect::<Result<Vec<_>, _>>()?.concat();
    let confirmation: Confirmation = serde_json::from_slice(&bytes).map_err(|error| {
        // What the file holds is not repeated.
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = format!("{} is no confirmation: it is not understood at {place}", input::display(&arguments.file));
        let help = "give what the app wrote: {\"format\":\"tidegate/health-confirmation/v1\",\"member_id\":..,\"store\":..,\"written\":[..]}";
        Failure::invalid("health-confirmation-invalid", message, help)
    })?;
    let confirmed = client.health_confirm(&confirmation).await?;
    context.output.result(&confirmed, |style| {
        let mut text = format!("{} {} recorded as written", style.good("✓"), count(confirmed.confirmed, "sample"));
        if confirmed.already > 0 {
            text.push_str(&format!(", {} known before", confirmed.already));
        }
        if confirmed.stale > 0 {
            text.push_str(&format!(", {} too old to be kept", confirmed.stale));
        }
        text + "\n"
    })
}

#[derive(Serialize)]
struct Stores {
    stores: Vec<HealthStore>,
}

pub(super) async fn stores(context: &Context, arguments: &HealthStoresArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let member = item::one_member(&client, arguments.member.as_deref())?.member_id;
    let stores = client.health_stores(member).await?;
    let mut table = Table::new([Column::Left("store"), Column::Left("since (UTC)")]);
    for HealthStore { store, since } in &stores {
        table.row([store.clone(), since.clone()]);
    }
    context.output.result(&Stores { stores }, |style| {
        if table.is_empty() { "Nothing was handed over yet.\n".to_owned() } else { table.render(style) }
    })
}
