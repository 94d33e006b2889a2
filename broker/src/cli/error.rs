//! How a command fails: a code, one sentence, what to do, and the exit code of its class.

use std::io;

use serde_json::{Value, json};

use crate::app_store::WalkError;
use crate::config::{ConfigError, Mistake};
use crate::identity::InviteError;
use crate::serve::ServeError;

/// Wrong usage.
pub(super) const USAGE: u8 = 2;
/// Invalid input or configuration.
const INVALID: u8 = 10;
/// Not allowed.
const NOT_ALLOWED: u8 = 11;
/// The store can't be reached.
const UNREACHABLE: u8 = 12;
/// A bug.
const BUG: u8 = 20;

/// An error as it is shown.
#[derive(Debug)]
pub(super) struct CliError {
    pub(super) exit: u8,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) help: String,
    pub(super) mistakes: Vec<Mistake>,
    /// The result itself, printed already, says what is wrong; only the exit code is left.
    pub(super) is_told: bool,
}

impl CliError {
    fn new(exit: u8, code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into(), help: help.into(), mistakes: Vec::new(), is_told: false }
    }

    /// A diagnosis that found something.
    pub(super) fn told(is_out_of_reach: bool) -> Self {
        Self { is_told: true, ..Self::new(if is_out_of_reach { UNREACHABLE } else { INVALID }, "", "", "") }
    }

    pub(super) fn usage(error: &clap::Error) -> Self {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Self::new(USAGE, "usage", first, "see tidegate-broker --help")
    }

    pub(super) fn invalid(code: &str, message: impl Into<String>, help: &str) -> Self {
        Self::new(INVALID, code, message, help)
    }

    pub(super) fn file(path: &std::path::Path, error: &io::Error) -> Self {
        let message = format!("{} cannot be used: {error}", path.display());
        Self::new(INVALID, "file-unusable", message, "check the path and its permissions")
    }

    pub(super) fn runtime(error: &io::Error) -> Self {
        Self::new(BUG, "runtime", format!("the runtime does not start: {error}"), "report this")
    }

    pub(super) fn store(message: impl Into<String>) -> Self {
        Self::new(
            UNREACHABLE,
            "store-unavailable",
            message,
            "start the store, or check endpoint, bucket and credentials; nothing is lost",
        )
    }

    pub(super) fn unhealthy(message: impl Into<String>) -> Self {
        Self::new(UNREACHABLE, "broker-unhealthy", message, "see the broker's log; nothing is lost")
    }

    pub(super) fn document(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message, "help": self.help });
        if !self.mistakes.is_empty() {
            let mistake = |mistake: &Mistake| json!({ "setting": mistake.setting, "message": mistake.message });
            error["mistakes"] = self.mistakes.iter().map(mistake).collect();
        }
        json!({ "error": error })
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let count = error.mistakes.len();
        let message = format!("the configuration has {count} mistake{}", if count == 1 { "" } else { "s" });
        let help = "correct the settings named; docs/config.md lists them all";
        Self { mistakes: error.mistakes, ..Self::new(INVALID, "config-invalid", message, help) }
    }
}

impl From<InviteError> for CliError {
    fn from(error: InviteError) -> Self {
        Self::new(INVALID, "invite-invalid", error.to_string(), "see tidegate-broker invite create --help")
    }
}

