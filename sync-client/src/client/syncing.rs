//! Syncing, and what is told about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tidegate_protocol::RecordId;
use tidegate_sync_core::engine::{CollectOptions, Collected, Engine, SyncOptions, SyncSummary};

use super::SyncClient;
use super::cache::tidy;
use super::devices::read_devices;
use super::new_keys::{check_settled, introduce_anew};
use crate::device::Device;
use crate::driver::{Driver, Work};
use crate::error::Error;
use crate::garbage::{CollectReport, report_of};
use crate::local::profile_in_words;
use crate::record::Conflict;
use crate::report::{Event, Progress, Requests, SyncReport, Traffic};
use crate::transport::Transport;
use crate::view;
use crate::watch::month_name;

impl SyncClient {
    /// Sends what waits and takes in what is new. May be called at any time; a second call waits for the first, and for
    /// another process as long as [`crate::Options::home_wait`] says. Edits wait for neither.
    ///
    /// # Errors
    /// By class: retry where store or broker cannot be reached, re-authenticate, denied. Nothing is lost with any of them.
    pub async fn sync(&self, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<SyncReport, Error> {
        self.sync_with(SyncOptions::default(), progress).await
    }

    /// The same, with what a person has allowed.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn sync_with(
        &self,
        options: SyncOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SyncReport, Error> {
        let _one_at_a_time = self.device.syncing.lock().await;
        let _guard = self.device.lock_home().await?;
        sync(&self.device, options, progress).await
    }

    /// Syncs, and deletes what nothing refers to any more: objects that nobody has referred to for a week, and segments and
    /// checkpoints that a checkpoint of a week ago carries. With `dry_run` it says what it would delete, and sends nothing.
    ///
    /// Any device may, at any time, several at once too; one of them, once a week, is enough.
    ///
    /// # Errors
    /// As [`SyncClient::sync`]; `not-allowed` with a session or an access key that may not delete.
    pub async fn collect(&self, dry_run: bool, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<CollectReport, Error> {
        let _one_at_a_time = self.device.syncing.lock().await;
        let _guard = self.device.lock_home().await?;
        let (sync, collected) = run(&self.device, Work::Collect(CollectOptions { dry_run }), progress).await?;
        let collected = collected.ok_or_else(|| Error::bug("the engine has not collected what it was asked to"))?;
        Ok(report_of(&collected, sync))
    }

    /// Whether another process is syncing this home at this moment, so that a sync would wait.
    #[must_use]
    pub fn is_syncing_elsewhere(&self) -> bool {
        self.device.lock.is_syncing_elsewhere()
    }

    pub(crate) fn edits(&self) -> Result<u64, Error> {
        // The number alone: rows that another process has just written are read when they are needed.
        let state = self.device.state();
        if !state.database.was_replaced() {
            return state.database.edits();
        }
        drop(state);
        self.device.read(|state| state.database.edits())
    }

    pub(crate) fn device_requests(&self, month: &str) -> Result<Requests, Error> {
        self.device.state().database.requests(month)
    }
}

/// One sync; the caller holds the home's lock.
pub(super) async fn sync(
    device: &Device,
    options: SyncOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<SyncReport, Error> {
    run(device, Work::Sync(options), progress).await.map(|(report, _)| report)
}

async fn run(
    device: &Device,
    work: Work,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(SyncReport, Option<Collected>), Error> {
    check_settled(&device.home)?;
    let transport = device.transport()?;
    let before = transport.traffic().total();
    let synced = run_under_keys(device, &transport, work, progress).await;
    let traffic = transport.traffic().total().since(&before);
    // A sync that fails has cost what it asked for, too. Where even this cannot be written, its own failure counts.
    let noted = device.note(|database| database.add_requests(&month_name(device.now_ms()), &traffic.requests));
    let (report, collected) = synced?;
    noted?;
    Ok((SyncReport { traffic, ..report }, collected))
}

/// The same; where new keys were just taken up, everything is written down anew first.
async fn run_under_keys(
    device: &Device,
    transport: &Arc<dyn Transport>,
    work: Work,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(SyncReport, Option<Collected>), Error> {
    if !device.read(|state| state.database.must_write_down())? {
        return run_over(device, transport, work, progress).await;
    }
    introduce_anew(device, &**transport).await?;
    let options = if let Work::Sync(options) = work { options } else { SyncOptions::default() };
    let done = run_over(device, transport, Work::Sync(SyncOptions { write_down: true, ..options }), progress).await?;
    device.note(|database| database.set_must_write_down(false))?;
    match work {
        Work::Sync(_) => Ok(done),
        Work::Collect(_) => run_over(device, transport, work, progress).await,
    }
}

async fn run_over(
    device: &Device,
    transport: &Arc<dyn Transport>,
    work: Work,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(SyncReport, Option<Collected>), Error> {
    let began = Instant::now();
    let before = transport.traffic().total();
    let conflicts_before = listened_to(device)?;
    let summary = Driver::new(device, Arc::clone(transport), progress, work).run().await?;

    let profile = profile_in_words(&transport.profile());
    let now_ms = i64::try_from(device.now_ms()).unwrap_or(i64::MAX);
    device.note(|database| database.synced(now_ms, device.clock.offset_ms(), profile))?;
    // A sync that lists anyway (the first one, and one a day) learns who the devices are; no other pays for it.
    if transport.traffic().total().since(&before).requests.list > 0
        && let Err(error) = read_devices(device, &**transport).await
    {
        tracing::debug!(code = error.code(), "the devices' names could not be read");
    }
    if let Some(before) = conflicts_before.filter(|_| summary.pulled > 0) {
        tell_conflicts(device, &before)?;
    }
    tidy(device);
    let traffic = Traffic::default();
    let quarantined = view::quarantined(&summary.quarantined);
    let (holes, notices) = (view::holes(&summary.holes), view::notices(&summary.notices));
    let mass_delete = view::mass_deletes(&summary.mass_delete);
    let SyncSummary { pulled, pushed, conflicts, collected, .. } = summary;
    let duration = began.elapsed();
    let report = SyncReport { pulled, pushed, conflicts, quarantined, holes, notices, mass_delete, traffic, duration };
    Ok((report, collected))
}

/// The conflicts of which somebody who listens knows already. Where nobody listens, or there are none, no change is read for it.
fn listened_to(device: &Device) -> Result<Option<Vec<Conflict>>, Error> {
    if device.events.receiver_count() == 0 {
        return Ok(None);
    }
    let known = |engine: &Engine| if engine.conflict_count() == 0 { Vec::new() } else { view::conflicts(engine) };
    device.read(|state| Ok(Some(known(&state.engine))))
}

fn tell_conflicts(device: &Device, before: &[Conflict]) -> Result<(), Error> {
    let now = device.read(|state| Ok(view::conflicts(&state.engine)))?;
    let known: BTreeMap<RecordId, usize> = before.iter().map(|conflict| (conflict.record_id, conflict.versions.len())).collect();
    for conflict in now {
        let is_new = known.get(&conflict.record_id).is_none_or(|versions| conflict.versions.len() > *versions);
        if let Some(winner) = conflict.versions.first().filter(|_| is_new) {
            device.tell(Event::Conflict(conflict.member_id, conflict.record_id, winner.cid));
        }
    }
    Ok(())
}
