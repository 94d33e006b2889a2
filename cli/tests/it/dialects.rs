//! Stores that tests cannot reach, by stand-ins with their peculiarities: the whole flow, and races for one key.

use std::collections::BTreeMap;
use std::thread;

use tidegate_sigv4::Method::{Delete, Get, Put};

use crate::backend::{Backend, Kind};
use crate::flow::family_of_two_devices;
use crate::harness::Bucket;

const KEY: &str = "users/race/x";

#[test]
fn family_of_two_devices_over_a_broker_and_a_store_like_aws() {
    family_of_two_devices(Kind::AwsBroker);
}

#[test]
fn family_of_two_devices_directly_on_a_store_like_aws() {
    family_of_two_devices(Kind::AwsDirect);
}

#[test]
fn family_of_two_devices_over_a_broker_and_a_store_like_r2() {
    family_of_two_devices(Kind::R2Broker);
}

#[test]
fn family_of_two_devices_directly_on_a_store_like_r2() {
    family_of_two_devices(Kind::R2Direct);
}

#[test]
fn of_racing_creates_aws_answers_one_and_tells_those_that_it_meets_to_try_again() {
    let backend = Backend::start(Kind::AwsDirect);
    let bucket = backend.bucket();
    let create = [("if-none-match", "*")];
    let (key, first) = raced_until(&bucket, &create, |statuses| {
        assert_eq!(statuses.get(&200), Some(&1), "{statuses:?}");
        assert!(statuses.keys().all(|status| [200, 409, 412].contains(status)), "{statuses:?}");
        statuses.contains_key(&409)
    });
    assert!(!race(&bucket, &key, &create).contains_key(&200), "it is there now");
    assert!(backend.stand_in().refused() >= first[&409]);
}

#[test]
fn r2_takes_one_write_a_second_and_key_no_conditional_deletion_and_no_url_beyond_a_week() {
    let backend = Backend::start(Kind::R2Direct);
    let bucket = backend.bucket();
    let (key, _) = raced_until(&bucket, &[], |statuses| {
        assert!(statuses.contains_key(&200) && statuses.keys().all(|status| [200, 429].contains(status)), "{statuses:?}");
        statuses.contains_key(&429)
    });
    assert_eq!(bucket.status_with(Delete, &key, &[("if-match", "\"any\"")], b""), 501);
    assert_eq!(bucket.status(Get, &key, &[], b""), 200, "still there");
    assert_eq!(bucket.presigned_with_expiry(&key, 604_800), 200);
    assert_eq!(bucket.presigned_with_expiry(&key, 604_801), 400);
}

/// Races for new keys until writers have met: on a busy machine they may come one after the other.
fn raced_until(
    bucket: &Bucket,
    headers: &[(&str, &str)],
    have_met: impl Fn(&BTreeMap<u16, usize>) -> bool,
) -> (String, BTreeMap<u16, usize>) {
    let mut races = (0..100).map(|n| format!("{KEY}-{n}")).map(|key| {
        let statuses = race(bucket, &key, headers);
        (key, statuses)
    });
    races.find(|(_, statuses)| have_met(statuses)).expect("writers meet")
}

/// Eight writes of one key at once: how many got which status.
fn race(bucket: &Bucket, key: &str, headers: &[(&str, &str)]) -> BTreeMap<u16, usize> {
    let statuses: Vec<u16> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|n: u8| scope.spawn(move || bucket.status_with(Put, key, headers, &[n]))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    statuses.into_iter().fold(BTreeMap::new(), |mut counts, status| {
        *counts.entry(status).or_default() += 1;
        counts
    })
}
