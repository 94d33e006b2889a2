//! How many requests a sync may make: it reads the doorbell, and asks for everything else at most once for each time that it
//! did. So its requests are bounded by what is new, whatever the history.

use std::collections::BTreeMap;

use super::invariant::Violation;
use super::world::World;

/// How often the doorbell is read and written at most, when others write it too.
const DOORBELL: usize = 20;

impl World {
    /// Checks the requests of a sync that has ended.
    pub(super) fn check_bound(&mut self, device: usize) {
        let owner = &self.devices[device];
        let reads = owner.requests.iter().filter(|name| **name == "get-doorbell").count();
        let mut times: BTreeMap<&String, usize> = BTreeMap::new();
        for asked in &owner.asked {
            *times.entry(asked).or_default() += 1;
        }
        let is_doorbell = |asked: &str| asked.starts_with("get-doorbell") || asked.starts_with("put-doorbell");
        let too_often = times.into_iter().find(|(asked, times)| {
            let most = match asked {
                asked if is_doorbell(asked) => DOORBELL,
                // Once more after a built segment was dropped: it is looked for, and what is listed and was absent is asked again.
                asked if asked.starts_with("list-") || asked.starts_with("get-segment") => 2 * reads.max(1),
                _ => reads.max(1),
            };
            *times > most
        });
        if let Some((asked, _)) = too_often {
            let violation = Violation::AsksTooOften { device, asked: asked.clone() };
            self.violations.push(violation);
        }
    }
}
