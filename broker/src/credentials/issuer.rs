//! One door to both ways of making temporary credentials, opened once they have been tried.

use std::fmt;

use secrecy::SecretString;
use tidegate_protocol::problem::ProblemCode;
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::r2::{self, R2Parent};
use super::sts::StsClient;
use super::trial::{Trial, Verdict};
use crate::config::{Config, CredentialSource, R2Settings};
use crate::problem::Problem;
use crate::store::StoreConfig;

/// Temporary credentials.
#[derive(Clone)]
pub(crate) struct Issued {
    /// The access key's id.
    pub(crate) access_key_id: String,
    /// Its secret.
    pub(crate) secret_access_key: SecretString,
    /// What travels with every request.
    pub(crate) session_token: SecretString,
    /// When the store stops accepting them.
    pub(crate) expires_at: OffsetDateTime,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What credentials are to do, for whom and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    /// What they read.
    pub(crate) prefixes: &'a [String],
    /// Whether they may list it, too.
    pub(crate) listing: bool,
    /// Whom the store's own log is to name.
    pub(crate) holder: &'a str,
    pub(crate) now: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

enum Source {
    Sts(StsClient),
    R2(R2Settings),
}

/// Makes them.
pub(crate) struct CredentialIssuer {
    source: Source,
    store: StoreConfig,
    verdict: OnceCell<Verdict>,
}

impl CredentialIssuer {
    /// `None` if this broker makes none.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let store = config.store.clone();
        let source = match config.credentials.as_ref()? {
            CredentialSource::Sts(settings) => Source::Sts(StsClient::new(settings, &store.read, &store.bucket)),
            CredentialSource::R2(settings) => Source::R2(settings.clone()),
        };
        Some(Self { source, store, verdict: OnceCell::new() })
    }

    /// Credentials that read these prefixes until `until` at most, and whether they list them.
    pub(crate) async fn issue(
        &self,
        prefixes: &[String],
        holder: &str,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<(Issued, bool), Problem> {
        let listing = match self.verdict.get_or_try_init(|| self.try_out(now)).await? {
            Verdict::ReadAndList => true,
            Verdict::ReadAlone => false,
            Verdict::Unfit(_) => {
                let message = "temporary credentials of this store would do more than read; ask for URLs";
                return Err(Problem::new(ProblemCode::CredentialsNotAvailable, message));
            }
        };
        Ok((self.make(Order { prefixes, listing, holder, now, until }).await?, listing))
    }

    /// What credentials of this store do. Those that list beyond their prefix are tried again without listing.
    pub(crate) async fn try_out(&self, now: OffsetDateTime) -> Result<Verdict, Problem> {
        let trial = Trial::new(&Uuid::new_v4().simple().to_string());
        let prefixes = [trial.own.clone()];
        let until = now + Duration::seconds(900);
        let order = Order { prefixes: &prefixes, listing: true, holder: "tidegate-trial", now, until };
        let mut verdict = trial.judge(&self.store, &self.make(order).await?, now).await.map_err(failed)?;
        if verdict == Verdict::ReadAlone {
            let issued = self.make(Order { listing: false, ..order }).await?;
            verdict = match trial.judge_without_listing(&self.store, &issued, now).await.map_err(failed)? {
                Verdict::ReadAndList => Verdict::Unfit("lists without being allowed to"),
                verdict @ (Verdict::ReadAlone | Verdict::Unfit(_)) => verdict,
            };
        }
        match verdict {
            Verdict::ReadAndList => {}
            Verdict::ReadAlone => {
                tracing::warn!("this store's temporary credentials would list beyond their prefix, so that they list nothing")
            }
            Verdict::Unfit(reason) => {
                tracing::error!(reason, "this store's temporary credentials do more than they are to: none are made")
            }
        }
        Ok(verdict)
    }

    async fn make(&self, order: Order<'_>) -> Result<Issued, Problem> {
        match &self.source {
            Source::Sts(client) => client.assume_role(order).await.map_err(failed),
            Source::R2(settings) => {
                let parent = R2Parent { key: &self.store.read, settings, bucket: &self.store.bucket };
                r2::mint(parent, order).map_err(Problem::internal)
            }
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    Problem::new(ProblemCode::StoreUnavailable, "the store makes no temporary credentials now; ask for URLs").caused_by(error)
}
