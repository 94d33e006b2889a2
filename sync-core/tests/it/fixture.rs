//! Files under `fixtures/v1/`: what version 1 wrote, byte for byte. Append-only.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(name)
}

pub(crate) fn golden(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Writes those that are missing, and never another one.
pub(crate) fn write_missing(name: &str, bytes: &[u8]) {
    if !path(name).exists() {
        fs::write(path(name), bytes).unwrap();
    }
}

/// The names of the files with this prefix.
pub(crate) fn names(prefix: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(path("")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name.starts_with(prefix)).collect()
}
