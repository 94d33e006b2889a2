//! Races of many writers for one key, and what their outcome proves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use tidegate_protocol::capability::Precondition;
use tidegate_sigv4::{Method, PayloadHash};
use tokio::sync::Barrier;

use crate::answer::Reply;
use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::http::Body;
use crate::target::Who;

/// Writers of one race.
pub(crate) const WRITERS: usize = 16;
/// Races that are run for each condition, alternately at once and held back; and at most, where a store under load leaves some undecided.
const ROUNDS: usize = 4;
const MOST_ROUNDS: usize = 12;
/// Races with exactly one winner without which nothing is proven.
const NEEDED: usize = 2;
/// Writers that try again, and the time before each.
const AGAIN: usize = 2;
const REST: Duration = Duration::from_millis(1_100);
/// How long writers that are held back wait for each other: a store may take fewer connections than there are writers.
const HOLD: Duration = Duration::from_secs(2);
/// How long they then stay, so that the heads that have been sent have been read, too, by a store (or a machine) that is busy: one
/// that finds a request whole looks at its condition and writes at once, whatever it does otherwise.
const SETTLE: Duration = Duration::from_millis(250);

/// What a writer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Its condition held: its bytes are stored.
    Won,
    /// Its condition did not hold.
    Lost,
    /// Nothing that counts: overload, or no answer.
    Nothing,
}

/// One race: what each writer was told, and whose bytes are stored (`None`: nobody's).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Race {
    pub(crate) told: Vec<Told>,
    pub(crate) stored: Option<usize>,
}

/// What one race proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Exactly one won, its bytes are stored, and another was turned away.
    OneWinner,
    /// Two were told that they won, or the stored bytes are not the winner's.
    Broken,
    /// Neither.
    Nothing,
}

/// Judges one race.
pub(crate) fn judge(race: &Race) -> Proof {
    let won: Vec<usize> = (0..race.told.len()).filter(|writer| race.told[*writer] == Told::Won).collect();
    match won.as_slice() {
        [winner] if race.stored != Some(*winner) => Proof::Broken,
        [_] if race.told.contains(&Told::Lost) => Proof::OneWinner,
        [_] => Proof::Nothing,
        // Told that it lost, and yet stored: whoever it was goes on as if nothing had happened.
        [] if race.stored.is_some_and(|writer| race.told[writer] == Told::Lost) => Proof::Broken,
        [] => Proof::Nothing,
        [_, _, ..] => Proof::Broken,
    }
}

/// Whether another race is run: until it is broken, or proven after this many rounds. What cannot be proven is given up in the end.
pub(crate) fn goes_on(proofs: &[Proof], rounds: usize, most: usize) -> bool {
    let is_open = proofs.iter().filter(|proof| **proof == Proof::OneWinner).count() < NEEDED;
    !proofs.contains(&Proof::Broken) && (proofs.len() < rounds || is_open && proofs.len() < most)
}

/// What all races of a condition prove that is honoured by a single writer.
pub(crate) fn verdict(proofs: &[Proof]) -> Precondition {
    let one_winner = proofs.iter().filter(|proof| **proof == Proof::OneWinner).count();
    if proofs.contains(&Proof::Broken) || one_winner < NEEDED { Precondition::NotAtomic } else { Precondition::Atomic }
}

/// How the writers of a race go off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// All at once.
    AtOnce,
    /// Each sends half of its body, waits until all have, and sends the rest: a store that looks at the condition when the head of
    /// a request comes, and writes when its end does, lets them all win.
    HeldBack,
}

