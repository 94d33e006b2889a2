//! `export`: samples in the formats of others, to a file or to a Nightscout.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::rc::Rc;

use secrecy::SecretString;
use serde::Serialize;
use tidegate_protocol::MemberId;
use tidegate_sync_client::export::upload::{Nightscout, NightscoutKey, UploadError};
use tidegate_sync_client::export::{Api, Export, Exported, Format, nightscout_document};
use tidegate_sync_client::{SampleFilter, SampleReader, SyncClient};

use super::Context;
use crate::arguments::{ExportArguments, ExportFormat, NightscoutApi};
use crate::client_failure;
use crate::failure::Failure;
use crate::input::{self, display, is_dash};
use crate::item;
use crate::save::{Place, unwritable};
use crate::style::{count, size};

#[derive(Serialize)]
struct Written {
    samples: u64,
    written: u64,
    bytes: u64,
    unreadable: u64,
}

#[derive(Serialize)]
struct Uploaded {
    samples: u64,
    written: u64,
    replaced: u64,
    unreadable: u64,
}

pub(super) async fn run(context: &Context, arguments: &ExportArguments) -> Result<(), Failure> {
    let file = arguments.output.as_deref().filter(|path| !is_dash(path));
    if context.output.is_json() && file.is_none() && arguments.to.is_none() {
        let message = "standard output can't carry both the export and a JSON document";
        return Err(Failure::usage("output-missing", message, "pass -o FILE, or leave --json away"));
    }
    if arguments.format != ExportFormat::Nightscout && (arguments.to.is_some() || arguments.api.is_some()) {
        let message = "--to and --api are of Nightscout alone";
        return Err(Failure::usage("format-not-nightscout", message, "pass --format nightscout, or leave them away"));
    }
    let client = context.open()?;
    let member = item::one_member(&client, arguments.member.as_deref())?.member_id;
    let filter = filter(member, arguments)?;
    match &arguments.to {
        Some(address) => upload(context, &client, &filter, address, arguments).await,
        None => write(context, &client, &filter, file, format(arguments)).await,
    }
}

const fn format(arguments: &ExportArguments) -> Format {
    match arguments.format {
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Fhir => Format::Fhir,
        ExportFormat::Json => Format::Tidepool,
        ExportFormat::AppleHealth => Format::AppleHealth,
        ExportFormat::Nightscout => Format::Nightscout(match arguments.api {
            Some(NightscoutApi::V1) => Api::V1,
            Some(NightscoutApi::V3) | None => Api::V3,
        }),
    }
}

fn filter(member: MemberId, arguments: &ExportArguments) -> Result<SampleFilter, Failure> {
    let wrong = |text: &str| {
        let message = format!("{} is no date", crate::style::shown(text));
        Failure::usage("date-invalid", message, "give a day as 2026-11-21")
    };
    let mut filter = SampleFilter::new(member);
    if let Some(since) = &arguments.since {
        filter = filter.from(since.parse().map_err(|_| wrong(since))?);
    }
    if let Some(until) = &arguments.until {
        filter = filter.to(until.parse().map_err(|_| wrong(until))?);
    }
    Ok(filter)
}

/// Writes a day at a time: however long the log is, a day of it is held.
async fn write(
    context: &Context,
    client: &SyncClient,
    filter: &SampleFilter,
    file: Option<&Path>,
    format: Format,
) -> Result<(), Failure> {
    let names = client.sample_names(filter.member)?;
    let reader = client.samples(filter).await?;
    let begin = |out| Export::begin(format, names, BufWriter::new(out));
    let Some(path) = file else {
        let (export, _) = counted(io::stdout());
        let export = begin(export).map_err(|error| Failure::from_output(&error))?;
        let (_, unreadable) = fill(reader, export, |error| Failure::from_output(&error)).await?;
        warn(context, unreadable);
        return Ok(());
    };
    let failed = |error: io::Error| unwritable(path, &error);
    let place = Place::open(path, None)?;
    let (out, bytes) = match &place {
        Place::File(replacement) => counted(replacement.handle()?),
        Place::Stream(stream) => counted(stream.handle()?),
    };
    let (exported, unreadable) = fill(reader, begin(out).map_err(failed)?, failed).await?;
    if let Place::File(replacement) = place {
        replacement.put()?;
    }
    warn(context, unreadable);
    let Exported { samples, written } = exported;
    let document = Written { samples, written, bytes: bytes.get(), unreadable };
    context.output.result(&document, |style| {
        let (samples, size) = (count(document.written, "sample"), size(document.bytes));
        format!("{} {} written, {samples} in {size}\n", style.good("✓"), style.bold(display(path)))
    })
}

