//! The store's profile: kept in the bucket, and found out anew when it no longer fits.

use std::sync::Arc;

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use tidegate_store_probe::{PROBE_VERSION, ProbeError, Reach, Run, StoreReport, Target, probe};
use time::{Duration, OffsetDateTime};

use super::client::{StoreClient, StoreError};
use super::fitness;
use super::profile::{Addressing, StoreConfig};
use super::swap::read;
use crate::clock::Clock;
use crate::config::Config;

/// The `format` of the document.
const FORMAT: &str = "tidegate/store-profile/v1";
/// A profile is found out anew after this time, at the next start.
const KEPT: Duration = Duration::days(7);
/// A profile from the future was written under a wrong clock.
const CLOCK_SKEW: Duration = Duration::days(1);

/// `_tidegate/store-profile.json`: what a probe found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileDocument {
    format: String,
    /// Of which store, by which credentials: SHA-256 of what a probe depends on.
    fingerprint: Sha256,
    profile: StoreProfile,
}

impl ProfileDocument {
    pub(crate) fn new(fingerprint: Sha256, profile: StoreProfile) -> Self {
        Self { format: FORMAT.to_owned(), fingerprint, profile }
    }

    fn standing(&self, fingerprint: &Sha256, now: OffsetDateTime) -> Standing {
        let Some(findings) = &self.profile.findings else { return Standing::Foreign };
        let is_ours = self.format == FORMAT && self.fingerprint == *fingerprint && findings.probe_version == PROBE_VERSION;
        let age = now - findings.probed_at;
        if !is_ours || age < -CLOCK_SKEW {
            Standing::Foreign
        } else if age > KEPT {
            Standing::Old
        } else {
            Standing::Good
        }
    }
}

/// What a kept profile is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It holds.
    Good,
    /// It held; better than nothing while the store cannot be probed.
    Old,
    /// Of another store, other credentials or another probe.
    Foreign,
}

/// Why there is no profile.
#[derive(Debug)]
pub(crate) enum ProbingError {
    /// The kept one could not be read.
    Store(StoreError),
    /// None could be made.
    Probe(ProbeError),
    /// The store is not one to build on.
    Unfit(Vec<String>),
}

/// The profile that the broker goes by: the kept one, or a new one, or the one that is known beforehand.
///
/// # Errors
/// [`ProbingError`].
pub(crate) async fn established(config: &Config, clock: &Arc<dyn Clock>) -> Result<StoreProfile, ProbingError> {
    let Some(probing) = &config.store.probing else { return Ok(config.store.profile.clone()) };
    let client = StoreClient::new(&config.store);
    let key = ObjectKey::State(StateKey::StoreProfile);
    let fingerprint = fingerprint(&config.store, &config.cors_origins);
    let kept = match read::<ProfileDocument>(&client, &key).await {
        Ok(kept) => kept.map(|kept| kept.document),
        // Written by a later version, or damaged: it is only a memory.
        Err(StoreError::Object { .. }) => None,
        Err(error @ StoreError::Call { .. }) => return Err(ProbingError::Store(error)),
    };
    let standing = kept.as_ref().map_or(Standing::Foreign, |kept| kept.standing(&fingerprint, clock.now()));
    let found = match (kept, standing) {
        (Some(kept), Standing::Good) => kept.profile,
        (kept, standing) => {
            tracing::info!(endpoint = config.store.endpoint_internal, "finding out what the store does; this takes seconds");
            match probe(target(&config.store, &config.cors_origins), new_run(clock)).await {
                Ok(report) => {
                    tell(&report);
                    let document = ProfileDocument::new(fingerprint, report.profile);
                    client.put_document(&key, &document).await.map_err(ProbingError::Store)?;
                    document.profile
                }
                Err(error) => match kept.filter(|_| standing == Standing::Old && error.is_passing()) {
                    Some(kept) => {
                        tracing::warn!(%error, "the store could not be probed; the last profile is more than 7 days old and still used");
                        kept.profile
                    }
                    None => return Err(ProbingError::Probe(error)),
                },
            }
        }
    };
    warn_of(&found, &probing.accepted_risks);
    fitness::judge(&found, probing, config.app_store.is_some()).map_err(ProbingError::Unfit)
}

