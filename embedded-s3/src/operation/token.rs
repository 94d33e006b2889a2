//! Continuation tokens: opaque to clients, and nothing but a place in the order of keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::index::Start;

const AFTER_KEY: u8 = b'k';
const AFTER_PREFIX: u8 = b'p';

pub(super) fn format(next: &Start) -> Option<String> {
    let (kind, place) = match next {
        Start::First => return None,
        Start::AfterKey(key) => (AFTER_KEY, key),
        Start::AfterPrefix(prefix) => (AFTER_PREFIX, prefix),
    };
    let mut bytes = vec![kind];
    bytes.extend_from_slice(place);
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn parse(token: &str) -> Option<Start> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    match bytes.split_first()? {
        (&AFTER_KEY, key) => Some(Start::AfterKey(key.to_vec())),
        (&AFTER_PREFIX, prefix) => Some(Start::AfterPrefix(prefix.to_vec())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_come_back_as_the_place_they_were_made_of(place in proptest::collection::vec(any::<u8>(), 0..40), prefix in any::<bool>()) {
            let start = if prefix { Start::AfterPrefix(place) } else { Start::AfterKey(place) };
            prop_assert_eq!(parse(&format(&start).unwrap()), Some(start));
        }

        #[test]
        fn no_token_panics(token in ".*") {
            let _ = parse(&token);
        }
    }
}