async fn fill<W: Write>(
    mut reader: SampleReader,
    mut export: Export<W>,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<(Exported, u64), Failure> {
    let mut unreadable = 0;
    while let Some(day) = reader.next_day().await? {
        unreadable += day.unreadable;
        for sample in &day.samples {
            export.add(sample).map_err(&failed)?;
        }
    }
    let (_, exported) = export.finish().map_err(&failed)?;
    Ok((exported, unreadable))
}

async fn upload(
    context: &Context,
    client: &SyncClient,
    filter: &SampleFilter,
    address: &str,
    arguments: &ExportArguments,
) -> Result<(), Failure> {
    let key = key(arguments)?;
    let nightscout = Nightscout::new(address, key).map_err(told)?;
    let api = nightscout.api();
    if arguments.api.is_some_and(|wanted| (wanted == NightscoutApi::V1) != (api == Api::V1)) {
        let message = "an API secret opens API v1 alone, and an access token API v3 alone";
        return Err(Failure::usage("secret-of-other-api", message, "leave --api away: the secret decides"));
    }
    let names = client.sample_names(filter.member)?;
    let mut reader = client.samples(filter).await?;
    let mut uploaded = Uploaded { samples: 0, written: 0, replaced: 0, unreadable: 0 };
    while let Some(day) = reader.next_day().await? {
        let documents: Vec<_> = day.samples.iter().filter_map(|sample| nightscout_document(sample, &names, api)).collect();
        let sent = nightscout.send(&documents).await.map_err(told)?;
        uploaded.samples += day.samples.len() as u64;
        uploaded.written += sent.documents;
        uploaded.replaced += sent.replaced;
        uploaded.unreadable += day.unreadable;
    }
    warn(context, uploaded.unreadable);
    context
        .output
        .result(&uploaded, |style| format!("{} {} sent to Nightscout\n", style.good("✓"), count(uploaded.written, "document")))
}

fn key(arguments: &ExportArguments) -> Result<NightscoutKey, Failure> {
    let secret = |path: &Path| Ok::<_, Failure>(SecretString::from(input::read_secret(path)?.as_str()));
    match (&arguments.api_secret_file, &arguments.access_token_file) {
        (Some(path), _) => secret(path).map(NightscoutKey::ApiSecret),
        (None, Some(path)) => secret(path).map(NightscoutKey::AccessToken),
        (None, None) => Err(Failure::usage(
            "secret-missing",
            "a Nightscout takes documents only with a secret",
            "pass --api-secret-file FILE (API v1) or --access-token-file FILE (API v3)",
        )),
    }
}

fn told(error: UploadError) -> Failure {
    Failure::new(client_failure::class(error.class()), error.code(), error.to_string(), error.help())
}

fn warn(context: &Context, unreadable: u64) {
    if unreadable > 0 {
        let lines = count(unreadable, "stored sample");
        context.output.warn(&format!("{lines} could not be read and left out: a newer Tidegate may have written them"));
    }
}

/// A writer that counts what goes through.
struct Counted<W> {
    inner: W,
    bytes: Rc<Cell<u64>>,
}

fn counted<W: Write + 'static>(inner: W) -> (Box<dyn Write>, Rc<Cell<u64>>) {
    let bytes = Rc::new(Cell::new(0));
    (Box::new(Counted { inner, bytes: Rc::clone(&bytes) }), bytes)
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes.set(self.bytes.get() + written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
