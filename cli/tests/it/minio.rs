//! The flow over a real MinIO, and what the keys that `minio/bootstrap.sh` makes may do there.

use serde_json::Value;
use tidegate_sigv4::Method::{Delete, Get, Put};

use crate::backend::{Backend, Kind};
use crate::flow::family_of_two_devices;

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn family_of_two_devices_over_a_broker_and_minio() {
    family_of_two_devices(Kind::MinioBroker);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn family_of_two_devices_directly_on_minio() {
    family_of_two_devices(Kind::MinioDirect);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn the_keys_made_for_minio_have_the_least_rights() {
    let backend = Backend::start(Kind::MinioBroker);
    let [read, write, state] = ["read", "write", "state"].map(|name| backend.bucket_of(name));
    let (ours, states, others) = ("users/a/x", "_tidegate/x", "elsewhere/x");
    state.put(states, b"state");

    assert_eq!([ours, states, others].map(|key| write.status(Put, key, &[], b"1")), [200, 403, 403]);
    assert_eq!([ours, states].map(|key| write.status(Get, key, &[], b"")), [403, 403]);
    assert_eq!(write.status(Delete, ours, &[], b""), 403);
    assert_eq!(write.status(Get, "", &[("list-type", "2"), ("prefix", "users/")], b""), 403);

    assert_eq!([ours, states].map(|key| read.status(Get, key, &[], b"")), [200, 403]);
    assert_eq!(read.status(Put, ours, &[], b"2"), 403);
    assert_eq!(read.status(Delete, ours, &[], b""), 403);
    let listed =
        ["users/a/", "_tidegate/", ""].map(|prefix| read.status(Get, "", &[("list-type", "2"), ("prefix", prefix)], b""));
    assert_eq!(listed, [200, 403, 403]);

    assert_eq!(state.status(Put, others, &[], b"1"), 403, "nothing but Tidegate's own two folders");
    assert_eq!([ours, states].map(|key| state.status(Delete, key, &[], b"")), [204, 204]);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn a_presigned_put_of_minio_copies_nothing_by_an_unsigned_header() {
    let backend = Backend::start(Kind::MinioBroker);
    backend.bucket_of("state").put("users/other/x", b"theirs");
    let source = format!("{}/users/other/x", Backend::BUCKET);
    let stolen = backend.bucket_of("write").presigned_status(Put, "users/mine/x", &[("x-amz-copy-source", &source)]);
    assert_eq!(stolen, 403, "the key that signs PUTs cannot read");
    assert_eq!(backend.bucket_of("state").status(Get, "users/mine/x", &[], b""), 404);
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn nobody_reads_minio_without_a_key() {
    let backend = Backend::start(Kind::MinioBroker);
    backend.bucket_of("state").put("users/a/x", b"1");
    assert_eq!(backend.bucket_of("state").anonymous_status("users/a/x"), 403);
}

/// Name and state of each check that did not end `ok`.
fn not_ok(checks: &Value) -> Vec<(&str, &str)> {
    let checks = checks.as_array().unwrap().iter();
    let states = checks.map(|check| (check["id"].as_str().unwrap(), check["status"].as_str().unwrap()));
    states.filter(|(_, status)| *status != "ok").collect()
}

#[test]
#[ignore = "needs MinIO: just test-minio"]
fn the_doctor_finds_minio_as_it_is_set_up_in_order() {
    let backend = Backend::start(Kind::MinioBroker);
    let (code, checks) = backend.doctor();
    assert_eq!(not_ok(&checks), ["public-url-tls", "store-cors", "temporary-credentials"].map(|id| (id, "skipped")), "{checks}");
    assert_eq!(code, 0);
}
