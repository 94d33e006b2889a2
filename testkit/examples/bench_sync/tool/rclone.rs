//! rclone with crypt: one object a file, compared by listing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Step, Tool, command, first_line, make_folder, step, write};
use crate::Fallible;
use crate::files::Files;
use crate::measure::run;
use crate::store::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// What makes it fast with many small files; by the last two it compares by times that listings tell, without a HEAD for each.
const FLAGS: [&str; 7] = ["--transfers", "32", "--checkers", "32", "--fast-list", "--update", "--use-server-modtime"];

/// rclone as PyPI has it.
pub(super) struct Rclone {
    program: PathBuf,
    place: Place,
}

impl Rclone {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, place: Place::default() }
    }

    fn copy(&self, from: &Path, to: &Path) -> Fallible<Vec<Step>> {
        let mut command = command(&self.program, &self.place);
        command.arg("--config").arg(self.place.folder.join("rclone.conf")).arg("copy").arg(from).arg(to).args(FLAGS);
        step("copy", &command)
    }
}

impl Tool for Rclone {
    fn name(&self) -> &'static str {
        "rclone crypt"
    }

    fn version(&self) -> Fallible<String> {
        first_line(Command::new(&self.program).arg("version"))
    }

    fn set_up(&mut self, place: &Place) -> Fallible<()> {
        self.place = place.clone();
        make_folder(&place.folder)?;
        let obscured = |word: &str| first_line(command(&self.program, place).args(["obscure", word]));
        let Place { endpoint, prefix, .. } = place;
        let store = format!(
            "[store]\ntype = s3\nprovider = SeaweedFS\nendpoint = {endpoint}\naccess_key_id = {ACCESS_KEY}\n\
             secret_access_key = {SECRET_KEY}\nno_check_bucket = true\n"
        );
        let crypt = format!("[crypt]\ntype = crypt\nremote = store:{BUCKET}/{prefix}\npassword = {}\n", obscured("bench-sync")?);
        write(&place.folder.join("rclone.conf"), &format!("{store}\n{crypt}"))?;
        run(command(&self.program, place).arg("--config").arg(place.folder.join("rclone.conf")).arg("listremotes")).map(drop)
    }

    fn send(&mut self, files: &Files, _changed: &[PathBuf]) -> Fallible<Vec<Step>> {
        self.copy(files.folder(), Path::new("crypt:"))
    }

    fn add_device(&mut self, device: usize) -> Fallible<()> {
        make_folder(&self.folder_of(device))
    }

    fn receive(&mut self, device: usize) -> Fallible<Vec<Step>> {
        self.copy(Path::new("crypt:"), &self.folder_of(device))
    }

    fn folder_of(&self, device: usize) -> PathBuf {
        self.place.folder.join(format!("device-{device}"))
    }

    fn send_big(&mut self, file: &Path) -> Fallible<Vec<Step>> {
        self.copy(file.parent().ok_or("a file without a folder")?, Path::new("crypt:"))
    }
}
