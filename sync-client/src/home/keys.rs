//! `keys.json`: who this device is and the keys that only it and the account's other devices hold. Mode 0600.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_core::keys::{DeviceKey, MasterKey, SpaceKey};
use zeroize::{Zeroize, Zeroizing};

use super::Home;
use crate::error::Error;
use crate::remote::Remote;
use crate::session::DpopKey;

const FILE: &str = "keys.json";
const FORMAT: &str = "tidegate/home-keys/v1";

/// The device's identity and keys.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) remote: Remote,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) device_name: String,
    /// The bytes of the account's genesis; the user id is their hash.
    pub(crate) genesis: Vec<u8>,
    /// Generation of the account's keys; an older one in the store is a rollback.
    pub(crate) generation: u32,
    pub(crate) master: MasterKey,
    /// Seals the bodies of the local database. It stays when the account's keys are replaced: what is sealed is sealed.
    pub(crate) store: SpaceKey,
    pub(crate) dpop: DpopKey,
    pub(crate) device_key: DeviceKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysJson {
    format: String,
    remote: Remote,
    user_id: UserId,
    device_id: DeviceId,
    device_name: String,
    genesis: String,
    generation: u32,
    master_key: String,
    /// Only where it does not derive from the master key, because that one was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store_key: Option<String>,
    dpop_key: String,
    device_key: String,
}

impl Drop for KeysJson {
    fn drop(&mut self) {
        self.master_key.zeroize();
        self.store_key.zeroize();
        self.dpop_key.zeroize();
        self.device_key.zeroize();
    }
}

impl Keys {
    /// The keys in this home; `None` before an account was created or joined.
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        let Some(json) = home.read::<KeysJson>(FILE)? else { return Ok(None) };
        if json.format != FORMAT {
            return Err(home.damaged(FILE, format!("its format is {:?}", json.format)));
        }
        let damaged = |field: &str| home.damaged(FILE, format!("the field {field} is not what it has to be"));
        let genesis = URL_SAFE_NO_PAD.decode(&json.genesis).map_err(|_| damaged("genesis"))?;
        let dpop = secret(&json.dpop_key).and_then(|secret| DpopKey::from_secret(&secret));
        let master = secret(&json.master_key).map(MasterKey::from_secret).ok_or_else(|| damaged("master_key"))?;
        let store = match &json.store_key {
            None => master.local_store_key(),
            Some(text) => MasterKey::local_store_key_from(secret(text).ok_or_else(|| damaged("store_key"))?),
        };
        Ok(Some(Self {
            remote: json.remote.clone(),
            user: json.user_id,
            device: json.device_id,
            device_name: json.device_name.clone(),
            genesis,
            generation: json.generation,
            master,
            store,
            dpop: dpop.ok_or_else(|| damaged("dpop_key"))?,
            device_key: secret(&json.device_key)
                .map(|secret| DeviceKey::from_secret(&secret))
                .ok_or_else(|| damaged("device_key"))?,
        }))
    }

    /// Writes the keys into the home.
    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        let json = KeysJson {
            format: FORMAT.to_owned(),
            remote: self.remote.clone(),
            user_id: self.user,
            device_id: self.device,
            device_name: self.device_name.clone(),
            genesis: URL_SAFE_NO_PAD.encode(&self.genesis),
            generation: self.generation,
            master_key: URL_SAFE_NO_PAD.encode(self.master.secret()),
            store_key: (self.store.name() != self.master.local_store_key().name())
                .then(|| URL_SAFE_NO_PAD.encode(self.store.secret())),
            dpop_key: URL_SAFE_NO_PAD.encode(*self.dpop.secret()),
            device_key: URL_SAFE_NO_PAD.encode(*self.device_key.secret()),
        };
        home.write(FILE, &json)
    }
}

/// 32 secret bytes from base64url.
pub(super) fn secret(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    let mut secret = Zeroizing::new([0; 32]);
    if bytes.len() != secret.len() {
        return None;
    }
    secret.copy_from_slice(&bytes);
    Some(secret)
}
