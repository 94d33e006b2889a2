//! A month's bill, from what the protocol asks of a store.

use std::time::Duration;

use super::StorePrices;
use crate::report::Requests;
use crate::watch::Pace;

/// Days of the month that is projected.
const DAYS: u64 = 30;
/// How long superseded versions stay, in days (retention R), and then until they are collected (*old*).
const PAST_DAYS: u64 = 90 + 7;
/// How long segments stay after a checkpoint covers them, in days (*old*), and as long again until that is as old.
const SEGMENT_DAYS: u64 = 14;
/// About what a segment with one edit takes in the store, in bytes.
const SEGMENT_BYTES: u64 = 1_200;
/// About what a sync-manifest takes, in bytes: it is read after each edit of another device.
const DOORBELL_BYTES: u64 = 4_000;
/// About what a change takes in a checkpoint, in bytes.
const CHANGE_BYTES: u64 = 250;
/// Least changes between two checkpoints.
const CHECKPOINT_CHANGES: u64 = 1_000;
/// Most entries of a page of a listing.
const PAGE: u64 = 1_000;

/// How Tidegate is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Accounts.
    pub users: u64,
    /// Devices of each account, all of them watching.
    pub devices: u64,
    /// Family members of each account.
    pub members: u64,
    /// Edits of each account in a day, over all its devices; each is synced by itself, the dearest way.
    pub edits_per_day: u64,
    /// Records that each account holds.
    pub records: u64,
    /// Mean size of a record in the store, in bytes.
    pub record_bytes: u64,
}

/// US dollars for a month.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bill {
    /// Requests.
    pub requests: f64,
    /// Storage.
    pub storage: f64,
    /// Reading over the internet.
    pub egress: f64,
}

/// A month, projected.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Polls that find nothing new, part of [`Projection::requests`].
    pub polls: u64,
    /// All requests to the store.
    pub requests: Requests,
    /// Bytes in the store at the end.
    pub stored_bytes: u64,
    /// Bytes read.
    pub egress_bytes: u64,
    /// What it costs.
    pub bill: Bill,
    /// What it would cost if each poll were a LIST, as of a folder of segments.
    pub bill_by_list: Bill,
}

impl Bill {
    /// The whole bill.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.requests + self.storage + self.egress
    }
}

/// Projects a month.
#[must_use]
pub fn project(usage: &Usage, prices: &StorePrices) -> Projection {
    let month = Month::of(usage);
    let users = usage.users;
    let requests = Requests {
        get: users * (month.polls + month.gets),
        put: users * month.puts,
        list: users * month.lists,
        ..Requests::default()
    };
    let polls = users * month.polls;
    let (stored_bytes, egress_bytes) = (users * month.stored_bytes, users * month.egress_bytes);
    let storage = storage(stored_bytes, prices);
    let egress = egress(egress_bytes, stored_bytes, prices);
    let billed_polls = if prices.unchanged_is_free { 0 } else { polls };
    let billed = Requests { get: requests.get - polls + billed_polls, ..requests };
    let by_list = Requests { get: requests.get - polls, list: requests.list + polls, ..requests };
    Projection {
        polls,
        requests,
        stored_bytes,
        egress_bytes,
        bill: Bill { requests: requests_usd(&billed, prices), storage, egress },
        bill_by_list: Bill { requests: requests_usd(&by_list, prices), storage, egress },
    }
}

/// One account's month.
struct Month {
    /// Conditional GETs that find nothing new.
    polls: u64,
    /// Other GETs.
    gets: u64,
    puts: u64,
    lists: u64,
    stored_bytes: u64,
    egress_bytes: u64,
}

impl Month {
    fn of(usage: &Usage) -> Self {
        let Usage { devices, members, edits_per_day, records, record_bytes, .. } = *usage;
        let edits = edits_per_day * DAYS;
        let readers = devices.saturating_sub(1);
        let spaces = 1 + members;
        let checkpoints = edits / CHECKPOINT_CHANGES.max(records / 4);
        // A page each of a space's devices/ and checkpoints/ each day, more where there are many segments; then one page of
        // device files, for names.
        let segments_kept = edits_per_day * SEGMENT_DAYS;
        let pages = 2 * spaces + segments_kept / PAGE + 1;

        let polls = devices * polls_per_day(edits_per_day) * DAYS;
        // An edit: doorbell read, object, segment and doorbell written; read by another: doorbell, segment, object.
        let gets = edits * (1 + 3 * readers) + checkpoints * readers;
        let puts = edits * 3 + checkpoints;
        let checkpoint_bytes = (records + edits_per_day * PAST_DAYS) * CHANGE_BYTES;
        let lists = devices * pages * DAYS;
        let stored = records * record_bytes
            + edits_per_day * PAST_DAYS * record_bytes
            + segments_kept * SEGMENT_BYTES
            + checkpoint_bytes * checkpoints.min(2)
            + DOORBELL_BYTES;
        let per_read = record_bytes + SEGMENT_BYTES + DOORBELL_BYTES;
        let egress = edits * (DOORBELL_BYTES + readers * per_read) + checkpoints * readers * checkpoint_bytes;
        Self { polls, gets, puts, lists, stored_bytes: stored, egress_bytes: egress }
    }
}

/// How often a device that watches all day asks: often for a while after each edit, else as seldom as it comes to.
fn polls_per_day(edits_per_day: u64) -> u64 {
    let pace = Pace::default();
    let day = Duration::from_secs(24 * 60 * 60).as_secs();
    let active = (edits_per_day * pace.active_for.as_secs()).min(day);
    active / pace.active.as_secs() + (day - active) / pace.longest.as_secs()
}

