//! What is wrong with a TOML file, without its text: the line that cannot be read may hold a secret, and the message goes into logs.

use figment::error::{Error, Kind};

/// The mistakes with their lines, and nothing that was read.
pub(crate) fn tell(error: Error) -> String {
    let told: Vec<String> = error.into_iter().map(|cause| one(&cause)).collect();
    told.join("; ")
}

fn one(error: &Error) -> String {
    let setting = error.path.join(".");
    let at = if setting.is_empty() { String::new() } else { format!("{setting}: ") };
    let what = match &error.kind {
        Kind::Message(text) => without_excerpt(text),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("must be {expected}"),
        Kind::InvalidLength(length, expected) => format!("has {length} values and must be {expected}"),
        Kind::UnknownField(name, _) => format!("there is no setting {name:?}"),
        Kind::MissingField(name) => format!("{name} is missing"),
        Kind::DuplicateField(name) => format!("{name} is given twice"),
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "is out of range".to_owned(),
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "is of a kind that is not read".to_owned(),
    };
    format!("{at}{what}")
}

/// The parser shows the line that it stopped at, and marks the place: lines that begin with a number or nothing, and a bar.
fn without_excerpt(text: &str) -> String {
    let is_excerpt = |line: &&str| line.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == ' ').starts_with('|');
    text.lines().filter(|line| !is_excerpt(line)).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};
    use figment::value::Dict;

    use super::*;

    fn of(toml: &str) -> String {
        tell(Figment::from(Toml::string(toml)).extract::<Dict>().unwrap_err())
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_shown() {
        for toml in [
            "a = 1\nsecret = \"s3cr3t-value\nb = 2\n",
            "a = 1\nsecret = s3cr3t-value\n",
            "a = 1\nsecret s3cr3t-value\n",
            "a = 1\nsecret = \"s3cr3t-value\" \"s3cr3t-value\"\n",
            "a = 1\nsecret = \"\\q s3cr3t-value\"\n",
        ] {
            let told = of(toml);
            assert!(told.contains("line 2") && !told.contains("s3cr3t"), "{told}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_not_shown() {
        #[derive(Debug, serde::Deserialize)]
        struct File {
            #[expect(dead_code, reason = "it is never read")]
            secret: String,
        }
        let error = Figment::from(Toml::string("secret = 31337\n")).extract::<File>().unwrap_err();
        let told = tell(error);
        assert!(told.contains("secret") && !told.contains("31337"), "{told}");
    }
}
