//! The files that every tool gets: 1 KiB each of bytes that nothing compresses, the same for the same seed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::Fallible;

/// Length of a record in bytes.
const RECORD_BYTES: usize = 1_024;

/// A folder with one file a record.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    count: usize,
    rng: ChaCha8Rng,
    /// The next to change: they take turns.
    next: usize,
}

impl Files {
    /// Writes so many files into a new folder.
    pub(crate) fn create(folder: PathBuf, count: usize, seed: u64) -> Fallible<Self> {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let mut files = Self { folder, count, rng: ChaCha8Rng::seed_from_u64(seed), next: 0 };
        for index in 0..count {
            files.write(index)?;
        }
        Ok(files)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a file.
    pub(crate) fn path(&self, index: usize) -> PathBuf {
        self.folder.join(name(index))
    }

    /// All paths, in order.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        (0..self.count).map(|index| self.path(index)).collect()
    }

    /// Writes so many files anew and names them.
    pub(crate) fn change(&mut self, count: usize) -> Fallible<Vec<PathBuf>> {
        let mut changed = Vec::with_capacity(count);
        for _ in 0..count {
            self.write(self.next)?;
            changed.push(self.path(self.next));
            self.next = (self.next + 1) % self.count;
        }
        Ok(changed)
    }

    fn write(&mut self, index: usize) -> Fallible<()> {
        let mut bytes = vec![0; RECORD_BYTES];
        self.rng.fill_bytes(&mut bytes);
        fs::write(self.path(index), bytes).map_err(|error| error.to_string())
    }
}

fn name(index: usize) -> String {
    format!("{index:06}.bin")
}

/// Writes one large file.
pub(crate) fn create_big(path: &Path, mib: u64, seed: u64) -> Fallible<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut file = BufWriter::new(File::create(path).map_err(|error| error.to_string())?);
    let mut block = vec![0; 1 << 20];
    for _ in 0..mib {
        rng.fill_bytes(&mut block);
        file.write_all(&block).map_err(|error| error.to_string())?;
    }
    file.flush().map_err(|error| error.to_string())
}

/// Checks that a folder holds the same files as these.
pub(crate) fn check_same(files: &Files, folder: &Path) -> Fallible<()> {
    for path in files.all() {
        let name = path.file_name().ok_or("a file without a name")?;
        check_same_file(&path, &folder.join(name))?;
    }
    Ok(())
}

/// Checks that two files hold the same.
pub(crate) fn check_same_file(one: &Path, other: &Path) -> Fallible<()> {
    let read = |path: &Path| File::open(path).map_err(|error| format!("{}: {error}", path.display()));
    let (mut one_file, mut other_file) = (read(one)?, read(other)?);
    let mut blocks = [vec![0; 1 << 20], vec![0; 1 << 20]];
    loop {
        let [first, second] = &mut blocks;
        let read = fill(&mut one_file, first)?;
        if read != fill(&mut other_file, second)? || first[..read] != second[..read] {
            return Err(format!("{} is not what was sent", other.display()));
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn fill(file: &mut File, block: &mut [u8]) -> Fallible<usize> {
    use std::io::Read as _;
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..]).map_err(|error| error.to_string())? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
