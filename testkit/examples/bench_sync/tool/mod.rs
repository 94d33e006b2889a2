//! The tools, each behind the same few verbs.

mod rclone;
mod restic;
mod rustic;
mod tidegate;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::Fallible;
use super::files::{Files, check_same};
use super::measure::{Taken, measured, run};
use super::store::{ACCESS_KEY, SECRET_KEY};

/// All tools, in the order of the columns.
pub(crate) const TOOLS: [&str; 4] = ["tidegate", "restic", "rclone", "rustic"];

/// One command of a tool, measured.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) taken: Taken,
}

/// Where a tool keeps its things: a folder of its own here, and a prefix of its own in the bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) prefix: String,
}

/// A tool that brings files to the store and back.
pub(crate) trait Tool {
    /// What it is called in the tables.
    fn name(&self) -> &'static str;

    /// What it says of its version.
    fn version(&self) -> Fallible<String>;

    /// Begins at an empty place: what is needed before the first upload.
    fn set_up(&mut self, place: &Place) -> Fallible<()>;

    /// Sends what is new. `changed` are the files that are; a tool that finds out by itself does not look at it.
    fn send(&mut self, files: &Files, changed: &[PathBuf]) -> Fallible<Vec<Step>>;

    /// Prepares a further device, which has nothing yet.
    fn add_device(&mut self, device: usize) -> Fallible<()>;

    /// Brings a device's folder up to date.
    fn receive(&mut self, device: usize) -> Fallible<Vec<Step>>;

    /// Where a device's files lie.
    fn folder_of(&self, device: usize) -> PathBuf;

    /// Sends one large file, the only one in its folder.
    fn send_big(&mut self, file: &Path) -> Fallible<Vec<Step>>;

    /// Checks that a device has the same files as these.
    fn check(&self, device: usize, files: &Files) -> Fallible<()> {
        check_same(files, &self.folder_of(device)).map_err(|error| format!("{}: {error}", self.name()))
    }
}

/// A tool by its name; `None` if it is not installed.
pub(crate) fn find(name: &str) -> Fallible<Option<Box<dyn Tool>>> {
    Ok(match name {
        "tidegate" => Some(Box::new(tidegate::Tidegate::new()?)),
        "restic" => installed("restic").map(|program| Box::new(restic::Restic::new(program)) as Box<dyn Tool>),
        "rclone" => installed("rclone").map(|program| Box::new(rclone::Rclone::new(program)) as Box<dyn Tool>),
        "rustic" => installed("rustic").map(|program| Box::new(rustic::Rustic::new(program)) as Box<dyn Tool>),
        other => return Err(format!("there is no tool {other:?}")),
    })
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A command with the environment that all tools get: a home of their own, and the key to the store.
fn command(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", &place.folder).env("PATH", env::var_os("PATH").unwrap_or_default());
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    command
}

fn step(name: &'static str, command: &Command) -> Fallible<Vec<Step>> {
    let taken = measured(command)?;
    Ok(vec![Step { name, taken }])
}

fn first_line(command: &mut Command) -> Fallible<String> {
    let printed = run(command)?;
    Ok(String::from_utf8_lossy(&printed).lines().next().unwrap_or_default().to_owned())
}

fn make_folder(path: &Path) -> Fallible<()> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Fallible<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
