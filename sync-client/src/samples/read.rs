//! Reading samples: day by day, so that a year of them needs the memory of some days.
//!
//! Records hold lines; the samples of a day follow from the lines of the days around it ([`view_day`]).

use std::collections::btree_set::IntoIter;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use tidegate_protocol::{MemberId, RecordId};
use tidegate_tandem::{CONTEXT_AFTER, CONTEXT_BEFORE, DayView, Line, Sample, Withdrawn, view_day};

use super::SampleKind;
use super::day::day_of_title;
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
    /// What there may have been samples of when less was known of the log, and is none: to be taken back where they were handed over to.
    pub withdrawn: Vec<Withdrawn>,
    /// Lines that this version cannot read.
    pub unreadable: u64,
}

impl fmt::Debug for SampleDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleDay({}, {} samples)", self.day, self.samples.len())
    }
}

/// A record of a day.
#[derive(Debug, Clone, Copy)]
struct DayRecord {
    record: RecordId,
    kind: SampleKind,
}

/// The lines of a day.
#[derive(Debug, Default)]
struct DayLines {
    lines: Vec<Line>,
    unreadable: u64,
}

/// Gives samples day by day, the earliest first.
#[derive(Debug)]
pub struct SampleReader {
    client: SyncClient,
    /// Days that can have samples, and are wanted.
    days: IntoIter<Date>,
    /// The records of these days, and of those around them.
    records: BTreeMap<Date, Vec<DayRecord>>,
    /// The last day that tells of basal insulin.
    last_rates: Option<Date>,
    /// What was read of the days around the last one.
    read: BTreeMap<(Date, RecordId), DayLines>,
}

impl SyncClient {
    /// The samples of a family member, to be read day by day.
    ///
    /// # Errors
    /// `member-unknown`, `local-database-damaged`; as [`SyncClient::get`] for days that somebody has given another title.
    pub async fn samples(&self, filter: &SampleFilter) -> Result<SampleReader, Error> {
        let mut records: BTreeMap<Date, Vec<DayRecord>> = BTreeMap::new();
        for info in self.list(&ListFilter { member: Some(filter.member), ..ListFilter::default() })?.records {
            let Some(kind) = SampleKind::of_record(&info.kind).filter(|kind| filter.kinds.contains(kind)) else { continue };
            let day = match day_of_title(&info.title) {
                Some(day) => Some(day),
                None => self.day_of_content(info.record_id).await?,
            };
            if let Some(day) = day {
                records.entry(day).or_default().push(DayRecord { record: info.record_id, kind });
            }
        }
        let tells_rates = |records: &Vec<DayRecord>| records.iter().any(|record| record.kind == SampleKind::InsulinBasal);
        let last_rates = records.iter().rev().find(|(_, records)| tells_rates(records)).map(|(day, _)| *day);
        // A rate that was told on a day may hold through the next one, of which there is no record then.
        let days = records.iter().flat_map(|(day, records)| [Some(*day), tells_rates(records).then(|| more(*day, 1))]);
        let days: BTreeSet<Date> = days.flatten().filter(|day| filter.has(*day)).collect();
        Ok(SampleReader { client: self.clone(), days: days.into_iter(), records, last_rates, read: BTreeMap::new() })
    }

    /// The day of a record that is not called after it.
    async fn day_of_content(&self, record: RecordId) -> Result<Option<Date>, Error> {
        let mut read = DayLines::default();
        read.add(&self.get(ContentId::Record(record, None)).await?.bytes);
        Ok(read.lines.first().map(Line::day))
    }
}

impl SampleReader {
    /// How many days are left, at most.
    #[must_use]
    pub fn days_left(&self) -> usize {
        self.days.len()
    }

    /// The next day that has samples; `None` at the end. What is not on the device is fetched.
    ///
    /// # Errors
    /// As [`SyncClient::get`].
    pub async fn next_day(&mut self) -> Result<Option<SampleDay>, Error> {
        while let Some(day) = self.days.next() {
            self.read_around(day).await?;
            let goes_on = self.last_rates.is_some_and(|last| more(day, CONTEXT_AFTER) < last);
            let lines = self.read.values().flat_map(|read| &read.lines);
            let DayView { samples, withdrawn } = view_day(day, lines, goes_on, None);
            let of_day = self.read.iter().filter(|((other, _), _)| *other == day);
            let unreadable = of_day.map(|(_, read)| read.unreadable).sum();
            if self.records.contains_key(&day) || !samples.is_empty() {
                return Ok(Some(SampleDay { day, samples, withdrawn, unreadable }));
            }
        }
        Ok(None)
    }

    /// Reads the lines that decide on a day, and forgets those of days that decide on none of the next ones.
    async fn read_around(&mut self, day: Date) -> Result<(), Error> {
        let (first, last) = (less(day, CONTEXT_BEFORE), more(day, CONTEXT_AFTER));
        self.read.retain(|(other, _), _| first <= *other);
        let around = self.records.range(first..=last).flat_map(|(other, records)| records.iter().map(|record| (*other, *record)));
        let missing: Vec<(Date, RecordId)> = around
            .filter(|(other, record)| *other == day || needs_context(record.kind))
            .map(|(other, record)| (other, record.record))
            .filter(|place| !self.read.contains_key(place))
            .collect();
        let ids: Vec<ContentId> = missing.iter().map(|(_, record)| ContentId::Record(*record, None)).collect();
        for (place, content) in missing.into_iter().zip(self.client.get_all(&ids).await?) {
            self.read.entry(place).or_default().add(&content.bytes);
        }
        Ok(())
    }
}

/// Whether lines of other days decide on samples of a day.
const fn needs_context(kind: SampleKind) -> bool {
    match kind {
        SampleKind::InsulinBasal | SampleKind::Carbohydrates | SampleKind::Glucose => true,
        SampleKind::InsulinBolus | SampleKind::Event => false,
    }
}

impl DayLines {
    /// Adds the lines in a content, and counts those that are none that this version knows.
    fn add(&mut self, content: &[u8]) {
        for line in content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match read_line(line) {
                Some(line) => self.lines.push(line),
                None => self.unreadable += 1,
            }
        }
    }
}

/// A line that tells a rate says when it was told; no other does.
fn read_line(line: &[u8]) -> Option<Line> {
    let sample = serde_json::from_slice(line).map(Line::Sample);
    sample.or_else(|_| serde_json::from_slice(line).map(Line::Rate)).ok()
}

fn less(day: Date, days: i64) -> Date {
    day.saturating_sub(days.days())
}

fn more(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}
