//! At start: what a crash left behind goes, and what is missing is counted.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::{BodyId, BodyStore};

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swept {
    /// Files that no row names; they are gone now.
    pub(crate) orphans: usize,
    /// Rows whose file is not there.
    pub(crate) missing: usize,
}

impl BodyStore {
    /// Whether there is any body file.
    pub(crate) fn has_bodies(&self) -> io::Result<bool> {
        for directory in fs::read_dir(&self.bodies)? {
            if fs::read_dir(directory?.path())?.next().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes every temporary file and every body that is not in `named`, and starts numbering above the rest, at `least` at least.
    ///
    /// Must run before the first request: a staged body of a running request looks like an orphan.
    pub(crate) fn sweep(&self, named: &HashSet<BodyId>, least: BodyId) -> io::Result<Swept> {
        let mut swept = Swept::default();
        for entry in fs::read_dir(&self.temporary)? {
            fs::remove_file(entry?.path())?;
            swept.orphans += 1;
        }
        let mut present = 0;
        for directory in fs::read_dir(&self.bodies)? {
            let directory = directory?.path();
            let (mut kept, mut foreign) = (0, 0);
            for entry in fs::read_dir(&directory)? {
                let path = entry?.path();
                match body_id(&path) {
                    Some(id) if named.contains(&id) => kept += 1,
                    Some(_) => {
                        fs::remove_file(&path)?;
                        swept.orphans += 1;
                    }
                    None => foreign += 1,
                }
            }
            if kept + foreign == 0 {
                fs::remove_dir(&directory)?;
            }
            present += kept;
        }
        swept.missing = named.len().saturating_sub(present);
        let above = named.iter().map(|id| id.0 + 1).max().unwrap_or(1);
        self.next.store(above.max(least.0), Ordering::Relaxed);
        Ok(swept)
    }
}

fn body_id(path: &Path) -> Option<BodyId> {
    let name = path.file_name()?.to_str()?;
    let id = u64::from_str_radix(name, 16).ok().map(BodyId)?;
    (id.file_name() == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::TempBody;
    use super::*;

    fn staged(store: &Arc<BodyStore>) -> BodyId {
        let mut body = TempBody::create(Arc::clone(store)).unwrap();
        body.write(b"bytes").unwrap();
        let body = body.stage().unwrap();
        let id = body.id();
        body.keep();
        id
    }

    #[test]
    fn orphans_go_and_named_bodies_stay() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let (kept, orphan) = (staged(&store), staged(&store));
        fs::write(home.path().join("tmp").join("0000000000000009"), b"half").unwrap();
        let swept = store.sweep(&HashSet::from([kept]), BodyId(1)).unwrap();
        assert_eq!(swept, Swept { orphans: 2, missing: 0 });
        assert!(store.open(kept).is_ok());
        assert!(store.open(orphan).is_err());
        assert!(store.take_id() > kept);
    }

    #[test]
    fn a_row_without_its_body_is_counted() {
        let home = tempfile::tempdir().unwrap();
        let store = BodyStore::create(home.path()).unwrap();
        let swept = store.sweep(&HashSet::from([BodyId(7)]), BodyId(1)).unwrap();
        assert_eq!(swept, Swept { orphans: 0, missing: 1 });
    }

    #[test]
    fn an_abandoned_body_removes_its_file() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let mut body = TempBody::create(Arc::clone(&store)).unwrap();
        body.write(b"bytes").unwrap();
        drop(body);
        let staged = TempBody::create(Arc::clone(&store)).unwrap().stage().unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
        assert!(!store.has_bodies().unwrap());
    }
}
