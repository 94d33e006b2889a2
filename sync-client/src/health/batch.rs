//! The documents of the hand-over: a batch to be written, and the confirmation of what was.

use serde::{Deserialize, Serialize};
use tidegate_protocol::MemberId;
use tidegate_tandem::Sample;
use uuid::Uuid;

use super::quantity::Amount;
use super::receipt::Receipt;
use crate::export::utc;

/// The format of [`HealthBatch`].
pub(super) const BATCH_FORMAT: &str = "tidegate/health-batch/v1";
/// The format of [`Confirmation`].
pub(super) const CONFIRMATION_FORMAT: &str = "tidegate/health-confirmation/v1";

/// What is to be written to Apple Health, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthBatch {
    /// `tidegate/health-batch/v1`.
    pub format: &'static str,
    /// Whose it is.
    pub member_id: MemberId,
    /// The store of Apple Health that it is for, by its name in the ledger.
    pub store: String,
    /// What ended before this is not handed over to this store (again).
    pub since: String,
    /// Whether there is more: to be asked for when this is confirmed.
    pub more: bool,
    /// To be saved.
    pub samples: Vec<HealthObject>,
    /// To be deleted: earlier versions were written, and there is no amount any more.
    pub deletions: Vec<HealthDeletion>,
}

/// A quantity sample of HealthKit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthObject {
    /// `HKQuantityTypeIdentifier`.
    pub r#type: &'static str,
    /// As `HKUnit(from:)` reads it.
    pub unit: &'static str,
    /// The amount, in `unit`.
    pub value: f64,
    /// When it began: RFC 3339, UTC.
    pub start: String,
    /// When it ended.
    pub end: String,
    /// Metadata, by the names of Apple's constants.
    pub metadata: HealthMetadata,
    /// To be given back when it was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// Metadata of a sample: names are those of Apple's constants, whose values are Apple's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthMetadata {
    /// The same for all versions of a sample, on all devices.
    #[serde(rename = "HKMetadataKeySyncIdentifier")]
    pub sync_identifier: Uuid,
    /// A greater one takes the place of a lesser one.
    #[serde(rename = "HKMetadataKeySyncVersion")]
    pub sync_version: u32,
    /// Where the wearer was.
    #[serde(rename = "HKMetadataKeyTimeZone")]
    pub time_zone: String,
    /// 1: basal; 2: bolus.
    #[serde(rename = "HKMetadataKeyInsulinDeliveryReason", skip_serializing_if = "Option::is_none")]
    pub insulin_delivery_reason: Option<u8>,
    /// Whether somebody typed it in.
    #[serde(rename = "HKMetadataKeyWasUserEntered", skip_serializing_if = "std::ops::Not::not")]
    pub was_user_entered: bool,
}

/// An object that was written and is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthDeletion {
    /// `HKQuantityTypeIdentifier`.
    pub r#type: &'static str,
    /// Its sync identifier.
    pub sync_identifier: Uuid,
    /// To be given back when it was deleted.
    pub receipt: String,
}

impl HealthObject {
    pub(super) fn new(sample: &Sample, name: Uuid, amount: Amount, receipt: Option<Receipt>) -> Self {
        Self {
            r#type: amount.kind,
            unit: amount.unit,
            value: amount.value,
            start: utc(&sample.start),
            end: utc(&sample.end),
            metadata: HealthMetadata {
                sync_identifier: name,
                sync_version: sample.version,
                time_zone: sample.start.zone.clone(),
                insulin_delivery_reason: amount.reason.map(|reason| reason as u8),
                was_user_entered: amount.by_hand,
            },
            receipt: receipt.map(Receipt::to_text),
        }
    }
}

/// What was written to Apple Health, in the words of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// `tidegate/health-confirmation/v1`.
    pub format: String,
    /// As in the batch.
    pub member_id: MemberId,
    /// As in the batch.
    pub store: String,
    /// The receipts of what was saved or deleted, and of nothing else.
    pub written: Vec<String>,
}

impl Confirmation {
    /// Of these receipts of a batch.
    #[must_use]
    pub fn new(member: MemberId, store: impl Into<String>, written: Vec<String>) -> Self {
        Self { format: CONFIRMATION_FORMAT.to_owned(), member_id: member, store: store.into(), written }
    }
}

/// What a confirmation came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// Receipts that are in the ledger now and were not before.
    pub confirmed: u64,
    /// Receipts that were in it already, or greater versions of theirs.
    pub already: u64,
    /// Receipts of what is older than the ledger goes back: it is not handed over anyway.
    pub stale: u64,
}

/// A store of Apple Health that the account has a ledger of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthStore {
    /// Its name.
    pub store: String,
    /// What ended before this is not handed over to it.
    pub since: String,
}