fn requests_usd(requests: &Requests, prices: &StorePrices) -> f64 {
    let beyond = |count: u64, free: u64| count.saturating_sub(free) as f64 / 1e6;
    let (writes, reads) = (prices.free.writes, prices.free.reads);
    let free_for_lists = writes.saturating_sub(requests.put);
    beyond(requests.put, writes) * prices.requests.write
        + beyond(requests.list, free_for_lists) * prices.requests.list
        + beyond(requests.get + requests.head, reads) * prices.requests.read
}

fn storage(bytes: u64, prices: &StorePrices) -> f64 {
    let gb = (bytes as f64 / 1e9).max(prices.storage_least_gb);
    (gb - prices.free.storage_gb).max(0.0) * prices.storage_usd_per_gb_month
}

fn egress(bytes: u64, stored: u64, prices: &StorePrices) -> f64 {
    let free = prices.free.egress_gb + prices.free.egress_times_storage * stored as f64 / 1e9;
    (bytes as f64 / 1e9 - free).max(0.0) * prices.egress_usd_per_gb
}

#[cfg(test)]
mod tests {
    use super::super::store_named;
    use super::*;

    const USAGE: Usage = Usage { users: 1, devices: 3, members: 2, edits_per_day: 20, records: 2_000, record_bytes: 2_000 };

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} is not {other}");
    }

    #[test]
    fn a_family_on_amazon_as_computed_by_hand() {
        let month = project(&USAGE, store_named("aws-us-east-1").unwrap());
        // 20 edits keep a device active for 200 minutes: 12,000 s / 45 s = 266 polls, 74,400 s / 600 s = 124 more.
        assert_eq!(month.polls, 3 * 390 * 30);
        // 600 edits, each 1 GET to write and 3 to read by two others; no checkpoint in a month of 600 changes.
        assert_eq!(month.requests.get, 35_100 + 600 * 7);
        assert_eq!(month.requests.put, 600 * 3);
        // Two LISTs for each of three spaces and one for names, by three devices, 30 times.
        assert_eq!(month.requests.list, 3 * 7 * 30);
        close(month.bill.requests, 39_300.0 * 0.4e-6 + (1_800.0 + 630.0) * 5e-6);
        // 2,000 records, 97 days of 20 past versions, 14 days of segments, a doorbell.
        assert_eq!(month.stored_bytes, 4_000_000 + 97 * 20 * 2_000 + 280 * 1_200 + 4_000);
        close(month.bill.storage, 8_220_000.0 / 1e9 * 0.023);
        assert_eq!(month.egress_bytes, 600 * (4_000 + 2 * 7_200));
        close(month.bill.egress, 0.0);
        // The same polls as LISTs.
        close(month.bill_by_list.requests, 4_200.0 * 0.4e-6 + (1_800.0 + 630.0 + 35_100.0) * 5e-6);
    }

    #[test]
    fn a_poll_every_half_minute_costs_what_the_price_list_says() {
        // 86,400 a month: $0.43 by LIST, $0.035 by GET.
        let prices = store_named("aws-us-east-1").unwrap();
        let polls = |get, list| requests_usd(&Requests { get, list, ..Requests::default() }, prices);
        close(polls(86_400, 0), 0.034_56);
        close(polls(0, 86_400), 0.432);
    }

    #[test]
    fn a_device_that_edits_all_day_is_active_all_day() {
        assert_eq!(polls_per_day(0), 144);
        assert_eq!(polls_per_day(144), 1_920);
        assert_eq!(polls_per_day(100_000), 1_920);
    }

    #[test]
    fn allowances_and_minimums_count() {
        let many = Usage { users: 1_000, ..USAGE };
        let r2 = project(&many, store_named("r2").unwrap());
        // 1.8 million writes and 0.63 million LISTs, the first million free; 39.3 million reads, ten million free.
        close(r2.bill.requests, 0.8 * 4.5 + 0.63 * 4.5 + 29.3 * 0.36);
        close(r2.bill.storage, 0.0);
        close(project(&USAGE, store_named("wasabi").unwrap()).bill.total(), 7.99);
        let tigris = project(&USAGE, store_named("tigris").unwrap());
        // Unchanged answers are free there, and the rest is within what is free.
        close(tigris.bill.total(), 0.0);
        assert!(tigris.bill_by_list.requests > 0.1);
        close(project(&many, store_named("self-hosted").unwrap()).bill.total(), 0.0);
    }

    #[test]
    fn checkpoints_come_with_a_thousand_changes_or_a_quarter_of_the_state() {
        let busy = Usage { edits_per_day: 100, ..USAGE };
        let month = project(&busy, store_named("r2").unwrap());
        assert_eq!(month.requests.put, 3_000 * 3 + 3);
        let large = Usage { records: 8_000, ..busy };
        assert_eq!(project(&large, store_named("r2").unwrap()).requests.put, 3_000 * 3 + 1);
    }

    #[test]
    fn users_add_up() {
        let (one, ten) = (project(&USAGE, &store_named("aws-us-east-1").unwrap().clone()), Usage { users: 10, ..USAGE });
        let ten = project(&ten, store_named("aws-us-east-1").unwrap());
        assert_eq!(ten.requests.get, 10 * one.requests.get);
        close(ten.bill.requests, 10.0 * one.bill.requests);
    }
}
