//! The hand-over itself: samples from the days' records, the ledger from and into records of its own.
//!
//! The ledger travels with the account, under the name of the store that it is of: an app that was installed anew, and finds out
//! that the phone is the same, goes on with that name and writes nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tidegate_protocol::{MemberId, RecordId};
use tidegate_sync_core::engine::{Edit, PutRecord};
use tidegate_tandem::{Sample, Withdrawn};

use super::batch::{
    BATCH_FORMAT, CONFIRMATION_FORMAT, Confirmation, Confirmed, HealthBatch, HealthDeletion, HealthObject, HealthStore,
};
use super::ledger::{DAY_MS, Entry, LEDGER_DAYS, LEDGER_ENTRIES, Ledger, day_of};
use super::lines::{LEDGER_KIND, STORE_KIND, entries, entry_lines, floor, floor_line};
use super::quantity::{Quantity, quantity, type_of};
use super::receipt::Receipts;
use crate::client::{SyncClient, United, refusal, united};
use crate::device::LocalState;
use crate::error::Error;
use crate::names::{SampleNames, SamplePlace};
use crate::record::{ContentId, ListFilter};
use crate::report::Event;
use crate::samples::{SampleFilter, SampleKind};
use crate::view;

const MEDIA_TYPE: &str = "application/x-ndjson";
/// Longest name of a store, in bytes.
const MAX_STORE_BYTES: usize = 64;
/// Days that a zone and a sample's length can lie between an instant and the day of its record.
const SLACK: SignedDuration = SignedDuration::from_hours(48);
/// Forgotten days that one confirmation deletes at most: many at once look like a mistake, and would wait for a person.
const DELETED_AT_ONCE: usize = 10;

/// What to hand over, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Whose samples.
    pub member: MemberId,
    /// The store's name: the same for as long as it is the same Apple Health, through new installations; 1 to 64 bytes.
    pub store: String,
    /// Which samples.
    pub kinds: BTreeSet<SampleKind>,
    /// How many days of the past a store gets that there is no ledger of yet; at most 370.
    pub initial_days: u16,
    /// Most samples of a batch, 1 to 5,000.
    pub limit: usize,
}

impl HandOver {
    /// Insulin and carbohydrates, seven days of the past, a thousand samples at a time. Not glucose: the sensor's own app writes that.
    #[must_use]
    pub fn new(member: MemberId, store: impl Into<String>) -> Self {
        let kinds = [SampleKind::InsulinBolus, SampleKind::InsulinBasal, SampleKind::Carbohydrates].into();
        Self { member, store: store.into(), kinds, initial_days: 7, limit: 1_000 }
    }

    /// Glucose too.
    #[must_use]
    pub fn with_glucose(mut self) -> Self {
        self.kinds.insert(SampleKind::Glucose);
        self
    }
}

/// A line to be added to a record.
struct Addition {
    record: RecordId,
    kind: &'static str,
    title: String,
    lines: Vec<u8>,
}

impl SyncClient {
    /// What is to be written to a store of Apple Health, the oldest first. The first call for a store begins its ledger. Asking
    /// again gives the same again, until it is confirmed.
    ///
    /// # Errors
    /// `member-unknown`, `text-length`, `invalid-setting`; as [`SyncClient::get`] and [`SyncClient::put`].
    pub async fn health_pending(&self, hand_over: &HandOver) -> Result<HealthBatch, Error> {
        check(hand_over)?;
        let HandOver { member, store, .. } = hand_over;
        let (names, now_ms) = (self.sample_names(*member)?, self.health_now());
        let ledger = match self.ledger(*member, store).await? {
            Some(ledger) => ledger,
            None => {
                let ledger = Ledger::new(now_ms - i64::from(hand_over.initial_days) * DAY_MS);
                self.add_lines(*member, vec![self.floor_addition(*member, store, ledger.floor_ms)?]).await?;
                ledger
            }
        };
        let floor_ms = ledger.floor_ms.max(now_ms - LEDGER_DAYS * DAY_MS);
        let receipts = Receipts { names: &names, store };
        let mut batch = HealthBatch {
            format: BATCH_FORMAT,
            member_id: *member,
            store: store.clone(),
            since: timestamp(floor_ms),
            more: false,
            samples: Vec::new(),
            deletions: Vec::new(),
        };
        let mut reader = self.samples(&since(hand_over, floor_ms)).await?;
        while let Some(mut day) = reader.next_day().await? {
            day.samples.sort_by(|a, b| (a.end.utc, &a.id).cmp(&(b.end.utc, &b.id)));
            let samples = day.samples.iter().filter(|sample| sample.end.utc.as_millisecond() >= floor_ms);
            let pending = samples.filter_map(|sample| pending(sample, &ledger, &receipts));
            // A ledger without entries has nothing that could be taken back, and of most events there never was anything.
            let withdrawn = day.withdrawn.iter().filter(|gone| !ledger.is_empty() && gone.at.as_millisecond() >= floor_ms);
            let gone = withdrawn.filter_map(|withdrawn| taken_back(withdrawn, &ledger, &receipts));
            for pending in pending.chain(gone) {
                if batch.samples.len() + batch.deletions.len() == hand_over.limit {
                    batch.more = true;
                    return Ok(batch);
                }
                match pending {
                    Pending::Object(object) => batch.samples.push(object),
                    Pending::Deletion(deletion) => batch.deletions.push(deletion),
                }
            }
        }
        Ok(batch)
    }

