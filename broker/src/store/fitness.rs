//! Whether a store, with these credentials, is one to build on: pure decisions over what a probe found.

use tidegate_protocol::capability::{Attack, AttackOutcome, Precondition, StoreProfile};
use tidegate_store_probe::{meaning, remedy};

use super::profile::Probing;

/// What the policy may rely on: what was found, or less where the operator says so.
///
/// # Errors
/// The faults, each with what to change.
pub(super) fn judge(found: &StoreProfile, probing: &Probing, is_hosted: bool) -> Result<StoreProfile, Vec<String>> {
    let mut faults = exposed(found, &probing.accepted_risks);
    let mut decide = |setting, found, decided| {
        weaker(setting, found, decided).unwrap_or_else(|fault| {
            faults.push(fault);
            found
        })
    };
    let profile = StoreProfile {
        conditional_create: decide("store.conditional_create", found.conditional_create, probing.conditional_create),
        conditional_replace: decide("store.conditional_replace", found.conditional_replace, probing.conditional_replace),
        findings: found.findings.clone(),
    };
    if is_hosted {
        faults.extend(unfit_for_hosting(&profile));
    }
    if faults.is_empty() { Ok(profile) } else { Err(faults) }
}

/// An attack that is not known to fail keeps the broker from starting, unless the operator has named that very attack: a refusal
/// that could not be told from a failure of the whole store counts as a success.
fn exposed(found: &StoreProfile, accepted: &[Attack]) -> Vec<String> {
    let Some(findings) = &found.findings else { return vec!["nothing is known about it".to_owned()] };
    let feared = Attack::ALL.into_iter().filter(|attack| !accepted.contains(attack));
    feared
        .filter_map(|attack| match findings.outcome(attack) {
            AttackOutcome::Refused | AttackOutcome::SilentlyIgnored => None,
            AttackOutcome::Succeeded => Some(describe(attack, meaning(attack))),
            AttackOutcome::Inconclusive => Some(describe(attack, "whether it succeeds could not be found out")),
        })
        .collect()
}

fn describe(attack: Attack, meaning: &str) -> String {
    let name = attack.name();
    format!("{name}: {meaning}. To change it: {}. To live with it: store.accepted_risks = [\"{name}\"]", remedy(attack))
}

/// A setting may take a condition for less than was found, never for more: relying on what the store ignores loses updates in silence.
fn weaker(setting: &str, found: Precondition, decided: Option<Precondition>) -> Result<Precondition, String> {
    let Some(decided) = decided else { return Ok(found) };
    if trust(decided) <= trust(found) {
        return Ok(decided);
    }
    let name = |precondition| match precondition {
        Precondition::Atomic => "atomic",
        Precondition::NotAtomic => "not-atomic",
        Precondition::Ignored => "ignored",
        Precondition::Refused => "refused",
    };
    Err(format!("{setting} is {}, and the probe found {}: leave it to the probe", name(decided), name(found)))
}

const fn trust(precondition: Precondition) -> u8 {
    match precondition {
        Precondition::Atomic => 2,
        Precondition::NotAtomic => 1,
        Precondition::Ignored | Precondition::Refused => 0,
    }
}

