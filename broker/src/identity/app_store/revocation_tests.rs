//! Verification with a responder over HTTP: what is asked when, and what happens without an answer.

use std::sync::Arc;

use serde_json::json;
use tidegate_app_store::Roots;
use tidegate_protocol::problem::ProblemCode;
use tidegate_testkit::apple::{BUNDLE_ID, OcspMode, OcspResponder, TestCa, notification, renewal_info, transaction};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::verify::AppStoreVerifier;
use crate::config::{AppStoreSettings, OcspPolicy};

const NOW: OffsetDateTime = datetime!(2026-06-15 13:00 UTC);
const APP_ID: i64 = 6_400_000_001;

struct Stand {
    responder: OcspResponder,
    verifier: Arc<AppStoreVerifier>,
}

impl Stand {
    async fn new(policy: OcspPolicy) -> Self {
        Self::with(policy, |_| {}).await
    }

    async fn with(policy: OcspPolicy, change: impl FnOnce(&mut AppStoreSettings)) -> Self {
        let responder = OcspResponder::start(&TestCa::new()).await;
        responder.set_now(NOW);
        let mut settings = AppStoreSettings::new(BUNDLE_ID, APP_ID);
        settings.roots = Roots::from_der([responder.ca().root_der()]).unwrap();
        settings.ocsp = policy;
        settings.ocsp_hosts = vec![responder.host().to_owned()];
        change(&mut settings);
        Self { responder, verifier: Arc::new(AppStoreVerifier::new(&settings, &crate::metrics::Metrics::new())) }
    }

    fn jws(&self) -> String {
        self.responder.ca().sign(&transaction(json!({})))
    }

    async fn verify(&self, now: OffsetDateTime) -> Result<(), ProblemCode> {
        self.verifier.transaction(&self.jws(), now).await.map(|_| ()).map_err(|problem| problem.code)
    }
}

#[tokio::test]
async fn a_chain_is_asked_about_once() {
    let stand = Stand::new(OcspPolicy::Require).await;
    for _ in 0..10 {
        stand.verify(NOW).await.unwrap();
    }
    assert_eq!(stand.responder.requests(), 2, "leaf and intermediate");
}

#[tokio::test]
async fn a_hundred_at_once_ask_once() {
    let stand = Arc::new(Stand::new(OcspPolicy::Require).await);
    let all: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn({
                let stand = Arc::clone(&stand);
                async move { stand.verify(NOW).await }
            })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(stand.responder.requests(), 2);
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_for_good_under_either_policy() {
    for policy in [OcspPolicy::Require, OcspPolicy::Prefer] {
        for mode in [OcspMode::LeafRevoked, OcspMode::IntermediateRevoked] {
            let stand = Stand::new(policy).await;
            stand.responder.behave(mode);
            assert_eq!(stand.verify(NOW).await, Err(ProblemCode::AppStoreCertificateRevoked), "{mode:?}");
            stand.responder.behave(OcspMode::Good);
            let later = NOW + Duration::hours(30);
            assert_eq!(stand.verify(later).await, Err(ProblemCode::AppStoreCertificateRevoked), "{mode:?}, later");
        }
    }
}

#[tokio::test]
async fn without_a_believable_answer_the_policy_decides() {
    let modes = [
        OcspMode::Unknown,
        OcspMode::Stale,
        OcspMode::WrongSigner,
        OcspMode::NoPurpose,
        OcspMode::Down,
        OcspMode::Endless,
        OcspMode::Redirecting,
    ];
    for mode in modes {
        let require = Stand::new(OcspPolicy::Require).await;
        require.responder.behave(mode);
        assert_eq!(require.verify(NOW).await, Err(ProblemCode::AppStoreRevocationUnknown), "{mode:?}");
        let prefer = Stand::new(OcspPolicy::Prefer).await;
        prefer.responder.behave(mode);
        assert_eq!(prefer.verify(NOW).await, Ok(()), "{mode:?}");
    }
    let off = Stand::new(OcspPolicy::Off).await;
    off.responder.behave(OcspMode::LeafRevoked);
    assert_eq!((off.verify(NOW).await, off.responder.requests()), (Ok(()), 0));
}

#[tokio::test]
async fn a_slow_responder_is_a_responder_that_is_down() {
    let stand = Stand::new(OcspPolicy::Require).await;
    stand.responder.behave(OcspMode::Slow(60));
    assert_eq!(stand.verify(NOW).await, Err(ProblemCode::AppStoreRevocationUnknown));
}

#[tokio::test]
async fn after_a_failure_nobody_is_asked_for_ten_seconds() {
    let stand = Stand::new(OcspPolicy::Require).await;
    stand.responder.behave(OcspMode::Down);
    stand.verify(NOW).await.unwrap_err();
    let asked = stand.responder.requests();
    stand.responder.behave(OcspMode::Good);
    assert_eq!(stand.verify(NOW + Duration::seconds(9)).await, Err(ProblemCode::AppStoreRevocationUnknown));
    assert_eq!(stand.responder.requests(), asked);
    stand.verify(NOW + Duration::seconds(10)).await.unwrap();
}

#[tokio::test]
async fn a_good_answer_bridges_an_outage_until_it_ends() {
    let stand = Stand::new(OcspPolicy::Require).await;
    stand.verify(NOW).await.unwrap();
    stand.responder.behave(OcspMode::Down);
    stand.verify(NOW + Duration::hours(10)).await.unwrap();
    assert_eq!(stand.verify(NOW + Duration::hours(12)).await, Err(ProblemCode::AppStoreRevocationUnknown));
}

#[tokio::test]
async fn a_revocation_is_heard_of_in_the_background() {
    let stand = Stand::new(OcspPolicy::Require).await;
    stand.verify(NOW).await.unwrap();
    stand.responder.behave(OcspMode::LeafRevoked);
    let later = NOW + Duration::minutes(16);
    stand.verify(NOW + Duration::minutes(14)).await.unwrap();
    assert_eq!(stand.responder.requests(), 2, "not due yet");
    while stand.verify(later).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stand.verify(later).await, Err(ProblemCode::AppStoreCertificateRevoked));
    assert_eq!(stand.responder.requests(), 4);
}

