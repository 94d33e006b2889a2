//! `resolve`: a conflict ends, with one version or with several.

use serde::Serialize;

use super::Context;
use crate::arguments::ResolveArguments;
use crate::document::{WrittenDocument, short};
use crate::failure::Failure;
use crate::item;
use crate::style::count;

#[derive(Serialize)]
struct Resolved {
    #[serde(flatten)]
    record: WrittenDocument,
    /// The versions that are records of their own now.
    apart: Vec<WrittenDocument>,
}

pub(super) async fn run(context: &Context, arguments: &ResolveArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let record = item::record(&client, &arguments.id)?;
    let mut kept = Vec::new();
    for given in &arguments.keep {
        let change = item::change(&client, record, given)?;
        // Named twice it is still one version.
        if !kept.contains(&change) {
            kept.push(change);
        }
    }
    let Some((keep, apart)) = kept.split_first() else {
        return Err(Failure::usage("keep-missing", "no version was named", "name one with --keep"));
    };
    let (written, apart) = client.resolve_keeping(record, *keep, apart).await?;
    let apart: Vec<WrittenDocument> = apart.into_iter().map(WrittenDocument::from).collect();
    let document = Resolved { record: WrittenDocument::from(written), apart };
    context.output.result(&document, |style| {
        let (record, version) = (style.bold(short(written.record_id)), written.version);
        let ids: Vec<String> = document.apart.iter().map(|copy| short(copy.record_id)).collect();
        let more = match ids.len() as u64 {
            0 => String::new(),
            new => format!("; {} of their own: {}", count(new, "record"), ids.join(" ")),
        };
        format!("{} record {record} is version {version}{more}\n", style.good("✓"))
    })
}
