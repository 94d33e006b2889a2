//! Identifiers and hashes: one spelling each, in text and in JSON.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::{ChainId, ContentHmac, DeviceId, Digest, GrantId, InvalidId, MemberId, RecordId, Sha256, UserId};

fn reads_back<T>(value: &T) -> Result<(), TestCaseError>
where
    T: Display + FromStr<Err = InvalidId> + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = value.to_string();
    let parsed = text.parse::<T>();
    prop_assert_eq!(parsed.as_ref(), Ok(value));
    let json = serde_json::to_string(value).expect("an id is a string");
    prop_assert_eq!(&json, &format!("\"{text}\""));
    prop_assert_eq!(&serde_json::from_str::<T>(&json).expect("just written"), value);
    prop_assert!(text.to_uppercase() == text || text.to_uppercase().parse::<T>().is_err());
    for wrong in [format!(" {text}"), format!("{text} "), format!("{text}\n"), text[1..].to_owned(), format!("{text}0")] {
        prop_assert!(wrong.parse::<T>().is_err(), "{:?}", wrong);
        prop_assert!(serde_json::from_value::<T>(wrong.clone().into()).is_err(), "{:?}", wrong);
    }
    Ok(())
}

proptest! {
    #[test]
    fn ids_have_one_spelling(half in any::<[u8; 16]>(), whole in any::<[u8; 32]>(), chain in any::<u64>()) {
        reads_back(&UserId::from_bytes(half))?;
        reads_back(&DeviceId::from_bytes(half))?;
        reads_back(&MemberId::from_bytes(half))?;
        reads_back(&RecordId::from_bytes(half))?;
        reads_back(&GrantId::from_bytes(half))?;
        reads_back(&Digest::from_bytes(half))?;
        reads_back(&Sha256::from_bytes(whole))?;
        reads_back(&ContentHmac::from_bytes(whole))?;
        reads_back(&ChainId::new(chain))?;
    }

    #[test]
    fn parsing_an_id_is_total(text in "\\PC{0,70}|[0-9a-f-]{30,66}") {
        if let Ok(id) = text.parse::<UserId>() {
            prop_assert_eq!(id.to_string(), text.as_str());
        }
        if let Ok(hash) = text.parse::<Sha256>() {
            prop_assert_eq!(hash.to_string(), text.as_str());
        }
        if let Ok(chain) = text.parse::<ChainId>() {
            prop_assert_eq!(chain.to_string(), text);
        }
    }

    #[test]
    fn a_digest_is_the_first_half_of_the_hash(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let hash = Sha256::of(&bytes);
        prop_assert_eq!(hash.digest(), Digest::of(&bytes));
        prop_assert!(hash.to_string().starts_with(&hash.digest().to_string()));
    }
}

#[test]
fn other_spellings_of_a_uuid_are_refused() {
    for text in [
        "6f1ed002ab558a3b8c1d2f2f8f2b8a01",
        "{6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01}",
        "urn:uuid:6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01",
        "6F1ED002-AB55-8A3B-8C1D-2F2F8F2B8A01",
        "6f1ed002_ab55_8a3b_8c1d_2f2f8f2b8a01",
        "6f1ed002a-b55-8a3b-8c1d-2f2f8f2b8a01",
        "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a0",
        "",
    ] {
        assert!(text.parse::<UserId>().is_err(), "{text}");
    }
}

#[test]
fn an_error_quotes_at_most_64_characters() {
    let invalid = "é".repeat(500).parse::<UserId>().expect_err("not an id");
    assert_eq!(invalid.text.chars().count(), 64);
    let hostile = "\r\nx: y".parse::<UserId>().expect_err("not an id");
    assert!(!hostile.to_string().contains(char::is_control), "{hostile}");
}