    /// Records what was written to a store. All of it or, if one receipt is none of this store and family member, nothing. To
    /// confirm the same again changes nothing.
    ///
    /// # Errors
    /// `health-confirmation-invalid`, `health-receipt-unknown`, `member-unknown`; as [`SyncClient::get`] and [`SyncClient::put`].
    pub async fn health_confirm(&self, confirmation: &Confirmation) -> Result<Confirmed, Error> {
        let Confirmation { format, member_id: member, store, written } = confirmation;
        if format != CONFIRMATION_FORMAT {
            return Err(Error::HealthConfirmation { reason: "its format is not tidegate/health-confirmation/v1" });
        }
        check_store(store)?;
        let (names, now_ms) = (self.sample_names(*member)?, self.health_now());
        let receipts = Receipts { names: &names, store };
        let opened: Vec<Option<Entry>> = written.iter().map(|text| receipts.open(text)).collect();
        let unknown = opened.iter().filter(|entry| entry.is_none()).count();
        if unknown > 0 {
            return Err(Error::HealthReceiptUnknown { unknown, of: opened.len() });
        }
        let batch: Vec<Entry> = opened.into_iter().flatten().collect();
        let known = self.ledger(*member, store).await?;
        // A ledger that has not come to this device yet: from the first that was written on.
        let first = batch.iter().map(|entry| entry.ended_ms).min().unwrap_or(now_ms);
        let floor_before = known.as_ref().map(|ledger| ledger.floor_ms);
        let mut ledger = known.unwrap_or_else(|| Ledger::new(first));
        let (confirmed, added) = ledger.record(&batch);
        ledger.evict(now_ms, &batch);
        let mut additions = Vec::new();
        if floor_before != Some(ledger.floor_ms) {
            additions.push(self.floor_addition(*member, store, ledger.floor_ms)?);
        }
        let mut days: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
        for entry in &added {
            days.entry(day_of(entry.ended_ms)).or_default().push(entry);
        }
        for (day, entries) in days {
            let record = self.health_record(*member, &["health-ledger", store, &day.to_string()])?;
            additions.push(Addition { record, kind: LEDGER_KIND, title: date(day), lines: entry_lines(entries) });
        }
        self.add_lines(*member, additions).await?;
        self.delete_forgotten(*member, store, ledger.floor_ms)?;
        Ok(confirmed)
    }

    /// The stores of Apple Health that the account has ledgers of, for this family member. An app that was installed anew finds here
    /// the one that it has to go on with.
    ///
    /// # Errors
    /// As [`SyncClient::get`].
    pub async fn health_stores(&self, member: MemberId) -> Result<Vec<HealthStore>, Error> {
        let filter = ListFilter { member: Some(member), kind: Some(STORE_KIND.to_owned()), deleted: false };
        let mut stores = Vec::new();
        for info in self.list(&filter)?.records {
            let content = self.get(ContentId::Record(info.record_id, None)).await?;
            // A record that somebody has given another title is none that could be gone on with.
            if self.health_record(member, &["health-store", &info.title])? == info.record_id {
                stores.extend(floor(&content.bytes).map(|ms| HealthStore { store: info.title, since: timestamp(ms) }));
            }
        }
        stores.sort_by(|a, b| a.store.cmp(&b.store));
        Ok(stores)
    }

