//! `TIDEGATE_*` variables as a layer over the file: `TIDEGATE_STORE__REGION` is `store.region`.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// What every variable's name begins with.
pub(super) const PREFIX: &str = "TIDEGATE_";
/// Name of this layer, by which a value's origin is told.
pub(super) const LAYER: &str = "environment";
/// Variables of Tidegate's programs that are no settings of the broker.
const OTHERS: [&str; 3] = ["TIDEGATE_LOG", "TIDEGATE_HOME", "TIDEGATE_CONFIG"];

/// The variables, all as text: what a number or a list is, the setting decides and not the look of the text.
pub(super) struct Environment(pub(super) Vec<(String, String)>);

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(LAYER)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = Dict::new();
        for (variable, value) in &self.0 {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            // Compose files set what they do not use to nothing.
            if value.is_empty() || OTHERS.contains(&variable.as_str()) {
                continue;
            }
            let name = name.to_ascii_lowercase();
            insert(&mut data, &name.split("__").collect::<Vec<_>>(), value);
        }
        Ok(Profile::Default.collect(data))
    }
}

fn insert(dict: &mut Dict, path: &[&str], value: &str) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        dict.insert((*first).to_owned(), Value::from(value));
        return;
    }
    let section = dict.entry((*first).to_owned()).or_insert_with(|| Value::from(Dict::new()));
    if !matches!(section, Value::Dict(..)) {
        *section = Value::from(Dict::new());
    }
    if let Value::Dict(_, section) = section {
        insert(section, rest, value);
    }
}
