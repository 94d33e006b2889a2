//! Where the broker's program is: beside ours; built once if it is not there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `tidegate-broker` of this build.
pub(crate) fn broker_binary() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let ours = Path::new(env!("CARGO_BIN_EXE_tidegate"));
        let binary = ours.with_file_name(format!("tidegate-broker{}", std::env::consts::EXE_SUFFIX));
        if !binary.exists() {
            build(ours.parent().unwrap());
        }
        assert!(binary.exists(), "{} is missing", binary.display());
        binary
    })
}

fn build(folder: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "tidegate-broker", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "tidegate-broker does not build");
}
