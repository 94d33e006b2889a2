//! `tidegate demo`: everything in one process: a store, a broker, two devices, and proof of what the store can read.

mod contents;
mod device;
mod edits;
mod folder;
mod hosted;
mod inspection;
mod outcome;
mod scan;
mod shop;
mod stage;

use std::path::Path;
use std::time::Instant;

use self::contents::Contents;
use self::device::Device;
use self::outcome::Outcome;
use self::stage::Stage;
use crate::arguments::DemoArguments;
use crate::failure::{Class, Failure};
use crate::output::Output;
use crate::recovery;
use crate::style::{count, shown, size};

const DEVICE_A: &str = "phone A";
const DEVICE_B: &str = "tablet B";

/// Runs the demo until it is done, or until the person at the keyboard has seen enough.
pub(crate) async fn run(arguments: &DemoArguments, output: Output) -> Result<(), Failure> {
    tokio::select! {
        done = play(arguments, output) => done,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::new(Class::Undecided, "interrupted", "the demo was interrupted", "run it again whenever you like"))
        }
    }
}

async fn play(arguments: &DemoArguments, output: Output) -> Result<(), Failure> {
    let began = Instant::now();
    let documents = arguments.from.as_deref().map_or_else(|| Ok(folder::bundled()), folder::read)?;
    let documents = edits::with_something_to_edit(documents);
    output.say(|style| {
        let title = style.bold("Tidegate demo");
        format!("{title}  a store, a broker and two devices, all in this process, on loopback ports\n")
    })?;

    let stage = Stage::build(arguments.keep.as_deref(), arguments.hosted).await?;
    let step = |what: &str, detail: String| output.say(|style| format!(" {} {what:<30}{}", style.good("✓"), style.dim(detail)));
    step("store and broker are up", stage.broker().to_string())?;

    let (a, recovery_code) = Device::create(DEVICE_A, &stage, output).await?;
    let by_what = if arguments.hosted { "by a subscription" } else { "with an invite" };
    step("device A creates an account", format!("{by_what}; the keys are made on the device"))?;
    output.say(|style| format!("\n   its recovery code:\n\n{}", recovery::grid(&recovery_code.words(), style)))?;
    a.client.recovery_code_kept()?;

    let stored = a.store(&documents)?;
    let people = stored.members.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let (records, attachments) = (count(stored.records, "record"), count(stored.attachments, "attachment"));
    step("A stores, offline", format!("{records}, {attachments}, {} of {people}", size(stored.bytes)))?;
    step("A syncs", a.sync().await?.to_string())?;

    let b = Device::join(DEVICE_B, &stage, &recovery_code, output).await?;
    let by_what = if arguments.hosted { "the same subscription" } else { "the invite's second slot" };
    step("device B joins", format!("with {by_what} and the recovery code"))?;
    step("B syncs", b.sync().await?.to_string())?;

    let edits = edits::make(&a, &b).await?;
    step("both edit, offline", edits.summary())?;
    for device in [&a, &b, &a] {
        step(&format!("{} syncs", device.letter()), device.sync().await?.to_string())?;
    }

    let (of_a, of_b) = (Contents::of(&a).await?, Contents::of(&b).await?);
    let expected = edits.expected(&documents);
    let originals_intact = of_a.holds_all(&expected) && of_b.holds_all(&expected);
    let inspection = inspection::inspect(&stage, &documents, &edits, [DEVICE_A, DEVICE_B]).await?;
    let hosted = match stage.shop() {
        Some(shop) => Some(hosted::play(shop, stage.broker(), &a, &step).await?),
        None => None,
    };
    let seconds = began.elapsed().as_secs_f64();
    let outcome = Outcome { devices: [(a, of_a), (b, of_b)], originals_intact, inspection, hosted, seconds };
    output.say(|style| outcome.what_each_sees(style))?;
    output.result(&outcome.document(), |style| outcome.tables(style))?;
    if let Some(folder) = arguments.keep.as_deref() {
        kept(folder, output)?;
    }
    stage.close().await;
    outcome.verdict()
}

fn kept(folder: &Path, output: Output) -> Result<(), Failure> {
    let folder = crate::input::display(folder);
    output.say(|style| {
        let command = style.code(format!("tidegate --home {folder}/A list"));
        format!("Everything is left in {folder}: the homes A and B, and the store. Try {command}\n")
    })
}
