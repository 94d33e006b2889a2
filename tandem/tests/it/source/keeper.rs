//! A keeper for tests: it outlives sessions, and its owner's process can be killed at any write.

use std::sync::{Arc, Mutex};

use tidegate_tandem::source::{Keeper, KeeperError, Login, LoginGuard, Token};

/// What is kept; clones share it. All of it goes through its sealed form.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    login: Option<String>,
    token: Option<String>,
    guard: Option<String>,
    writes_left: Option<u32>,
}

impl Memory {
    pub(super) fn with(login: &Login) -> Self {
        let memory = Self::default();
        memory.0.lock().unwrap().login = Some(serde_json::to_string(login).unwrap());
        memory
    }

    /// The process is killed before the write after so many more.
    pub(super) fn die_after(&self, writes: Option<u32>) {
        self.0.lock().unwrap().writes_left = writes;
    }

    pub(super) fn guard_json(&self) -> String {
        self.0.lock().unwrap().guard.clone().unwrap_or_default()
    }

    pub(super) fn has_login(&self) -> bool {
        self.0.lock().unwrap().login.is_some()
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) -> Result<(), KeeperError> {
        let mut kept = self.0.lock().unwrap();
        if let Some(left) = &mut kept.writes_left {
            *left = left.checked_sub(1).ok_or("the process was killed")?;
        }
        change(&mut kept);
        Ok(())
    }
}

impl Keeper for Memory {
    async fn login(&self) -> Result<Option<Login>, KeeperError> {
        Ok(self.0.lock().unwrap().login.as_ref().map(|json| serde_json::from_str(json).unwrap()))
    }

    async fn save_login(&self, login: &Login) -> Result<(), KeeperError> {
        self.write(|kept| kept.login = Some(serde_json::to_string(login).unwrap()))
    }

    async fn token(&self) -> Result<Option<Token>, KeeperError> {
        Ok(self.0.lock().unwrap().token.as_ref().map(|json| serde_json::from_str(json).unwrap()))
    }

    async fn save_token(&self, token: Option<&Token>) -> Result<(), KeeperError> {
        self.write(|kept| kept.token = token.map(|token| serde_json::to_string(token).unwrap()))
    }

    async fn guard(&self) -> Result<LoginGuard, KeeperError> {
        Ok(self.0.lock().unwrap().guard.as_ref().map_or_else(LoginGuard::default, |json| serde_json::from_str(json).unwrap()))
    }

    async fn save_guard(&self, guard: &LoginGuard) -> Result<(), KeeperError> {
        self.write(|kept| kept.guard = Some(serde_json::to_string(guard).unwrap()))
    }
}
