//! Forged chains: every one is refused, each kind with its own code. Where it matters, the certificates are issued by the
//! trusted root itself: markers, dates and usages are what keeps Apple's other certificates out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_app_store::Verifier;
use tidegate_protocol::problem::ProblemCode;
use tidegate_testkit::apple::{AuthoritySpec, ChainSpec, Curve, TestCa, transaction};
use time::Duration;

use crate::stand::{NOW, ca, genuine, refusal, verifier, verify};

/// Signed by a chain of the trusted root that differs in this.
fn of_chain(change: impl FnOnce(&mut ChainSpec)) -> String {
    ca().chain_variant(change).sign(&transaction(json!({})))
}

/// Signed by the genuine leaf, with these certificates in the header.
fn with_certificates(certificates: &[Vec<u8>]) -> String {
    let x5c: Vec<String> = certificates.iter().map(|der| STANDARD.encode(der)).collect();
    ca().sign_with(&json!({ "alg": "ES256", "x5c": x5c }), &transaction(json!({})))
}

fn with_header(change: impl FnOnce(&mut Value)) -> String {
    let mut header = ca().header();
    change(&mut header);
    ca().sign_with(&header, &transaction(json!({})))
}

#[test]
fn a_leaf_without_the_marker_is_refused() {
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.marker = None)), ProblemCode::AppStoreLeafMarker);
}

#[test]
fn a_leaf_with_another_marker_is_refused() {
    let other = vec![1, 2, 840, 113_635, 100, 6, 11, 2];
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.marker = Some(other))), ProblemCode::AppStoreLeafMarker);
}

#[test]
fn an_intermediate_without_the_marker_is_refused() {
    assert_eq!(refusal(&of_chain(|chain| chain.intermediate.marker = None)), ProblemCode::AppStoreIntermediateMarker);
}

#[test]
fn an_intermediate_with_the_leafs_marker_is_refused() {
    let jws = of_chain(|chain| chain.intermediate.marker = chain.leaf.marker.clone());
    assert_eq!(refusal(&jws), ProblemCode::AppStoreIntermediateMarker);
}

#[test]
fn an_expired_leaf_or_intermediate_is_refused() {
    let ended = NOW - Duration::seconds(61);
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.not_after = ended)), ProblemCode::AppStoreCertificateExpired);
    assert_eq!(refusal(&of_chain(|chain| chain.intermediate.not_after = ended)), ProblemCode::AppStoreCertificateExpired);
}

#[test]
fn a_leaf_or_intermediate_not_yet_valid_is_refused() {
    let begins = NOW + Duration::seconds(61);
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.not_before = begins)), ProblemCode::AppStoreCertificateNotYetValid);
    assert_eq!(refusal(&of_chain(|chain| chain.intermediate.not_before = begins)), ProblemCode::AppStoreCertificateNotYetValid);
}

#[test]
fn a_chain_that_expires_while_it_is_cached_is_refused() {
    let verifier = verifier();
    let short = ca().chain_variant(|chain| chain.leaf.not_after = NOW + Duration::minutes(5));
    let jws = short.sign(&transaction(json!({})));
    verify(&verifier, &jws, NOW).unwrap();
    let refused = verify(&verifier, &jws, NOW + Duration::minutes(10)).unwrap_err();
    assert_eq!(refused.code(), ProblemCode::AppStoreCertificateExpired);
}

#[test]
fn a_root_of_ones_own_is_refused() {
    let own = TestCa::new();
    assert_eq!(refusal(&own.sign(&transaction(json!({})))), ProblemCode::AppStoreRootUntrusted);
}

#[test]
fn the_genuine_root_behind_a_chain_of_ones_own_is_refused() {
    let own = TestCa::new(); // the same names, other keys
    let [leaf, intermediate, _] = own.chain_der();
    let x5c: Vec<String> = [leaf, intermediate, ca().root_der()].iter().map(|der| STANDARD.encode(der)).collect();
    let jws = own.sign_with(&json!({ "alg": "ES256", "x5c": x5c }), &transaction(json!({})));
    assert_eq!(refusal(&jws), ProblemCode::AppStoreChainInvalid);
}

#[test]
fn a_leaf_of_ones_own_under_the_genuine_intermediate_is_refused() {
    let own = TestCa::new();
    let [_, intermediate, root] = ca().chain_der();
    let x5c: Vec<String> = [own.chain_der()[0].clone(), intermediate, root].iter().map(|der| STANDARD.encode(der)).collect();
    let jws = own.sign_with(&json!({ "alg": "ES256", "x5c": x5c }), &transaction(json!({})));
    assert_eq!(refusal(&jws), ProblemCode::AppStoreChainInvalid);
}

#[test]
fn a_self_signed_root_in_the_third_place_of_a_genuine_chain_is_refused() {
    let [leaf, intermediate, _] = ca().chain_der();
    let jws = with_certificates(&[leaf, intermediate, TestCa::new().root_der()]);
    assert_eq!(refusal(&jws), ProblemCode::AppStoreRootUntrusted);
}

#[test]
fn two_and_four_certificates_are_refused() {
    let [leaf, intermediate, root] = ca().chain_der();
    let two = with_certificates(&[leaf.clone(), intermediate.clone()]);
    let four = with_certificates(&[leaf.clone(), intermediate.clone(), root.clone(), root]);
    for jws in [two, four, with_certificates(&[leaf]), with_certificates(&[])] {
        assert_eq!(refusal(&jws), ProblemCode::AppStoreChainLength);
    }
    let missing = with_header(|header| {
        header.as_object_mut().unwrap().remove("x5c");
    });
    assert_eq!(refusal(&missing), ProblemCode::AppStoreChainLength);
}

