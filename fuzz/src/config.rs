//! The configuration as far as it is text: from the broker's own files.

#[path = "../../broker/src/config/environment.rs"]
mod environment;
#[path = "../../broker/src/config/fault.rs"]
mod fault;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/config/file.rs"]
mod file;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/config/settings.rs"]
mod settings;

use self::file::merge;
use self::settings::{find, nearest};

const SECRET: &str = "very-secret-value";

/// A file and variables of any text (the lines after the first empty one are `NAME=value`): every value is a setting with its origin,
/// and no mistake repeats a value. `§` stands for a secret.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = text.replace('§', SECRET);
    let (toml, variables) = text.split_once("\n\n").unwrap_or((&text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let variables: Vec<(String, String)> =
        variables.map(|(name, value)| (format!("TIDEGATE_{name}"), value.to_owned())).collect();
    match merge("broker.toml", toml, variables.clone()) {
        Ok(leaves) => {
            for (name, leaf) in &leaves {
                assert!(
                    leaf.origin == "broker.toml" || leaf.origin.starts_with("environment variable TIDEGATE_"),
                    "{}",
                    leaf.origin
                );
                if find(name).is_none() && name.len() < 200 {
                    assert!(nearest(name).is_none_or(|near| find(near).is_some()), "a setting that is suggested exists");
                }
            }
        }
        // A name may stand in a message; a value never does.
        Err(message) => {
            let is_value = |line: &str| line.split_once(['=', '"', '\'']).is_some_and(|(name, _)| !name.contains(SECRET));
            let only_values = toml.lines().filter(|line| line.contains(SECRET)).all(is_value);
            assert!(!only_values || !message.contains(SECRET), "a mistake shows a value: {message}");
        }
    }
}
