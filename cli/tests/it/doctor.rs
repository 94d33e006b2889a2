//! `doctor`: what is planted between a device and its store is found by name.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::Cli;

/// The exit code and the checks.
fn doctor(cli: &Cli) -> (i32, Value) {
    let ran = cli.run(&["doctor", "--json"]);
    let code = ran.code.unwrap();
    (code, ran.document()["checks"].clone())
}

fn check<'a>(checks: &'a Value, id: &str) -> &'a Value {
    checks.as_array().unwrap().iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id} in {checks}"))
}

#[track_caller]
fn assert_found(found: &(i32, Value), exit: i32, id: &str, status: &str, cause: &str) {
    let check = check(&found.1, id);
    assert_eq!((found.0, check["status"].as_str()), (exit, Some(status)), "{}", found.1);
    assert!(check["cause"].as_str().unwrap().contains(cause), "{check}");
    assert!(!check["fix"].as_str().unwrap().is_empty(), "{check}");
}

/// A device of a new account at a development server.
fn enrolled(backend: &Backend) -> Cli {
    let a = backend.device("a");
    let code = backend.path("code").to_str().unwrap().to_owned();
    a.json(&backend.enrol("init", &["--recovery-file", &code]));
    a
}

/// Where the home of a device keeps its keys, changed.
fn edit_keys(backend: &Backend, from: &str, to: &str) {
    let path = backend.path("a").join("keys.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

#[test]
fn where_all_is_well_only_the_key_file_is_worth_a_word() {
    for kind in [Kind::EmbeddedDev, Kind::DirectS3] {
        let backend = Backend::start(kind);
        let (code, checks) = doctor(&enrolled(&backend));
        assert_eq!(code, 0, "{checks}");
        let states: Vec<_> = checks.as_array().unwrap().iter().map(|check| check["status"].as_str().unwrap()).collect();
        let without = if matches!(kind, Kind::DirectS3) { "skipped" } else { "ok" };
        assert_eq!(states, ["ok", "warning", without, without, "ok", "ok", "ok", "ok"]);
    }
}

#[test]
fn a_home_without_an_account_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let found = doctor(&Cli::new(folder.path()));
    assert_found(&found, 10, "home", "failed", "no account");
    assert_eq!(check(&found.1, "store")["status"], "skipped");
}

#[test]
fn a_broker_that_is_gone_is_found_and_can_be_tried_again() {
    let mut backend = Backend::start(Kind::EmbeddedDev);
    let a = enrolled(&backend);
    backend.kill();
    assert_found(&doctor(&a), 12, "broker", "failed", "cannot be reached");
    backend.restart();
    assert_eq!(doctor(&a).0, 0);
}

#[test]
fn a_broker_that_calls_itself_otherwise_is_found() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let a = enrolled(&backend);
    edit_keys(&backend, "http://127.0.0.1", "http://localhost");
    assert_found(&doctor(&a), 10, "broker", "failed", "calls itself");
}

#[test]
fn https_to_a_port_that_serves_http_is_told_as_that() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let a = enrolled(&backend);
    edit_keys(&backend, "http://127.0.0.1", "https://127.0.0.1");
    let found = doctor(&a);
    assert_found(&found, 12, "broker", "failed", "InvalidContentType");
    assert!(check(&found.1, "broker")["fix"].as_str().unwrap().contains("plain http"));
}

#[test]
fn a_captive_portal_in_place_of_the_broker_is_found() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let a = enrolled(&backend);
    let portal = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = portal.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in portal.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let page = "<html>please pay</html>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    let path = backend.path("a").join("keys.json");
    let mut keys: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    keys["remote"]["url"] = format!("http://127.0.0.1:{port}").into();
    fs::write(&path, keys.to_string()).unwrap();
    assert_found(&doctor(&a), 12, "broker", "failed", "something else answered");
}

#[test]
fn another_bucket_is_found() {
    let backend = Backend::start(Kind::DirectS3);
    let a = enrolled(&backend);
    let bucket = backend.bucket();
    for key in bucket.keys(&["genesis.json"]) {
        bucket.take(&key);
    }
    assert_found(&doctor(&a), 15, "account", "failed", "no account");
}

#[cfg(unix)]
#[test]
fn keys_that_others_may_read_are_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let backend = Backend::start(Kind::DirectS3);
    let a = enrolled(&backend);
    fs::set_permissions(backend.path("a").join("keys.json"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(&doctor(&a), 10, "keys", "failed", "others on this machine");
}