    /// How this family member's samples are called outside of the account.
    ///
    /// # Errors
    /// `member-unknown`.
    pub fn sample_names(&self, member: MemberId) -> Result<SampleNames, Error> {
        self.device.read(|state| {
            view::check_member(&state.engine, member)?;
            let keys = state.engine.space_keys(state.engine.space_of(member)).ok_or(Error::MemberUnknown(member))?;
            Ok(SampleNames::from_secret(keys.attachment_key().sample_names_key()))
        })
    }

    fn health_now(&self) -> i64 {
        i64::try_from(self.device.now_ms()).unwrap_or(i64::MAX)
    }

    fn health_record(&self, member: MemberId, about: &[&str]) -> Result<RecordId, Error> {
        self.device.read(|state| {
            let keys = state.engine.space_keys(state.engine.space_of(member)).ok_or(Error::MemberUnknown(member))?;
            Ok(keys.attachment_key().record_id(about))
        })
    }

    fn floor_addition(&self, member: MemberId, store: &str, floor_ms: i64) -> Result<Addition, Error> {
        let record = self.health_record(member, &["health-store", store])?;
        Ok(Addition { record, kind: STORE_KIND, title: store.to_owned(), lines: floor_line(floor_ms) })
    }

    /// The ledger of a store, as far as it has come to this device; `None` if there is none.
    async fn ledger(&self, member: MemberId, store: &str) -> Result<Option<Ledger>, Error> {
        let head = self.health_record(member, &["health-store", store])?;
        let there = self.health_records(member, STORE_KIND)?;
        if !there.contains(&head) {
            return Ok(None);
        }
        let content = self.get(ContentId::Record(head, None)).await?;
        let Some(floor_ms) = floor(&content.bytes) else { return Ok(None) };
        let mut ledger = Ledger::new(floor_ms);
        let days = self.ledger_days(member, store, day_of(floor_ms)..=day_of(self.health_now()) + 2)?;
        let ids: Vec<ContentId> = days.iter().map(|(_, record)| ContentId::Record(*record, None)).collect();
        for ((day, _), content) in days.iter().zip(self.get_all(&ids).await?) {
            ledger.days.insert(*day, entries(&content.bytes));
        }
        Ok(Some(ledger))
    }

    fn health_records(&self, member: MemberId, kind: &str) -> Result<BTreeSet<RecordId>, Error> {
        let filter = ListFilter { member: Some(member), kind: Some(kind.to_owned()), deleted: false };
        Ok(self.list(&filter)?.records.into_iter().map(|info| info.record_id).collect())
    }

