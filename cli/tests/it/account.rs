//! `account delete`, by real processes.

use crate::backend::{Backend, Kind};

#[test]
fn an_account_is_deleted_in_two_steps_for_all_its_devices() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (a, b) = (backend.device("a"), backend.device("b"));
    let code = backend.path("code").to_str().unwrap().to_owned();
    let user = a.json(&backend.enrol("init", &["--device-name", "laptop", "--recovery-file", &code]))["user_id"].clone();
    let user = user.as_str().unwrap();
    a.json(&["member", "add", "Ada"]);
    let note = backend.file("note.txt", b"what stays here");
    let id = a.json(&["put", &note, "--member", "Ada", "--kind", "note"])["records"][0]["record_id"].clone();
    a.json(&["sync"]);
    b.json(&backend.enrol("join", &["--device-name", "phone", "--recovery-file", &code]));
    b.json(&["sync"]);

    a.fails(&["account", "delete", "--confirm", user], 13, "deletion-not-asked");
    let asked = a.json(&["account", "delete"]);
    assert_eq!((&asked["state"], &asked["user_id"]), (&"confirmation-needed".into(), &user.into()));
    assert!(asked["confirm_by"].is_string(), "{asked}");
    a.fails(&["account", "delete", "--confirm", "00000000-0000-8000-8000-000000000001"], 10, "other-account");
    b.fails(&["account", "delete", "--confirm", user], 13, "deletion-not-asked");
    // Nothing has happened yet.
    b.json(&["sync"]);

    let deleting = a.json(&["account", "delete", "--confirm", user]);
    assert_eq!((&deleting["state"], &deleting["swept"]), (&"deleting".into(), &true.into()), "{deleting}");
    assert!(deleting["objects_deleted"].as_u64().unwrap() > 5, "{deleting}");
    for cli in [&a, &b] {
        cli.fails(&["sync", "--full"], 11, "account-deleted");
    }
    b.fails(&["account", "delete"], 11, "account-deleted");
    // What a device holds is its own.
    let copy = backend.path("copy").to_str().unwrap().to_owned();
    a.json(&["get", id.as_str().unwrap(), "-o", &copy]);
    assert_eq!(std::fs::read(&copy).unwrap(), b"what stays here");
}

#[test]
fn who_lost_everything_asks_for_another_account_and_whoever_has_it_says_no() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (a, b, c) = (backend.device("a"), backend.device("b"), backend.device("c"));
    let code = backend.path("code").to_str().unwrap().to_owned();
    let old = a.json(&backend.enrol("init", &["--recovery-file", &code]))["user_id"].clone();
    let error = b.fails(&backend.enrol("init", &[]), 13, "already-linked");
    assert!(error["help"].as_str().unwrap().contains("--reset"), "{error}");
    let new_code = backend.path("new-code").to_str().unwrap().to_owned();
    let pending = b.json(&backend.enrol("init", &["--reset", "--recovery-file", &new_code]));
    assert_eq!((&pending["state"], &pending["from"]), (&"pending".into(), &old));
    assert!(pending["moves_at"].is_string() && pending["recovery_code"].is_null(), "{pending}");
    assert!(!backend.path("new-code").exists(), "no code before there is an account");
    c.json(&backend.enrol("join", &["--recovery-file", &code]));
    b.fails(&backend.enrol("init", &["--reset"]), 11, "reset-cancelled");
    a.json(&["sync"]);
}

#[test]
fn without_a_broker_the_store_is_ones_own_to_empty() {
    let backend = Backend::start(Kind::DirectS3);
    let a = backend.device("a");
    let code = backend.path("code").to_str().unwrap().to_owned();
    a.json(&backend.enrol("init", &["--device-name", "laptop", "--recovery-file", &code]));
    let error = a.fails(&["account", "delete"], 10, "broker-missing");
    assert!(error["help"].as_str().unwrap().contains("users/"), "{error}");
}

#[test]
fn new_keys_shut_a_stolen_device_out_and_the_others_take_them_up() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (a, b, stolen) = (backend.device("a"), backend.device("b"), backend.device("c"));
    let path = |name: &str| backend.path(name).to_str().unwrap().to_owned();
    let (old, new) = (path("old-code"), path("new-code"));
    let user = a.json(&backend.enrol("init", &["--device-name", "laptop", "--recovery-file", &old]))["user_id"].clone();
    a.json(&["member", "add", "Ada"]);
    let note = backend.file("note.txt", b"from before");
    a.json(&["put", &note, "--member", "Ada", "--kind", "note"]);
    a.json(&["sync"]);
    for cli in [&b, &stolen] {
        cli.json(&backend.enrol("join", &["--recovery-file", &old]));
        cli.json(&["sync"]);
    }
    let unsent = backend.file("unsent.txt", b"never sent under the old keys");
    b.json(&["put", &unsent, "--member", "Ada", "--kind", "note"]);

    // A file that is there is not written over, and a code that is not the account's changes nothing.
    a.fails(&["account", "rotate", "--recovery-file", &old, "--new-recovery-file", &old], 10, "file-exists");
    let wrong = backend.file("wrong", b"not a code at all");
    a.fails(&["account", "rotate", "--recovery-file", &wrong], 10, "recovery-code-unknown-word");
    let rotated = a.json(&["account", "rotate", "--recovery-file", &old, "--new-recovery-file", &new]);
    assert_eq!(rotated["user_id"], user);
    assert!(rotated["recovery_code"].is_null(), "{rotated}");
    let words = std::fs::read_to_string(&new).unwrap();
    assert_eq!(words.split_whitespace().count(), 24);
    assert_ne!(words, std::fs::read_to_string(&old).unwrap());
    a.fails(&["account", "rotate", "--recovery-file", &old], 10, "recovery-code-wrong");
    a.json(&["sync"]);

    let error = stolen.fails(&["sync"], 11, "account-keys-replaced");
    assert!(error["help"].as_str().unwrap().contains("join"), "{error}");
    stolen.fails(&backend.enrol("join", &["--recovery-file", &old]), 10, "recovery-code-wrong");

    b.fails(&["sync"], 11, "account-keys-replaced");
    let joined = b.json(&backend.enrol("join", &["--recovery-file", &new]));
    assert_eq!(joined["user_id"], user);
    b.json(&["sync"]);
    let synced = a.json(&["sync"]);
    assert_eq!(synced["quarantined"], serde_json::json!([]), "{synced}");
    for cli in [&a, &b] {
        assert_eq!(cli.json(&["list"])["records"].as_array().unwrap().len(), 2);
    }
    // Shown, where no file is named; and it is the one that works from then on.
    let shown = a.json(&["account", "rotate", "--recovery-file", &new]);
    let code = backend.file("third-code", shown["recovery_code"].as_str().unwrap().as_bytes());
    let d = backend.device("d");
    d.json(&backend.enrol("join", &["--recovery-file", &code]));
    d.json(&["sync"]);
    assert_eq!(d.json(&["list"])["records"].as_array().unwrap().len(), 2);
}

#[test]
fn straight_on_a_store_nobody_says_which_keys_count() {
    let backend = Backend::start(Kind::DirectS3);
    let a = backend.device("a");
    let code = backend.path("code").to_str().unwrap().to_owned();
    a.json(&backend.enrol("init", &["--device-name", "laptop", "--recovery-file", &code]));
    let error = a.fails(&["account", "rotate", "--recovery-file", &code], 10, "new-keys-need-broker");
    assert!(error["help"].as_str().unwrap().contains("access key"), "{error}");
}
