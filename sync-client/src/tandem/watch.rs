//! Reading pumps for as long as an app runs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidegate_protocol::MemberId;
use tidegate_tandem::source::Class as SourceClass;

use super::ingest::{IngestOptions, IngestProgress, IngestReport};
use super::keeper;
use crate::client::SyncClient;
use crate::error::{Class, Error};
use crate::watch::{SystemTicker, Ticker};

/// How often to look, and at whom.
#[derive(Debug, Clone)]
pub struct IngestWatch {
    /// Whose pumps; `None` is everybody's who is logged in.
    pub member: Option<MemberId>,
    /// The first round's; later ones read what is new.
    pub first: IngestOptions,
    /// The time between two looks; a tenth of it is left to chance. The service bears about twelve an hour.
    pub every: Duration,
    /// How long a run that is under way when the watch is stopped may take to end. One that is left loses nothing.
    pub grace: Duration,
    /// Time and chance.
    pub ticker: Arc<dyn Ticker>,
}

impl Default for IngestWatch {
    fn default() -> Self {
        Self {
            member: None,
            first: IngestOptions::default(),
            every: Duration::from_secs(30 * 60),
            grace: Duration::from_secs(5),
            ticker: Arc::new(SystemTicker),
        }
    }
}

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// What came of one look at a family member's pumps.
#[derive(Debug)]
pub struct TandemWatched {
    /// Whose.
    pub member: MemberId,
    /// What was read, or why nothing was; it is tried again.
    pub ingest: Result<IngestReport, Error>,
    /// How long until the next look.
    pub next: Duration,
}

impl SyncClient {
    /// Reads what is new again and again. Nothing is synced by this: [`SyncClient::watch`] beside it sends what was read at once.
    /// `tell` hears of each look. It ends well when `stop` does.
    ///
    /// # Errors
    /// The first failure that does not pass by itself: credentials that are refused, a service that has changed. `tandem-no-login` where
    /// nobody is logged in.
    pub async fn tandem_watch(
        &self,
        watch: &IngestWatch,
        progress: &(dyn Fn(IngestProgress) + Send + Sync),
        tell: &mut (dyn FnMut(TandemWatched) + Send),
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let mut options = watch.first;
        loop {
            let mut waits = Vec::new();
            for member in self.watched_members(watch.member)? {
                let ingest = {
                    let mut running = pin!(self.tandem_ingest(member, options, progress));
                    tokio::select! {
                        ingest = running.as_mut() => ingest,
                        () = stop.as_mut() => {
                            tokio::select! {
                                _ = running => {}
                                () = watch.ticker.sleep(watch.grace) => {}
                            }
                            return Ok(());
                        }
                    }
                };
                let ingest = match ingest {
                    Err(error) if error.class() != Class::Retry => return Err(error),
                    ingest => ingest,
                };
                let now = Timestamp::from_millisecond(i64::try_from(watch.ticker.now_ms()).unwrap_or(i64::MAX));
                let next = wait(watch.every, ingest.as_ref().err(), now.unwrap_or(Timestamp::MAX), watch.ticker.chance());
                waits.push(next);
                tell(TandemWatched { member, ingest, next });
            }
            options = IngestOptions { since: None, only_news: true };
            let next = waits.into_iter().max().unwrap_or(watch.every);
            tokio::select! {
                () = watch.ticker.sleep(next) => {}
                () = stop.as_mut() => return Ok(()),
            }
        }
    }

    fn watched_members(&self, member: Option<MemberId>) -> Result<Vec<MemberId>, Error> {
        let members = keeper::members(&self.device)?;
        let watched: Vec<MemberId> = members.into_iter().filter(|known| member.is_none_or(|member| member == *known)).collect();
        if watched.is_empty() { Err(tidegate_tandem::source::SourceError::NoLogin.into()) } else { Ok(watched) }
    }
}

/// How long until the next look: not before the service bears one.
fn wait(every: Duration, error: Option<&Error>, now: Timestamp, chance: f64) -> Duration {
    let usual = every.max(SHORTEST).mul_f64(0.95 + 0.1 * chance.clamp(0.0, 1.0));
    let Some(Error::Tandem(error)) = error else { return usual };
    match error.class() {
        SourceClass::Locked { until } | SourceClass::RateLimited { until } => {
            let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            usual.max(left + Duration::from_secs(1))
        }
        SourceClass::Retry
        | SourceClass::Credentials
        | SourceClass::Changed
        | SourceClass::Blocked
        | SourceClass::Unreachable => usual,
    }
}

#[cfg(test)]
mod tests {
    use tidegate_tandem::source::SourceError;

    use super::*;

    #[test]
    fn a_look_is_never_sooner_than_the_service_bears() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let until: Timestamp = "2026-11-20T16:00:00Z".parse().unwrap();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(wait(minutes(30), None, now, 0.5), minutes(30));
        assert_eq!(wait(Duration::ZERO, None, now, 0.5), minutes(5));
        let locked = Error::from(SourceError::Locked { until });
        assert_eq!(wait(minutes(30), Some(&locked), now, 0.5), minutes(360) + Duration::from_secs(1));
        assert_eq!(wait(minutes(30), Some(&locked), until, 0.5), minutes(30));
    }
}
