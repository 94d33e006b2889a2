//! Records of kinds that are merged: what is read of them, and what an edit writes down.

use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_core::engine::{ContentPlace, PutRecord};
use tidegate_sync_core::state::{MergeContents as _, UnionById};

use super::SyncClient;
use super::contents::read_all;
use crate::device::LocalState;
use crate::error::Error;
use crate::record::{ChangeId, ContentId};
use crate::view;

impl SyncClient {
    /// The merged view of a record that stands in several versions; `None` for any other.
    pub(super) async fn merged_view(&self, record: RecordId) -> Result<Option<(view::Found, Vec<u8>)>, Error> {
        let versions = self.device.read(|state| Ok(versions_of(state, record)))?;
        let Some((kind, cids)) = versions.filter(|(_, cids)| cids.len() > 1) else { return Ok(None) };
        // The greatest version comes first: its title and media type are shown.
        let shown = ContentId::Record(record, cids.first().copied());
        let found = self.device.read(|state| view::find_content(&state.engine, shown))?;
        let mut contents = Vec::with_capacity(cids.len());
        for cid in cids {
            contents.push(read_all(self.read_version(ContentId::Record(record, Some(cid)), &|_, _| {}).await?)?);
        }
        let bytes: Vec<&[u8]> = contents.iter().map(|content| content.bytes.as_slice()).collect();
        let merged = self.device.options.merge_kinds.get(kind.as_deref()).map(|kind| kind.merge(&bytes));
        Ok(merged.map(|bytes| (found, bytes)))
    }
}

/// Whether what is read of a record is more than one version.
pub(super) fn is_merged(state: &LocalState, record: RecordId) -> bool {
    versions_of(state, record).is_some_and(|(_, versions)| versions.len() > 1)
}

/// The kind of a record that is merged, and its versions, the greatest first.
fn versions_of(state: &LocalState, record: RecordId) -> Option<(Option<String>, Vec<ChangeId>)> {
    let member = view::owner_of(&state.engine, record).ok()?;
    let (_, versions) = state.engine.merged(member, record)?;
    let kind = versions.first()?.meta.kind.clone();
    Some((kind, versions.into_iter().map(|version| version.cid).collect()))
}

/// What a new version of a record holds: of a kind that is merged, all that its versions on this device hold as well, for the
/// edit takes their place.
pub(super) fn written_down(state: &LocalState, put: PutRecord) -> Result<PutRecord, Error> {
    let Some((merge, versions)) = state.engine.merged(put.member, put.record) else { return Ok(put) };
    if versions.iter().any(|version| version.meta.kind != put.kind) {
        return Ok(put);
    }
    let held = contents_here(state, put.member, versions.into_iter().map(|version| version.cid))?;
    let contents: Vec<&[u8]> = held.iter().chain([&put.content]).map(Vec::as_slice).collect();
    Ok(PutRecord { content: merge.merge(&contents), ..put })
}

/// What the versions of a record on this device hold, united by the lines' ids, without some lines and with them.
pub(crate) struct United {
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

/// Unites lines with what stands in a record already; `None` if they add nothing.
pub(crate) fn united(state: &LocalState, member: MemberId, record: RecordId, lines: &[u8]) -> Result<Option<United>, Error> {
    let versions = state.engine.merged(member, record).map(|(_, versions)| versions).unwrap_or_default();
    let held = contents_here(state, member, versions.into_iter().map(|version| version.cid))?;
    let held: Vec<&[u8]> = held.iter().map(Vec::as_slice).collect();
    let before = UnionById.merge(&held);
    let after = UnionById.merge(&[&before, lines]);
    Ok((after != before).then_some(United { before, after }))
}

/// The contents of versions, as far as they are on the device.
fn contents_here(state: &LocalState, member: MemberId, cids: impl Iterator<Item = ChangeId>) -> Result<Vec<Vec<u8>>, Error> {
    cids.filter_map(|cid| content_here(state, member, cid).transpose()).collect()
}

/// The content of a version, if it is on the device.
fn content_here(state: &LocalState, member: MemberId, cid: ChangeId) -> Result<Option<Vec<u8>>, Error> {
    let space = state.engine.space_of(member);
    match state.engine.content_place(space, cid) {
        ContentPlace::Inline(bytes) => Ok(Some(bytes.to_vec())),
        ContentPlace::Local(hmac) => state.database.content(space, hmac),
        ContentPlace::Remote { .. } | ContentPlace::Nowhere => Ok(None),
    }
}
