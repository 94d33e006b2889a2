//! Pumps in JSON and in tables.

use serde::Serialize;
use tidegate_sync_client::tandem::{PumpReport, TandemPump};

use crate::failure::{Failure, Named};
use crate::style::Style;
use crate::table::{Column, Table};

/// `{pump, serial_number, model_name, last_upload, from, to, completed_at}`
#[derive(Serialize)]
pub(super) struct PumpDocument {
    pump: String,
    serial_number: Option<String>,
    model_name: Option<String>,
    last_upload: Option<String>,
    from: Option<String>,
    to: Option<String>,
    completed_at: Option<String>,
}

impl From<&TandemPump> for PumpDocument {
    fn from(pump: &TandemPump) -> Self {
        Self {
            pump: pump.assignment_id.clone(),
            serial_number: pump.serial_number.clone(),
            model_name: pump.model_name.clone(),
            last_upload: pump.last_upload.map(|at| at.to_string()),
            from: pump.read.map(|(from, _)| from.to_string()),
            to: pump.read.map(|(_, to)| to.to_string()),
            completed_at: pump.completed_at.map(|at| at.to_string()),
        }
    }
}

/// Pumps for people.
pub(super) fn table(pumps: &[TandemPump], style: Style) -> String {
    let columns = ["pump", "serial number", "last upload", "read from", "to"].map(Column::Left);
    let mut table = Table::new(columns);
    for pump in pumps {
        let (from, to) = pump.read.map_or((None, None), |(from, to)| (Some(from.to_string()), Some(to.to_string())));
        let upload = pump.last_upload.map_or_else(|| "never".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([or_dash(pump.model_name.clone()), or_dash(pump.serial_number.clone()), upload, or_dash(from), or_dash(to)]);
    }
    table.render(style)
}

/// What reading a pump came to.
#[derive(Serialize)]
pub(super) struct ReadDocument {
    pump: String,
    serial_number: Option<String>,
    model_name: Option<String>,
    skipped: Option<&'static str>,
    from: Option<String>,
    to: Option<String>,
    windows: u64,
    events: u64,
    samples: u64,
    records: u64,
    provisional: u64,
    unread: u64,
    pub(super) error: Option<Named>,
}

impl From<PumpReport> for ReadDocument {
    fn from(report: PumpReport) -> Self {
        let PumpReport { assignment_id, serial_number, model_name, skipped, read, .. } = report;
        let error = report.failure.and_then(|error| match Failure::from(error) {
            Failure::Named(named) => Some(*named),
            Failure::Told(_) | Failure::OutputClosed => None,
        });
        Self {
            pump: assignment_id,
            serial_number,
            model_name,
            skipped: skipped.map(tidegate_sync_client::tandem::Skipped::as_str),
            from: read.map(|(from, _)| from.to_string()),
            to: read.map(|(_, to)| to.to_string()),
            windows: report.windows,
            events: report.events,
            samples: report.samples,
            records: report.records,
            provisional: report.provisional,
            unread: report.unread,
            error,
        }
    }
}

impl ReadDocument {
    /// One line for people.
    pub(super) fn line(&self, style: Style) -> String {
        let name = self.model_name.as_deref().unwrap_or("pump");
        let serial = self.serial_number.as_deref().map(|serial| format!(" {serial}")).unwrap_or_default();
        let name = style.bold(crate::style::shown(&format!("{name}{serial}")));
        if let Some(error) = &self.error {
            return format!("{} {name}: {}\n", style.warning("!"), error.message);
        }
        match (self.skipped, &self.to) {
            (Some("never-uploaded"), _) => format!("{} {name}: nothing was ever uploaded\n", style.dim("-")),
            (Some(_), _) => format!("{} {name}: nothing new was uploaded\n", style.dim("-")),
            (None, Some(to)) => {
                format!("{} {name}: {}, read to {to}\n", style.good("✓"), crate::style::count(count(self.samples), "new sample"))
            }
            (None, None) => format!("{} {name}: nothing to read\n", style.dim("-")),
        }
    }

    /// What a person has to know beside it.
    pub(super) fn warning(&self) -> Option<String> {
        (self.unread > 0).then(|| {
            let entries = crate::style::count(count(self.unread), "entry");
            format!("{entries} of the log could not be read: Tandem may have changed them; a newer Tidegate may know them")
        })
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
