//! Name, password, token and what is remembered of failed logins: sealed in the local database, each in a row of its own.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::MemberId;
use tidegate_tandem::source::{Keeper, KeeperError, Login, LoginGuard, Token};
use zeroize::Zeroizing;

use super::settings::{SetupJson, TandemSetup};
use crate::device::{Device, blocking};
use crate::error::Error;
use crate::local::PrivateRow;

/// What is kept of one family member's account.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    Setup,
    Login,
    Token,
    Guard,
    Pumps,
}

impl Kept {
    /// What a logout forgets. What is remembered of failed logins stays: the service remembers them, too.
    pub(super) const OF_A_LOGIN: [Self; 4] = [Self::Setup, Self::Login, Self::Token, Self::Pumps];

    pub(super) fn row(self, member: MemberId) -> String {
        let what = match self {
            Self::Setup => SETUP,
            Self::Login => "login",
            Self::Token => "token",
            Self::Guard => "guard",
            Self::Pumps => "pumps",
        };
        format!("{PREFIX}{member}/{what}")
    }
}

const PREFIX: &str = "tandem/";
const SETUP: &str = "setup";

/// The members who have an account at the vendor on this device.
pub(super) fn members(device: &Device) -> Result<Vec<MemberId>, Error> {
    let names = device.read(|state| state.database.private_names(PREFIX))?;
    let member = |name: &String| name.strip_prefix(PREFIX)?.strip_suffix(SETUP)?.strip_suffix('/')?.parse().ok();
    Ok(names.iter().filter_map(member).collect())
}

/// What is kept under a name, if anything is.
pub(super) fn load<T: DeserializeOwned>(device: &Device, member: MemberId, kept: Kept) -> Result<Option<T>, Error> {
    let Some(json) = device.read(|state| state.database.private(&kept.row(member)))? else { return Ok(None) };
    // The parser's own message may quote a secret.
    let damaged = |_| Error::DatabaseDamaged { reason: "what was kept of a Tandem account is not as it was written".to_owned() };
    serde_json::from_slice(&json).map(Some).map_err(damaged)
}

/// Keeps one value; `None` forgets it.
pub(super) fn save<T: Serialize>(device: &Device, member: MemberId, kept: Kept, value: Option<&T>) -> Result<(), Error> {
    let json = value.map(to_json).transpose()?;
    let name = kept.row(member);
    let row = PrivateRow { name: &name, body: json.as_ref().map(|json| json.as_slice()) };
    device.note(|database| database.keep_private(&[row]))
}

/// Forgets a login.
pub(super) fn forget(device: &Device, member: MemberId) -> Result<(), Error> {
    let names = Kept::OF_A_LOGIN.map(|kept| kept.row(member));
    let rows: Vec<PrivateRow<'_>> = names.iter().map(|name| PrivateRow { name, body: None }).collect();
    device.note(|database| database.keep_private(&rows))
}

fn to_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Room enough at first: a vector that grows leaves its contents behind.
    let mut json = Zeroizing::new(Vec::with_capacity(64 * 1024));
    serde_json::to_writer(&mut *json, value).map_err(|_| Error::bug("a Tandem account cannot be written down"))?;
    Ok(json)
}

/// Keeps one family member's login for a session.
#[derive(Debug)]
pub(super) struct MemberKeeper {
    pub(super) device: Arc<Device>,
    pub(super) member: MemberId,
    /// How the account is read, where a login is just being made: it is kept in the same moment as name and password.
    pub(super) setup: Option<TandemSetup>,
}

impl MemberKeeper {
    async fn load<T: DeserializeOwned + Send + 'static>(&self, kept: Kept) -> Result<Option<T>, KeeperError> {
        let (device, member) = (Arc::clone(&self.device), self.member);
        Ok(blocking(move || load(&device, member, kept)).await?)
    }

    async fn save<T: Serialize + Clone + Send + 'static>(&self, kept: Kept, value: Option<&T>) -> Result<(), KeeperError> {
        let (device, member, value) = (Arc::clone(&self.device), self.member, value.cloned());
        Ok(blocking(move || save(&device, member, kept, value.as_ref())).await?)
    }
}

impl Keeper for MemberKeeper {
    async fn login(&self) -> Result<Option<Login>, KeeperError> {
        self.load(Kept::Login).await
    }

    async fn save_login(&self, login: &Login) -> Result<(), KeeperError> {
        let (device, member) = (Arc::clone(&self.device), self.member);
        let json = to_json(login)?;
        let setup = self.setup.as_ref().map(|setup| to_json(&SetupJson::from(setup))).transpose()?;
        let save = move || {
            let (login_row, setup_row) = (Kept::Login.row(member), Kept::Setup.row(member));
            let setup = setup.as_ref().map(|setup| PrivateRow { name: &setup_row, body: Some(setup) });
            let rows: Vec<PrivateRow<'_>> =
                [PrivateRow { name: &login_row, body: Some(&json) }].into_iter().chain(setup).collect();
            device.note(|database| database.keep_private(&rows))
        };
        Ok(blocking(save).await?)
    }

    async fn token(&self) -> Result<Option<Token>, KeeperError> {
        self.load(Kept::Token).await
    }

    async fn save_token(&self, token: Option<&Token>) -> Result<(), KeeperError> {
        self.save(Kept::Token, token).await
    }

    async fn guard(&self) -> Result<LoginGuard, KeeperError> {
        Ok(self.load(Kept::Guard).await?.unwrap_or_default())
    }

    async fn save_guard(&self, guard: &LoginGuard) -> Result<(), KeeperError> {
        self.save(Kept::Guard, Some(guard)).await
    }
}
