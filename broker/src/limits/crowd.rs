//! How many at once, by address: connections, or requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::ClientAddress;

/// Counts what is under way. Its map holds what is under way and nothing else, and so is bounded by the bound on that.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    most: usize,
    under_way: Arc<Mutex<HashMap<ClientAddress, usize>>>,
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    address: ClientAddress,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, under_way: Arc::default() }
    }

    /// A place for the address; `None` if it has all that it may have.
    pub(crate) fn enter(&self, address: ClientAddress) -> Option<Place> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(address).or_default();
        if *count >= self.most {
            if *count == 0 {
                under_way.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.crowd.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn places_are_given_back_and_leave_nothing_behind() {
        let crowd = Crowd::new(2);
        let [one, other] = [1, 2].map(|last| ClientAddress::of(IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))));
        let first = crowd.enter(one).unwrap();
        let second = crowd.enter(one).unwrap();
        assert!(crowd.enter(one).is_none());
        assert!(crowd.enter(other).is_some());
        drop(first);
        assert!(crowd.enter(one).is_some());
        drop(second);
        assert!(crowd.under_way.lock().unwrap().is_empty());
        assert!(Crowd::new(0).enter(one).is_none());
    }
}
