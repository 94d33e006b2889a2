//! Prefixes that temporary credentials may reach.

use proptest::prelude::*;
use tidegate_protocol::{InvalidKey, ObjectKey, ReadPrefix};

use crate::generate::{read_prefix, tamper, tampering};

fn parse(text: &str) -> Result<ReadPrefix, InvalidKey> {
    text.parse()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_formatted_prefix_parses_to_itself(prefix in read_prefix()) {
        prop_assert_eq!(parse(&prefix.to_string()), Ok(prefix));
    }

    #[test]
    fn whatever_parses_formats_back_to_itself(prefix in read_prefix(), acts in tampering()) {
        let text = tamper(&prefix.to_string(), &acts);
        if let Ok(prefix) = parse(&text) {
            prop_assert_eq!(prefix.to_string(), text);
        }
    }

    /// A policy takes `*`, `?` and `$` for more than themselves, and a prefix without its `/` reaches what begins alike.
    #[test]
    fn nothing_parses_that_a_policy_would_read_otherwise(prefix in read_prefix(), at in any::<prop::sample::Index>()) {
        let text = prefix.to_string();
        let account = format!("users/{}/", prefix.owner());
        prop_assert!(text.starts_with(&account) && text.ends_with('/'));
        prop_assert!(text.parse::<ObjectKey>().is_err());
        prop_assert!(parse(text.trim_end_matches('/')).is_err());
        for stranger in ["*", "?", "$", "${aws:userid}", "\"", "\\", "%2f", "/", "../", "./", "A", " ", "\u{e9}", "\u{0}"] {
            let mut text = text.clone();
            text.insert_str(at.index(text.len() + 1), stranger);
            prop_assert!(parse(&text).is_err(), "{}", text);
        }
    }
}

#[test]
fn no_prefix_is_wider_than_an_account() {
    for text in ["", "/", "users", "users/", "users//", "_tidegate/", "_tidegate/links/"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}