/// Runs the races of one condition: `prepare` makes the key of a round ready and says which headers the writers send.
pub(crate) async fn run<F, P>(ground: &Ground, name: &str, mut prepare: P) -> Result<Precondition, ProbeError>
where
    P: FnMut(String) -> F,
    F: Future<Output = Result<Vec<(&'static str, String)>, ProbeError>>,
{
    let mut proofs = Vec::new();
    while goes_on(&proofs, ROUNDS, MOST_ROUNDS) {
        let round = proofs.len();
        let key = ground.state_key(&format!("race/{name}/{round}"));
        let headers = prepare(key.clone()).await?;
        let start = if round % 2 == 0 { Start::HeldBack } else { Start::AtOnce };
        proofs.push(judge(&race(ground, &key, &headers, start).await?));
    }
    Ok(verdict(&proofs))
}

async fn race(ground: &Ground, key: &str, headers: &[(&str, String)], start: Start) -> Result<Race, ProbeError> {
    let bodies: Vec<Bytes> = (0..WRITERS).map(|writer| ground.bytes(&format!("{key} by writer {writer}"))).collect();
    let barrier = Arc::new(Barrier::new(WRITERS));
    let mut shots = Vec::new();
    for body in &bodies {
        let by = (Who::State, Via::Internal);
        let mut shot = ground.signed_request(by, Method::Put, key, &[], headers, PayloadHash::of(body))?;
        shot.body = match start {
            Start::AtOnce => Body::Whole(body.clone()),
            Start::HeldBack => Body::Slow(body.len() as u64, held_back(body, Arc::clone(&barrier))),
        };
        shots.push(ground.http.fire(shot));
    }
    let mut told: Vec<Told> = join_all(shots).await.iter().map(told).collect();
    ask_again(ground, key, headers, &bodies, &mut told).await?;
    let stored = ground.stored(key).await?;
    Ok(Race { told, stored: stored.and_then(|stored| bodies.iter().position(|body| *body == stored)) })
}

/// Writers that a store turned away because they were too many (R2 lets one a second write to a key) try again: that they are then
/// told that they lost is what proves the winner.
async fn ask_again(
    ground: &Ground,
    key: &str,
    headers: &[(&str, String)],
    bodies: &[Bytes],
    told: &mut [Told],
) -> Result<(), ProbeError> {
    if told.contains(&Told::Lost) {
        return Ok(());
    }
    for (writer, body) in
        bodies.iter().enumerate().filter(|(writer, _)| told[*writer] == Told::Nothing).take(AGAIN).collect::<Vec<_>>()
    {
        tokio::time::sleep(REST).await;
        let reply = ground.put(key, body, headers).await?;
        // Its first try may have come through without an answer: then it has won, whatever it is told now.
        let is_its_own = ground.stored(key).await?.as_ref() == Some(body);
        told[writer] = if is_its_own { Told::Won } else { self::told(&reply) };
    }
    Ok(())
}

/// Half of the bytes, and the rest when everybody else has come so far.
fn held_back(body: &Bytes, barrier: Arc<Barrier>) -> reqwest::Body {
    let (first, rest) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
    let rest = async move {
        // Without the others it goes on after a while; the race is then one at once.
        drop(tokio::time::timeout(HOLD, barrier.wait()).await);
        tokio::time::sleep(SETTLE).await;
        Ok::<_, std::io::Error>(rest)
    };
    let parts: [futures_util::future::BoxFuture<'static, _>; 2] = [Box::pin(async move { Ok(first) }), Box::pin(rest)];
    reqwest::Body::wrap_stream(futures_util::StreamExt::then(stream::iter(parts), |part| part))
}

/// 409 tells a writer that another is at it (AWS); 404 that what it wanted to replace is gone.
pub(crate) fn told(reply: &Reply) -> Told {
    match reply {
        Ok(answer) if answer.is_success() => Told::Won,
        Ok(answer) if matches!(answer.status, 412 | 409 | 404) => Told::Lost,
        Ok(_) | Err(_) => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn race_of(told: &[Told], stored: Option<usize>) -> Proof {
        judge(&Race { told: told.to_vec(), stored })
    }

    #[test]
    fn one_winner_whose_bytes_are_stored_is_a_proof() {
        assert_eq!(race_of(&[Told::Lost, Told::Won, Told::Nothing], Some(1)), Proof::OneWinner);
    }

    #[test]
    fn two_winners_are_none() {
        assert_eq!(race_of(&[Told::Won, Told::Won], Some(1)), Proof::Broken);
    }

    #[test]
    fn a_winner_whose_bytes_are_not_stored_was_lied_to() {
        assert_eq!(race_of(&[Told::Won, Told::Lost], Some(1)), Proof::Broken);
        assert_eq!(race_of(&[Told::Won, Told::Lost], None), Proof::Broken);
    }

    #[test]
    fn a_loser_whose_bytes_are_stored_was_lied_to() {
        assert_eq!(race_of(&[Told::Lost, Told::Nothing], Some(0)), Proof::Broken);
        assert_eq!(race_of(&[Told::Lost, Told::Nothing], Some(1)), Proof::Nothing);
    }

    #[test]
    fn a_winner_without_rivals_proves_nothing() {
        assert_eq!(race_of(&[Told::Won, Told::Nothing], Some(0)), Proof::Nothing);
        assert_eq!(race_of(&[Told::Nothing, Told::Nothing], None), Proof::Nothing);
    }

    #[test]
    fn races_go_on_until_broken_or_proven_and_not_for_ever() {
        use Proof::{Broken, Nothing, OneWinner};
        assert!(goes_on(&[], 2, 4) && goes_on(&[OneWinner], 2, 4) && goes_on(&[OneWinner, Nothing], 2, 4));
        assert!(!goes_on(&[OneWinner, OneWinner], 2, 4) && !goes_on(&[Broken], 2, 4));
        assert!(!goes_on(&[OneWinner, Nothing, Nothing, Nothing], 2, 4));
    }

    #[test]
    fn what_is_not_proven_twice_is_not_atomic() {
        assert_eq!(verdict(&[Proof::OneWinner, Proof::OneWinner]), Precondition::Atomic);
        assert_eq!(verdict(&[Proof::OneWinner, Proof::Nothing, Proof::Nothing]), Precondition::NotAtomic);
        assert_eq!(verdict(&[Proof::OneWinner, Proof::OneWinner, Proof::Broken]), Precondition::NotAtomic);
        assert_eq!(verdict(&[]), Precondition::NotAtomic);
    }
}
