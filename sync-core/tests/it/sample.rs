//! Changes, segments and places to test with, all made of small numbers.

use std::sync::Arc;

use serde_json::Map;
use tidegate_protocol::{ChainId, ContentHmac, DeviceId, Digest, ObjectKey, RecordId, Sha256, Space, UserId};
use tidegate_sync_core::clock::Hlc;
use tidegate_sync_core::manifest::{
    Chain, Change, Cid, InlineContent, Location, Meta, ObjectLocation, Op, PackLocation, SegmentRef, Target,
};

use crate::setup::member;

/// 2026-11-21T10:00:00Z.
pub(crate) const MORNING_MS: u64 = 1_795_255_200_000;

fn sixteen(label: &str, n: u64) -> [u8; 16] {
    *Digest::of(format!("{label} {n}").as_bytes()).as_bytes()
}

pub(crate) fn user() -> UserId {
    UserId::from_bytes(sixteen("user", 0))
}

pub(crate) fn space() -> Space {
    Space::Member(user(), member())
}

pub(crate) fn device_id(n: u64) -> DeviceId {
    DeviceId::from_bytes(sixteen("device", n))
}

pub(crate) fn chain(n: u64) -> Chain {
    Chain { device_id: device_id(n), chain: ChainId::new(0xc0ff_ee00_0000_0000 + n) }
}

pub(crate) fn record_id(n: u64) -> RecordId {
    RecordId::from_bytes(sixteen("record", n))
}

pub(crate) fn cid(n: u64) -> Cid {
    Cid::from_random(sixteen("change", n))
}

pub(crate) fn hmac(n: u64) -> ContentHmac {
    ContentHmac::from_bytes(*Sha256::of(format!("content {n}").as_bytes()).as_bytes())
}

pub(crate) fn segment_ref(device: u64, seq: u64, digest: u64) -> SegmentRef {
    let Chain { device_id, chain } = chain(device);
    SegmentRef { device_id, chain, seq, digest: Digest::from_bytes(sixteen("digest", digest)) }
}

pub(crate) fn at(seconds: u64) -> Hlc {
    Hlc::new(MORNING_MS + seconds * 1_000, 0)
}

/// The first version of record 0, with content `n` inline, made `n` seconds after the morning began.
pub(crate) fn put(n: u64) -> Change {
    let content = format!("content {n}").into_bytes();
    Change {
        cid: cid(n),
        target: Target::Record(record_id(0)),
        op: Op::Put,
        version: 1,
        supersedes: Vec::new(),
        hlc: at(n),
        kept: false,
        meta: Meta { kind: Some("note".to_owned()), title: Some("Glucose".to_owned()), ..Meta::default() }.into(),
        content_hmac: Some(hmac(n)),
        size: content.len() as u64,
        location: Some(Location::Inline(InlineContent::from(content))),
        sha256: None,
        relocates: Vec::new(),
        extra: Map::new(),
    }
}

/// A change of this number that supersedes these.
pub(crate) fn over(n: u64, supersedes: &[u64]) -> Change {
    let mut supersedes: Vec<Cid> = supersedes.iter().map(|n| cid(*n)).collect();
    supersedes.sort_unstable();
    Change { version: 2, supersedes, ..put(n) }
}

pub(crate) fn delete(n: u64, supersedes: &[u64]) -> Change {
    let change = over(n, supersedes);
    Change { op: Op::Delete, meta: Arc::default(), content_hmac: None, size: 0, location: None, ..change }
}

/// A content in an object of its own, whose stored bytes hash to something made of `n`.
pub(crate) fn stored_as_object(change: Change, n: u64) -> Change {
    let sha256 = Sha256::of(format!("stored {n}").as_bytes());
    let key = match change.target {
        Target::Record(record) => {
            ObjectKey::Record { user: user(), member: member(), record, version: change.version.max(1), digest: sha256.digest() }
        }
        Target::Attachment(hmac) => ObjectKey::Attachment { user: user(), member: member(), hmac, digest: sha256.digest() },
    };
    let location = Location::Object(Box::new(ObjectLocation { key, length: 4_096, extra: Map::new() }));
    Change { location: Some(location), sha256: Some(sha256), ..change }
}

pub(crate) fn stored_in_pack(change: Change, n: u64) -> Change {
    let sha256 = Sha256::of(format!("range {n}").as_bytes());
    let pack = ObjectKey::Pack { user: user(), member: member(), digest: Digest::from_bytes(sixteen("pack", n)) };
    let location = Location::Pack(PackLocation { pack: pack.into(), offset: 8_192, length: 1_024, extra: Map::new() });
    Change { location: Some(location), sha256: Some(sha256), ..change }
}

/// Says that these changes' contents lie elsewhere now.
pub(crate) fn relocation(n: u64, relocates: &[u64]) -> Change {
    let mut relocates: Vec<Cid> = relocates.iter().map(|n| cid(*n)).collect();
    relocates.sort_unstable();
    let bare = Change { op: Op::Relocate, version: 0, meta: Arc::default(), content_hmac: None, size: 0, relocates, ..put(n) };
    stored_in_pack(bare, n)
}

/// Content `n`, attached to record 0.
pub(crate) fn attachment(n: u64) -> Change {
    let meta = Meta {
        name: Some("rash.jpg".to_owned()),
        media_type: Some("image/jpeg".to_owned()),
        record_id: Some(record_id(0)),
        ..Meta::default()
    };
    stored_as_object(Change { target: Target::Attachment(hmac(n)), meta: meta.into(), size: 4_000, ..put(n) }, n)
}
