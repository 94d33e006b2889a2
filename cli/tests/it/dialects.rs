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
fn of_racing_creates_aws_answers_one_and_tells_the_others_to_try_again() {
    let backend = Backend::start(Kind::AwsDirect);
    let bucket = backend.bucket();
    let first = race(&bucket, &[("if-none-match", "*")]);
    assert_eq!((first.get(&200), first.get(&409)), (Some(&1), Some(&7)), "{first:?}");
    assert_eq!(race(&bucket, &[("if-none-match", "*")]).keys().find(|status| **status == 200), None, "it is there now");
    assert!(backend.stand_in().refused() >= 7);
}

#[test]
fn r2_takes_one_write_a_second_and_key_no_conditional_deletion_and_no_url_beyond_a_week() {
    let backend = Backend::start(Kind::R2Direct);
    let bucket = backend.bucket();
    let statuses = race(&bucket, &[]);
    assert!(statuses.contains_key(&200) && statuses.contains_key(&429), "{statuses:?}");
    assert_eq!(bucket.status_with(Delete, KEY, &[("if-match", "\"any\"")], b""), 501);
    assert_eq!(bucket.status(Get, KEY, &[], b""), 200, "still there");
    assert_eq!(bucket.presigned_with_expiry(KEY, 604_800), 200);
    assert_eq!(bucket.presigned_with_expiry(KEY, 604_801), 400);
}

/// Eight writes of one key at once: how many got which status.
fn race(bucket: &Bucket, headers: &[(&str, &str)]) -> BTreeMap<u16, usize> {
    let statuses: Vec<u16> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|n: u8| scope.spawn(move || bucket.status_with(Put, KEY, headers, &[n]))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    statuses.into_iter().fold(BTreeMap::new(), |mut counts, status| {
        *counts.entry(status).or_default() += 1;
        counts
    })
}
