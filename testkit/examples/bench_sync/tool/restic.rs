//! restic: a repository on the store, a snapshot for each upload.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Step, Tool, command, first_line, make_folder, step};
use crate::Fallible;
use crate::files::Files;
use crate::measure::run;
use crate::store::BUCKET;

/// restic as Debian has it.
pub(super) struct Restic {
    program: PathBuf,
    place: Place,
}

impl Restic {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, place: Place::default() }
    }

    fn command(&self, cache: &str) -> Command {
        let Place { folder, endpoint, prefix } = &self.place;
        let mut command = command(&self.program, &self.place);
        command.env("RESTIC_REPOSITORY", format!("s3:{endpoint}/{BUCKET}/{prefix}")).env("RESTIC_PASSWORD", "bench-sync");
        command.args(["--quiet", "--cache-dir"]).arg(folder.join(cache));
        command
    }

    fn backup(&self, folder: &Path) -> Fallible<Vec<Step>> {
        step("backup", self.command("cache").args(["backup", "."]).current_dir(folder))
    }
}

impl Tool for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn version(&self) -> Fallible<String> {
        first_line(Command::new(&self.program).arg("version"))
    }

    fn set_up(&mut self, place: &Place) -> Fallible<()> {
        self.place = place.clone();
        make_folder(&place.folder)?;
        run(self.command("cache").arg("init")).map(drop)
    }

    fn send(&mut self, files: &Files, _changed: &[PathBuf]) -> Fallible<Vec<Step>> {
        self.backup(files.folder())
    }

    fn add_device(&mut self, device: usize) -> Fallible<()> {
        make_folder(&self.folder_of(device))
    }

    fn receive(&mut self, device: usize) -> Fallible<Vec<Step>> {
        let folder = self.folder_of(device);
        step("restore", self.command(&format!("cache-{device}")).args(["restore", "latest", "--target"]).arg(folder))
    }

    fn folder_of(&self, device: usize) -> PathBuf {
        self.place.folder.join(format!("device-{device}"))
    }

    fn send_big(&mut self, file: &Path) -> Fallible<Vec<Step>> {
        self.backup(file.parent().ok_or("a file without a folder")?)
    }
}
