//! The scope claim of a token.

use proptest::prelude::*;
use tidegate_protocol::scope::{AccountScope, InvalidScope, Permission, ScopeClaim};

use crate::generate::{scope_claim, tamper, tampering};

const OWNER: &str = "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01";
const MEMBER: &str = "0b0e9c54-8f3e-4a55-9d0b-6d3f1c2a7e10";

fn parse(text: &str) -> Result<ScopeClaim, InvalidScope> {
    text.parse()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_formatted_claim_parses_to_itself(claim in scope_claim()) {
        prop_assert_eq!(parse(&claim.to_string()), Ok(claim));
    }

    #[test]
    fn whatever_parses_formats_back_to_itself(claim in scope_claim(), acts in tampering()) {
        let text = tamper(&claim.to_string(), &acts);
        if let Ok(claim) = parse(&text) {
            prop_assert_eq!(claim.to_string(), text);
        }
    }

    #[test]
    fn parsing_is_total(text in "\\PC*") {
        if let Ok(claim) = parse(&text) {
            prop_assert_eq!(claim.to_string(), text);
        }
    }
}

#[test]
fn a_claim_reads_as_documented() {
    let claim = parse(&format!("full share:{OWNER}/{MEMBER}:read share:{OWNER}/{OWNER}:read-write")).unwrap();
    assert_eq!(claim.account, AccountScope::Full);
    assert_eq!(claim.shares.len(), 2);
    assert_eq!(claim.shares[0].owner.to_string(), OWNER);
    assert_eq!(claim.shares[0].member.to_string(), MEMBER);
    assert_eq!(claim.shares[0].permission, Permission::Read);
    assert_eq!(claim.shares[1].permission, Permission::ReadWrite);
    for (text, account) in
        [("create", AccountScope::Create), ("bootstrap", AccountScope::Bootstrap), ("full", AccountScope::Full)]
    {
        assert_eq!(parse(text), Ok(ScopeClaim { account, shares: vec![] }));
    }
}

#[test]
fn a_claim_without_exactly_one_account_scope_first_is_refused() {
    let share = format!("share:{OWNER}/{MEMBER}:read");
    for text in ["", " ", " full", "Full", "FULL", "admin", "full,create", "full\n", &share, &format!("{share} full")] {
        assert_eq!(parse(text), Err(InvalidScope::Account), "{text:?}");
    }
    for text in ["full full", "create full", "full ", "full  ", &format!("full  {share}"), &format!("full {share} ")] {
        assert_eq!(parse(text), Err(InvalidScope::Share), "{text:?}");
    }
}

#[test]
fn a_share_of_another_shape_is_refused() {
    for entry in [
        "share".to_owned(),
        "share:".to_owned(),
        "share::".to_owned(),
        format!("share:{OWNER}:read"),
        format!("share:{OWNER}/{MEMBER}"),
        format!("share:{OWNER}/{MEMBER}:"),
        format!("share:{OWNER}/{MEMBER}:write"),
        format!("share:{OWNER}/{MEMBER}:Read"),
        format!("share:{OWNER}/{MEMBER}:read:read-write"),
        format!("Share:{OWNER}/{MEMBER}:read"),
    ] {
        assert_eq!(parse(&format!("full {entry}")), Err(InvalidScope::Share), "{entry}");
    }
    for entry in [
        format!("share:{OWNER}/*:read"),
        format!("share:*/{MEMBER}:read"),
        format!("share:{}/{MEMBER}:read", OWNER.to_uppercase()),
        format!("share:{OWNER}/{MEMBER}/{MEMBER}:read"),
        "share:/:read".to_owned(),
    ] {
        assert!(matches!(parse(&format!("full {entry}")), Err(InvalidScope::Id(_))), "{entry}");
    }
}
