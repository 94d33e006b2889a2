//! Reading samples: day by day, so that a year of them needs the memory of a day.

use std::collections::btree_map::IntoIter;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use tidegate_protocol::{MemberId, RecordId};
use tidegate_tandem::Sample;

use super::SampleKind;
use super::day::{day_of_title, place_of};
use crate::client::SyncClient;
use crate::error::Error;
use crate::record::{ContentId, ListFilter};

/// Which samples to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFilter {
    /// Whose.
    pub member: MemberId,
    /// Of what.
    pub kinds: BTreeSet<SampleKind>,
    /// The first day, by the pump's clock; `None` is the first that there is.
    pub from: Option<Date>,
    /// The last day; `None` is the last that there is.
    pub to: Option<Date>,
}

impl SampleFilter {
    /// All samples of a family member.
    #[must_use]
    pub fn new(member: MemberId) -> Self {
        Self { member, kinds: SampleKind::ALL.into(), from: None, to: None }
    }

    /// Only these kinds.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = SampleKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Only from this day on.
    #[must_use]
    pub const fn from(mut self, day: Date) -> Self {
        self.from = Some(day);
        self
    }

    /// Only up to this day, and including it.
    #[must_use]
    pub const fn to(mut self, day: Date) -> Self {
        self.to = Some(day);
        self
    }

    fn has(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// The samples of one day.
#[derive(Clone, PartialEq)]
pub struct SampleDay {
    /// The day, by the pump's clock; a sample lies on the day on which it ended.
    pub day: Date,
    /// The samples of all pumps and of the kinds asked for, by start and id.
    pub samples: Vec<Sample>,
    /// Lines that this version cannot read.
    pub unreadable: u64,
}

impl fmt::Debug for SampleDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleDay({}, {} samples)", self.day, self.samples.len())
    }
}

/// Gives samples day by day, the earliest first.
#[derive(Debug)]
pub struct SampleReader {
    client: SyncClient,
    days: IntoIter<Date, Vec<RecordId>>,
}

impl SyncClient {
    /// The samples of a family member, to be read day by day.
    ///
    /// # Errors
    /// `member-unknown`, `local-database-damaged`; as [`SyncClient::get`] for days that somebody has given another title.
    pub async fn samples(&self, filter: &SampleFilter) -> Result<SampleReader, Error> {
        let mut days: BTreeMap<Date, Vec<RecordId>> = BTreeMap::new();
        for info in self.list(&ListFilter { member: Some(filter.member), ..ListFilter::default() })?.records {
            if !SampleKind::of_record(&info.kind).is_some_and(|kind| filter.kinds.contains(&kind)) {
                continue;
            }
            let day = match day_of_title(&info.title) {
                Some(day) => Some(day),
                None => self.day_of_content(info.record_id).await?,
            };
            if let Some(day) = day.filter(|day| filter.has(*day)) {
                days.entry(day).or_default().push(info.record_id);
            }
        }
        Ok(SampleReader { client: self.clone(), days: days.into_iter() })
    }

    /// The day of a record that is not called after it.
    async fn day_of_content(&self, record: RecordId) -> Result<Option<Date>, Error> {
        let (samples, _) = decode(&self.get(ContentId::Record(record, None)).await?.bytes);
        Ok(samples.first().map(|sample| place_of(sample).day))
    }
}

impl SampleReader {
    /// How many days are left.
    #[must_use]
    pub fn days_left(&self) -> usize {
        self.days.len()
    }

    /// The next day that has samples; `None` at the end. What is not on the device is fetched.
    ///
    /// # Errors
    /// As [`SyncClient::get`].
    pub async fn next_day(&mut self) -> Result<Option<SampleDay>, Error> {
        let Some((day, records)) = self.days.next() else { return Ok(None) };
        let ids: Vec<ContentId> = records.into_iter().map(|record| ContentId::Record(record, None)).collect();
        let (mut samples, mut unreadable) = (Vec::new(), 0);
        for content in self.client.get_all(&ids).await? {
            let (read, not_read) = decode(&content.bytes);
            samples.extend(read);
            unreadable += not_read;
        }
        samples.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
        Ok(Some(SampleDay { day, samples, unreadable }))
    }
}

/// The samples in a content, and how many lines are none that this version knows.
fn decode(content: &[u8]) -> (Vec<Sample>, u64) {
    let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let (mut samples, mut unreadable) = (Vec::new(), 0);
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(sample) => samples.push(sample),
            Err(_) => unreadable += 1,
        }
    }
    (samples, unreadable)
}
