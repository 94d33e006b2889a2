//! Samples in PumpSync's form: insulin and carbohydrates, without glucose, which the phone has from the sensor itself.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_tandem::{BolusPart, Sample, What};

use super::request::Span;

/// How far behind its end the next sync begins: what came late is read then.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// The reply of `POST /v1/sync/tandem`.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncReply {
    /// The `minDate` of the next sync.
    cursor: String,
    /// By their ends.
    samples: Vec<RelayedSample>,
    /// From when the samples are.
    effective_min_date: String,
    /// Until when.
    effective_max_date: String,
}

/// A sample.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RelayedSample {
    /// The same for the same sample, of whichever sync; it names the pump, and never a number that comes back.
    external_id: String,
    /// `insulin.bolus`, `insulin.basal`, `nutrition.carbohydrates`.
    #[serde(rename = "type")]
    kind: &'static str,
    value: f64,
    /// `IU` or `g`.
    unit: &'static str,
    start_at: String,
    end_at: String,
    /// What else is known: `version`, of which a greater one replaces a lesser one, `timeZone`, how the time was found.
    metadata: Value,
    source: Source,
}

/// Where a sample is from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Source {
    /// The pump's assignment.
    device_id: String,
    /// `group/sequence` of the event that completes the sample.
    event_ids: Vec<String>,
}

/// The reply with these samples.
pub(super) fn reply(span: &Span, mut samples: Vec<RelayedSample>) -> SyncReply {
    samples.sort_by(|a, b| (&a.end_at, &a.external_id).cmp(&(&b.end_at, &b.external_id)));
    let cursor = span.until.saturating_sub(OVERLAP).unwrap_or(span.from).max(span.from);
    SyncReply { cursor: text(cursor), samples, effective_min_date: text(span.from), effective_max_date: text(span.until) }
}

/// A sample that ended within the span, if it is one that is relayed: nothing of no amount, and nothing that is still to change.
pub(super) fn relayed(sample: &Sample, span: &Span) -> Option<RelayedSample> {
    let (start, end) = (sample.start.utc, sample.end.utc);
    if sample.is_provisional() || end < span.from || end > span.until {
        return None;
    }
    let mut metadata = json!({
        "version": sample.version,
        "timeZone": sample.end.zone,
        "timeResolution": sample.end.resolution,
    });
    let (kind, value, unit, start) = match &sample.what {
        What::InsulinBolus(bolus) => {
            metadata["outcome"] = json!(bolus.outcome);
            metadata["part"] = json!(bolus.part);
            metadata["bolusId"] = json!(bolus.bolus_id);
            // What is given at once is told at its end; what is given over time took that time.
            let start = match bolus.part {
                BolusPart::Normal => end,
                BolusPart::Extended => start,
            };
            ("insulin.bolus", bolus.units.units(), "IU", start)
        }
        What::InsulinBasal(basal) => {
            metadata["unitsPerHour"] = json!(basal.units_per_hour);
            ("insulin.basal", basal.units.units(), "IU", start)
        }
        What::Carbohydrates(carbohydrates) => {
            metadata["bolusId"] = json!(carbohydrates.bolus_id);
            ("nutrition.carbohydrates", carbohydrates.grams, "g", start)
        }
        What::Glucose(_) | What::Event(_) => return None,
    };
    if value <= 0.0 {
        return None;
    }
    let mut parts = sample.id.split('/');
    let device_id = parts.next().unwrap_or_default().to_owned();
    let event_ids = vec![parts.take(2).collect::<Vec<_>>().join("/")];
    Some(RelayedSample {
        external_id: format!("tandem/{}", sample.id),
        kind,
        value,
        unit,
        start_at: text(start),
        end_at: text(end),
        metadata,
        source: Source { device_id, event_ids },
    })
}

fn text(at: Timestamp) -> String {
    at.to_string()
}
