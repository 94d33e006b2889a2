//! The TOML file and the environment, merged and taken apart into single values with their origin.

use std::collections::BTreeMap;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Value};

use super::environment::{Environment, LAYER};
use super::fault;
use super::settings::{find, variable_of};

/// A value as it was found. Without `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) value: Value,
    /// The file's name or the variable's.
    pub(super) origin: String,
}

/// All values by their dotted names.
pub(super) type Leaves = BTreeMap<String, Leaf>;

/// Merges the two.
///
/// # Errors
/// What is wrong with the TOML.
pub(super) fn merge(file_name: &str, toml: &str, environment: Vec<(String, String)>) -> Result<Leaves, String> {
    let figment = Figment::from(Toml::string(toml)).merge(Environment(environment));
    let dict: Dict = figment.extract().map_err(fault::tell)?;
    let mut leaves = Leaves::new();
    take_apart(&figment, file_name, "", dict, &mut leaves);
    Ok(leaves)
}

fn take_apart(figment: &Figment, file_name: &str, prefix: &str, dict: Dict, leaves: &mut Leaves) {
    for (key, value) in dict {
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        let is_setting = find(&name).is_some();
        if let Some(section) = value.as_dict().filter(|_| !is_setting) {
            take_apart(figment, file_name, &name, section.clone(), leaves);
            continue;
        }
        let is_variable = figment.get_metadata(value.tag()).is_some_and(|layer| layer.name == LAYER);
        let origin = if is_variable { format!("environment variable {}", variable_of(&name)) } else { file_name.to_owned() };
        leaves.insert(name, Leaf { value, origin });
    }
}
