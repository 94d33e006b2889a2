//! The whole probe, and single checks for a doctor.

use tidegate_protocol::capability::{Attack, AttackOutcome};

use crate::attack::anonymous;
use crate::check::hello::{Hello, hello};
use crate::check::{basics, clock};
use crate::cleanup;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::report::PublicEndpoint;
use crate::target::{Run, Target, Who};

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

    /// Deletes what single checks have written.
    ///
    /// # Errors
    /// [`ProbeError`] if the state credential cannot list or delete.
    pub async fn clean_up(&self) -> Result<(), ProbeError> {
        cleanup::clean(&self.ground).await
    }
}
