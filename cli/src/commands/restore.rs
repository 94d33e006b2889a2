//! `restore`: an earlier or losing version becomes the current one, as a new version.

use super::Context;
use crate::arguments::RestoreArguments;
use crate::document::{WrittenDocument, short};
use crate::failure::Failure;
use crate::item;

pub(super) async fn run(context: &Context, arguments: &RestoreArguments) -> Result<(), Failure> {
    let client = context.open()?;
    let record = item::record(&client, &arguments.id)?;
    let written = client.restore(record, item::change(&client, record, &arguments.change)?).await?;
    context.output.result(&WrittenDocument::from(written), |style| {
        let (record, version) = (style.bold(short(written.record_id)), written.version);
        format!("{} record {record} is back as version {version}\n", style.good("✓"))
    })
}
