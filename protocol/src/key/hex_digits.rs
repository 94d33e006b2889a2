//! Lower-case hex and nothing else: with upper case a value would have two spellings.

/// The bytes that are spelled; `None` unless there are two lower-case digits for each.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks::<2>();
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    if rest.is_empty() { decode_pairs(pairs) } else { None }
}

/// The bytes of which each is spelled by a pair of digits.
#[inline]
pub(super) fn decode_pairs<const N: usize>(pairs: &[[u8; 2]; N]) -> Option<[u8; N]> {
    let mut values = [[0; 2]; N];
    let mut strangers = 0;
    // All digits, without an early exit and without a table, so that the loops compile to SIMD.
    for (value, digit) in values.as_flattened_mut().iter_mut().zip(pairs.as_flattened()) {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        let (is_number, is_letter) = (number < 10, letter < 6);
        strangers |= u8::from(!(is_number | is_letter));
        *value = if is_number { number } else { letter.wrapping_add(10) };
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(&values) {
        *byte = high << 4 | low;
    }
    (strangers == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sixteen_bytes_are_digits() {
        for byte in 0..=255u8 {
            let value = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            let value = value.map(|value| u8::try_from(value).unwrap());
            assert_eq!(decode(&[byte, b'0']), value.map(|value| [value << 4]), "{byte}");
            assert_eq!(decode(&[b'0', byte]), value.map(|value| [value]), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(decode(hex::encode(bytes).as_bytes()), Some(bytes));
        }

        #[test]
        fn it_reads_what_the_hex_crate_reads_but_for_upper_case(text in "[0-9a-fA-Fg-]{28,36}") {
            let expected = <[u8; 16] as hex::FromHex>::from_hex(&text).ok();
            let expected = expected.filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()));
            prop_assert_eq!(decode(text.as_bytes()), expected);
        }
    }
}
