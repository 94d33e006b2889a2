//! rustic: a restic repository by another program, over OpenDAL's S3 service.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Step, Tool, command, first_line, make_folder, step, write};
use crate::Fallible;
use crate::files::Files;
use crate::measure::run;
use crate::store::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// rustic as crates.io has it.
pub(super) struct Rustic {
    program: PathBuf,
    place: Place,
}

impl Rustic {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, place: Place::default() }
    }

    /// The settings of the device with this cache.
    fn configure(&self, device: &str) -> Fallible<()> {
        let Place { folder, endpoint, prefix } = &self.place;
        let cache = folder.join(format!("cache-{device}"));
        let repository = format!(
            "[repository]\nrepository = \"opendal:s3\"\npassword = \"bench-sync\"\ncache-dir = {cache:?}\n\n[repository.options]\n\
             endpoint = \"{endpoint}\"\nregion = \"us-east-1\"\nbucket = \"{BUCKET}\"\nroot = \"/{prefix}\"\n\
             access_key_id = \"{ACCESS_KEY}\"\nsecret_access_key = \"{SECRET_KEY}\"\n"
        );
        write(&folder.join(format!("{device}.toml")), &repository)
    }

    fn command(&self, device: &str) -> Command {
        let mut command = command(&self.program, &self.place);
        command.arg("--use-profile").arg(self.place.folder.join(device)).args(["--log-level", "warn", "--no-progress"]);
        command
    }

    fn backup(&self, folder: &Path) -> Fallible<Vec<Step>> {
        step("backup", self.command("sender").args(["backup", "."]).current_dir(folder))
    }
}

impl Tool for Rustic {
    fn name(&self) -> &'static str {
        "rustic"
    }

    fn version(&self) -> Fallible<String> {
        first_line(Command::new(&self.program).arg("--version"))
    }

    fn set_up(&mut self, place: &Place) -> Fallible<()> {
        self.place = place.clone();
        make_folder(&place.folder)?;
        self.configure("sender")?;
        run(self.command("sender").arg("init")).map(drop)
    }

    fn send(&mut self, files: &Files, _changed: &[PathBuf]) -> Fallible<Vec<Step>> {
        self.backup(files.folder())
    }

    fn add_device(&mut self, device: usize) -> Fallible<()> {
        make_folder(&self.folder_of(device))?;
        self.configure(&format!("device-{device}-settings"))
    }

    fn receive(&mut self, device: usize) -> Fallible<Vec<Step>> {
        let mut command = self.command(&format!("device-{device}-settings"));
        step("restore", command.args(["restore", "latest"]).arg(self.folder_of(device)))
    }

    fn folder_of(&self, device: usize) -> PathBuf {
        self.place.folder.join(format!("device-{device}"))
    }

    fn send_big(&mut self, file: &Path) -> Fallible<Vec<Step>> {
        self.backup(file.parent().ok_or("a file without a folder")?)
    }
}