/// The store as a probe takes it.
pub(crate) fn target(store: &StoreConfig, cors_origins: &[String]) -> Target {
    Target {
        endpoint_internal: store.endpoint_internal.clone(),
        endpoint_public: store.endpoint_public.clone(),
        region: store.region.clone(),
        bucket: store.bucket.clone(),
        addressing: store.addressing.into(),
        read: store.read.for_signing(),
        write: store.write.for_signing(),
        state: store.state.for_signing(),
        reach: Reach::Broker,
        cors_origins: cors_origins.to_vec(),
    }
}

fn new_run(clock: &Arc<dyn Clock>) -> Run {
    let mut random = [0; 8];
    rand::fill(&mut random).expect("the system has randomness");
    let clock = Arc::clone(clock);
    Run::new(random, move || clock.now())
}

/// Whatever would change what a probe finds. Secrets are not in it: an access key that is given another secret keeps its rights.
fn fingerprint(store: &StoreConfig, cors_origins: &[String]) -> Sha256 {
    let addressing = match store.addressing {
        Addressing::Path => "path",
        Addressing::VirtualHost => "virtual-host",
    };
    let texts = [
        store.endpoint_internal.as_str(),
        &store.endpoint_public,
        &store.region,
        &store.bucket,
        addressing,
        &store.read.access_key_id,
        &store.write.access_key_id,
        &store.state.access_key_id,
    ];
    let mut bytes = Vec::new();
    for text in texts.into_iter().chain(cors_origins.iter().map(String::as_str)) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Sha256::of(&bytes)
}

fn tell(report: &StoreReport) {
    for note in &report.notes {
        tracing::warn!(check = note.check, "{}", note.message);
    }
}

/// At every start, so that an accepted risk is not forgotten.
fn warn_of(profile: &StoreProfile, accepted: &[tidegate_protocol::capability::Attack]) {
    let Some(findings) = &profile.findings else { return };
    for attack in accepted.iter().filter(|attack| !findings.outcome(**attack).is_harmless()) {
        tracing::warn!(
            attack = attack.name(),
            "an attack succeeds on this store, and store.accepted_risks says that this is known"
        );
    }
    for right in &findings.excess_rights {
        tracing::warn!(
            ?right,
            "a credential of the store can do more than it needs; docs/store-probe.md says which rights are enough"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreCredential;

    fn store() -> StoreConfig {
        StoreConfig {
            endpoint_internal: "http://store:9000".to_owned(),
            endpoint_public: "https://store.example.org".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "family".to_owned(),
            addressing: Addressing::Path,
            profile: StoreProfile::IGNORING,
            probing: None,
            read: StoreCredential::new("read", "secret"),
            write: StoreCredential::new("write", "secret"),
            state: StoreCredential::new("state", "secret"),
        }
    }

    #[test]
    fn whatever_changes_what_is_found_changes_the_fingerprint() {
        let before = fingerprint(&store(), &[]);
        let changes: [fn(&mut StoreConfig); 8] = [
            |store| store.endpoint_internal.push('1'),
            |store| store.endpoint_public.push('1'),
            |store| store.region.push('1'),
            |store| store.bucket.push('1'),
            |store| store.addressing = Addressing::VirtualHost,
            |store| store.read.access_key_id.push('1'),
            |store| store.write.access_key_id.push('1'),
            |store| store.state.access_key_id.push('1'),
        ];
        for change in changes {
            let mut store = store();
            change(&mut store);
            assert_ne!(fingerprint(&store, &[]), before, "{store:?}");
        }
        assert_ne!(fingerprint(&store(), &["https://app.example.org".to_owned()]), before);
    }

    #[test]
    fn a_profile_is_kept_for_a_week_and_for_its_store_alone() {
        let document = crate::golden::store_profile();
        let probed_at = document.profile.findings.as_ref().unwrap().probed_at;
        let fingerprint = document.fingerprint;
        assert_eq!(document.standing(&fingerprint, probed_at + Duration::days(7)), Standing::Good);
        assert_eq!(document.standing(&fingerprint, probed_at + Duration::days(8)), Standing::Old);
        assert_eq!(document.standing(&fingerprint, probed_at - Duration::days(2)), Standing::Foreign);
        assert_eq!(document.standing(&Sha256::of(b"another"), probed_at), Standing::Foreign);
        let mut other_probe = document.clone();
        other_probe.profile.findings.as_mut().unwrap().probe_version += 1;
        assert_eq!(other_probe.standing(&fingerprint, probed_at), Standing::Foreign);
        let mut unprobed = document;
        unprobed.profile = StoreProfile::ATOMIC;
        assert_eq!(unprobed.standing(&fingerprint, probed_at), Standing::Foreign);
    }
}
