//! `put`: files become records, or the next version of one.

use serde::Serialize;
use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_client::{ListFilter, NewRecord, Source, SyncClient};

use super::Context;
use crate::arguments::PutArguments;
use crate::document::{WrittenDocument, short};
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::style::count;
use crate::table::{Column, Table};
use crate::{item, limit};

/// Files are stored together until they make up so many bytes.
const BATCH_BYTES: usize = 4 << 20;

#[derive(Serialize)]
struct Stored {
    records: Vec<WrittenDocument>,
}

pub(super) fn run(context: &Context, arguments: &PutArguments) -> Result<(), Failure> {
    if arguments.files.len() > 1 && (arguments.id.is_some() || arguments.title.is_some()) {
        let help = "name one file, or leave --id and --title away";
        return Err(Failure::usage("one-file-only", "--id and --title are for one file at a time", help));
    }
    let client = context.open()?;
    let record = arguments.id.as_deref().map(|id| item::record(&client, id)).transpose()?;
    let member = member_of(&client, arguments.member.as_deref(), record)?;
    let inputs = input::check(&arguments.files, limit::RECORD)?;
    let titles = inputs.iter().map(|input| title(input, arguments)).collect::<Result<Vec<_>, _>>()?;

    let total = inputs.len();
    let news = inputs.into_iter().zip(&titles).map(|(input, title)| new_record(input, title.clone(), member, record, arguments));
    let mut records = Vec::with_capacity(total);
    for batch in batches(news) {
        let stored = batch.and_then(|batch| client.put_all(batch).map_err(Failure::from));
        let written = stored.map_err(|failure| partly(failure, records.len(), total))?;
        records.extend(written.into_iter().map(WrittenDocument::from));
    }
    let mut table = Table::new([Column::Left("id"), Column::Right("version"), Column::Left("")]);
    for (record, (title, file)) in records.iter().zip(titles.iter().zip(&arguments.files)) {
        let name = title.clone().unwrap_or_else(|| input::display(file));
        table.row([short(record.record_id), record.version.to_string(), name]);
    }
    context.output.result(&Stored { records }, |style| table.render(style))?;
    context.output.note(&format!("{} on this device; `tidegate sync` sends what is new", count(total, "file")));
    Ok(())
}

/// Whose record it becomes: the one named, else the one to whom the record belongs.
fn member_of(client: &SyncClient, given: Option<&str>, record: Option<RecordId>) -> Result<MemberId, Failure> {
    if let Some(given) = given {
        return Ok(item::member(client, given)?.member_id);
    }
    let Some(record) = record else {
        return Err(Failure::usage("member-missing", "no family member was named", "pass --member MEMBER"));
    };
    let alive = client.list(&ListFilter::default())?.records;
    let deleted = client.list(&ListFilter { deleted: true, ..ListFilter::default() })?.records;
    let found = alive.into_iter().chain(deleted).find(|info| info.record_id == record);
    found.map(|info| info.member_id).ok_or_else(|| Failure::from(tidegate_sync_client::Error::RecordUnknown(record)))
}

/// `None` keeps the title of the version before.
fn title(input: &Input, arguments: &PutArguments) -> Result<Option<String>, Failure> {
    match (&arguments.title, &arguments.id) {
        (Some(title), _) => Ok(Some(title.clone())),
        (None, Some(_)) => Ok(None),
        (None, None) => input.name("--title TITLE").map(Some),
    }
}

fn new_record(
    input: Input,
    title: Option<String>,
    member: MemberId,
    record: Option<RecordId>,
    arguments: &PutArguments,
) -> Result<NewRecord, Failure> {
    let path = input.path().to_owned();
    let bytes = input.read()?;
    let is_new = record.is_none();
    let known = arguments.media_type.clone().or_else(|| input::by_extension(&path).map(str::to_owned));
    let media_type = known.or_else(|| is_new.then(|| input::media_type(&path, &bytes)));
    let by_type = || media_type.as_deref().filter(|_| is_new).map(|media_type| kind_of(media_type).to_owned());
    let kind = arguments.kind.clone().or_else(by_type);
    Ok(NewRecord { member, record, kind, media_type, title, body: Source::Bytes(bytes) })
}

/// The kind of record that a media type suggests.
pub(crate) fn kind_of(media_type: &str) -> &'static str {
    let name = media_type.split(';').next().unwrap_or(media_type).trim();
    if name.starts_with("text/") {
        "note"
    } else if name.starts_with("image/") {
        "image"
    } else if name == "application/json" || name.ends_with("+json") {
        "data"
    } else {
        "document"
    }
}

/// What is stored at once: waiting for the disk once a file would take longer than all else. Whatever was read before a
/// file that can't be is a batch of its own.
fn batches(news: impl Iterator<Item = Result<NewRecord, Failure>>) -> impl Iterator<Item = Result<Vec<NewRecord>, Failure>> {
    let mut news = news.peekable();
    std::iter::from_fn(move || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some(new) = news.next_if(Result::is_ok)
        {
            let new = new.ok()?;
            bytes += length(&new);
            batch.push(new);
        }
        if batch.is_empty() { news.next().map(|failed| failed.map(|new| vec![new])) } else { Some(Ok(batch)) }
    })
}

const fn length(new: &NewRecord) -> usize {
    match &new.body {
        Source::Bytes(bytes) => bytes.len(),
        Source::File(_) => 0,
    }
}

/// Says how far several files came.
pub(super) fn partly(failure: Failure, done: usize, total: usize) -> Failure {
    if done == 0 { failure } else { failure.after(format_args!("{done} of {total} files were stored, then")) }
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::MemberId;
    use tidegate_sync_client::Source;

    use super::{BATCH_BYTES, NewRecord, batches, kind_of};
    use crate::failure::Failure;

    #[test]
    fn files_are_stored_together_up_to_a_number_of_bytes_and_up_to_the_first_that_cannot_be_read() {
        let new = |bytes: usize| Ok(NewRecord::new(MemberId::from_bytes([1; 16]), Source::Bytes(vec![0; bytes])));
        let failed = || Err(Failure::bug("unreadable"));
        let sizes = |news: Vec<Result<NewRecord, Failure>>| {
            batches(news.into_iter()).map(|batch| batch.ok().map(|batch| batch.len())).collect::<Vec<_>>()
        };
        assert_eq!(sizes(vec![new(1), new(2), new(3)]), [Some(3)]);
        assert_eq!(sizes(vec![new(BATCH_BYTES), new(1), new(BATCH_BYTES), new(1)]), [Some(1), Some(2), Some(1)]);
        assert_eq!(sizes(vec![new(1), failed(), new(1)]), [Some(1), None, Some(1)]);
        assert_eq!(sizes(Vec::new()), []);
    }

    #[test]
    fn kinds_follow_media_types() {
        assert_eq!(kind_of("text/markdown; charset=utf-8"), "note");
        assert_eq!(kind_of("application/json"), "data");
        assert_eq!(kind_of("application/fhir+json"), "data");
        assert_eq!(kind_of("image/png"), "image");
        assert_eq!(kind_of("application/pdf"), "document");
    }
}
