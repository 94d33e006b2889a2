//! What must not stand in a log. Names decide, not values: nobody can tell a password by its look.

use serde_json::Value;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";

/// Whatever has one of these in its name is a secret.
const SECRET_NAMES: [&str; 7] = ["authorization", "cookie", "credential", "password", "secret", "token", "username"];

/// After one of these comes a credential (RFC 9110, section 11.6.2).
const SCHEMES: [&str; 4] = ["basic", "bearer", "digest", "dpop"];

/// What may stand around a word of a text, and is no part of it.
const AROUND: &[char] = &['"', '\'', '(', ')', '[', ']', '{', '}', '<', '>', ',', ';'];

/// Takes the secrets out of an entry: fields and pairs by name, at any depth, and what texts say by `name=value`, `name: value` or
/// after the name of an authentication scheme. A text that is JSON itself is looked through as such.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) {
                    *value = REDACTED.into();
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => {
            // Headers are often written as pairs.
            if let [Value::String(name), value] = values.as_mut_slice()
                && is_secret(name)
            {
                *value = REDACTED.into();
            }
            values.iter_mut().for_each(redact);
        }
        Value::String(text) => *text = without_secrets(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

fn without_secrets(text: &str) -> String {
    if text.trim_start().starts_with(['{', '['])
        && let Ok(mut inner) = serde_json::from_str::<Value>(text)
    {
        redact(&mut inner);
        return inner.to_string();
    }
    let mut clean = String::with_capacity(text.len());
    let mut is_due = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_matches(|letter: char| letter.is_whitespace() || AROUND.contains(&letter));
        if SCHEMES.contains(&bare.to_lowercase().as_str()) {
            is_due = true;
        } else if is_due && !bare.is_empty() {
            clean += &word.replacen(bare, REDACTED, 1);
            is_due = false;
            continue;
        } else {
            // `password:`, and the value in the next word.
            is_due = is_due || bare.strip_suffix([':', '=']).is_some_and(is_secret);
        }
        clean += &without_pairs(word);
    }
    clean
}

/// `name=value` and `name:value` in a word without spaces, such as a query or a cookie.
fn without_pairs(word: &str) -> String {
    let mut clean = String::with_capacity(word.len());
    for piece in word.split_inclusive(['&', '?', ',', ';']) {
        let value = piece.find(['=', ':']).filter(|at| is_secret(&piece[..*at])).map(|at| &piece[at + 1..]);
        let value = value.map(|value| value.trim_end_matches(|letter: char| letter.is_whitespace() || "&?,;".contains(letter)));
        match value.filter(|value| !value.is_empty()) {
            Some(value) => {
                let begins = value.as_ptr() as usize - piece.as_ptr() as usize;
                clean += &piece[..begins];
                clean += REDACTED;
                clean += &piece[begins + value.len()..];
            }
            None => clean += piece,
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(mut value: Value) -> Value {
        redact(&mut value);
        value
    }

    #[test]
    fn fields_are_known_by_any_part_of_their_name() {
        let value = json!({
            "Authorization": "x", "set-cookie": ["x"], "tandemCredentials": {"a": 1}, "PASSWORD": 1, "client_secret": null,
            "accessToken": "x", "userName": "x", "level": "info", "nested": [{"refresh_token": "x", "n": 1}],
        });
        let expected = json!({
            "Authorization": REDACTED, "set-cookie": REDACTED, "tandemCredentials": REDACTED, "PASSWORD": REDACTED,
            "client_secret": REDACTED, "accessToken": REDACTED, "userName": REDACTED, "level": "info",
            "nested": [{"refresh_token": REDACTED, "n": 1}],
        });
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn pairs_and_texts_that_are_json_are_looked_through() {
        let value = json!({"headers": [["Cookie", "s3cr3t"], ["Host", "example.org"]], "body": "{\"password\":\"s3cr3t\"}"});
        let expected =
            json!({"headers": [["Cookie", REDACTED], ["Host", "example.org"]], "body": "{\"password\":\"[redacted]\"}"});
        assert_eq!(redacted(value), expected);
        let deep = json!({"body": json!({"body": json!({"token": "s3cr3t"}).to_string()}).to_string()});
        assert!(!redacted(deep).to_string().contains("s3cr3t"));
    }

    #[test]
    fn texts_lose_what_a_name_announces_and_keep_the_rest() {
        for (text, expected) in [
            ("sent Authorization: Bearer s3cr3t to host", "sent Authorization: Bearer [redacted] to host"),
            ("dpop s3cr3t, then more", "dpop [redacted], then more"),
            ("GET /a?access_token=s3cr3t&page=2 took 3 ms", "GET /a?access_token=[redacted]&page=2 took 3 ms"),
            ("username: s3cr3t, level: info", "username: [redacted], level: info"),
            ("password=s3cr3t", "password=[redacted]"),
            ("(password='s3cr3t')", "(password=[redacted]"),
            ("token= s3cr3t\nnext", "token= [redacted]\nnext"),
            ("https://example.org/a:b took 3 ms", "https://example.org/a:b took 3 ms"),
            ("a basic test of nothing", "a basic [redacted] of nothing"),
            ("", ""),
        ] {
            assert_eq!(redacted(json!(text)), json!(expected), "{text}");
        }
    }
}
