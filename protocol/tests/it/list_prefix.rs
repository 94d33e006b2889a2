//! Prefixes that may be listed: whole folders, in one spelling.

use proptest::prelude::*;
use tidegate_protocol::{InvalidKey, ListPrefix, ObjectKey};

use crate::generate::{list_prefix, object_key, tamper, tampering};

fn parse(text: &str) -> Result<ListPrefix, InvalidKey> {
    text.parse()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_formatted_prefix_parses_to_itself(prefix in list_prefix()) {
        prop_assert_eq!(parse(&prefix.to_string()), Ok(prefix));
    }

    #[test]
    fn whatever_parses_formats_back_to_itself(prefix in list_prefix(), acts in tampering()) {
        let text = tamper(&prefix.to_string(), &acts);
        if let Ok(prefix) = parse(&text) {
            prop_assert_eq!(prefix.to_string(), text);
        }
    }

    #[test]
    fn parsing_is_total_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(prefix) = parse(&text) {
            prop_assert_eq!(prefix.to_string(), text.as_ref());
        }
    }

    /// Without its `/` a prefix would also list the folders whose names begin alike.
    #[test]
    fn a_prefix_ends_in_a_slash_and_names_its_owner(prefix in list_prefix()) {
        let text = prefix.to_string();
        let start = format!("users/{}/", prefix.owner());
        prop_assert!(text.starts_with(&start));
        prop_assert!(text.ends_with('/'));
        prop_assert!(parse(text.trim_end_matches('/')).is_err());
        let doubled = format!("{text}/");
        prop_assert!(parse(&doubled).is_err());
    }

    #[test]
    fn no_text_is_both_a_key_and_a_prefix(key in object_key(), prefix in list_prefix()) {
        prop_assert!(parse(&key.to_string()).is_err());
        prop_assert!(prefix.to_string().parse::<ObjectKey>().is_err());
    }

    /// What clients must find by listing, they can; what the broker keeps, nobody can.
    #[test]
    fn a_key_lies_in_a_folder_that_can_be_listed_or_is_found_by_name(key in object_key()) {
        let text = key.to_string();
        let listed = text.match_indices('/').any(|(at, _)| parse(&text[..=at]).is_ok());
        let by_name = match key {
            ObjectKey::Genesis { .. } | ObjectKey::State(_) => true,
            ObjectKey::Doorbell { space } => space.member().is_none(),
            ObjectKey::PublicKeys { .. }
            | ObjectKey::MasterKeys { .. }
            | ObjectKey::AccessGrant { .. }
            | ObjectKey::DeviceFile { .. }
            | ObjectKey::Segment { .. }
            | ObjectKey::Checkpoint { .. }
            | ObjectKey::Record { .. }
            | ObjectKey::Attachment { .. }
            | ObjectKey::Pack { .. } => false,
        };
        prop_assert_eq!(listed, !by_name, "{}", text);
    }
}

#[test]
fn prefixes_wider_or_narrower_than_a_folder_are_refused() {
    let user = "6f1ed002-ab55-8a3b-8c1d-2f2f8f2b8a01";
    let other = "0b0e9c54-8f3e-4a55-9d0b-6d3f1c2a7e10";
    for text in [
        String::new(),
        "/".to_owned(),
        "users/".to_owned(),
        "_tidegate/".to_owned(),
        format!("users/{user}/"),
        format!("users/{}/devices/", &user[..8]),
        format!("users/{user}/dev"),
        format!("users/{user}/devices/{other}/"),
        format!("users/{user}/family-members/{other}/"),
        format!("users/{user}/family-members/{other}/public-keys/"),
        format!("users/{user}/records/"),
        "users//devices/".to_owned(),
        "users/../devices/".to_owned(),
        format!("users/{user}/../devices/"),
        format!("users/{user}/devices/../"),
        "users/*/devices/".to_owned(),
        format!("users/{}/devices/", user.to_uppercase()),
        format!("users/{user}/devices%2f"),
        format!("users/{user}/{}/", "a".repeat(600)),
    ] {
        assert!(parse(&text).is_err(), "{text:?}");
    }
    let starred = "users/*/devices/";
    assert_eq!(parse(starred), Err(InvalidKey::Character { character: '*', position: 6 }));
    assert_eq!(parse(&"a/".repeat(300)), Err(InvalidKey::TooLong { length: 600 }));
}
