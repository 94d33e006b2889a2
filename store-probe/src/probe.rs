//! The whole probe, and single checks for a doctor.

use tidegate_protocol::capability::{Attack, AttackOutcome, ExcessRight, Precondition, StoreFindings, StoreProfile, Support};

use crate::attack::{self, anonymous};
use crate::check::hello::{Hello, hello};
use crate::check::multipart::{Multipart, multipart};
use crate::check::put_conditions::Races;
use crate::check::{
    basics, clock, conditional_get, cors, delete_condition, list, normalises, put_conditions, rights, sts, trailers,
};
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::report::{Note, PublicEndpoint, StoreReport};
use crate::target::{Reach, Run, Target, Who};
use crate::{PROBE_VERSION, cleanup, meaning};

/// Clocks further apart than this are worth a line: URLs die early or are refused.
const CLOCK_NOTE_MS: i64 = 60_000;

/// A store under test.
#[derive(Debug)]
pub struct Probe {
    ground: Ground,
}

impl Probe {
    /// Makes nothing but the signers.
    ///
    /// # Errors
    /// [`ProbeError`] if the address, the bucket's name or a credential cannot be used.
    pub fn new(target: Target, run: Run) -> Result<Self, ProbeError> {
        Ok(Self { ground: Ground::new(target, run)? })
    }

    /// Whether the state credential is known and may list, at the internal endpoint.
    ///
    /// # Errors
    /// [`ProbeError::Sign`].
    pub async fn hello(&self) -> Result<Hello, ProbeError> {
        hello(&self.ground, Who::State, Via::Internal, &self.ground.state_folder()).await
    }

    /// Whether the read credential is known and may list `users/`, at the public endpoint.
    ///
    /// # Errors
    /// [`ProbeError::Sign`].
    pub async fn public_hello(&self) -> Result<Hello, ProbeError> {
        hello(&self.ground, Who::Read, Via::Public, &self.ground.folder()).await
    }

    /// What the store's clock is ahead, in milliseconds; `None` if it tells no time.
    ///
    /// # Errors
    /// [`ProbeError::Unreachable`].
    pub async fn clock_offset_ms(&self) -> Result<Option<i64>, ProbeError> {
        let offset = clock::offset_ms(&self.ground).await?;
        self.ground.set_offset_ms(offset.unwrap_or(0));
        Ok(offset)
    }

    /// Whether an object that a presigned URL wrote can be read by another, through the public endpoint if it answers.
    ///
    /// # Errors
    /// [`ProbeError`], naming the step and the credential.
    pub async fn round_trip(&self) -> Result<PublicEndpoint, ProbeError> {
        basics::state_round_trip(&self.ground).await?;
        Ok(basics::url_round_trip(&self.ground).await?.1)
    }

    /// What whoever has no credential can do: `anonymous-read`, `anonymous-list`, `anonymous-write`.
    ///
    /// # Errors
    /// [`ProbeError`] if the state credential cannot plant what would be read.
    pub async fn anonymous(&self) -> Result<Vec<(Attack, AttackOutcome)>, ProbeError> {
        anonymous::attack(&self.ground, Via::Public).await
    }

    /// What each web origin of the target may do.
    ///
    /// # Errors
    /// None today; a store that does not answer allows nothing.
    pub async fn cors(&self) -> Result<Vec<tidegate_protocol::capability::CorsFinding>, ProbeError> {
        Ok(cors::cors(&self.ground, Via::Public).await)
    }

    /// Rights that the signing credentials have and should not have.
    ///
    /// # Errors
    /// [`ProbeError`] if the state credential cannot plant or verify.
    pub async fn excess_rights(&self) -> Result<Vec<ExcessRight>, ProbeError> {
        rights::excess(&self.ground).await
    }

    /// How the store takes bodies with a CRC32 in the trailer, as the SDKs of AWS send them by default.
    ///
    /// # Errors
    /// [`ProbeError`] if the state credential cannot verify.
    pub async fn crc32_trailers(&self) -> Result<Support, ProbeError> {
        trailers::trailers(&self.ground).await
    }

