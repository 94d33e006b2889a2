//! Everything that a device can read: each version that stands, each attachment, decrypted.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use tidegate_protocol::{DeviceId, MemberId};
use tidegate_sync_client::{AttachmentInfo, ContentId, ListFilter, Listing, RecordInfo, Version, VersionState};

use super::device::Device;
use crate::failure::Failure;

/// A device's whole content.
pub(crate) struct Contents {
    pub(crate) listing: Listing,
    pub(crate) members: HashMap<MemberId, String>,
    /// Versions that stand beside each other: the one that counts first.
    pub(crate) contested: Vec<Contested>,
    /// From what it is to what it holds, in order.
    items: BTreeMap<String, Vec<u8>>,
}

/// One of several versions of a record that was edited in two places at once.
pub(crate) struct Contested {
    pub(crate) title: String,
    pub(crate) device: DeviceId,
    pub(crate) state: VersionState,
    /// What the version's author added last.
    pub(crate) last_line: String,
}

impl Contents {
    /// Reads and decrypts all of it; attachments that are not on the device yet are fetched.
    pub(crate) async fn of(device: &Device) -> Result<Self, Failure> {
        let client = &device.client;
        let listing = client.list(&ListFilter::default())?;
        let members: HashMap<_, _> = client.members()?.into_iter().map(|member| (member.member_id, member.name)).collect();
        let (mut items, mut contested) = (BTreeMap::new(), Vec::new());
        for record in &listing.records {
            let name = members.get(&record.member_id).map_or("", String::as_str);
            for version in client.history(record.record_id)? {
                if matches!(version.state, VersionState::Winner | VersionState::Conflict) {
                    let content = client.get(ContentId::Record(record.record_id, Some(version.cid))).await?;
                    let state = version.state.as_str();
                    if record.conflicts > 0 {
                        contested.push(contested_version(record, &version, &content.bytes));
                    }
                    items.insert(
                        format!("{} {} {state} {}", describe_record(record, name), version.cid, content.title),
                        content.bytes,
                    );
                }
            }
        }
        for attachment in &listing.attachments {
            let name = members.get(&attachment.member_id).map_or("", String::as_str);
            let content = client.get(ContentId::Attachment(attachment.hmac)).await?;
            items.insert(describe_attachment(attachment, name), content.bytes);
        }
        contested.sort_by_key(|version| version.state != VersionState::Winner);
        Ok(Self { listing, members, contested, items })
    }

    /// SHA-256 over everything, names and contents, each preceded by its length.
    pub(crate) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (name, bytes) in &self.items {
            for part in [name.as_bytes(), bytes] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }

    /// Whether the other device reads exactly the same.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.items == other.items
    }

    /// Whether each of these contents is among the items, byte for byte.
    pub(crate) fn holds_all(&self, expected: &[&[u8]]) -> bool {
        let held: HashSet<&[u8]> = self.items.values().map(Vec::as_slice).collect();
        expected.iter().all(|content| held.contains(content))
    }
}

fn contested_version(record: &RecordInfo, version: &Version, content: &[u8]) -> Contested {
    let text = String::from_utf8_lossy(content);
    let last_line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
    Contested { title: record.title.clone(), device: version.device_id, state: version.state, last_line }
}

fn describe_record(record: &RecordInfo, member: &str) -> String {
    let RecordInfo { record_id, kind, media_type, title, version, .. } = record;
    format!("record {member} {record_id} v{version} {kind} {media_type} {title}")
}

fn describe_attachment(attachment: &AttachmentInfo, member: &str) -> String {
    let AttachmentInfo { hmac, name, media_type, .. } = attachment;
    format!("attachment {member} {hmac} {media_type} {name}")
}
