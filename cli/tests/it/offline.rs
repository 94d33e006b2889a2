//! Everything but `init`, `join`, `sync` and what was never fetched works without a network; and nothing is lost by its lack.

use crate::backend::{Backend, Kind};

#[test]
fn everything_local_works_with_the_broker_killed_and_is_sent_later() {
    let mut backend = Backend::start(Kind::EmbeddedDev);
    let (a, b) = (backend.device("a"), backend.device("b"));
    let code = backend.path("code").to_str().unwrap().to_owned();
    a.json(&backend.enrol("init", &["--recovery-file", &code]));
    a.json(&["member", "add", "Ada"]);
    let first = backend.file("first.txt", b"written while online");
    let photo = backend.file("photo.png", &[7; 5_000]);
    a.json(&["put", &first, "--member", "Ada"]);
    let hmac = a.json(&["attach", &photo, "--member", "Ada"])["attachments"][0]["hmac"].as_str().unwrap().to_owned();
    a.json(&["sync"]);
    b.json(&backend.enrol("join", &["--recovery-file", &code]));
    b.json(&["sync"]);
    backend.kill();

    let second = backend.file("second.txt", b"written while offline");
    let put = a.json(&["put", &second, "--member", "Ada"]);
    let id = put["records"][0]["record_id"].as_str().unwrap().to_owned();
    a.json(&["put", &first, "--id", &id]);
    a.json(&["member", "add", "Ben"]);
    assert_eq!(a.get(&id), b"written while online");
    assert_eq!(a.get(&hmac), [7; 5_000], "what this device attached is on this device");
    assert_eq!(a.json(&["list"])["records"].as_array().unwrap().len(), 2);
    assert_eq!(a.json(&["history", &id])["versions"].as_array().unwrap().len(), 2);
    assert_eq!(a.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 0);
    assert!(a.json(&["status"])["pending"].as_u64().unwrap() >= 3);
    a.json(&["delete", &id]);

    let error = a.fails(&["sync"], 12, "broker-unreachable");
    assert!(error["help"].as_str().unwrap().contains("nothing is lost"), "{error}");
    let out = backend.path("not-fetched");
    b.fails(&["get", &hmac, "-o", out.to_str().unwrap()], 12, "broker-unreachable");
    assert!(!out.exists());
    let pending = a.json(&["status"])["pending"].clone();
    assert!(pending.as_u64().unwrap() >= 3, "{pending}");

    backend.restart();
    assert!(a.json(&["sync"])["pushed"].as_u64().unwrap() >= 3);
    b.json(&["sync"]);
    assert_eq!(b.json(&["member", "list"])["members"].as_array().unwrap().len(), 2);
    assert_eq!(b.json(&["list"])["records"].as_array().unwrap().len(), 1);
    assert_eq!(b.get(&hmac), [7; 5_000]);
}
