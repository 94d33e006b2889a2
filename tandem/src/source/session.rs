//! A login that is kept: one token until it ends, one more login when it is refused, and never more attempts than an account bears.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::account::{Account, Pump};
use super::client::Client;
use super::error::SourceError;
use super::keeper::Keeper;
use super::login::{Login, Token};
use super::pump_log::PumpLog;
use super::window::Window;

/// How long no login is attempted after a token was refused that had just been given.
const AFTER_A_FRESH_REFUSAL: SignedDuration = SignedDuration::from_hours(1);

/// Asks the service for one account, with whatever login its [`Keeper`] has.
pub struct Session<K> {
    client: Client,
    keeper: K,
    /// Held during a login: two tasks that find the token ended make one login.
    door: Mutex<()>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl<K> fmt::Debug for Session<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("client", &self.client).finish_non_exhaustive()
    }
}

impl<K: Keeper> Session<K> {
    /// Of an account.
    pub fn new(client: Client, keeper: K) -> Self {
        Self::with_clock(client, keeper, Timestamp::now)
    }

    /// Of an account, by another clock than this machine's.
    pub fn with_clock(client: Client, keeper: K, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { client, keeper, door: Mutex::new(()), clock: Box::new(clock) }
    }

    /// What keeps the login.
    pub const fn keeper(&self) -> &K {
        &self.keeper
    }

    /// Logs in with credentials that a person gave, and keeps them if they are right.
    ///
    /// # Errors
    /// If the service refuses them; if they were refused before, or too many attempts failed, without asking it.
    pub async fn sign_in(&self, login: &Login) -> Result<(), SourceError> {
        let _door = self.door.lock().await;
        self.enter(login).await?;
        self.keeper.save_login(login).await.map_err(SourceError::Keeper)
    }

    /// Lets credentials that were refused be tried once more: a person says that they are right after all.
    ///
    /// # Errors
    /// If the keeper fails.
    pub async fn forgive(&self) -> Result<(), SourceError> {
        let _door = self.door.lock().await;
        let guard = self.keeper.guard().await.map_err(SourceError::Keeper)?;
        self.keeper.save_guard(&guard.forgiven()).await.map_err(SourceError::Keeper)
    }

    /// The pumps of the account.
    ///
    /// # Errors
    /// If there is no login or it is refused, or if the service fails or has changed.
    pub async fn account(&self) -> Result<Account, SourceError> {
        let token = self.token().await?;
        match self.client.account(&token).await {
            Err(SourceError::TokenRefused) => {
                let token = self.renewed(&token).await?;
                self.settled(self.client.account(&token).await).await
            }
            outcome => self.settled(outcome).await,
        }
    }

    /// What a pump wrote into its log on some days.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn pump_log(&self, pump: &Pump, window: Window) -> Result<PumpLog, SourceError> {
        let token = self.token().await?;
        match self.client.pump_log(&token, pump, window).await {
            Err(SourceError::TokenRefused) => {
                let token = self.renewed(&token).await?;
                self.settled(self.client.pump_log(&token, pump, window).await).await
            }
            outcome => self.settled(outcome).await,
        }
    }

    /// A token that can be used: the one that is kept, or that of a new login.
    async fn token(&self) -> Result<Token, SourceError> {
        let _door = self.door.lock().await;
        self.keeper.guard().await.map_err(SourceError::Keeper)?.admit_request((self.clock)())?;
        match self.kept_token().await? {
            Some(token) => Ok(token),
            None => self.enter_again().await,
        }
    }

    /// Another token than one that was refused.
    async fn renewed(&self, refused: &Token) -> Result<Token, SourceError> {
        let _door = self.door.lock().await;
        match self.kept_token().await? {
            Some(token) if !token.is_same(refused) => Ok(token),
            Some(_) | None => {
                self.keeper.save_token(None).await.map_err(SourceError::Keeper)?;
                self.enter_again().await
            }
        }
    }

    async fn kept_token(&self) -> Result<Option<Token>, SourceError> {
        let token = self.keeper.token().await.map_err(SourceError::Keeper)?;
        Ok(token.filter(|token| token.is_usable((self.clock)())))
    }

    async fn enter_again(&self) -> Result<Token, SourceError> {
        let login = self.keeper.login().await.map_err(SourceError::Keeper)?.ok_or(SourceError::NoLogin)?;
        self.enter(&login).await
    }

    /// One attempt, which is remembered before it is made.
    async fn enter(&self, login: &Login) -> Result<Token, SourceError> {
        let endpoints = self.client.endpoints();
        let now = (self.clock)();
        let before = self.keeper.guard().await.map_err(SourceError::Keeper)?;
        before.admit(endpoints, login, now)?;
        let attempting = before.attempting(now);
        self.keeper.save_guard(&attempting).await.map_err(SourceError::Keeper)?;
        match self.client.login(login).await {
            Ok(token) => {
                self.keeper.save_token(Some(&token)).await.map_err(SourceError::Keeper)?;
                self.keeper.save_guard(&before.succeeded(now)).await.map_err(SourceError::Keeper)?;
                Ok(token)
            }
            Err(error) => {
                let now = (self.clock)();
                let is_locked = matches!(error, SourceError::Locked { .. });
                let error = if is_locked { SourceError::Locked { until: attempting.locked_until(now) } } else { error };
                let mut salt = [0; 16];
                getrandom::fill(&mut salt).expect("the operating system has random bytes");
                let after = before.failed(&error, endpoints, login, now, salt);
                self.keeper.save_guard(&after).await.map_err(SourceError::Keeper)?;
                Err(error)
            }
        }
    }

    /// What a request's outcome means for the next one.
    async fn settled<T>(&self, outcome: Result<T, SourceError>) -> Result<T, SourceError> {
        let Err(error) = outcome else { return outcome };
        let is_refused = matches!(error, SourceError::TokenRefused);
        let busy_until = if let SourceError::RateLimited { until } = error { Some(until) } else { None };
        if !is_refused && busy_until.is_none() {
            return Err(error);
        }
        let _door = self.door.lock().await;
        let mut guard = self.keeper.guard().await.map_err(SourceError::Keeper)?;
        guard.busy_until = busy_until.or(guard.busy_until);
        if is_refused {
            self.keeper.save_token(None).await.map_err(SourceError::Keeper)?;
            let until = (self.clock)().saturating_add(AFTER_A_FRESH_REFUSAL).unwrap_or(Timestamp::MAX);
            guard.not_before = Some(until);
            self.keeper.save_guard(&guard).await.map_err(SourceError::Keeper)?;
            return Err(SourceError::FreshTokenRefused { until });
        }
        self.keeper.save_guard(&guard).await.map_err(SourceError::Keeper)?;
        Err(error)
    }
}
