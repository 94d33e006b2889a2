//! Ports for servers of a test.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that systems give to outgoing connections (Linux: from 32768), so that a server that is started again finds its port
/// free; and so that another server's second port, 10,000 above its first, is below them too.
const FIRST: u32 = 12_000;
const COUNT: u32 = 10_000;

/// A port of the loopback that nobody listens on, and nobody on the one 10,000 above it; given once per process.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(977);
    (0..COUNT)
        .map(|_| begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| is_free(*port) && is_free(*port + 10_000))
        .expect("a free port")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_never_one_that_is_taken() {
        let taken = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
        let given: Vec<u16> = (0..100).map(|_| free_port()).collect();
        let mut distinct = given.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), given.len());
        assert!(!given.contains(&taken.local_addr().unwrap().port()));
        assert!(given.iter().all(|port| (12_000..22_000).contains(port)));
    }
}