impl From<WalkError> for CliError {
    fn from(error: WalkError) -> Self {
        let text = crate::problem::chain(&error);
        match error {
            WalkError::NotConfigured => {
                let help = "set app_store.bundle_ids and app_store.server_api.*; docs/config.md lists them";
                Self::new(INVALID, "app-store-not-configured", text, help)
            }
            WalkError::Endpoint(_) => Self::new(INVALID, "endpoint-invalid", text, "correct store.endpoint_public"),
            WalkError::KeyRefused(_) => {
                let help = "check app_store.server_api.*: the key may have been revoked, or belong to another team";
                Self::new(NOT_ALLOWED, "app-store-key-refused", text, help)
            }
            WalkError::Interrupted(_) => {
                let help = "run it again: what was heard counts, and it goes on where it stopped";
                Self::new(UNREACHABLE, "app-store-recovery-interrupted", text, help)
            }
        }
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        match &error {
            ServeError::Bind { address, setting, source } if source.kind() == io::ErrorKind::AddrInUse => {
                let message = format!("{address} is taken by another program ({setting})");
                Self::new(INVALID, "port-taken", message, "stop that program or choose another port")
            }
            ServeError::Bind { source, .. } => {
                let message = format!("{error}: {source}");
                Self::new(INVALID, "address-unusable", message, "choose an address of this machine")
            }
            ServeError::Store { source, .. } => Self::store(format!("{error}: {source}")),
            ServeError::Probe { source, .. } if source.is_passing() => Self::store(crate::problem::chain(&error)),
            ServeError::Probe { .. } => {
                let help =
                    "check endpoint, bucket, region and the rights of the three credentials (docs/config.md), then start again";
                Self::new(INVALID, "store-not-probed", crate::problem::chain(&error), help)
            }
            ServeError::Unfit { .. } => {
                let help = "change what is named; docs/store-probe.md says how to accept a risk by its name";
                Self::new(INVALID, "store-unfit", error.to_string(), help)
            }
            ServeError::Tls(source) => {
                let message = format!("{error}: {source}");
                Self::new(INVALID, "tls-unusable", message, "correct tls.certificate_file and tls.key_file")
            }
            ServeError::Endpoint(source) => {
                let message = format!("{error}: {source}");
                Self::new(INVALID, "endpoint-invalid", message, "correct store.endpoint_public")
            }
        }
    }
}

#[cfg(feature = "embedded")]
mod embedded {
    use tidegate_embedded_s3::OpenError;

    use super::{BUG, CliError, INVALID};
    use crate::dev::{DataDirError, DevError};

    /// Damaged data.
    const DAMAGED: u8 = 14;

    impl From<DataDirError> for CliError {
        fn from(error: DataDirError) -> Self {
            match error {
                DataDirError::Io { path, source } => {
                    let message = format!("the data folder cannot be used: {}: {source}", path.display());
                    Self::new(INVALID, "data-dir-unusable", message, "choose a folder that you can write, with --data")
                }
                DataDirError::Damaged { .. } => {
                    Self::new(DAMAGED, "data-dir-damaged", error.to_string(), "restore the data folder from a backup")
                }
                DataDirError::SigningKey(source) => {
                    let message = format!("{source}, in the data folder");
                    Self::new(DAMAGED, "data-dir-damaged", message, "restore the data folder from a backup")
                }
                DataDirError::NeverStarted(_) => Self::new(
                    INVALID,
                    "never-started",
                    error.to_string(),
                    "run tidegate-broker dev --data with that folder first",
                ),
                DataDirError::Invite(invite) => invite.into(),
            }
        }
    }

    impl From<OpenError> for CliError {
        fn from(error: OpenError) -> Self {
            let (exit, help) = match &error {
                OpenError::DataDir { .. } => (INVALID, "choose a folder that you can write, with --data"),
                OpenError::Locked { .. } => (INVALID, "stop the other process or choose another folder"),
                OpenError::DamagedIndex { .. } | OpenError::MissingIndex { .. } => {
                    (DAMAGED, "restore the data folder from a backup")
                }
                OpenError::NewerIndex { .. } => (INVALID, "run the newer version"),
                OpenError::AccessKeys(_) => (INVALID, "choose another access key"),
            };
            Self::new(exit, error.code(), error.to_string(), help)
        }
    }

    impl From<DevError> for CliError {
        fn from(error: DevError) -> Self {
            match error {
                DevError::NotLoopback(_) => {
                    Self::new(INVALID, "not-loopback", error.to_string(), "listen on 127.0.0.1, or use serve behind TLS")
                }
                DevError::Data(error) => error.into(),
                DevError::Open(error) => error.into(),
                DevError::Serve(error) => error.into(),
                DevError::Store(source) => Self::new(
                    BUG,
                    "store-failed",
                    format!("the embedded store failed: {source}"),
                    "look at the disk, then report this",
                ),
                DevError::StorePort(source) => {
                    let message = format!("the embedded store cannot listen on loopback: {source}");
                    Self::new(INVALID, "port-taken", message, "free a port on 127.0.0.1")
                }
            }
        }
    }
}