#[tokio::test]
async fn hosts_that_are_not_listed_are_never_called() {
    let stand = Stand::with(OcspPolicy::Require, |settings| settings.ocsp_hosts = vec!["ocsp.apple.com".to_owned()]).await;
    assert_eq!(stand.verify(NOW).await, Err(ProblemCode::AppStoreRevocationUnknown));
    assert_eq!(stand.responder.requests(), 0);
}

#[tokio::test]
async fn a_forged_jws_makes_nobody_ask() {
    let stand = Stand::new(OcspPolicy::Require).await;
    let jws = stand.jws();
    let (signed, _) = jws.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(85) + "A");
    stand.verifier.transaction(&forged, NOW).await.unwrap_err();
    let other = TestCa::new().chain_variant(|chain| chain.leaf.ocsp_url = Some(stand.responder.url().to_owned()));
    stand.verifier.transaction(&other.sign(&transaction(json!({}))), NOW).await.unwrap_err();
    assert_eq!(stand.responder.requests(), 0);
}

#[tokio::test]
async fn a_notification_is_verified_with_all_that_it_nests() {
    let stand = Stand::new(OcspPolicy::Require).await;
    let ca = stand.responder.ca();
    let signed = |data| ca.sign(&notification("DID_RENEW", None, data));
    let whole = signed(json!({
        "signedTransactionInfo": ca.sign(&transaction(json!({}))),
        "signedRenewalInfo": ca.sign(&renewal_info(json!({}))),
    }));
    let (_, nested, renewal_info) = stand.verifier.notification(&whole, NOW).await.unwrap();
    assert!(nested.is_some() && renewal_info.is_some());

    let code = async |data| stand.verifier.notification(&signed(data), NOW).await.unwrap_err().code;
    let foreign = TestCa::new().sign(&transaction(json!({})));
    assert_eq!(code(json!({ "signedTransactionInfo": foreign })).await, ProblemCode::AppStoreRootUntrusted);
    let other_app = ca.sign(&transaction(json!({ "bundleId": "org.example.other" })));
    assert_eq!(code(json!({ "signedTransactionInfo": other_app })).await, ProblemCode::AppStoreWrongBundle);
    let other_environment = ca.sign(&transaction(json!({ "environment": "Sandbox" })));
    assert_eq!(code(json!({ "signedTransactionInfo": other_environment })).await, ProblemCode::AppStoreNestedMismatch);
    assert_eq!(code(json!({ "signedTransactionInfo": "" })).await, ProblemCode::AppStoreJwsMalformed);
}
