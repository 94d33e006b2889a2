//! Which devices the owner has retired: records of the account space, so that every device knows.
//!
//! A mark fences nothing: a retired device that still has its keys can go on writing until its session is revoked, and what
//! it writes is believed like anything else of the account's own.

use std::collections::BTreeSet;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use tidegate_protocol::{DeviceId, RecordId, Space};

use super::Engine;
use super::edit::acknowledge;
use super::edit_error::EditError;
use super::edit_request::Edit;
use super::persist::{Persist, Step};
use crate::manifest::{FORMAT, Location, Meta, Op, Register, Target};
use crate::state::{superseded_by_edit, winner};

/// Kind of the account space's records that say something about a device.
pub const DEVICE_KIND: &str = "device";

#[derive(Debug, Serialize, Deserialize)]
struct DeviceContent {
    format: u64,
    state: DeviceMark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DeviceMark {
    Retired,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// The record of the account space that says something about a device.
const fn record_of(device: DeviceId) -> RecordId {
    RecordId::from_bytes(*device.as_bytes())
}

impl Engine {
    /// Marks a device as retired, for all devices of the account. Marked already, there is nothing to commit.
    ///
    /// # Errors
    /// [`EditError::NotSyncedYet`] without the account's key.
    pub fn retire_device(&self, device: DeviceId, now_ms: u64, rng: &mut dyn CryptoRng) -> Result<Edit, EditError> {
        let space = Space::Account(self.account.identity.user);
        let content = serde_json::to_vec(&DeviceContent { format: FORMAT, state: DeviceMark::Retired })
            .expect("a number and a name always serialise");
        let hmac = self.content_hmac(space, &content)?;
        let state = self.state_of(space);
        let target = Target::Record(record_of(device));
        let heads = state.heads(&Register::record(record_of(device)));
        if let Some(marked) = winner(heads.iter().copied()).filter(|shown| shown.content_hmac == Some(hmac)) {
            let batch = Persist { step: Step::Edit, rows: Vec::new() };
            return Ok(Edit { batch, cid: marked.cid, version: marked.version, target, deduplicated: false });
        }
        let meta =
            Meta { kind: Some(DEVICE_KIND.to_owned()), media_type: Some("application/json".to_owned()), ..Meta::default() };
        let (supersedes, size) = (superseded_by_edit(&heads), content.len() as u64);
        let mut change = self.draft(state, target, Op::Put, supersedes, meta, Some(hmac), size, now_ms, rng)?;
        change.location = Some(Location::Inline(content.into()));
        acknowledge(space, change, Vec::new())
    }

    /// The devices that were marked as retired, as far as it is known here.
    #[must_use]
    pub fn retired_devices(&self) -> BTreeSet<DeviceId> {
        let state = self.state_of(Space::Account(self.account.identity.user));
        let shown = state.registers().filter_map(|register| Some((register.target, winner(state.heads(register))?)));
        let of_devices = shown.filter(|(_, change)| change.meta.kind.as_deref() == Some(DEVICE_KIND));
        let retired = of_devices.filter_map(|(target, change)| match (target, &change.location) {
            (Target::Record(record), Some(Location::Inline(content))) => {
                let content: DeviceContent = serde_json::from_slice(content).ok()?;
                (content.state == DeviceMark::Retired).then(|| DeviceId::from_bytes(*record.as_bytes()))
            }
            (Target::Record(_) | Target::Attachment(_), _) => None,
        });
        retired.collect()
    }
}
