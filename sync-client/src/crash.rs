//! Named points at which a test may stop the process, so that it can show that no crash loses anything.
//!
//! Only with the feature `crash-points`, which builds for tests alone have. `TIDEGATE_KILL_AT={name}:{n}` aborts the process when the
//! point is crossed for the n-th time, counted from 1. An effect is crossed twice: before it is carried out and after.
//! `TIDEGATE_POINTS_FILE` names a file to which each point crossed is appended, one a line.

/// Crosses a point.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) const fn point(_name: &'static str) {}

/// Crosses a point: records it, and stops the process if that is wanted here.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &'static str) {
    use std::collections::BTreeMap;
    use std::io::Write as _;
    use std::sync::{Mutex, PoisonError};

    static CROSSED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

    if let Some(path) = std::env::var_os("TIDEGATE_POINTS_FILE")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = writeln!(file, "{name}");
    }
    let Ok(wanted) = std::env::var("TIDEGATE_KILL_AT") else { return };
    let Some((wanted_name, wanted_count)) = wanted.rsplit_once(':') else { return };
    let mut crossed = CROSSED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = crossed.entry(name).or_default();
    *count += 1;
    if wanted_name == name && wanted_count == count.to_string() {
        std::process::abort();
    }
}
