//! The JSON of the contract that more than one command prints.

use serde::Serialize;
use tidegate_protocol::{ChainId, ContentHmac, DeviceId, MemberId, RecordId};
use tidegate_sync_client::{DeviceInfo, Error, Hole, MassDelete, Notice, Quarantined, Requests, Version, Written};

use crate::moment::rfc3339;

/// `{record_id, version}`
#[derive(Debug, Serialize)]
pub(crate) struct WrittenDocument {
    pub(crate) record_id: RecordId,
    pub(crate) version: u64,
}

impl From<Written> for WrittenDocument {
    fn from(written: Written) -> Self {
        Self { record_id: written.record_id, version: written.version }
    }
}

/// `{cid, version, device_id, timestamp, state}`
#[derive(Debug, Serialize)]
pub(crate) struct VersionDocument {
    cid: String,
    version: u64,
    device_id: DeviceId,
    timestamp: String,
    state: &'static str,
}

impl From<&Version> for VersionDocument {
    fn from(version: &Version) -> Self {
        Self {
            cid: version.cid.to_string(),
            version: version.version,
            device_id: version.device_id,
            timestamp: rfc3339(version.timestamp),
            state: version.state.as_str(),
        }
    }
}

/// `{device_id, name, last_seen, state}`
#[derive(Debug, Serialize)]
pub(crate) struct DeviceDocument {
    device_id: DeviceId,
    name: Option<String>,
    last_seen: Option<String>,
    state: &'static str,
}

impl From<&DeviceInfo> for DeviceDocument {
    fn from(device: &DeviceInfo) -> Self {
        Self {
            device_id: device.device_id,
            name: device.name.clone(),
            last_seen: device.last_seen.map(rfc3339),
            state: device.state.as_str(),
        }
    }
}

/// `{get, put, head, list, delete, presign, renew}`
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct RequestsDocument {
    pub(crate) get: u64,
    pub(crate) put: u64,
    pub(crate) head: u64,
    pub(crate) list: u64,
    pub(crate) delete: u64,
    pub(crate) presign: u64,
    pub(crate) renew: u64,
}

impl From<Requests> for RequestsDocument {
    fn from(requests: Requests) -> Self {
        let Requests { get, put, head, list, delete, presign, renew } = requests;
        Self { get, put, head, list, delete, presign, renew }
    }
}

/// `{chain, seq, reason, device_id, help}`
#[derive(Debug, Serialize)]
pub(crate) struct HoleDocument {
    chain: ChainId,
    seq: u64,
    reason: String,
    device_id: DeviceId,
    help: &'static str,
}

impl From<&Hole> for HoleDocument {
    fn from(hole: &Hole) -> Self {
        let Hole { chain, seq, device_id, reason, help } = hole;
        Self { chain: *chain, seq: *seq, reason: reason.clone(), device_id: *device_id, help }
    }
}

/// `{device_id, reason, what, help}`
#[derive(Debug, Serialize)]
pub(crate) struct QuarantinedDocument {
    device_id: Option<DeviceId>,
    reason: String,
    what: &'static str,
    help: &'static str,
}

impl From<&Quarantined> for QuarantinedDocument {
    fn from(entry: &Quarantined) -> Self {
        Self { device_id: entry.device_id, reason: entry.reason.clone(), what: entry.what, help: entry.help }
    }
}

/// `{code, member_id, noticed_at, help}`
#[derive(Debug, Serialize)]
pub(crate) struct NoticeDocument {
    code: &'static str,
    member_id: Option<MemberId>,
    noticed_at: String,
    help: &'static str,
}

impl From<&Notice> for NoticeDocument {
    fn from(notice: &Notice) -> Self {
        let Notice { code, member_id, noticed_at, help } = *notice;
        Self { code, member_id, noticed_at: rfc3339(noticed_at), help }
    }
}

/// `{code, member_id, deletes, records, help}`
#[derive(Debug, Serialize)]
pub(crate) struct HeldDocument {
    code: &'static str,
    member_id: Option<MemberId>,
    deletes: u64,
    records: u64,
    help: &'static str,
}

impl From<&MassDelete> for HeldDocument {
    fn from(held: &MassDelete) -> Self {
        let error = Error::from(*held);
        let MassDelete { member_id, deletes, records } = *held;
        Self { code: error.code(), member_id, deletes, records, help: error.help() }
    }
}

/// The first characters of an id, as tables show it and as every command takes it.
pub(crate) fn short(id: impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

/// A list of short ids.
pub(crate) fn short_list(ids: &[ContentHmac]) -> String {
    ids.iter().map(short).collect::<Vec<_>>().join(" ")
}