#[test]
fn a_reordered_chain_is_refused() {
    let [leaf, intermediate, root] = ca().chain_der();
    let orders = [
        [&intermediate, &leaf, &root],
        [&leaf, &root, &intermediate],
        [&root, &intermediate, &leaf],
        [&leaf, &leaf, &root],
        [&leaf, &root, &root],
    ];
    for order in orders {
        let jws = with_certificates(&order.map(Clone::clone));
        assert_eq!(refusal(&jws), ProblemCode::AppStoreChainOrder);
    }
}

#[test]
fn a_leaf_that_may_not_sign_data_is_refused() {
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.key_usages.clear())), ProblemCode::AppStoreLeafUsage);
    let usages = ChainSpec::default().intermediate.key_usages;
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.key_usages = usages)), ProblemCode::AppStoreLeafUsage);
}

#[test]
fn a_leaf_that_calls_itself_an_authority_is_refused() {
    let jws = of_chain(|chain| chain.leaf.authority = AuthoritySpec::Authority);
    assert_eq!(refusal(&jws), ProblemCode::AppStoreLeafIsAuthority);
}

#[test]
fn an_intermediate_that_is_no_authority_is_refused() {
    for authority in [AuthoritySpec::NoAuthority, AuthoritySpec::Silent] {
        let jws = of_chain(|chain| chain.intermediate.authority = authority);
        assert_eq!(refusal(&jws), ProblemCode::AppStoreIntermediateNotAuthority, "{authority:?}");
    }
}

#[test]
fn an_intermediate_that_may_not_sign_certificates_is_refused() {
    let usages = ChainSpec::default().leaf.key_usages;
    assert_eq!(refusal(&of_chain(|chain| chain.intermediate.key_usages = usages)), ProblemCode::AppStoreIntermediateUsage);
}

#[test]
fn a_leaf_on_another_curve_is_refused() {
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.curve = Curve::P384)), ProblemCode::AppStoreLeafKey);
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    let extension = (vec![1, 2, 840, 113_635, 100, 6, 99], vec![5, 0], true);
    assert_eq!(refusal(&of_chain(|chain| chain.leaf.extensions.push(extension.clone()))), ProblemCode::AppStoreChainInvalid);
    assert_eq!(refusal(&of_chain(|chain| chain.intermediate.extensions.push(extension))), ProblemCode::AppStoreChainInvalid);
}

#[test]
fn bytes_behind_a_certificate_are_refused() {
    let [mut leaf, intermediate, root] = ca().chain_der();
    leaf.push(0);
    assert_eq!(refusal(&with_certificates(&[leaf, intermediate, root])), ProblemCode::AppStoreCertificateMalformed);
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    let [_, intermediate, root] = ca().chain_der();
    let nested = [0x30, 0x80].repeat(2_000);
    for bytes in [vec![], vec![0; 100], nested, vec![0x30; 9_000], intermediate[..intermediate.len() - 1].to_vec()] {
        let jws = with_certificates(&[bytes, intermediate.clone(), root.clone()]);
        assert_eq!(refusal(&jws), ProblemCode::AppStoreCertificateMalformed);
    }
}

#[test]
fn a_huge_certificate_is_refused_unread() {
    let extension = (vec![1, 2, 3, 4], vec![4; 20_000], false);
    let jws = of_chain(|chain| chain.leaf.extensions.push(extension));
    assert_eq!(refusal(&jws), ProblemCode::AppStoreCertificateMalformed);
}

#[test]
fn one_text_for_one_certificate() {
    let jws = |change: &dyn Fn(&str) -> String| {
        with_header(|header| {
            let text = change(header["x5c"][0].as_str().unwrap());
            header["x5c"][0] = json!(text);
        })
    };
    let variants: [&dyn Fn(&str) -> String; 4] = [
        &|text| text.trim_end_matches('=').to_owned() + "=====",
        &|text| text.replace(['+', '/'], "_"),
        &|text| format!("{text}\n"),
        &|text| format!(" {text}"),
    ];
    for variant in variants {
        assert_eq!(refusal(&jws(variant)), ProblemCode::AppStoreCertificateMalformed);
    }
}

#[test]
fn nothing_enters_the_cache_without_a_signature_and_no_variation_of_the_root_helps() {
    let verifier = verifier();
    let genuine = genuine();
    let (signed, _) = genuine.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.{}", "A".repeat(86));
    verify(&verifier, &unsigned, NOW).unwrap_err();
    assert!(is_cold(&verifier), "a genuine chain under a signature that does not hold");
    verify(&verifier, &genuine, NOW).unwrap();
    assert!(!is_cold(&verifier));
    let [leaf, intermediate, _] = ca().chain_der();
    let varied = with_certificates(&[leaf, intermediate, TestCa::new().root_der()]);
    assert_eq!(verify(&verifier, &varied, NOW).unwrap_err().code(), ProblemCode::AppStoreRootUntrusted);
}

/// The debug form tells how many chains are cached.
fn is_cold(verifier: &Verifier) -> bool {
    format!("{verifier:?}").contains("cached_chains: 0")
}
