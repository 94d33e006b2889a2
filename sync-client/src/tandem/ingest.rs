//! Reading pumps: window by window, each written before the next is asked for.
//!
//! Wherever this is stopped, the next run goes on at the window that was not finished, and writes again what is there already,
//! which changes nothing. What is held in memory is one window.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tidegate_protocol::MemberId;
use tidegate_tandem::source::{Class as SourceClass, Pump, Session, SourceError, Window};
use tidegate_tandem::{Body, Line, Normaliser, Settings};

use super::account::{gather, see, session, setup_of};
use super::cursor::{Pumps, RULES, Read};
use super::keeper::{Kept, MemberKeeper, load, save};
use super::plan::{Plan, is_unchanged};
use super::settings::TandemSetup;
use crate::client::SyncClient;
use crate::crash;
use crate::error::Error;

/// How many days of lines are written at once.
const DAYS_AT_ONCE: usize = 7;

/// What to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestOptions {
    /// Since when, by the pump's clock; `None` is the last week at first, and what is new since then. A day before what was read
    /// already has all of it read again.
    pub since: Option<Date>,
    /// Whether pumps are passed over of which nothing was uploaded since they were read.
    pub only_news: bool,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestProgress {
    /// Which pump, counted from 1.
    pub pump: usize,
    /// How many pumps.
    pub pumps: usize,
    /// Which window of it is being read, counted from 1.
    pub window: usize,
    /// How many windows.
    pub windows: usize,
    /// The first day of the window, by the pump's clock.
    pub from: Date,
    /// The last day of it.
    pub to: Date,
    /// Lines of days that were new so far, in this run.
    pub samples: u64,
}

/// What a run came to.
#[derive(Debug)]
pub struct IngestReport {
    /// Whose pumps.
    pub member: MemberId,
    /// Each pump of the account.
    pub pumps: Vec<PumpReport>,
}

/// Why a pump was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Nothing was ever uploaded.
    NeverUploaded,
    /// Nothing was uploaded since it was read.
    NothingNew,
}

impl Skipped {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverUploaded => "never-uploaded",
            Self::NothingNew => "nothing-new",
        }
    }
}

/// What reading a pump came to.
#[derive(Debug, Default)]
pub struct PumpReport {
    /// Names the assignment of the pump to the person.
    pub assignment_id: String,
    /// The pump's serial number.
    pub serial_number: Option<String>,
    /// Its model.
    pub model_name: Option<String>,
    /// Why it was not read, if it was not.
    pub skipped: Option<Skipped>,
    /// The first day that was ever read, and the last one, by the pump's clock.
    pub read: Option<(Date, Date)>,
    /// Windows that were read.
    pub windows: u64,
    /// Events in them; those of the days that two windows share count twice.
    pub events: u64,
    /// Lines of days that were new, or new versions of ones that were there.
    pub samples: u64,
    /// Records that have a new version.
    pub records: u64,
    /// Samples whose time is still to come: they are read again.
    pub provisional: u64,
    /// Entries that are no event, and events of a known kind that cannot be read: the service or the pump has changed.
    pub unread: u64,
    /// What stopped it, if something did. What was read before is kept, and the next run goes on there.
    pub failure: Option<Error>,
}

impl SyncClient {
    /// Reads what is new in the logs of a family member's pumps into records. Every pump of the account is read, also those that
    /// are no longer worn. Stopped anywhere, it loses nothing, and the next call goes on.
    ///
    /// A pump that fails on its own is told in its [`PumpReport`], and the others are read.
    ///
    /// # Errors
    /// `tandem-no-login`; those of [`SourceError`] that concern the account; where every pump fails, why the first does.
    pub async fn tandem_ingest(
        &self,
        member: MemberId,
        options: IngestOptions,
        progress: &(dyn Fn(IngestProgress) + Send + Sync),
    ) -> Result<IngestReport, Error> {
        let _gathering = gather(&self.device).await?;
        let setup = setup_of(&self.device, member)?.ok_or(SourceError::NoLogin)?;
        let session = session(&self.device, member, &setup, None)?;
        let mut account = session.account().await?;
        let known = see(&self.device, member, &account)?;
        // The pump that is worn comes first: what is new is wanted before what is old.
        account.pumps.sort_by_key(|pump| std::cmp::Reverse(pump.available.map(|(_, last)| last)));
        let mut run = Run {
            client: self,
            member,
            setup: &setup,
            session: &session,
            options,
            progress,
            pumps: account.pumps.len(),
            samples: 0,
        };
        let mut report = IngestReport { member, pumps: Vec::new() };
        for (index, pump) in account.pumps.iter().enumerate() {
            let read = known.get(&pump.assignment_id).and_then(|known| known.read.clone());
            let mut told = PumpReport {
                assignment_id: pump.assignment_id.clone(),
                serial_number: pump.serial_number.clone(),
                model_name: pump.model_name.clone(),
                read: read.as_ref().map(|read| (read.from, read.to)),
                ..PumpReport::default()
            };
            match run.read_pump(index + 1, pump, read, &mut told).await {
                Ok(()) => {}
                Err(error) if concerns_one_pump(&error) => told.failure = Some(error),
                Err(error) => return Err(error),
            }
            report.pumps.push(told);
        }
        if !report.pumps.is_empty() && report.pumps.iter().all(|pump| pump.failure.is_some()) {
            let first = report.pumps.into_iter().find_map(|pump| pump.failure);
            return Err(first.unwrap_or_else(|| Error::bug("a failure is gone")));
        }
        Ok(report)
    }
}

