//! Tidegate: the sync client as an app embeds it, in the processes of `device.rs`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Step, Tool, command, make_folder, step, write};
use crate::Fallible;
use crate::device;
use crate::files::Files;
use crate::measure::run;

/// This build's sync client.
pub(super) struct Tidegate {
    program: PathBuf,
    place: Place,
}

impl Tidegate {
    pub(super) fn new() -> Fallible<Self> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        Ok(Self { program, place: Place::default() })
    }

    fn command(&self, verb: &str, device: usize) -> Command {
        let mut command = command(&self.program, &self.place);
        command.args([device::COMMAND, verb]).arg(self.home_of(device));
        command
    }

    fn home_of(&self, device: usize) -> PathBuf {
        self.place.folder.join(format!("home-{device}"))
    }

    fn recovery(&self) -> PathBuf {
        self.place.folder.join("recovery-code")
    }
}

impl Tool for Tidegate {
    fn name(&self) -> &'static str {
        "tidegate"
    }

    fn version(&self) -> Fallible<String> {
        Ok(format!("tidegate {}", env!("CARGO_PKG_VERSION")))
    }

    fn set_up(&mut self, place: &Place) -> Fallible<()> {
        self.place = place.clone();
        make_folder(&place.folder)?;
        run(self.command("create", 0).arg(&place.endpoint).arg(self.recovery())).map(drop)
    }

    fn send(&mut self, _files: &Files, changed: &[PathBuf]) -> Fallible<Vec<Step>> {
        let list = self.place.folder.join("changed");
        let names: Vec<&str> = changed.iter().filter_map(|path| path.to_str()).collect();
        write(&list, &names.join("\n"))?;
        step("send", self.command("send", 0).arg(list))
    }

    fn add_device(&mut self, device: usize) -> Fallible<()> {
        make_folder(&self.folder_of(device))?;
        run(self.command("join", device).arg(&self.place.endpoint).arg(self.recovery())).map(drop)
    }

    fn receive(&mut self, device: usize) -> Fallible<Vec<Step>> {
        step("receive", self.command("receive", device).arg(self.folder_of(device)))
    }

    fn folder_of(&self, device: usize) -> PathBuf {
        self.place.folder.join(format!("device-{device}"))
    }

    fn send_big(&mut self, file: &Path) -> Fallible<Vec<Step>> {
        step("send", self.command("attach", 0).arg(file))
    }
}
