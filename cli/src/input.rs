//! Files named on the command line: all are checked before the first is stored.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tidegate_sync_client::Source;

use crate::failure::Failure;
use crate::style::{shown, size};

/// How much of a file is looked at to tell text from anything else.
const HEAD_BYTES: usize = 8 * 1024;

/// The most that one file may hold, and what it would become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) bytes: u64,
    /// The same where it comes from a pipe.
    pub(crate) piped_bytes: u64,
    pub(crate) noun: &'static str,
    pub(crate) piped_noun: &'static str,
}

/// A file that was found readable and small enough.
#[derive(Debug)]
pub(crate) struct Input {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// A regular file, read when its turn comes.
    OnDisk(Limit),
    /// A pipe or the like, which gives its bytes only once.
    Held(Vec<u8>),
}

/// Checks every file and reads none but pipes.
///
/// # Errors
/// The first file that is missing, unreadable, a folder or too large, by name.
pub(crate) fn check(paths: &[PathBuf], limit: Limit) -> Result<Vec<Input>, Failure> {
    if paths.iter().filter(|path| is_dash(path)).count() > 1 {
        return Err(Failure::usage("standard-input-twice", "standard input (`-`) was named twice", "name it once"));
    }
    paths.iter().map(|path| check_one(path, limit)).collect()
}

fn check_one(path: &Path, limit: Limit) -> Result<Input, Failure> {
    if is_dash(path) {
        let content = Content::Held(read_pipe(io::stdin().lock(), path, limit)?);
        return Ok(Input { path: path.to_owned(), content });
    }
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(is_folder(path));
    }
    if metadata.len() > limit.bytes {
        return Err(too_large(path, limit));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let content = if metadata.is_file() { Content::OnDisk(limit) } else { Content::Held(read_pipe(file, path, limit)?) };
    Ok(Input { path: path.to_owned(), content })
}

impl Input {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's own name, if it has one that is text.
    ///
    /// # Errors
    /// Standard input has no name (`name-missing`), and a name may not be UTF-8 (`name-not-utf8`); `flag` is what gives one.
    pub(crate) fn name(&self, flag: &str) -> Result<String, Failure> {
        if is_dash(&self.path) {
            let help = format!("pass {flag}");
            return Err(Failure::invalid("name-missing", "standard input has no name of its own", help));
        }
        let name = self.path.file_name().unwrap_or(OsStr::new(""));
        name.to_str().map(str::to_owned).ok_or_else(|| {
            let message = format!("the file name {} is not UTF-8, so it can't be kept", display(&self.path));
            Failure::invalid("name-not-utf8", message, format!("pass {flag}"))
        })
    }

    /// Reads the file; it may have grown since it was checked.
    pub(crate) fn read(self) -> Result<Vec<u8>, Failure> {
        match self.content {
            Content::Held(bytes) => Ok(bytes),
            Content::OnDisk(limit) => {
                let file = File::open(&self.path).map_err(|error| unreadable(&self.path, &error))?;
                read_bounded(file, &self.path, limit)
            }
        }
    }

    /// Where the bytes are, for whoever reads them piece by piece.
    pub(crate) fn source(self) -> Source {
        match self.content {
            Content::Held(bytes) => Source::Bytes(bytes),
            Content::OnDisk(_) => Source::File(self.path),
        }
    }

    /// The media type that the file's extension stands for; where it says nothing, what its beginning looks like.
    pub(crate) fn media_type(&self) -> Result<String, Failure> {
        if let Some(known) = by_extension(&self.path) {
            return Ok(known.to_owned());
        }
        let mut head = Vec::new();
        match &self.content {
            Content::Held(bytes) => head.extend(bytes.iter().take(HEAD_BYTES)),
            Content::OnDisk(_) => {
                let read = File::open(&self.path).and_then(|file| file.take(HEAD_BYTES as u64).read_to_end(&mut head));
                read.map_err(|error| unreadable(&self.path, &error))?;
            }
        }
        Ok(media_type(&self.path, whole_characters(&head)))
    }
}

/// Whether this stands for standard input or output.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A small text file that holds a secret, without the white space around it.
pub(crate) fn read_secret(path: &Path) -> Result<zeroize::Zeroizing<String>, Failure> {
    const LIMIT: Limit = Limit { bytes: 64 * 1024, piped_bytes: 64 * 1024, noun: "a secret", piped_noun: "a secret" };
    let input = check_one(path, LIMIT)?;
    let bytes = zeroize::Zeroizing::new(input.read()?);
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::invalid("secret-not-text", format!("{} does not hold text", display(path)), "check which file you named")
    })?;
    Ok(zeroize::Zeroizing::new(text.trim().to_owned()))
}

/// The media type that a file's extension stands for; where it says nothing, what the bytes look like.
pub(crate) fn media_type(path: &Path, bytes: &[u8]) -> String {
    let looks_like = || if looks_like_text(bytes) { "text/plain" } else { "application/octet-stream" };
    by_extension(path).unwrap_or_else(looks_like).to_owned()
}

/// The media type that a file's extension stands for.
pub(crate) fn by_extension(path: &Path) -> Option<&'static str> {
    mime_guess::from_path(path).first_raw()
}

fn looks_like_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// Without the beginning of a character that was cut off at the end.
fn whole_characters(head: &[u8]) -> &[u8] {
    match std::str::from_utf8(head) {
        Err(error) if head.len() == HEAD_BYTES && error.error_len().is_none() => &head[..error.valid_up_to()],
        Ok(_) | Err(_) => head,
    }
}

fn read_pipe(source: impl Read, path: &Path, limit: Limit) -> Result<Vec<u8>, Failure> {
    read_bounded(source, path, Limit { bytes: limit.piped_bytes, noun: limit.piped_noun, ..limit })
}

fn read_bounded(source: impl Read, path: &Path, limit: Limit) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source.take(limit.bytes + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > limit.bytes {
        return Err(too_large(path, limit));
    }
    Ok(bytes)
}

/// A path as shown in a message.
pub(crate) fn display(path: &Path) -> String {
    if is_dash(path) { "standard input".to_owned() } else { shown(&path.to_string_lossy()) }
}

pub(crate) fn is_folder(path: &Path) -> Failure {
    Failure::invalid("file-is-folder", format!("{} is a folder", display(path)), "name the files in it one by one")
}

pub(crate) fn too_large(path: &Path, limit: Limit) -> Failure {
    let message = format!("{} is larger than {}, the most that {} may hold", display(path), size(limit.bytes), limit.noun);
    Failure::invalid("file-too-large", message, "split it or make it smaller")
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let path = display(path);
    if matches!(error.kind(), io::ErrorKind::NotFound) {
        return Failure::missing("file-not-found", format!("{path} does not exist"), "check the file's name");
    }
    if matches!(error.kind(), io::ErrorKind::PermissionDenied) {
        return Failure::invalid("file-unreadable", format!("{path} may not be read by you"), "check its permissions");
    }
    Failure::invalid("file-unreadable", format!("{path} can't be read: {error}"), "check the file and its disk")
}
