//! `new-keys.json`: account keys that are to take the place of those in `keys.json`, written before anything of them goes out.
//!
//! Whoever is stopped goes on with the same keys and the same bytes. Once they count (the broker has kept their statement, or they
//! were read as such), the file says so, and whoever opens the home next takes them up before anything else. It stays until the
//! recovery code in it has been handed over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tidegate_sync_core::keys::{MasterKey, RecoveryCode};
use zeroize::Zeroize;

use super::Home;
use super::keys::secret;
use crate::error::Error;

const FILE: &str = "new-keys.json";
const FORMAT: &str = "tidegate/new-keys/v1";

/// Keys of the next generation, or of a later one.
#[derive(Debug)]
pub(crate) struct NewKeys {
    pub(crate) generation: u32,
    pub(crate) master: MasterKey,
    pub(crate) standing: Standing,
    /// Where this device has made them.
    pub(crate) made: Option<MadeKeys>,
    /// Grants of the spaces' keys under them, which are in the store.
    pub(crate) grants: Vec<Vec<u8>>,
}

/// How far they have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// Decided on. Nobody was asked to let them count.
    Decided,
    /// The broker was asked, or is about to be: whether they count, its answer tells. Until then nothing is synced under the keys before:
    /// with a session of the new ones, a device would take in what a thief has signed.
    Asked,
    /// They count.
    Count,
}

/// What goes with keys that this device has made.
#[derive(Debug)]
pub(crate) struct MadeKeys {
    pub(crate) recovery: RecoveryCode,
    pub(crate) statement: Vec<u8>,
    pub(crate) master_keys: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeysJson {
    format: String,
    generation: u32,
    master_key: String,
    standing: Standing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<MadeKeysJson>,
    grants: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeKeysJson {
    recovery_code: String,
    statement: String,
    master_keys: String,
}

impl Drop for NewKeysJson {
    fn drop(&mut self) {
        self.master_key.zeroize();
    }
}

impl Drop for MadeKeysJson {
    fn drop(&mut self) {
        self.recovery_code.zeroize();
    }
}

impl NewKeys {
    /// Those in this home, if there are any.
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        let Some(json) = home.read::<NewKeysJson>(FILE)? else { return Ok(None) };
        if json.format != FORMAT {
            return Err(home.damaged(FILE, format!("its format is {:?}", json.format)));
        }
        Self::from_json(&json).map(Some).ok_or_else(|| home.damaged(FILE, "a field is not what it has to be"))
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        let made = self.made.as_ref().map(|made| MadeKeysJson {
            recovery_code: made.recovery.words().to_string(),
            statement: URL_SAFE_NO_PAD.encode(&made.statement),
            master_keys: URL_SAFE_NO_PAD.encode(&made.master_keys),
        });
        let json = NewKeysJson {
            format: FORMAT.to_owned(),
            generation: self.generation,
            master_key: URL_SAFE_NO_PAD.encode(self.master.secret()),
            standing: self.standing,
            made,
            grants: self.grants.iter().map(|grant| URL_SAFE_NO_PAD.encode(grant)).collect(),
        };
        home.write(FILE, &json)
    }

    /// Whether they take the place of this generation, and nobody has taken them up yet.
    pub(crate) fn wait_for(&self, generation: u32) -> bool {
        self.standing == Standing::Count && self.generation > generation
    }

    /// Forgets them, recovery code included.
    pub(crate) fn remove(home: &Home) -> Result<(), Error> {
        home.remove(FILE)
    }

    fn from_json(json: &NewKeysJson) -> Option<Self> {
        let made = match &json.made {
            None => None,
            Some(made) => Some(MadeKeys {
                recovery: RecoveryCode::parse(&made.recovery_code).ok()?,
                statement: URL_SAFE_NO_PAD.decode(&made.statement).ok()?,
                master_keys: URL_SAFE_NO_PAD.decode(&made.master_keys).ok()?,
            }),
        };
        Some(Self {
            generation: json.generation,
            master: MasterKey::from_secret(secret(&json.master_key)?),
            standing: json.standing,
            made,
            grants: json.grants.iter().map(|grant| URL_SAFE_NO_PAD.decode(grant).ok()).collect::<Option<_>>()?,
        })
    }
}
