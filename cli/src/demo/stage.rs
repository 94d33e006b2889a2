//! What the demo plays on: folders, the embedded store and the broker.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tempfile::TempDir;
use tidegate_broker::dev::{self, DevOptions, DevServer};
use tidegate_embedded_s3::Store;
use time::Duration;

use crate::failure::{Failure, with_causes};
use crate::input::display;
use crate::save::unwritable;

/// Whom the invite is for, and how many of their devices it lets in.
const USER: &str = "demo";
const DEVICES: u32 = 2;

/// A running store and broker, and where the homes go.
pub(crate) struct Stage {
    server: DevServer,
    invite: SecretString,
    folder: PathBuf,
    /// Taken away with the stage, unless the folder is to be kept.
    _temporary: Option<TempDir>,
}

impl Stage {
    pub(crate) async fn build(keep: Option<&Path>) -> Result<Self, Failure> {
        let (folder, temporary) = match keep {
            Some(folder) => (claim(folder)?, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("tidegate-demo-").tempdir();
                let temporary = temporary.map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let not_started = |error: &dyn Error| {
            let message = format!("the demo's store and broker could not be started: {}", with_causes(error));
            Failure::invalid("demo-start", message, "check that loopback ports and the disk can be used")
        };
        let started = dev::start(DevOptions::new(folder.join("store"))).await;
        let server = started.map_err(|error| not_started(&error))?;
        let invite = server.invite(USER, DEVICES, Duration::hours(1)).map_err(|error| not_started(&error))?;
        Ok(Self { server, invite: SecretString::from(invite.token), folder, _temporary: temporary })
    }

    pub(crate) fn broker(&self) -> &str {
        &self.server.broker_url
    }

    pub(crate) fn invite(&self) -> &SecretString {
        &self.invite
    }

    /// The home of a device.
    pub(crate) fn home(&self, letter: &str) -> PathBuf {
        self.folder.join(letter)
    }

    pub(crate) fn store(&self) -> Store {
        self.server.store().clone()
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.server.bucket
    }

    pub(crate) async fn close(self) {
        self.server.shutdown().await;
    }
}

/// A folder that is new or empty, so that nothing of another's is mixed in or written over.
fn claim(folder: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| unwritable(folder, &error))?;
    if entries.next().is_some() {
        let message = format!("{} is not empty", display(folder));
        return Err(Failure::invalid("folder-not-empty", message, "name a folder that is new or empty"));
    }
    fs::canonicalize(folder).map_err(|error| unwritable(folder, &error))
}