    /// What the store does with conditions on the PUT of a single writer, in some twenty requests: enough for whoever only saves work
    /// by them. As no races are run, a condition that is honoured is `not-atomic`: unproven.
    ///
    /// # Errors
    /// [`ProbeError`] if nothing can be said about the store.
    pub async fn conditions(&self) -> Result<StoreProfile, ProbeError> {
        let ground = &self.ground;
        let found: Result<StoreProfile, ProbeError> = async {
            let conditional_create = put_conditions::create(ground, Races::Skip).await?;
            let conditional_replace = put_conditions::replace(ground, Races::Skip).await?;
            Ok(StoreProfile::unprobed(conditional_create, conditional_replace))
        }
        .await;
        match found {
            // A store that is away cannot be cleaned either; the next probe sweeps.
            Err(error) if error.is_passing() => Err(error),
            found => {
                let cleaned = cleanup::clean(ground).await;
                found.and_then(|profile| cleaned.map(|()| profile))
            }
        }
    }

    /// Makes every check and cleans up, whatever came of them.
    ///
    /// # Errors
    /// [`ProbeError`] if nothing can be said about the store.
    pub async fn run(&self) -> Result<StoreReport, ProbeError> {
        let outcome = self.every_check().await;
        let cleaned = cleanup::clean(&self.ground).await;
        let mut report = outcome?;
        if let Err(error) = cleaned {
            report.notes.push(Note { check: "clean-up", message: format!("what the probe wrote could not be deleted: {error}") });
        }
        Ok(report)
    }

    async fn every_check(&self) -> Result<StoreReport, ProbeError> {
        let ground = &self.ground;
        let clock_offset_ms = self.clock_offset_ms().await?;
        basics::state_round_trip(ground).await?;
        cleanup::sweep(ground).await?;
        let (via, public_endpoint) = basics::url_round_trip(ground).await?;

        let conditional_create = put_conditions::create(ground, Races::Run).await?;
        let conditional_replace = put_conditions::replace(ground, Races::Run).await?;
        let conditional_delete = delete_condition::delete(ground, conditional_replace).await?;
        let Multipart { support: multipart, complete: conditional_complete } = multipart(ground, via).await?;
        let findings = StoreFindings {
            probe_version: PROBE_VERSION,
            probed_at: ground.now(),
            clock_offset_ms: clock_offset_ms.unwrap_or(0),
            conditional_delete,
            conditional_complete,
            conditional_get: conditional_get::get(ground, via).await?,
            multipart,
            crc32_trailers: trailers::trailers(ground).await?,
            sts: sts::sts(ground).await,
            list: list::list(ground).await?,
            normalises_keys: normalises::normalises_keys(ground, via).await?,
            cors: cors::cors(ground, via).await,
            attacks: attack::all(ground, via, conditional_create).await?,
            excess_rights: match ground.target.reach {
                Reach::Broker => rights::excess(ground).await?,
                Reach::Users => Vec::new(),
            },
        };
        let notes = notes(&findings, conditional_create, clock_offset_ms.is_none(), &public_endpoint);
        let profile = StoreProfile { conditional_create, conditional_replace, findings: Some(Box::new(findings)) };
        Ok(StoreReport { profile, public_endpoint, notes })
    }

    /// Deletes what single checks have written.
    ///
    /// # Errors
    /// [`ProbeError`] if the state credential cannot list or delete.
    pub async fn clean_up(&self) -> Result<(), ProbeError> {
        cleanup::clean(&self.ground).await
    }
}

/// Makes every check, cleans up, and reports.
///
/// # Errors
/// [`ProbeError`] if nothing can be said about the store.
pub async fn probe(target: Target, run: Run) -> Result<StoreReport, ProbeError> {
    Probe::new(target, run)?.run().await
}

/// What an operator should read.
fn notes(findings: &StoreFindings, create: Precondition, tells_no_time: bool, public_endpoint: &PublicEndpoint) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |check, message: String| notes.push(Note { check, message });
    match public_endpoint {
        PublicEndpoint::Reached => {}
        PublicEndpoint::Unreachable { reason } => {
            note("public-endpoint", format!("it does not answer from here ({reason}), so attacks went through the internal one"));
        }
    }
    if tells_no_time {
        note("clock", "the store tells no time, so the clocks could not be compared".to_owned());
    }
    if findings.clock_offset_ms.abs() > CLOCK_NOTE_MS {
        note("clock", format!("the store's clock is {} s ahead", findings.clock_offset_ms / 1_000));
    }
    if create != Precondition::Atomic {
        note("conditional-create", "If-None-Match is not atomic: hosted mode is not to be had on this store".to_owned());
    }
    if findings.conditional_get == Support::Broken {
        note("conditional-get", "304 of what has changed: edits of other devices would stay unseen".to_owned());
    }
    for finding in findings.attacks.iter().filter(|finding| !finding.outcome.is_harmless()) {
        note(finding.name.name(), meaning(finding.name).to_owned());
    }
    notes
}
