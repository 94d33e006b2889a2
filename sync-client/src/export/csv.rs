//! A table: one line a sample, RFC 4180, UTF-8, lines end with CR LF.
//!
//! Spreadsheets take a text that begins with `=`, `+`, `-` or `@` for a formula and carry it out, so a text from a pump's log would act on
//! the machine of whoever opens the file. Such a text gets an apostrophe before it. Numbers are ours and stay numbers.

use std::io::{self, Write};

use tidegate_tandem::{BolusPart, GlucoseRange, Outcome, Sample, What};
use uuid::Uuid;

use super::moment;

const COLUMNS: [&str; 25] = [
    "id",
    "version",
    "kind",
    "start_utc",
    "end_utc",
    "start_local",
    "utc_offset_minutes",
    "zone",
    "time_resolution",
    "insulin_units",
    "requested_units",
    "units_per_hour",
    "bolus_part",
    "outcome",
    "automatic",
    "carbohydrates_g",
    "glucose_mg_dl",
    "glucose_mmol_l",
    "glucose_range",
    "trend_mg_dl_per_minute",
    "device",
    "backfilled",
    "basal_source",
    "event",
    "event_fields",
];

/// Characters that begin a formula, or are skipped before one.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// One line, cell by cell.
#[derive(Default)]
struct Row([String; COLUMNS.len()]);

impl Row {
    /// A text that is not ours.
    fn text(&mut self, column: &str, text: &str) {
        self.put(column, harmless(text));
    }

    /// A word or a number that is ours.
    fn own(&mut self, column: &str, value: impl ToString) {
        self.put(column, value.to_string());
    }

    fn maybe(&mut self, column: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.own(column, value);
        }
    }

    fn put(&mut self, column: &str, text: String) {
        if let Some(index) = COLUMNS.iter().position(|name| *name == column) {
            self.0[index] = text;
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (index, cell) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            out.write_all(quoted(cell).as_bytes())?;
        }
        out.write_all(b"\r\n")
    }
}

pub(super) fn write_head(out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.join(","))
}

pub(super) fn write_row(out: &mut impl Write, sample: &Sample, id: Uuid) -> io::Result<()> {
    let mut row = Row::default();
    row.own("id", id);
    row.own("version", sample.version);
    row.own("start_utc", moment::utc(&sample.start));
    row.own("end_utc", moment::utc(&sample.end));
    row.own("start_local", sample.start.wall);
    row.own("utc_offset_minutes", moment::offset_minutes(&sample.start));
    row.text("zone", &sample.start.zone);
    row.text("time_resolution", &word(&sample.start.resolution));
    match &sample.what {
        What::InsulinBolus(bolus) => {
            row.own("kind", "insulin-bolus");
            row.own("insulin_units", bolus.units.units());
            row.maybe("requested_units", bolus.requested_units.map(tidegate_tandem::Microunits::units));
            row.own("bolus_part", part(bolus.part));
            row.own("outcome", outcome(bolus.outcome));
            row.maybe("automatic", bolus.automatic);
        }
        What::InsulinBasal(basal) => {
            row.own("kind", "insulin-basal");
            row.own("insulin_units", basal.units.units());
            row.own("units_per_hour", basal.units_per_hour.units());
            row.text("basal_source", basal.source.as_deref().unwrap_or_default());
        }
        What::Carbohydrates(carbohydrates) => {
            row.own("kind", "carbohydrates");
            row.own("carbohydrates_g", carbohydrates.grams);
        }
        What::Glucose(glucose) => {
            row.own("kind", "glucose");
            row.maybe("glucose_mg_dl", glucose.mg_dl);
            row.maybe("glucose_mmol_l", glucose.mg_dl.map(|mg_dl| format!("{:.1}", mmol_l(mg_dl))));
            row.own("glucose_range", range(glucose.range));
            row.maybe("trend_mg_dl_per_minute", glucose.mg_dl_per_minute);
            row.text("device", &glucose.device);
            row.own("backfilled", glucose.backfilled);
        }
        What::Event(happening) => {
            row.own("kind", "event");
            row.text("event", &happening.event);
            row.text("event_fields", &happening.fields.to_string());
        }
    }
    row.write(out)
}

/// Millimoles per litre; a mole of glucose weighs 180.156 g.
pub(super) fn mmol_l(mg_dl: u16) -> f64 {
    f64::from(mg_dl) / 18.0156
}

/// The text, with an apostrophe before what a spreadsheet would carry out. Spaces before it make it no safer.
fn harmless(text: &str) -> String {
    if text.trim_start_matches([' ', '\u{a0}', '\u{feff}']).starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

/// A cell: in quotation marks where it holds what would end it. No control character gets through but tab and line ends.
fn quoted(cell: &str) -> String {
    let clean: String = cell.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n')).collect();
    if clean.contains([',', '"', ';', '\t', '\r', '\n']) || clean.starts_with(['\'', ' ']) {
        format!("\"{}\"", clean.replace('"', "\"\""))
    } else {
        clean
    }
}

/// An enumeration's word in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

const fn part(part: BolusPart) -> &'static str {
    match part {
        BolusPart::Normal => "normal",
        BolusPart::Extended => "extended",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Partial => "partial",
        Outcome::Cancelled => "cancelled",
    }
}

const fn range(range: GlucoseRange) -> &'static str {
    match range {
        GlucoseRange::Within => "within",
        GlucoseRange::Above => "above",
        GlucoseRange::Below => "below",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u{feff}=1", "＝1", "=cmd|' /C calc'!A0"] {
            assert!(harmless(text).starts_with('\''), "{text:?}");
            assert!(quoted(&harmless(text)).starts_with("\"'"), "{text:?}");
        }
        assert_eq!(harmless("Europe/Berlin"), "Europe/Berlin");
    }

    #[test]
    fn a_cell_cannot_end_its_line_or_itself() {
        assert_eq!(quoted("a\",=1\r\n=2"), "\"a\"\",=1\r\n=2\"");
        assert_eq!(quoted("a\0b\u{1b}c"), "abc");
        assert_eq!(quoted("plain"), "plain");
    }
}
