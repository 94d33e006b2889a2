//! Syncing for as long as an app runs: [`SyncClient::watch`].

mod budget;
mod schedule;
mod ticker;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use budget::Budget;
pub(crate) use budget::month_name;
pub use schedule::{Next, Pace, Schedule, Why, passes_by_itself};
pub use ticker::{SystemTicker, Ticker};

use crate::client::SyncClient;
use crate::cost::{StorePrices, store_at};
use crate::error::Error;
use crate::remote::Remote;
use crate::report::{Progress, Requests, SyncReport};

/// How often it is looked whether somebody has edited: another process cannot call.
const LOOK: Duration = Duration::from_secs(1);

/// How to watch.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// How often to ask.
    pub pace: Pace,
    /// What the month's requests may cost.
    pub budget: Budget,
    /// The store's prices; `None` tells the store by its address.
    pub prices: Option<&'static StorePrices>,
    /// How long a sync that runs when the watch is stopped may take to end. One that is left loses nothing.
    pub grace: Duration,
    /// Time and chance.
    pub ticker: Arc<dyn Ticker>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            budget: Budget::DEFAULT,
            prices: None,
            grace: Duration::from_secs(5),
            ticker: Arc::new(SystemTicker),
        }
    }
}

/// What came of one sync, and when the next one is.
#[derive(Debug)]
pub struct Watched {
    /// What it did, or why it failed; it is tried again.
    pub sync: Result<SyncReport, Error>,
    /// The next one, as far as it is known now: an edit brings it forward.
    pub next: Next,
}

impl SyncClient {
    /// Syncs again and again: often while something is going on, seldom when nothing is, at once after an edit of this or of
    /// another process. `tell` hears of each sync. It ends well when `stop` does.
    ///
    /// # Errors
    /// The first failure that does not pass by itself: every class but retry and conflict needs a person. So do deletes that
    /// are held back because they are so many (`mass-delete`); everything else is synced by then.
    pub async fn watch(
        &self,
        options: &WatchOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
        tell: &mut (dyn FnMut(Watched) + Send),
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let mut watch = Watch::new(self, options);
        loop {
            if watch.wait(stop.as_mut()).await? == Waited::Stopped {
                return Ok(());
            }
            let sync = {
                let mut running = pin!(self.sync(progress));
                tokio::select! {
                    sync = running.as_mut() => sync,
                    () = stop.as_mut() => {
                        // The sync is given a moment to end; what it has not done by then, the next one does.
                        tokio::select! {
                            _ = running => {}
                            () = options.ticker.sleep(options.grace) => {}
                        }
                        return Ok(());
                    }
                }
            };
            let sync = match sync {
                Err(error) if !passes_by_itself(&error) => return Err(error),
                sync => sync,
            };
            let next = watch.took(&sync)?;
            let held_back = sync.as_ref().ok().and_then(|report| report.mass_delete.first().copied());
            tell(Watched { sync, next });
            if let Some(held_back) = held_back {
                return Err(Error::from(held_back));
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Waited {
    Due,
    Stopped,
}

struct Watch<'a> {
    client: &'a SyncClient,
    options: &'a WatchOptions,
    schedule: Schedule,
    /// The edits that are known to this loop.
    edits: u64,
}

impl<'a> Watch<'a> {
    fn new(client: &'a SyncClient, options: &'a WatchOptions) -> Self {
        let schedule = Schedule::new(options.pace, options.ticker.now_ms());
        Self { client, options, schedule, edits: client.edits().unwrap_or(0) }
    }

    /// Waits until a sync is due.
    async fn wait(&mut self, mut stop: Pin<&mut (impl Future<Output = ()> + Send)>) -> Result<Waited, Error> {
        loop {
            self.look()?;
            let next = self.next()?;
            if next.wait.is_zero() {
                return Ok(Waited::Due);
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(Waited::Stopped),
                () = self.options.ticker.sleep(next.wait.min(LOOK)) => {}
            }
        }
    }

    /// Looks whether somebody has edited. A sync that begins from here on sends what is known now.
    fn look(&mut self) -> Result<(), Error> {
        let edits = self.client.edits()?;
        if edits != self.edits {
            self.edits = edits;
            self.schedule.edited(self.options.ticker.now_ms());
        }
        Ok(())
    }

    fn took(&mut self, sync: &Result<SyncReport, Error>) -> Result<Next, Error> {
        let (now_ms, chance) = (self.options.ticker.now_ms(), self.options.ticker.chance());
        match sync {
            Ok(report) => self.schedule.synced(now_ms, report.pulled > 0 || report.pushed > 0, chance),
            Err(error) => self.schedule.failed(now_ms, error.retry_after(), chance),
        }
        // What was edited while the sync ran may have come too late for it.
        self.look()?;
        self.next()
    }

    fn next(&self) -> Result<Next, Error> {
        let now_ms = self.options.ticker.now_ms();
        let prices = self.options.prices.unwrap_or_else(|| self.client.store_prices());
        let price = if self.schedule.is_for_edit() { &budget::EDIT } else { &budget::POLL };
        let spent = self.client.requests_this_month(now_ms)?;
        let budget_ms = self.options.budget.earliest_ms(&prices.requests, &spent, price, now_ms);
        Ok(self.schedule.next(now_ms, budget_ms))
    }
}

impl SyncClient {
    /// What the store charges, as far as its address tells; nothing where it is not known, as before a broker's first answer.
    #[must_use]
    pub fn store_prices(&self) -> &'static StorePrices {
        match self.remote() {
            Remote::Direct { endpoint, region, .. } => store_at(&host_of(endpoint), Some(region)),
            Remote::Broker { .. } => {
                let host = self.transport().ok().and_then(|transport| transport.store_host()).unwrap_or_default();
                store_at(&host, None)
            }
        }
    }

    /// What the syncs of this home have asked of the store in the calendar month (UTC) of this moment, in milliseconds since
    /// 1970.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn requests_this_month(&self, now_ms: u64) -> Result<Requests, Error> {
        self.device_requests(&month_name(now_ms))
    }
}

fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
