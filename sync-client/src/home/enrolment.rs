//! `enrolment.json`: everything decided while an account is created or joined, written before the first request.
//!
//! A crash in between is repeated with the same keys and the same bytes, so it takes the same device slot and writes the same
//! objects. After a creation it stays until the recovery code has been handed over: no crash may lose that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tidegate_sync_core::keys::{DeviceKey, MasterKey, RecoveryCode};
use zeroize::Zeroize;

use super::Home;
use super::keys::secret;
use crate::error::Error;
use crate::remote::Remote;
use crate::session::DpopKey;

const FILE: &str = "enrolment.json";
const FORMAT: &str = "tidegate/enrolment/v1";

/// A started enrolment.
#[derive(Debug)]
pub(crate) struct Enrolment {
    pub(crate) remote: Remote,
    pub(crate) device_name: String,
    pub(crate) dpop: DpopKey,
    pub(crate) device_key: DeviceKey,
    pub(crate) kind: EnrolmentKind,
}

/// What is being done.
#[derive(Debug)]
pub(crate) enum EnrolmentKind {
    /// A new account.
    Create(Box<NewAccount>),
    /// An account that exists.
    Join,
}

/// All that makes a new account, decided once.
#[derive(Debug)]
pub(crate) struct NewAccount {
    pub(crate) recovery: RecoveryCode,
    pub(crate) master: MasterKey,
    pub(crate) genesis: Vec<u8>,
    pub(crate) master_keys: Vec<u8>,
    /// The account space's key, granted to oneself.
    pub(crate) account_grant: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolmentJson {
    format: String,
    remote: Remote,
    device_name: String,
    dpop_key: String,
    device_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<NewAccountJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccountJson {
    recovery_code: String,
    master_key: String,
    genesis: String,
    master_keys: String,
    account_grant: String,
}

impl Drop for EnrolmentJson {
    fn drop(&mut self) {
        self.dpop_key.zeroize();
        self.device_key.zeroize();
    }
}

impl Drop for NewAccountJson {
    fn drop(&mut self) {
        self.recovery_code.zeroize();
        self.master_key.zeroize();
    }
}

impl Enrolment {
    /// The enrolment started in this home, if there is one.
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        let Some(json) = home.read::<EnrolmentJson>(FILE)? else { return Ok(None) };
        if json.format != FORMAT {
            return Err(home.damaged(FILE, format!("its format is {:?}", json.format)));
        }
        Self::from_json(&json).map(Some).ok_or_else(|| home.damaged(FILE, "a field is not what it has to be"))
    }

    /// Writes it into the home, before anything of it goes out.
    pub(crate) fn save(&self, home: &Home) -> Result<(), Error> {
        let account = match &self.kind {
            EnrolmentKind::Join => None,
            EnrolmentKind::Create(account) => Some(NewAccountJson {
                recovery_code: account.recovery.words().to_string(),
                master_key: URL_SAFE_NO_PAD.encode(account.master.secret()),
                genesis: URL_SAFE_NO_PAD.encode(&account.genesis),
                master_keys: URL_SAFE_NO_PAD.encode(&account.master_keys),
                account_grant: URL_SAFE_NO_PAD.encode(&account.account_grant),
            }),
        };
        let json = EnrolmentJson {
            format: FORMAT.to_owned(),
            remote: self.remote.clone(),
            device_name: self.device_name.clone(),
            dpop_key: URL_SAFE_NO_PAD.encode(*self.dpop.secret()),
            device_key: URL_SAFE_NO_PAD.encode(*self.device_key.secret()),
            account,
        };
        home.write(FILE, &json)
    }

    /// Forgets it, recovery code included.
    pub(crate) fn remove(home: &Home) -> Result<(), Error> {
        home.remove(FILE)
    }

    fn from_json(json: &EnrolmentJson) -> Option<Self> {
        let kind = match &json.account {
            None => EnrolmentKind::Join,
            Some(account) => EnrolmentKind::Create(Box::new(NewAccount {
                recovery: RecoveryCode::parse(&account.recovery_code).ok()?,
                master: MasterKey::from_secret(secret(&account.master_key)?),
                genesis: URL_SAFE_NO_PAD.decode(&account.genesis).ok()?,
                master_keys: URL_SAFE_NO_PAD.decode(&account.master_keys).ok()?,
                account_grant: URL_SAFE_NO_PAD.decode(&account.account_grant).ok()?,
            })),
        };
        Some(Self {
            remote: json.remote.clone(),
            device_name: json.device_name.clone(),
            dpop: DpopKey::from_secret(&*secret(&json.dpop_key)?)?,
            device_key: DeviceKey::from_secret(&*secret(&json.device_key)?),
            kind,
        })
    }
}
