//! From what the engine shows to what apps see.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::{ContentHmac, DeviceId, MemberId, RecordId, Space};
use tidegate_sync_core::clock::Hlc;
use tidegate_sync_core::engine::{
    AttachmentView, Engine, MEMBER_KIND, PROFILE_KIND, RecordView, VersionState as EngineVersionState, VersionView,
};
use tidegate_sync_core::manifest::{Cid, Register, Target};
use time::OffsetDateTime;

use crate::enrol::KnownDevice;
use crate::error::Error;
use crate::record::{AttachmentInfo, Conflict, ContentId, ListFilter, Listing, Member, RecordInfo, Version, VersionState};
use crate::recovery;
use crate::report::{DeviceInfo, DeviceState, Hole, MassDelete, Notice, Quarantined};

/// What a record is that nothing was said about.
const DEFAULT_KIND: &str = "document";
const DEFAULT_MEDIA_TYPE: &str = "application/octet-stream";

/// Where a content asked for stands.
pub(crate) struct Found {
    pub(crate) space: Space,
    pub(crate) cid: Cid,
    pub(crate) media_type: String,
    pub(crate) title: String,
    pub(crate) hmac: Option<ContentHmac>,
    pub(crate) size: u64,
}

pub(crate) fn members(engine: &Engine) -> Vec<Member> {
    engine.members().into_iter().map(|view| Member { member_id: view.member, name: view.name }).collect()
}

pub(crate) fn check_member(engine: &Engine, member: MemberId) -> Result<(), Error> {
    let known = engine.members().iter().any(|view| view.member == member);
    if known { Ok(()) } else { Err(Error::MemberUnknown(member)) }
}

/// Kinds that stand for the members themselves; a record of such a kind would be taken for one.
pub(crate) fn check_kind(kind: &str) -> Result<(), Error> {
    if kind == MEMBER_KIND || kind == PROFILE_KIND { Err(Error::KindReserved(kind.to_owned())) } else { Ok(()) }
}

/// The member whose record this is.
pub(crate) fn owner_of(engine: &Engine, record: RecordId) -> Result<MemberId, Error> {
    let is_profile = |member: &MemberId| RecordId::from_bytes(*member.as_bytes()) == record;
    let members = engine.find(Target::Record(record));
    members.into_iter().find(|member| !is_profile(member)).ok_or(Error::RecordUnknown(record))
}

pub(crate) fn list(engine: &Engine, filter: &ListFilter) -> Result<Listing, Error> {
    if let Some(member) = filter.member {
        check_member(engine, member)?;
    }
    let mut listing = Listing::default();
    for Member { member_id, .. } in members(engine) {
        if filter.member.is_some_and(|wanted| wanted != member_id) {
            continue;
        }
        let records = engine.records(member_id, filter.deleted);
        let records = records.iter().map(record).filter(|info| filter.kind.as_ref().is_none_or(|kind| info.kind == *kind));
        listing.records.extend(records);
        if filter.kind.is_none() {
            listing.attachments.extend(engine.attachments(member_id).iter().map(attachment));
        }
    }
    Ok(listing)
}

fn record(view: &RecordView<'_>) -> RecordInfo {
    let meta = &view.shown.meta;
    RecordInfo {
        record_id: view.record,
        member_id: view.member,
        kind: meta.kind.clone().unwrap_or_else(|| DEFAULT_KIND.to_owned()),
        title: meta.title.clone().unwrap_or_default(),
        media_type: meta.media_type.clone().unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
        version: view.shown.version,
        updated_at: time_of(view.shown.hlc),
        bytes: view.shown.size,
        conflicts: view.conflicts,
        deleted: view.deleted,
        attachments: view.attachments.clone(),
    }
}

fn attachment(view: &AttachmentView<'_>) -> AttachmentInfo {
    let meta = &view.shown.meta;
    AttachmentInfo {
        hmac: view.hmac,
        member_id: view.member,
        record_id: meta.record_id,
        name: meta.name.clone().unwrap_or_default(),
        media_type: meta.media_type.clone().unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
        bytes: view.shown.size,
        local: view.local,
    }
}

pub(crate) fn find_content(engine: &Engine, id: ContentId) -> Result<Found, Error> {
    match id {
        ContentId::Record(record, None) => {
            let member = owner_of(engine, record)?;
            let (shown, deleted) = engine.shown(member, record).ok_or(Error::RecordUnknown(record))?;
            if deleted {
                return Err(Error::RecordDeleted(record));
            }
            Ok(found(engine.space_of(member), shown))
        }
        ContentId::Record(record, Some(cid)) => {
            let member = owner_of(engine, record)?;
            let history = engine.history(member, Target::Record(record));
            let version = history.iter().find(|version| version.change.cid == cid && version.change.has_content());
            let version = version.ok_or_else(|| Error::ChangeUnknown { record, change: cid.to_string() })?;
            Ok(found(engine.space_of(member), version.change))
        }
        ContentId::Attachment(hmac) => {
            let members = engine.find(Target::Attachment(hmac));
            let views = members.into_iter().flat_map(|member| engine.attachments(member));
            // Of several places the one whose content is here.
            let view = views.filter(|view| view.hmac == hmac).max_by_key(|view| view.local);
            let view = view.ok_or(Error::AttachmentUnknown(hmac))?;
            Ok(found(engine.space_of(view.member), view.shown))
        }
    }
}

