//! The flow over a real store of another maker.

use crate::backend::Kind;
use crate::flow::family_of_two_devices;

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn family_of_two_devices_over_a_broker_and_seaweedfs() {
    family_of_two_devices(Kind::SeaweedFsBroker);
}

#[test]
#[ignore = "needs SeaweedFS: just test-seaweedfs"]
fn family_of_two_devices_directly_on_seaweedfs() {
    family_of_two_devices(Kind::SeaweedFsDirect);
}
