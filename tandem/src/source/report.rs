//! What an unexpected answer looked like, for a report of a fault: its form and none of its contents. Nothing is kept because it
//! looks harmless; a text is kept where the service writes words of its own, and there without whatever could be a person's.

use std::fmt;

use serde_json::{Map, Number, Value};

/// The longest text of a report's answer, in bytes.
const MOST_BYTES: usize = 8 * 1024;
/// How many entries of a list are shown.
const MOST_ENTRIES: usize = 2;
/// How many members of an object are shown.
const MOST_MEMBERS: usize = 80;
/// How deep an answer is shown.
const MOST_DEPTH: usize = 12;
/// Members whose text is the service's own in an answer that refuses.
const WORDS: [&str; 10] =
    ["code", "detail", "error", "error_description", "errorCode", "message", "path", "status", "title", "type"];
/// Members whose number is no measurement.
const CODES: [&str; 2] = ["eventCode", "statusCode"];

/// An answer's form, without personal data: no name, date, serial number, token or measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was asked for: `login`, `authorize`, `token`, `keys`, `account`, `pump-log`.
    pub step: &'static str,
    /// What is wrong with the answer.
    pub problem: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// Its media type, if that is a usual one.
    pub media_type: &'static str,
    /// How many bytes it has.
    pub bytes: usize,
    /// Its form: the members of its objects, with `0` for each number, and for each text its length or how it is built.
    pub form: String,
}

impl Report {
    /// Of an answer. `secrets` are texts that must not be shown wherever they stand.
    pub(super) fn new(step: &'static str, problem: &'static str, answer: &Answered<'_>, secrets: &[&str]) -> Self {
        let document: Option<Value> = serde_json::from_slice(answer.body).ok();
        let mut form = match document {
            Some(document) => form_of(&document, answer.status >= 400, secrets, 0).to_string(),
            None => format!("not JSON: begins like {}", beginning(answer.body)),
        };
        if form.len() > MOST_BYTES {
            form.truncate(form.floor_char_boundary(MOST_BYTES));
            form.push('…');
        }
        let media_type = usual(answer.media_type);
        Self { step, problem, status: answer.status, media_type, bytes: answer.body.len(), form }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (status {}, {})", self.step, self.problem, self.status, self.media_type)
    }
}

/// An answer as it came.
pub(super) struct Answered<'a> {
    pub(super) status: u16,
    pub(super) media_type: &'a str,
    pub(super) body: &'a [u8],
}

fn usual(media_type: &str) -> &'static str {
    let known = ["application/json", "application/problem+json", "text/html", "text/plain", "application/xml", "text/xml"];
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    known.into_iter().find(|known| known.eq_ignore_ascii_case(bare)).unwrap_or(if bare.is_empty() {
        "no media type"
    } else {
        "other"
    })
}

/// How a text that is no JSON begins, as far as that is markup.
fn beginning(body: &[u8]) -> &'static str {
    let first: Vec<u8> = body.iter().copied().skip_while(u8::is_ascii_whitespace).take(16).collect();
    let first = String::from_utf8_lossy(&first).to_ascii_lowercase();
    let known = [
        ("<!doctype html", "HTML"),
        ("<html", "HTML"),
        ("<?xml", "XML"),
        ("{", "JSON that ends early"),
        ("[", "JSON that ends early"),
    ];
    let found = known.into_iter().find(|(mark, _)| first.starts_with(mark)).map(|(_, name)| name);
    found.unwrap_or(if first.is_empty() { "nothing" } else { "something else" })
}

fn form_of(value: &Value, refuses: bool, secrets: &[&str], depth: usize) -> Value {
    if depth == MOST_DEPTH {
        return Value::from("…");
    }
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => Value::Number(nought(number)),
        Value::String(text) => Value::from(built(text)),
        Value::Array(entries) => {
            let shown = entries.iter().take(MOST_ENTRIES).map(|entry| form_of(entry, refuses, secrets, depth + 1));
            let left = entries.len().saturating_sub(MOST_ENTRIES);
            shown.chain((left > 0).then(|| Value::from(format!("and {left} more")))).collect()
        }
        Value::Object(members) => {
            let mut form = Map::new();
            for (name, value) in members.iter().take(MOST_MEMBERS) {
                let has_words = refuses && WORDS.contains(&name.as_str());
                let shown = match value {
                    Value::String(text) if has_words => Value::from(scrubbed(text, secrets)),
                    Value::Array(texts) if has_words && texts.iter().all(Value::is_string) => {
                        texts.iter().filter_map(Value::as_str).take(MOST_ENTRIES).map(|text| scrubbed(text, secrets)).collect()
                    }
                    Value::Number(_) if CODES.contains(&name.as_str()) => value.clone(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                        form_of(value, refuses, secrets, depth + 1)
                    }
                };
                form.insert(member_name(name, secrets), shown);
            }
            Value::Object(form)
        }
    }
}

/// A member's name, if a programmer wrote it: maps by name or serial number have data there.
fn member_name(name: &str, secrets: &[&str]) -> String {
    let is_word = name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name.chars().filter(char::is_ascii_digit).count() <= 3
        && !is_secret(name, secrets);
    if is_word { name.to_owned() } else { format!("(name of {} characters)", name.chars().count()) }
}

fn nought(number: &Number) -> Number {
    if number.is_f64() { Number::from_f64(0.0).unwrap_or_else(|| Number::from(0)) } else { Number::from(0) }
}

/// How a text is built: the form of a time or an identifier, else how long it is.
fn built(text: &str) -> String {
    let pattern: String = text
        .chars()
        .take(40)
        .map(|letter| match letter {
            '0'..='9' => '0',
            'T' | 'Z' | '-' | ':' | '.' | '+' => letter,
            _ => 'x',
        })
        .collect();
    let is_time = pattern.starts_with("0000-00-00") && !pattern.contains('x');
    if is_time { pattern } else { format!("(text of {} characters)", text.chars().count()) }
}

/// Words of the service without what could be a person's: known secrets, names (words with a capital, but for the first one), and
/// words with digits, dots within or an at sign.
fn scrubbed(text: &str, secrets: &[&str]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace().take(60) {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let is_name = !words.is_empty() && bare.starts_with(|first: char| first.is_ascii_uppercase());
        let is_plain = bare.len() <= 30
            && !is_name
            && bare.is_ascii()
            && bare.chars().all(|letter| letter.is_ascii_alphabetic() || matches!(letter, '_' | '/' | '-' | '\''))
            && !is_secret(bare, secrets);
        words.push(if is_plain { word } else { "(…)" });
    }
    words.join(" ")
}

fn is_secret(word: &str, secrets: &[&str]) -> bool {
    let word = word.to_ascii_lowercase();
    secrets.iter().filter(|secret| secret.len() >= 3).any(|secret| {
        let secret = secret.to_ascii_lowercase();
        word.contains(&secret) || (word.len() >= 3 && secret.contains(&word))
    })
}
