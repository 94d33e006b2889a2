//! What nothing works without: an object that is written is there, by both addresses, and its presigned URLs work. The honest
//! twins of all attacks: were these refused, a refusal of an attack would say nothing.

use crate::answer::{Answer, Lost};
use crate::error::ProbeError;
use crate::ground::{Ground, Via, expect_yes};
use crate::report::PublicEndpoint;

/// Writes and reads by the state credential.
pub(crate) async fn state_round_trip(ground: &Ground) -> Result<(), ProbeError> {
    let (key, bytes) = (ground.state_key("basics"), ground.bytes("basics"));
    ground.plant(&key, &bytes).await?;
    if ground.stored(&key).await?.as_ref() != Some(&bytes) {
        return Err(unsound("PUT", "what was written is not what is read"));
    }
    ground.delete(&key).await?;
    if ground.stored(&key).await?.is_some() {
        return Err(unsound("DELETE", "what was deleted is still there"));
    }
    Ok(())
}

/// Writes by a presigned URL of the write credential and reads by one of the read credential; the address at which that works.
pub(crate) async fn url_round_trip(ground: &Ground) -> Result<(Via, PublicEndpoint), ProbeError> {
    match through(ground, Via::Public).await {
        Ok(()) => Ok((Via::Public, PublicEndpoint::Reached)),
        Err(Failure::Lost(lost)) if ground.target.endpoint_public != ground.target.endpoint_internal => {
            match through(ground, Via::Internal).await {
                Ok(()) => Ok((Via::Internal, PublicEndpoint::Unreachable { reason: lost.reason })),
                Err(failure) => Err(failure.into()),
            }
        }
        Err(failure) => Err(failure.into()),
    }
}

enum Failure {
    Lost(Lost),
    Probe(ProbeError),
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        Self::Probe(error)
    }
}

impl From<Failure> for ProbeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(lost) => Self::Unreachable { host: lost.host, step: "PUT by a presigned URL", reason: lost.reason },
            Failure::Probe(error) => error,
        }
    }
}

async fn through(ground: &Ground, via: Via) -> Result<(), Failure> {
    let (key, bytes) = (ground.key("basics"), ground.bytes("basics by URL"));
    let put = ground.put_url(via, &key, &[], &bytes, false).map_err(ProbeError::from)?;
    let reply = ground.fire(|| put.honest(bytes.clone())).await;
    let reply = Ok(reply.map_err(Failure::Lost)?);
    expect_yes("PUT by a presigned URL", "write", reply)?;
    if ground.stored(&key).await?.as_ref() != Some(&bytes) {
        return Err(
            unsound("PUT by a presigned URL", "it is not where the internal endpoint looks: another store, or no store").into()
        );
    }
    let get = ground.get_url(via, &key).map_err(ProbeError::from)?;
    let reply = ground.fire(|| get.honest(bytes::Bytes::new())).await;
    let answer: Answer = expect_yes("GET by a presigned URL", "read", reply)?;
    if answer.body != bytes {
        return Err(unsound("GET by a presigned URL", "other bytes come back than were written").into());
    }
    Ok(())
}

pub(crate) fn unsound(step: &'static str, fault: &str) -> ProbeError {
    ProbeError::Unsound { step, fault: fault.to_owned() }
}
