//! What is read when it is first looked at.
//!
//! A device that asks whether there is something new needs the frontier of each space, and nothing of what was ever done in
//! it. Whoever looks at one content gets all of them; of changes, those that may compete come first ([`crate::state`]).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Reads something once; `None` where it cannot be read.
///
/// What it gives must be what the rows said when the engine was given it: as long as it was not read, the engine has written
/// none of them.
pub type Source<T> = Box<dyn FnOnce() -> Option<T> + Send>;

/// Something, or where it is to be read.
pub(crate) struct Lazy<T> {
    value: OnceLock<T>,
    source: Mutex<Option<Source<T>>>,
    has_failed: AtomicBool,
    is_altered: bool,
}

impl<T: Default> Lazy<T> {
    pub(crate) fn from_source(source: Source<T>) -> Self {
        Self { source: Mutex::new(Some(source)), ..Self::default() }
    }

    /// Another thing, to be read from here: altered, for it is not what was looked at before. A failure to read that one is none of
    /// this one's.
    pub(crate) fn replace(&mut self, source: Source<T>) {
        *self = Self { source: Mutex::new(Some(source)), is_altered: true, ..Self::default() };
    }

    /// The thing itself, read now if it was not before.
    pub(crate) fn get(&self) -> &T {
        self.value.get_or_init(|| {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(source) = source else { return T::default() };
            source().unwrap_or_else(|| {
                self.has_failed.store(true, Ordering::Release);
                T::default()
            })
        })
    }

    /// The thing itself, if it was read.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.value.get()
    }

    /// The same, to be altered.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.get();
        self.is_altered = true;
        self.value.get_mut().expect("it was read a moment ago")
    }

    /// Whether it was read, or never had to be.
    pub(crate) fn is_read(&self) -> bool {
        self.value.get().is_some() || self.source.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Whether it could not be read: then what is here is not what there is.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Whether somebody has taken it to alter it since this was last forgotten.
    pub(crate) const fn is_altered(&self) -> bool {
        self.is_altered
    }

    pub(crate) const fn forget_altered(&mut self) {
        self.is_altered = false;
    }
}

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self { value: OnceLock::new(), source: Mutex::new(None), has_failed: AtomicBool::new(false), is_altered: false }
    }
}

impl<T> From<T> for Lazy<T> {
    fn from(value: T) -> Self {
        Self { value: OnceLock::from(value), ..Self::default() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => value.fmt(f),
            None => f.write_str("not read yet"),
        }
    }
}

impl<T: Clone + Default> Clone for Lazy<T> {
    fn clone(&self) -> Self {
        let value = OnceLock::from(self.get().clone());
        Self { value, source: Mutex::default(), has_failed: self.has_failed().into(), is_altered: self.is_altered }
    }
}

impl<T: PartialEq + Default> PartialEq for Lazy<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_until_somebody_looks() {
        let lazy = Lazy::from_source(Box::new(|| Some(vec![7])));
        assert!(!lazy.is_read());
        assert_eq!(*lazy.get(), [7]);
        assert!(lazy.is_read() && !lazy.has_failed());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let lazy: Lazy<Vec<u8>> = Lazy::from_source(Box::new(|| None));
        assert!(!lazy.has_failed());
        assert!(lazy.get().is_empty());
        assert!(lazy.has_failed());
    }

    #[test]
    fn to_look_is_not_to_alter() {
        let mut lazy = Lazy::from(vec![7]);
        assert_eq!(*lazy.get(), [7]);
        assert!(!lazy.is_altered());
        lazy.get_mut().clear();
        assert!(lazy.is_altered());
    }
}