fn found(space: Space, change: &tidegate_sync_core::manifest::Change) -> Found {
    let meta = &change.meta;
    Found {
        space,
        cid: change.cid,
        media_type: meta.media_type.clone().unwrap_or_else(|| DEFAULT_MEDIA_TYPE.to_owned()),
        title: meta.title.clone().or_else(|| meta.name.clone()).unwrap_or_default(),
        hmac: change.content_hmac,
        size: change.size,
    }
}

pub(crate) fn history(engine: &Engine, record: RecordId) -> Result<Vec<Version>, Error> {
    let member = owner_of(engine, record)?;
    let mut versions: Vec<Version> = engine.history(member, Target::Record(record)).iter().map(version).collect();
    versions.reverse();
    Ok(versions)
}

pub(crate) fn conflicts(engine: &Engine) -> Vec<Conflict> {
    engine.conflicts().into_iter().filter_map(|(member, register)| conflict(engine, member, &register)).collect()
}

fn conflict(engine: &Engine, member: MemberId, register: &Register) -> Option<Conflict> {
    let Target::Record(record_id) = register.target else { return None };
    let history = engine.history(member, register.target);
    let mut versions: Vec<Version> = history
        .iter()
        .map(version)
        .filter(|version| matches!(version.state, VersionState::Winner | VersionState::Conflict))
        .collect();
    versions.sort_by_key(|version| (version.state != VersionState::Winner, std::cmp::Reverse(version.timestamp)));
    Some(Conflict { record_id, member_id: member, versions })
}

fn version(view: &VersionView<'_>) -> Version {
    Version {
        cid: view.change.cid,
        version: view.change.version,
        device_id: view.device_id,
        timestamp: time_of(view.change.hlc),
        state: match view.state {
            EngineVersionState::Winner => VersionState::Winner,
            EngineVersionState::Conflict => VersionState::Conflict,
            EngineVersionState::Past => VersionState::Past,
            EngineVersionState::Deleted => VersionState::Deleted,
        },
        title: view.change.meta.title.clone().unwrap_or_default(),
        bytes: view.change.size,
    }
}

pub(crate) fn mass_deletes(held: &[tidegate_sync_core::state::MassDelete]) -> Vec<MassDelete> {
    let one = |held: &tidegate_sync_core::state::MassDelete| MassDelete {
        member_id: held.space.member(),
        deletes: held.deletes,
        records: held.records,
    };
    held.iter().map(one).collect()
}

pub(crate) fn quarantined(entries: &[tidegate_sync_core::quarantine::Quarantined]) -> Vec<Quarantined> {
    entries.iter().map(one_quarantined).collect()
}

pub(crate) fn one_quarantined(entry: &tidegate_sync_core::quarantine::Quarantined) -> Quarantined {
    Quarantined {
        device_id: entry.device_id(),
        what: recovery::what(&entry.subject),
        reason: entry.reason.code().to_owned(),
        help: recovery::of_reason(entry.reason),
    }
}

pub(crate) fn holes(entries: &[tidegate_sync_core::quarantine::Hole]) -> Vec<Hole> {
    let public = |hole: &tidegate_sync_core::quarantine::Hole| Hole {
        chain: hole.segment.chain,
        seq: hole.segment.seq,
        device_id: hole.segment.device_id,
        reason: hole.reason.code().to_owned(),
        help: recovery::of_hole(hole.reason),
    };
    entries.iter().map(public).collect()
}

pub(crate) fn notices(entries: &[tidegate_sync_core::notice::Notice]) -> Vec<Notice> {
    let public = |notice: &tidegate_sync_core::notice::Notice| Notice {
        code: notice.kind.code(),
        member_id: notice.space.member(),
        noticed_at: time_of_millis(notice.noticed_at_ms),
        help: recovery::of_notice(notice.kind),
    };
    entries.iter().map(public).collect()
}

/// Every device that the store has shown, or that has written.
pub(crate) fn devices(engine: &Engine, known: &BTreeMap<DeviceId, KnownDevice>, own_name: &str) -> Vec<DeviceInfo> {
    let (writers, retired, own) = (engine.writers(), engine.retired_devices(), engine.device_id());
    let ids: BTreeSet<DeviceId> = writers.keys().chain(known.keys()).chain(&retired).copied().chain([own]).collect();
    let info = |device_id: DeviceId| {
        let shown = known.get(&device_id);
        let seen_at_ms = writers.get(&device_id).copied().max(shown.and_then(|known| known.seen_at_ms));
        let own_name = (device_id == own).then(|| own_name.to_owned());
        DeviceInfo {
            device_id,
            name: shown.map(|known| known.name.clone()).or(own_name),
            last_seen: seen_at_ms.map(time_of_millis),
            state: if retired.contains(&device_id) { DeviceState::Retired } else { DeviceState::Active },
            this: device_id == own,
        }
    };
    ids.into_iter().map(info).collect()
}

fn time_of(hlc: Hlc) -> OffsetDateTime {
    time_of_millis(hlc.millis())
}

/// Milliseconds since 1970 as a time; what no calendar holds is the beginning of it.
pub(crate) fn time_of_millis(millis: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
