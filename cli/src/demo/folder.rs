//! The files that the demo stores: a folder of yours, or the small bundled one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::input::{self, Limit};
use crate::style::{count, size};

/// Most files, and most bytes in all, that a demo takes: everything is held in memory and stored twice.
const MAX_FILES: usize = 2_000;
const MAX_BYTES: u64 = 256 << 20;

/// A file to store.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Whose it is: the sub-folder's name.
    pub(crate) member: String,
    /// Its path below the member's folder.
    pub(crate) title: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Document {
    /// Text and JSON become records; everything else is attached.
    pub(crate) fn is_record(&self) -> bool {
        (self.media_type.starts_with("text/") || self.media_type == "application/json")
            && self.bytes.len() as u64 <= crate::limit::RECORD.bytes
    }
}

/// The bundled folder.
pub(crate) fn bundled() -> Vec<Document> {
    macro_rules! document {
        ($member:literal, $title:literal) => {
            Document {
                member: $member.to_owned(),
                title: $title.to_owned(),
                media_type: input::by_extension(Path::new($title)).unwrap_or("application/octet-stream").to_owned(),
                bytes: include_bytes!(concat!("../../demo-data/", $member, "/", $title)).to_vec(),
            }
        };
    }
    vec![
        document!("Ada", "blood-pressure.json"),
        document!("Ada", "visit-2026-10-09.md"),
        document!("Ben", "hazelnut-allergy.md"),
        document!("Ben", "thermometer.png"),
        document!("Ben", "vaccinations.json"),
    ]
}

/// Reads a folder: each sub-folder is a family member; files beside them belong to a member called as the folder is.
/// What begins with a dot, and links to folders, are left out.
///
/// # Errors
/// By name, the first thing that can't be read or is too large; and a folder without files.
pub(crate) fn read(folder: &Path) -> Result<Vec<Document>, Failure> {
    let metadata = fs::metadata(folder).map_err(|error| input::unreadable(folder, &error))?;
    if !metadata.is_dir() {
        let message = format!("{} is not a folder", input::display(folder));
        return Err(Failure::invalid("not-a-folder", message, "name the folder that holds the files"));
    }
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    if files.is_empty() {
        let message = format!("{} holds no files", input::display(folder));
        return Err(Failure::invalid("folder-empty", message, "put some files into it, or leave --from away"));
    }
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    if files.len() > MAX_FILES || total > MAX_BYTES {
        let (files, folder) = (count(files.len(), "file"), input::display(folder));
        let message = format!("{folder} holds {files} and {}: too much for a demo", size(total));
        let help = format!("name a folder of at most {MAX_FILES} files and {}", size(MAX_BYTES));
        return Err(Failure::invalid("folder-too-large", message, help));
    }
    files.iter().map(|file| document(folder, &file.path)).collect()
}

struct Found {
    path: PathBuf,
    bytes: u64,
}

/// Collects files in the order of their names, so that two runs store the same in the same order.
fn walk(folder: &Path, files: &mut Vec<Found>) -> Result<(), Failure> {
    let failed = |error| input::unreadable(folder, &error);
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(|error| input::unreadable(&path, &error))?;
        if kind.is_dir() {
            walk(&path, files)?;
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|error| input::unreadable(&path, &error))?;
        if metadata.is_file() {
            files.push(Found { path, bytes: metadata.len() });
        }
        if files.len() > MAX_FILES {
            return Ok(());
        }
    }
    Ok(())
}

fn document(folder: &Path, path: &Path) -> Result<Document, Failure> {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let names = inside.iter().map(std::ffi::OsStr::to_str).collect::<Option<Vec<_>>>().ok_or_else(|| {
        let message = format!("the file name {} is not UTF-8, so it can't be kept", input::display(path));
        Failure::invalid("name-not-utf8", message, "rename the file")
    })?;
    let (member, title) = match names.as_slice() {
        [member, rest @ ..] if !rest.is_empty() => ((*member).to_owned(), rest.join("/")),
        names => (own_name(folder), names.concat()),
    };
    let limit = Limit { bytes: crate::limit::ATTACHMENT.piped_bytes, noun: "a file", ..crate::limit::ATTACHMENT };
    let bytes = input::check(&[path.to_owned()], limit)?.remove(0).read()?;
    Ok(Document { member, title, media_type: input::media_type(path, &bytes), bytes })
}

fn own_name(folder: &Path) -> String {
    let name = fs::canonicalize(folder).ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| "Family".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Vec<Document>, Failure>) -> String {
        match result {
            Err(Failure::Named(named)) => named.code.into_owned(),
            other => panic!("expected a named failure, got {other:?}"),
        }
    }

    #[test]
    fn sub_folders_are_members_and_deeper_ones_stay_in_the_title() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("Ada/2026")).unwrap();
        fs::write(folder.path().join("Ada/2026/visit.md"), "fine").unwrap();
        fs::write(folder.path().join("Ada/.hidden"), "not this").unwrap();
        fs::write(folder.path().join("loose.bin"), [0, 1]).unwrap();
        let documents = read(folder.path()).unwrap();
        let named: Vec<_> = documents.iter().map(|d| (d.member.as_str(), d.title.as_str(), d.media_type.as_str())).collect();
        let own = own_name(folder.path());
        assert_eq!(named, [("Ada", "2026/visit.md", "text/markdown"), (own.as_str(), "loose.bin", "application/octet-stream")]);
        assert!(documents[0].is_record() && !documents[1].is_record());
    }

    #[test]
    fn what_cannot_be_a_demo_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(code(read(&folder.path().join("absent"))), "file-not-found");
        assert_eq!(code(read(folder.path())), "folder-empty");
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(code(read(&file)), "not-a-folder");
        fs::File::create(folder.path().join("huge")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(code(read(folder.path())), "folder-too-large");
    }

    #[test]
    fn the_bundle_is_two_people_with_records_and_a_picture() {
        let documents = bundled();
        assert!(documents.iter().all(|document| !document.bytes.is_empty()));
        assert_eq!(documents.iter().filter(|document| !document.is_record()).count(), 1);
    }
}
