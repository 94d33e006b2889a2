//! Writing lines: into the records of their days, beside what others wrote there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_core::engine::{ContentPlace, PutRecord};
use tidegate_tandem::{Line, Sample};

use super::day::{Place, place_of, title};
use super::{MEDIA_TYPE, record_of};
use crate::client::{SyncClient, United, refusal, united};
use crate::device::LocalState;
use crate::error::Error;
use crate::record::{ChangeId, ContentId};
use crate::report::Event;
use crate::view;

/// What writing lines came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SamplesWritten {
    /// Lines that were new, or new versions of ones that were there.
    pub samples: u64,
    /// Records that have a new version: days of one kind each.
    pub records: u64,
    /// Lines that were left out, as they will be others when they are read again: their time is still to come.
    pub provisional: u64,
}

/// The lines of one record that is to be written.
struct Day {
    place: Place,
    record: RecordId,
    lines: Vec<u8>,
}

impl SyncClient {
    /// Writes samples of one pump as [`SyncClient::put_lines`] does. Samples are what they are, whatever becomes known later; what was
    /// read from a pump's log is better written as lines.
    ///
    /// # Errors
    /// As [`SyncClient::put_lines`].
    pub async fn put_samples(&self, member: MemberId, pump: &str, samples: &[Sample]) -> Result<SamplesWritten, Error> {
        let lines: Vec<Line> = samples.iter().cloned().map(Line::from).collect();
        self.put_lines(member, pump, &lines).await
    }

    /// Writes lines of one pump into the records of their days. When this returns, no crash loses them: all of them, or none
    /// where it fails. Lines that are there already are not written again, so that repeating it changes nothing. Of a record that
    /// somebody has deleted nothing is written.
    ///
    /// # Errors
    /// `member-unknown`, `record-too-large`, `home-busy`, `disk-full`.
    pub async fn put_lines(&self, member: MemberId, pump: &str, lines: &[Line]) -> Result<SamplesWritten, Error> {
        let mut written = SamplesWritten::default();
        let mut places: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
        for line in lines {
            if line.is_provisional() {
                written.provisional += 1;
                continue;
            }
            let content = places.entry(place_of(line)).or_default();
            serde_json::to_writer(&mut *content, line).map_err(|error| Error::bug(error.to_string()))?;
            content.push(b'\n');
        }
        let days = self.device.read(|state| {
            view::check_member(&state.engine, member)?;
            let day = |(place, lines)| Ok(Day { place, record: record_of(&state.engine, member, pump, &place)?, lines });
            places.into_iter().map(day).collect::<Result<Vec<_>, Error>>()
        })?;
        self.fetch_versions(member, &days).await?;
        let outcomes = self.device.edit_all(|state, now_ms| {
            let mut edits = Vec::new();
            for day in &days {
                let Some((put, added)) = addition(state, member, pump, day)? else { continue };
                let edit = state.engine.put(put, now_ms, &mut crate::random::system()).map_err(refusal)?;
                edits.push((edit, (day.record, added)));
            }
            Ok(edits)
        })?;
        for (record, added) in outcomes {
            written.records += 1;
            written.samples += added;
            self.device.tell(Event::RecordChanged(member, record));
        }
        Ok(written)
    }

    /// Brings the versions of these records to the device that are in the store alone, so that they go into what is written.
    ///
    /// Without a store samples are written all the same: as a version beside the others, which whoever reads unites with them.
    async fn fetch_versions(&self, member: MemberId, days: &[Day]) -> Result<(), Error> {
        let away: Vec<ContentId> = self.device.read(|state| {
            let cids = |day: &Day| versions_away(state, member, day.record);
            Ok(days.iter().flat_map(|day| cids(day).map(|cid| ContentId::Record(day.record, Some(cid)))).collect())
        })?;
        let fetches = away.into_iter().map(async |id| {
            if let Err(error) = self.get(id).await {
                tracing::debug!(code = error.code(), "a day of samples could not be fetched; what is new stands beside it");
            }
        });
        futures_util::stream::iter(fetches).buffer_unordered(self.device.options.concurrency.max(1)).collect::<()>().await;
        Ok(())
    }
}

/// The versions of a record whose contents are in the store and not here.
fn versions_away(state: &LocalState, member: MemberId, record: RecordId) -> impl Iterator<Item = ChangeId> {
    let space = state.engine.space_of(member);
    let versions = state.engine.merged(member, record).map(|(_, versions)| versions).unwrap_or_default();
    let is_away = move |cid: &ChangeId| matches!(state.engine.content_place(space, *cid), ContentPlace::Remote { .. });
    versions.into_iter().map(|version| version.cid).filter(is_away)
}

/// The next version of a record with these lines, and how many of them it did not have; `None` if they add nothing.
///
/// Written only where they do: every look at a pump's log reads days again, and without this each would make a version of every
/// day on every device, for the others to fetch.
fn addition(state: &LocalState, member: MemberId, pump: &str, day: &Day) -> Result<Option<(PutRecord, u64)>, Error> {
    if state.engine.shown(member, day.record).is_some_and(|(_, deleted)| deleted) {
        return Ok(None);
    }
    let Some(United { before, after }) = united(state, member, day.record, &day.lines)? else { return Ok(None) };
    let added = lines_not_in(&after, &before);
    let kind = Some(day.place.kind.record_kind().to_owned());
    let (title, media_type) = (Some(title(day.place.day, pump)), Some(MEDIA_TYPE.to_owned()));
    Ok(Some((PutRecord { member, record: day.record, kind, title, media_type, content: after }, added)))
}

/// How many lines are in the one and not in the other.
fn lines_not_in(one: &[u8], other: &[u8]) -> u64 {
    lines(one).difference(&lines(other)).count() as u64
}

fn lines(text: &[u8]) -> BTreeSet<&[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}