    /// The records of these days that there are.
    fn ledger_days(
        &self,
        member: MemberId,
        store: &str,
        days: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<(i64, RecordId)>, Error> {
        let there = self.health_records(member, LEDGER_KIND)?;
        if there.is_empty() {
            return Ok(Vec::new());
        }
        self.device.read(|state| {
            let keys = state.engine.space_keys(state.engine.space_of(member)).ok_or(Error::MemberUnknown(member))?;
            let record = |day: i64| (day, keys.attachment_key().record_id(&["health-ledger", store, &day.to_string()]));
            Ok(days.map(record).filter(|(_, record)| there.contains(record)).collect())
        })
    }

    /// Adds lines to records, beside what stands there, all of them or none.
    async fn add_lines(&self, member: MemberId, additions: Vec<Addition>) -> Result<(), Error> {
        let there: BTreeSet<RecordId> = self
            .list(&ListFilter { member: Some(member), ..ListFilter::default() })?
            .records
            .iter()
            .map(|info| info.record_id)
            .collect();
        for addition in additions.iter().filter(|addition| there.contains(&addition.record)) {
            // What is in the store alone is brought here, so that it goes into what is written.
            self.get(ContentId::Record(addition.record, None)).await?;
        }
        let written = self.device.edit_all(|state, now_ms| {
            let edits = additions.iter().filter_map(|addition| added(state, member, addition, now_ms).transpose());
            edits.collect::<Result<Vec<_>, Error>>()
        })?;
        written.into_iter().for_each(|record| self.device.tell(Event::RecordChanged(member, record)));
        Ok(())
    }

    /// Deletes days of a ledger that are below its floor.
    fn delete_forgotten(&self, member: MemberId, store: &str, floor_ms: i64) -> Result<(), Error> {
        let last = day_of(floor_ms) - 1;
        let forgotten = self.ledger_days(member, store, last - 2 * LEDGER_DAYS..=last)?;
        for (_, record) in forgotten.into_iter().take(DELETED_AT_ONCE) {
            match self.delete(record) {
                Ok(_) | Err(Error::RecordDeleted(_) | Error::RecordUnknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What is to be done at a store.
enum Pending {
    Object(HealthObject),
    Deletion(HealthDeletion),
}

/// What is to be done about a sample; `None` if the store has this version, or nothing of it where there is nothing to have.
fn pending(sample: &Sample, ledger: &Ledger, receipts: &Receipts<'_>) -> Option<Pending> {
    if sample.is_provisional() {
        return None;
    }
    let written = ledger.version(&receipts.entry_id(&sample.id));
    let is_newer = written.is_some_and(|written| written < sample.version);
    let name = || receipts.names.name(SamplePlace::AppleHealth, &sample.id);
    match quantity(sample) {
        Quantity::Amount(amount) if written.is_none() || is_newer => {
            Some(Pending::Object(HealthObject::new(sample, name(), amount, Some(receipts.of(sample)))))
        }
        Quantity::Nothing(kind) if is_newer => Some(Pending::Deletion(HealthDeletion {
            r#type: kind,
            sync_identifier: name(),
            receipt: receipts.of(sample).to_text(),
        })),
        Quantity::Foreign | Quantity::Nothing(_) | Quantity::Amount(_) => None,
    }
}

/// What is to be done about what is no sample (any more): nothing, but where it was written when less was known.
fn taken_back(withdrawn: &Withdrawn, ledger: &Ledger, receipts: &Receipts<'_>) -> Option<Pending> {
    let written = ledger.version(&receipts.entry_id(&withdrawn.id))?;
    (written < withdrawn.version).then(|| {
        Pending::Deletion(HealthDeletion {
            r#type: type_of(withdrawn.kind),
            sync_identifier: receipts.names.name(SamplePlace::AppleHealth, &withdrawn.id),
            receipt: receipts.of_withdrawn(withdrawn).to_text(),
        })
    })
}

/// The edit of one addition; `None` if the record has it all. A record that somebody has deleted is made anew: a ledger without it
/// would hand over for ever what was written.
fn added(state: &LocalState, member: MemberId, addition: &Addition, now_ms: u64) -> Result<Option<(Edit, RecordId)>, Error> {
    let engine = &state.engine;
    view::check_member(engine, member)?;
    let Some(United { before: _, after: content }) = united(state, member, addition.record, &addition.lines)? else {
        return Ok(None);
    };
    let put = PutRecord {
        member,
        record: addition.record,
        kind: Some(addition.kind.to_owned()),
        title: Some(addition.title.clone()),
        media_type: Some(MEDIA_TYPE.to_owned()),
        content,
    };
    let edit = engine.put(put, now_ms, &mut crate::random::system()).map_err(refusal)?;
    Ok(Some((edit, addition.record)))
}

/// The days in which what is not below the floor can lie.
fn since(hand_over: &HandOver, floor_ms: i64) -> SampleFilter {
    let filter = SampleFilter::new(hand_over.member).kinds(hand_over.kinds.iter().copied());
    let first = Timestamp::from_millisecond(floor_ms).and_then(|floor| floor.checked_sub(SLACK));
    match first {
        Ok(first) => filter.from(first.to_zoned(TimeZone::UTC).date()),
        Err(_) => filter,
    }
}

fn timestamp(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

fn date(day: i64) -> String {
    timestamp(day.saturating_mul(DAY_MS)).chars().take(10).collect()
}

fn check(hand_over: &HandOver) -> Result<(), Error> {
    check_store(&hand_over.store)?;
    let invalid = |setting, value: String, reason: String| Err(Error::InvalidSetting { setting, value, reason });
    if !(1..=LEDGER_ENTRIES).contains(&hand_over.limit) {
        return invalid("limit", hand_over.limit.to_string(), format!("a batch has 1 to {LEDGER_ENTRIES} samples"));
    }
    if i64::from(hand_over.initial_days) > LEDGER_DAYS {
        return invalid("days", hand_over.initial_days.to_string(), format!("a ledger goes back {LEDGER_DAYS} days"));
    }
    Ok(())
}

fn check_store(store: &str) -> Result<(), Error> {
    if store.is_empty() || store.len() > MAX_STORE_BYTES {
        return Err(Error::TextLength { what: "name of the store", bytes: store.len(), limit: "1 to 64 are allowed" });
    }
    Ok(())
}
