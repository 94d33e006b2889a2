//! Samples in the formats of others, written as they come: however long a log is, one sample is held at a time.
//! `docs/exports.md` has the formats.

mod csv;
mod fhir;
mod moment;
mod nightscout;
mod tidepool;
pub mod upload;

use std::io::{self, Write};

use serde_json::Value;
use tidegate_tandem::Sample;

use crate::health;
use crate::names::{SampleNames, SamplePlace};

pub(crate) use moment::utc;
pub use nightscout::{Api, Collection, Document};

/// A format of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A table (RFC 4180).
    Csv,
    /// A bundle of FHIR R4 Observations.
    Fhir,
    /// Documents of Nightscout, one a line.
    Nightscout(Api),
    /// An array in the shape of Tidepool's data model.
    Tidepool,
    /// An array of what Apple Health can take.
    AppleHealth,
}

impl Format {
    const fn place(self) -> SamplePlace {
        match self {
            Self::Csv => SamplePlace::Csv,
            Self::Fhir => SamplePlace::Fhir,
            Self::Nightscout(_) => SamplePlace::Nightscout,
            Self::Tidepool => SamplePlace::Tidepool,
            Self::AppleHealth => SamplePlace::AppleHealth,
        }
    }
}

/// The document of a sample for a Nightscout; `None` for what it has no form for.
#[must_use]
pub fn nightscout_document(sample: &Sample, names: &SampleNames, api: Api) -> Option<Document> {
    if sample.is_provisional() {
        return None;
    }
    nightscout::document(sample, names.name(SamplePlace::Nightscout, &sample.id), api)
}

/// What an export came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Samples that were looked at.
    pub samples: u64,
    /// Samples that the format has a form for, and that were written.
    pub written: u64,
}

/// Writes samples in a format, one after the other.
#[derive(Debug)]
pub struct Export<W> {
    out: W,
    format: Format,
    names: SampleNames,
    done: Exported,
    /// Whether what comes next is not the first of a list.
    is_later: bool,
}

impl<W: Write> Export<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(format: Format, names: SampleNames, out: W) -> io::Result<Self> {
        let mut export = Self { out, format, names, done: Exported::default(), is_later: false };
        match format {
            Format::Csv => csv::write_head(&mut export.out)?,
            Format::Fhir => {
                let patient = export.names.name(SamplePlace::Fhir, fhir::PATIENT);
                export.out.write_all(fhir::HEAD)?;
                export.item(&fhir::patient(patient))?;
            }
            Format::Tidepool | Format::AppleHealth => export.out.write_all(b"[\n")?,
            Format::Nightscout(_) => {}
        }
        Ok(export)
    }

    /// Writes a sample. One that will be another one later ([`Sample::is_provisional`]) is left out.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn add(&mut self, sample: &Sample) -> io::Result<()> {
        self.done.samples += 1;
        if sample.is_provisional() {
            return Ok(());
        }
        let name = self.names.name(self.format.place(), &sample.id);
        let item = match self.format {
            Format::Csv => {
                csv::write_row(&mut self.out, sample, name)?;
                self.done.written += 1;
                return Ok(());
            }
            Format::Nightscout(api) => {
                let Some(document) = nightscout_document(sample, &self.names, api) else { return Ok(()) };
                serde_json::to_writer(&mut self.out, &document)?;
                self.out.write_all(b"\n")?;
                self.done.written += 1;
                return Ok(());
            }
            Format::Fhir => Some(fhir::observation(sample, name, self.names.name(SamplePlace::Fhir, fhir::PATIENT))),
            Format::Tidepool => tidepool::datum(sample, name),
            Format::AppleHealth => health::document(sample, name),
        };
        let Some(item) = item else { return Ok(()) };
        self.item(&item)?;
        self.done.written += 1;
        Ok(())
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<(W, Exported)> {
        match self.format {
            Format::Csv | Format::Nightscout(_) => {}
            Format::Fhir => self.out.write_all(fhir::TAIL)?,
            Format::Tidepool | Format::AppleHealth => self.out.write_all(if self.is_later { b"\n]\n" } else { b"]\n" })?,
        }
        self.out.flush()?;
        Ok((self.out, self.done))
    }

    fn item(&mut self, item: &Value) -> io::Result<()> {
        if std::mem::replace(&mut self.is_later, true) {
            self.out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut self.out, item)?;
        Ok(())
    }
}
