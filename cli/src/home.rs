//! The folder in which this device keeps its keys and database.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// `--home`, else `TIDEGATE_HOME` (clap reads both), else the platform's data folder.
pub(crate) fn resolve(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(home) = given.filter(|home| !home.as_os_str().is_empty()) {
        return Ok(home.to_owned());
    }
    let platform = directories::ProjectDirs::from("", "", "tidegate").map(|folders| folders.data_dir().to_owned());
    platform.ok_or_else(|| {
        Failure::invalid(
            "home-unknown",
            "this platform names no folder for a program's data",
            "pass --home DIR or set TIDEGATE_HOME",
        )
    })
}

/// The name a device gets if none is given: the host's.
pub(crate) fn default_device_name() -> String {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    if host.is_empty() { "device".to_owned() } else { host }
}
