use proptest::prelude::*;
use tidegate_sync_core::keys::{RecoveryCode, RecoveryCodeError};
use zeroize::Zeroizing;

/// The English 256-bit vectors of the reference implementation (trezor/python-mnemonic, vectors.json).
const VECTORS: [(&str, &str); 8] = [
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
    ),
    (
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title",
    ),
    (
        "8080808080808080808080808080808080808080808080808080808080808080",
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless",
    ),
    (
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
    ),
    (
        "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
        "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
    ),
    (
        "9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863",
        "panda eyebrow bullet gorilla call smoke muffin taste mesh discover soft ostrich alcohol speed nation flash devote level hobby quick inner drive ghost inside",
    ),
    (
        "066dca1a2bb7e8a1db2832148ce9933eea0f3ac9548d793112d9a95c9407efad",
        "all hour make first leader extend hole alien behind guard gospel lava path output census museum junior mass reopen famous sing advance salt reform",
    ),
    (
        "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
        "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold",
    ),
];

fn code_of(entropy: &str) -> RecoveryCode {
    RecoveryCode::from_entropy(Zeroizing::new(hex::decode(entropy).unwrap().try_into().unwrap()))
}

#[test]
fn words_are_those_of_the_bip39_vectors() {
    for (entropy, words) in VECTORS {
        assert_eq!(code_of(entropy).words().as_str(), words);
        let read = RecoveryCode::parse(words).unwrap();
        assert_eq!(read.words().as_str(), words);
        assert_eq!(read.signing_key().to_bytes(), code_of(entropy).signing_key().to_bytes());
    }
}

#[test]
fn case_and_white_space_do_not_matter() {
    let words = VECTORS[4].1;
    let typed = format!("  {}\n", words.to_uppercase().replace(' ', "\n\t"));
    assert_eq!(RecoveryCode::parse(&typed).unwrap().words().as_str(), words);
}

#[test]
fn a_wrong_word_is_named_by_position_with_the_nearest_one() {
    let words = VECTORS[0].1;
    let mut typed: Vec<&str> = words.split(' ').collect();
    typed[6] = "abandn";
    let error = RecoveryCode::parse(&typed.join(" ")).unwrap_err();
    assert_eq!(error.to_string(), "word 7, 'abandn', is not in the list; did you mean 'abandon'?");
    assert_eq!(error.code(), "recovery-code-unknown-word");
}

#[test]
fn a_word_that_is_near_none_gets_no_suggestion() {
    let error = RecoveryCode::parse("xylophonist").unwrap_err();
    assert_eq!(error, RecoveryCodeError::UnknownWord { position: 1, word: "xylophonist".to_owned(), suggestion: None });
    assert_eq!(error.to_string(), "word 1, 'xylophonist', is not in the list");
}

#[test]
fn a_longer_form_of_a_word_suggests_it() {
    let suggestion = match RecoveryCode::parse("abandoning").unwrap_err() {
        RecoveryCodeError::UnknownWord { suggestion, .. } => suggestion,
        RecoveryCodeError::WordCount { .. } | RecoveryCodeError::Checksum => None,
    };
    assert_eq!(suggestion, Some("abandon"));
}

#[test]
fn a_wrong_count_is_named() {
    for found in [0, 1, 12, 23, 25] {
        let error = RecoveryCode::parse(&vec!["zoo"; found].join(" ")).unwrap_err();
        assert_eq!((&error, error.code()), (&RecoveryCodeError::WordCount { found }, "recovery-code-word-count"));
    }
}

#[test]
fn swapped_words_fail_the_checksum() {
    let mut words: Vec<&str> = VECTORS[4].1.split(' ').collect();
    words.swap(0, 1);
    let error = RecoveryCode::parse(&words.join(" ")).unwrap_err();
    assert_eq!((&error, error.code()), (&RecoveryCodeError::Checksum, "recovery-code-checksum"));
}

proptest! {
    #[test]
    fn every_code_reads_back(entropy: [u8; 32]) {
        let code = RecoveryCode::from_entropy(Zeroizing::new(entropy));
        let read = RecoveryCode::parse(&code.words()).unwrap();
        prop_assert_eq!(read.signing_key().to_bytes(), code.signing_key().to_bytes());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        let _ = RecoveryCode::parse(&text);
    }
}
