//! How an attack ended: a pure decision over what was seen.

use tidegate_protocol::capability::AttackOutcome;

use crate::answer::{Reply, said_no, said_yes};

/// Judges by what came of it. A refusal counts only beside an honest request that was accepted; whatever else is unclear is
/// `inconclusive`, which nobody may take for safe.
pub(crate) fn judge(honest_works: bool, reply: &Reply, took_effect: bool) -> AttackOutcome {
    if took_effect {
        return AttackOutcome::Succeeded;
    }
    if !honest_works {
        return AttackOutcome::Inconclusive;
    }
    if said_yes(reply) {
        AttackOutcome::SilentlyIgnored
    } else if said_no(reply) {
        AttackOutcome::Refused
    } else {
        AttackOutcome::Inconclusive
    }
}

/// The worse of two: one way in is enough.
pub(crate) fn worst(outcomes: impl IntoIterator<Item = AttackOutcome>) -> AttackOutcome {
    let rank = |outcome: &AttackOutcome| match outcome {
        AttackOutcome::Refused => 0,
        AttackOutcome::SilentlyIgnored => 1,
        AttackOutcome::Inconclusive => 2,
        AttackOutcome::Succeeded => 3,
    };
    outcomes.into_iter().max_by_key(rank).unwrap_or(AttackOutcome::Inconclusive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, Lost};

    fn status(status: u16) -> Reply {
        Ok(Answer { status, headers: reqwest::header::HeaderMap::new(), body: bytes::Bytes::new() })
    }

    #[test]
    fn an_effect_counts_whatever_the_store_says() {
        for reply in [status(200), status(403), status(503), Err(Lost { host: String::new(), reason: String::new() })] {
            assert_eq!(judge(true, &reply, true), AttackOutcome::Succeeded);
            assert_eq!(judge(false, &reply, true), AttackOutcome::Succeeded);
        }
    }

    #[test]
    fn a_refusal_counts_only_beside_an_honest_request_that_works() {
        assert_eq!(judge(true, &status(403), false), AttackOutcome::Refused);
        assert_eq!(judge(false, &status(403), false), AttackOutcome::Inconclusive);
        assert_eq!(judge(true, &status(200), false), AttackOutcome::SilentlyIgnored);
    }

    #[test]
    fn silence_and_overload_say_nothing() {
        assert_eq!(judge(true, &status(503), false), AttackOutcome::Inconclusive);
        let lost = Err(Lost { host: String::new(), reason: String::new() });
        assert_eq!(judge(true, &lost, false), AttackOutcome::Inconclusive);
    }

    #[test]
    fn one_way_in_is_enough() {
        let all = [AttackOutcome::Refused, AttackOutcome::Succeeded, AttackOutcome::Inconclusive];
        assert_eq!(worst(all), AttackOutcome::Succeeded);
        assert_eq!(worst([]), AttackOutcome::Inconclusive);
    }
}
