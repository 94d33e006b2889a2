//! Each broken promise is found out, by its own name and by no other.

use std::collections::BTreeSet;

use tidegate_protocol::capability::{Attack, AttackOutcome, ExcessRight, Precondition, StoreFindings, StoreProfile, Support};
use tidegate_store_probe::{ProbeError, probe};

use crate::stand_in::{Flaw, StandIn};
use crate::store::{probe_of, run, target};

async fn found(flaws: &[Flaw]) -> (StoreProfile, StoreFindings) {
    let store = StandIn::start(flaws).await;
    let report = probe(target(&store.base), run()).await.unwrap();
    assert_eq!(store.keys(), Vec::<String>::new(), "nothing stays, whatever the store is like");
    let findings = (**report.profile.findings.as_ref().unwrap()).clone();
    (report.profile, findings)
}

/// The attacks that are not harmless.
async fn feared(flaws: &[Flaw]) -> BTreeSet<Attack> {
    let (_, findings) = found(flaws).await;
    Attack::ALL.into_iter().filter(|attack| findings.outcome(*attack) == AttackOutcome::Succeeded).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_a_flaw_has_none() {
    let (profile, findings) = found(&[]).await;
    assert_eq!(profile.conditional_create, Precondition::Atomic);
    assert_eq!(profile.conditional_replace, Precondition::Atomic);
    assert_eq!(findings.conditional_delete, Precondition::Atomic);
    assert_eq!(findings.conditional_complete, Precondition::Atomic);
    assert_eq!(findings.conditional_get, Support::Works);
    assert_eq!(findings.crc32_trailers, Support::Works);
    let harmful: Vec<_> = findings.attacks.iter().filter(|finding| !finding.outcome.is_harmless()).collect();
    assert!(harmful.is_empty(), "{harmful:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_are_ignored_lied_about_or_refused_are_told_apart() {
    for (flaw, expected) in [
        (Flaw::IgnoresConditions, Precondition::Ignored),
        (Flaw::LiesAboutConditions, Precondition::Ignored),
        (Flaw::RefusesConditions, Precondition::Refused),
    ] {
        let (profile, _) = found(&[flaw]).await;
        assert_eq!((profile.conditional_create, profile.conditional_replace), (expected, expected), "{flaw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_races_a_condition_that_is_honoured_is_unproven() {
    for (flaws, expected) in [(&[][..], Precondition::NotAtomic), (&[Flaw::IgnoresConditions], Precondition::Ignored)] {
        let store = StandIn::start(flaws).await;
        let profile = probe_of(target(&store.base)).conditions().await.unwrap();
        assert_eq!(profile, StoreProfile::unprobed(expected, expected), "{flaws:?}");
        assert_eq!(store.keys(), Vec::<String>::new(), "nothing stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_are_looked_at_too_early_are_not_atomic() {
    for flaw in [Flaw::LooksLongBeforeItWrites, Flaw::LooksAtTheHead] {
        let (profile, _) = found(&[flaw]).await;
        assert_eq!(profile.conditional_create, Precondition::NotAtomic, "{flaw:?}");
        assert_eq!(profile.conditional_replace, Precondition::NotAtomic, "{flaw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_etag_for_everything_is_no_condition() {
    let (profile, findings) = found(&[Flaw::OneEtag]).await;
    assert_eq!(profile.conditional_replace, Precondition::Ignored);
    assert!(!findings.list.etags);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_for_what_has_changed_and_frames_as_content_are_broken() {
    let (_, findings) = found(&[Flaw::AlwaysUnchanged, Flaw::StoresFrames]).await;
    assert_eq!(findings.conditional_get, Support::Broken);
    assert_eq!(findings.crc32_trailers, Support::Broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_says_yes_and_keeps_nothing_has_no_profile() {
    let store = StandIn::start(&[Flaw::KeepsNothing]).await;
    let outcome = probe(target(&store.base), run()).await;
    assert!(matches!(outcome, Err(ProbeError::Unsound { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_key_that_is_refused_is_no_proof_that_attacks_fail() {
    let store = StandIn::start(&[Flaw::RefusesTheWriteKey, Flaw::ObeysCopySource]).await;
    let outcome = probe(target(&store.base), run()).await;
    assert!(matches!(outcome, Err(ProbeError::Refused { credential: "write", .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_that_succeeds_is_named_and_no_other() {
    let cases: [(&[Flaw], &[Attack]); 10] = [
        (&[Flaw::ObeysCopySource], &[Attack::CopySource]),
        (&[Flaw::CopiesAndSaysNo], &[Attack::CopySource]),
        (&[Flaw::CopiesLater], &[Attack::CopySource]),
        (&[Flaw::ObeysForceDelete, Flaw::WriteKeyMayDoAll], &[Attack::ForceDelete]),
        (&[Flaw::ObeysAcl], &[Attack::UnsignedAcl]),
        (&[Flaw::BendsPaths], &[Attack::PathNormalisation]),
        (&[Flaw::IgnoresChecksums], &[Attack::WrongChecksum]),
        (&[Flaw::ForgivesMissingHeaders], &[Attack::MissingChecksum, Attack::MissingCondition, Attack::WrongLength]),
        (&[Flaw::IgnoresExpiry], &[Attack::ExpiredUrl]),
        (&[Flaw::OpenToAll], &[Attack::AnonymousRead, Attack::AnonymousList, Attack::AnonymousWrite]),
    ];
    for (flaws, expected) in cases {
        let feared = feared(flaws).await;
        let expected: BTreeSet<Attack> = expected.iter().copied().collect();
        let unexpected = |attack: &&Attack| !expected.contains(attack) && **attack != Attack::UnsignedAcl;
        assert!(feared.is_superset(&expected), "{flaws:?}: {feared:?}");
        assert_eq!(feared.iter().filter(unexpected).collect::<Vec<_>>(), Vec::<&Attack>::new(), "{flaws:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_looks_at_no_signature_lets_all_of_it_through() {
    let feared = feared(&[Flaw::IgnoresSignatures]).await;
    for attack in [Attack::AlteredKey, Attack::AlteredQuery, Attack::MissingChecksum, Attack::WrongLength, Attack::ExpiredUrl] {
        assert!(feared.contains(&attack), "{attack:?}: {feared:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_not_needed_are_named() {
    let (_, findings) = found(&[Flaw::WriteKeyMayDoAll]).await;
    let expected =
        [ExcessRight::WriteKeyReads, ExcessRight::WriteKeyLists, ExcessRight::WriteKeyWritesState, ExcessRight::WriteKeyDeletes];
    assert_eq!(findings.excess_rights, expected);
}