/// Whether other pumps of the account may still be read.
fn concerns_one_pump(error: &Error) -> bool {
    let Error::Tandem(error) = error else { return false };
    match error.class() {
        SourceClass::Retry | SourceClass::Changed => true,
        SourceClass::Credentials
        | SourceClass::Locked { .. }
        | SourceClass::RateLimited { .. }
        | SourceClass::Blocked
        | SourceClass::Unreachable => false,
    }
}

struct Run<'a> {
    client: &'a SyncClient,
    member: MemberId,
    setup: &'a TandemSetup,
    session: &'a Session<MemberKeeper>,
    options: IngestOptions,
    progress: &'a (dyn Fn(IngestProgress) + Send + Sync),
    pumps: usize,
    samples: u64,
}

impl Run<'_> {
    async fn read_pump(&mut self, number: usize, pump: &Pump, read: Option<Read>, told: &mut PumpReport) -> Result<(), Error> {
        let Some(available) = pump.available else {
            told.skipped = Some(Skipped::NeverUploaded);
            return Ok(());
        };
        let began = self.now();
        let is_by_rules = read.as_ref().is_none_or(|read| read.rules == RULES);
        if self.options.only_news && self.options.since.is_none() && is_by_rules && is_unchanged(read.as_ref(), pump.last_upload)
        {
            told.skipped = Some(Skipped::NothingNew);
            return Ok(());
        }
        // By earlier rules other lines were written: all of it is read again, from where it was read.
        let (read, since) = match read {
            Some(read) if read.rules < RULES => (None, Some(self.options.since.map_or(read.from, |since| since.min(read.from)))),
            read => (read, self.options.since),
        };
        let plan = Plan::new(read.as_ref(), available, since, self.today(began)?);
        let (windows, mut completed_at) = (plan.windows.len(), read.and_then(|read| read.completed_at));
        for (index, window) in plan.windows.iter().copied().enumerate() {
            let (from, to) = (window.from(), window.to());
            let (pumps, samples) = (self.pumps, self.samples);
            (self.progress)(IngestProgress { pump: number, pumps, window: index + 1, windows, from, to, samples });
            self.read_window(pump, window, plan.from, told).await?;
            if index + 1 == windows {
                completed_at = Some(began);
            }
            let read = Read { from: plan.from, to: plan.read_to(window), completed_at, rules: RULES };
            told.read = Some((read.from, read.to));
            crash::point("tandem-cursor");
            self.note(pump, read)?;
            crash::point("tandem-cursor");
        }
        Ok(())
    }

    /// Reads one window and writes its samples. When this returns, they are on the disk.
    async fn read_window(&mut self, pump: &Pump, window: Window, from: Date, told: &mut PumpReport) -> Result<(), Error> {
        crash::point("tandem-log");
        let log = self.session.pump_log(pump, window).await?;
        crash::point("tandem-log");
        told.windows += 1;
        told.events += log.events.len() as u64;
        let unread = log.events.iter().filter(|event| matches!(event.body, Body::Unread { .. })).count();
        told.unread += (unread + log.rejected.len()) as u64;
        let mut normaliser = Normaliser::new(Settings {
            pump: pump.assignment_id.clone(),
            zone: self.setup.zone.clone(),
            concentration: self.setup.concentration,
        });
        normaliser.add(log.events);
        normaliser.add_clock_changes(log.clock_changes);
        let lines = normaliser.lines(Some(self.now()));
        // Not needed any more, and as large as the lines.
        drop(normaliser);
        for lines in parts(lines, from) {
            let written = self.client.put_lines(self.member, &pump.assignment_id, &lines).await?;
            told.samples += written.samples;
            told.records += written.records;
            told.provisional += written.provisional;
            self.samples += written.samples;
        }
        Ok(())
    }

    /// Takes note of how far a pump was read.
    fn note(&self, pump: &Pump, read: Read) -> Result<(), Error> {
        let device = &self.client.device;
        let mut pumps: Pumps = load(device, self.member, Kept::Pumps)?.unwrap_or_default();
        pumps.entry(pump.assignment_id.clone()).or_default().read = Some(read);
        save(device, self.member, Kept::Pumps, Some(&pumps))
    }

    fn now(&self) -> Timestamp {
        let now = self.client.device.clock.now();
        Timestamp::from_nanosecond(now.unix_timestamp_nanos()).unwrap_or(Timestamp::MAX)
    }

    /// The date where the wearer lives.
    fn today(&self, now: Timestamp) -> Result<Date, Error> {
        let zone = TimeZone::get(self.setup.zone.name()).map_err(|error| Error::bug(error.to_string()))?;
        Ok(zone.to_datetime(now).date())
    }
}

/// The lines from this day on, some days at a time: what is written at once is held in memory several times over.
fn parts(lines: Vec<Line>, from: Date) -> impl Iterator<Item = Vec<Line>> {
    let mut days: BTreeMap<Date, Vec<Line>> = BTreeMap::new();
    for line in lines {
        let day = line.day();
        if day >= from {
            days.entry(day).or_default().push(line);
        }
    }
    let mut days = days.into_values();
    std::iter::from_fn(move || {
        let part: Vec<Line> = days.by_ref().take(DAYS_AT_ONCE).flatten().collect();
        (!part.is_empty()).then_some(part)
    })
}