/// What a subscription entitles to changes by compare-and-swap: elsewhere a renewal could write over a refund.
fn unfit_for_hosting(profile: &StoreProfile) -> Option<String> {
    let is_fit = profile.conditional_create == Precondition::Atomic && profile.conditional_replace == Precondition::Atomic;
    (!is_fit).then(|| {
        "App Store subscriptions (app_store.bundle_ids) need If-None-Match and If-Match to be atomic, and here they are not: a refund \
         could be lost. Use AWS S3, R2, MinIO, SeaweedFS or the embedded store"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::capability::{AttackFinding, ListFindings, StoreFindings, Support};
    use time::OffsetDateTime;

    use super::*;

    fn found(create: Precondition, worst: Option<(Attack, AttackOutcome)>) -> StoreProfile {
        let outcome = |attack| worst.filter(|(one, _)| *one == attack).map_or(AttackOutcome::Refused, |(_, outcome)| outcome);
        let attacks = Attack::ALL.map(|name| AttackFinding { name, outcome: outcome(name) }).to_vec();
        let list = ListFindings { consistent: true, etags: true, ordered: true, pages: true, exact_prefix: true };
        let findings = StoreFindings {
            probe_version: 1,
            probed_at: OffsetDateTime::UNIX_EPOCH,
            clock_offset_ms: 0,
            conditional_delete: create,
            conditional_complete: create,
            conditional_get: Support::Works,
            multipart: Support::Works,
            crc32_trailers: Support::Works,
            sts: Support::Refused,
            list,
            normalises_keys: false,
            cors: Vec::new(),
            attacks,
            excess_rights: Vec::new(),
        };
        StoreProfile { conditional_create: create, conditional_replace: create, findings: Some(Box::new(findings)) }
    }

    fn accepting(risks: &[Attack]) -> Probing {
        Probing { accepted_risks: risks.to_vec(), ..Probing::default() }
    }

    #[test]
    fn a_store_that_lets_nothing_through_is_fit() {
        let sound = found(Precondition::Atomic, None);
        assert_eq!(judge(&sound, &Probing::default(), true), Ok(sound));
    }

    #[test]
    fn every_attack_that_succeeds_or_is_unclear_is_a_fault_of_its_own_name() {
        for attack in Attack::ALL {
            for outcome in [AttackOutcome::Succeeded, AttackOutcome::Inconclusive] {
                let store = found(Precondition::Atomic, Some((attack, outcome)));
                let faults = judge(&store, &Probing::default(), false).unwrap_err();
                assert_eq!(faults.len(), 1, "{faults:?}");
                assert!(faults[0].starts_with(attack.name()) && faults[0].contains("store.accepted_risks"), "{faults:?}");
                assert!(judge(&store, &accepting(&[attack]), false).is_ok());
            }
        }
    }

    #[test]
    fn an_accepted_risk_accepts_no_other() {
        let store = found(Precondition::Atomic, Some((Attack::CopySource, AttackOutcome::Succeeded)));
        assert!(judge(&store, &accepting(&[Attack::ForceDelete, Attack::CopySourcePart]), false).is_err());
    }

    #[test]
    fn an_attack_that_was_not_carried_out_is_a_fault() {
        let mut store = found(Precondition::Atomic, None);
        store.findings.as_mut().unwrap().attacks.retain(|finding| finding.name != Attack::ExpiredUrl);
        assert!(judge(&store, &Probing::default(), false).unwrap_err()[0].starts_with("expired-url"));
        assert!(judge(&StoreProfile::ATOMIC, &Probing::default(), false).is_err(), "nothing is known");
    }

    #[test]
    fn a_setting_takes_a_condition_for_less_and_never_for_more() {
        let all = [Precondition::Atomic, Precondition::NotAtomic, Precondition::Ignored, Precondition::Refused];
        for store in all {
            for decided in all {
                let probing = Probing { conditional_create: Some(decided), ..Probing::default() };
                let judged = judge(&found(store, None), &probing, false);
                if trust(decided) <= trust(store) {
                    assert_eq!(judged.unwrap().conditional_create, decided);
                } else {
                    assert!(judged.unwrap_err()[0].starts_with("store.conditional_create"));
                }
            }
        }
    }

    #[test]
    fn hosted_mode_needs_both_conditions_atomic() {
        for store in [Precondition::NotAtomic, Precondition::Ignored, Precondition::Refused] {
            assert!(judge(&found(store, None), &Probing::default(), true).is_err());
            assert!(judge(&found(store, None), &Probing::default(), false).is_ok());
        }
        let weakened = Probing { conditional_replace: Some(Precondition::Ignored), ..Probing::default() };
        assert!(judge(&found(Precondition::Atomic, None), &weakened, true).is_err());
    }
}
