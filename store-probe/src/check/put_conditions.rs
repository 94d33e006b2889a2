//! `If-None-Match: *` and `If-Match` on PUT: first one writer, then races.

use std::cell::RefCell;

use tidegate_protocol::capability::Precondition;

use super::race;
use crate::answer::{Answer, Reply};
use crate::error::ProbeError;
use crate::ground::Ground;

/// What a single writer whose condition does not hold, and then one whose condition holds, came to.
pub(crate) enum Alone {
    /// Turned away and let in as they should be.
    Honoured,
    /// The store does not know the condition, and says so.
    Refused,
    /// It went on as if there were no condition, or says that it did.
    Ignored,
    /// Looked at, and decided wrongly.
    Wrong,
}

/// Judges a single writer whose condition did not hold: what the store said, and whether the bytes changed.
pub(crate) fn judge_unmet(reply: &Reply, changed: bool) -> Alone {
    match reply {
        // Told that it may, whether it then happened or not: who relies on it is lost.
        Ok(answer) if answer.is_success() => Alone::Ignored,
        Ok(_) | Err(_) if changed => Alone::Ignored,
        Ok(answer) if answer.is_unsupported() => Alone::Refused,
        Ok(answer) if matches!(answer.status, 412 | 409 | 404) => Alone::Honoured,
        Ok(answer) if answer.is_passing() => Alone::Wrong,
        Ok(_) => Alone::Refused,
        Err(_) => Alone::Wrong,
    }
}

/// Whether races follow where a single writer finds a condition honoured. Without them nothing is proven of racing writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Races {
    Run,
    Skip,
}

/// `If-None-Match: *`.
pub(crate) async fn create(ground: &Ground, races: Races) -> Result<Precondition, ProbeError> {
    let condition = || vec![("if-none-match", "*".to_owned())];
    let key = ground.state_key("create");
    let (old, new) = (ground.bytes("create, first"), ground.bytes("create, second"));
    ground.plant(&key, &old).await?;
    let reply = ground.put(&key, &new, &condition()).await?;
    let changed = ground.stored(&key).await?.as_ref() != Some(&old);
    match judge_unmet(&reply, changed) {
        Alone::Refused => return Ok(Precondition::Refused),
        Alone::Ignored => return Ok(Precondition::Ignored),
        Alone::Wrong => return Ok(Precondition::NotAtomic),
        Alone::Honoured => {}
    }
    // Where nothing is, it must let in: else it is of no use.
    let fresh = ground.state_key("create-fresh");
    let let_in = ground.put(&fresh, &new, &condition()).await?.is_ok_and(|answer| answer.is_success());
    if !let_in || ground.stored(&fresh).await?.as_ref() != Some(&new) {
        return Ok(Precondition::Refused);
    }
    if races == Races::Skip {
        return Ok(Precondition::NotAtomic);
    }
    race::run(ground, "create", |_| async { Ok(condition()) }).await
}

/// `If-Match`.
pub(crate) async fn replace(ground: &Ground, races: Races) -> Result<Precondition, ProbeError> {
    let condition = |etag: &str| vec![("if-match", etag.to_owned())];
    let key = ground.state_key("replace");
    let [first, second, third] = ["first", "second", "third"].map(|label| ground.bytes(&format!("replace, {label}")));
    let Some(stale) = etag_of(&ground.plant(&key, &first).await?) else { return Ok(Precondition::Ignored) };
    let Some(current) = etag_of(&ground.plant(&key, &second).await?) else { return Ok(Precondition::Ignored) };
    if stale == current {
        // Every condition would hold.
        return Ok(Precondition::Ignored);
    }
    let reply = ground.put(&key, &third, &condition(&stale)).await?;
    let changed = ground.stored(&key).await?.as_ref() != Some(&second);
    match judge_unmet(&reply, changed) {
        Alone::Refused => return Ok(Precondition::Refused),
        Alone::Ignored => return Ok(Precondition::Ignored),
        Alone::Wrong => return Ok(Precondition::NotAtomic),
        Alone::Honoured => {}
    }
    // A key that is not there has no ETag, so nothing may come into being.
    let missing = ground.state_key("replace-missing");
    drop(ground.put(&missing, &third, &condition(&current)).await?);
    if ground.stored(&missing).await?.is_some() {
        return Ok(Precondition::NotAtomic);
    }
    let let_in = ground.put(&key, &third, &condition(&current)).await?.is_ok_and(|answer| answer.is_success());
    if !let_in || ground.stored(&key).await?.as_ref() != Some(&third) {
        return Ok(Precondition::Refused);
    }
    if races == Races::Skip {
        return Ok(Precondition::NotAtomic);
    }
    let without_etag = RefCell::new(false);
    let verdict = race::run(ground, "replace", |key| {
        let without_etag = &without_etag;
        async move {
            let etag = etag_of(&ground.plant(&key, &ground.bytes("replace, before the race")).await?);
            *without_etag.borrow_mut() |= etag.is_none();
            Ok(condition(&etag.unwrap_or_default()))
        }
    })
    .await?;
    Ok(if *without_etag.borrow() { Precondition::NotAtomic } else { verdict })
}

pub(crate) fn etag_of(answer: &Answer) -> Option<String> {
    answer.etag().filter(|etag| !etag.trim_matches('"').is_empty()).map(str::to_owned)
}
