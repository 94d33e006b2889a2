//! What the demo plays on: folders, the embedded store and the broker.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use tempfile::TempDir;
use tidegate_broker::clock::Clock;
use tidegate_broker::dev::{self, DevOptions, DevServer};
use tidegate_embedded_s3::Store;
use tidegate_sync_client::Ticket;
use time::Duration;

use super::shop::Shop;
use crate::failure::{Failure, with_causes};
use crate::input::display;
use crate::save::unwritable;

/// Whom the invite is for, and how many of their devices it lets in.
const USER: &str = "demo";
const DEVICES: u32 = 2;

/// A running store and broker, and where the homes go.
pub(crate) struct Stage {
    server: DevServer,
    ticket: Ticket,
    /// Where the subscription is bought, in the hosted demo.
    shop: Option<Shop>,
    folder: PathBuf,
    /// Taken away with the stage, unless the folder is to be kept.
    _temporary: Option<TempDir>,
}

impl Stage {
    pub(crate) async fn build(keep: Option<&Path>, hosted: bool) -> Result<Self, Failure> {
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
        let shop = hosted.then(Shop::new);
        let mut options = DevOptions::new(folder.join("store"));
        if let Some(shop) = &shop {
            options.clock = Arc::clone(shop.clock()) as Arc<dyn Clock>;
            options.app_store = Some(shop.settings()?);
        }
        let server = dev::start(options).await.map_err(|error| not_started(&error))?;
        let ticket = match &shop {
            Some(shop) => shop.sell_first(),
            None => {
                let invite = server.invite(USER, DEVICES, Duration::hours(1)).map_err(|error| not_started(&error))?;
                Ticket::Invite(SecretString::from(invite.token))
            }
        };
        Ok(Self { server, ticket, shop, folder, _temporary: temporary })
    }

    pub(crate) fn broker(&self) -> &str {
        &self.server.broker_url
    }

    pub(crate) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    pub(crate) const fn shop(&self) -> Option<&Shop> {
        self.shop.as_ref()
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
