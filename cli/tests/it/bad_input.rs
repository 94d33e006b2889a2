//! What goes wrong for people: each case has its code, its class's exit code, and one clear sentence; and nothing is lost.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;
use tidegate_testkit::port::free_port;

use crate::backend::{Backend, Kind, invite_of};
use crate::harness::{Cli, Ran, broker_command, finish};

/// A backend and a device with an account, the family member Ada and one synced record.
fn enrolled() -> (Backend, Cli, String) {
    let backend = Backend::start(Kind::EmbeddedDev);
    let cli = backend.device("a");
    let code = backend.path("code").to_str().unwrap().to_owned();
    cli.json(&backend.enrol("init", &["--recovery-file", &code]));
    cli.json(&["member", "add", "Ada"]);
    let note = backend.file("note.txt", b"a note");
    cli.json(&["put", &note, "--member", "Ada"]);
    cli.json(&["sync"]);
    (backend, cli, code)
}

fn records(cli: &Cli) -> usize {
    cli.json(&["list"])["records"].as_array().unwrap().len()
}

fn broker(arguments: &[&str]) -> Ran {
    let mut command = broker_command();
    command.arg("--json").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), arguments)
}

fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap()
}

#[test]
fn wrong_usage_is_told_as_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(folder.path());
    let error = cli.fails(&["put"], 2, "wrong-usage");
    assert!(message(&error).contains("<FILE>"), "{error}");
    cli.fails(&["no-such-command"], 2, "wrong-usage");
    cli.fails(&[], 2, "wrong-usage");
    cli.fails(&["init", "--broker", "not a url"], 2, "wrong-usage");
    cli.fails(&["init", "--broker", "http://127.0.0.1:1"], 2, "invite-missing");
    cli.fails(
        &["join", "--broker", "http://127.0.0.1:1", "--invite-file", "-", "--recovery-file", "-"],
        2,
        "standard-input-twice",
    );
    let plain = cli.run(&["put"]);
    assert_eq!((plain.code, plain.stdout.len()), (Some(2), 0));
    assert!(plain.stderr.contains("Usage:"), "{plain:?}");
}

#[test]
fn a_home_without_an_account_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(&folder.path().join("none"));
    for command in [&["list"][..], &["status"], &["sync"], &["member", "list"], &["conflicts"]] {
        cli.fails(command, 10, "not-enrolled");
    }
    let ran = cli.run(&["list"]);
    assert!(ran.stderr.contains("tidegate init") && ran.stderr.contains("not-enrolled"), "{}", ran.stderr);
}

#[test]
fn an_unusable_home_is_named() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let in_the_way = backend.file("file", b"x");
    let cli = backend.device("file");
    let home = format!("{in_the_way}/home");
    let ran = cli.run(&backend.enrol("init", &["--home", &home, "--json"]));
    ran.expect_failure(10, "home-unwritable");
}

#[test]
fn every_unknown_config_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("broker.toml");
    fs::write(&config, "lisen = \"127.0.0.1:0\"\n[limits]\ndaily_bites = 1\n").unwrap();
    for command in [&["serve", "--config"][..], &["config", "check", "--config"]] {
        let error = broker(&[command, &[config.to_str().unwrap()]].concat()).expect_failure(10, "config-invalid");
        let settings: Vec<&str> =
            error["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["setting"].as_str().unwrap()).collect();
        assert!(settings.contains(&"lisen") && settings.contains(&"limits.daily_bites"), "{error:#}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let error = broker(&["dev", "--data", data.to_str().unwrap(), "--listen", &address]).expect_failure(10, "port-taken");
    assert!(message(&error).contains(&address), "{error}");
}

#[test]
fn an_unwritable_data_dir_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let data = file.join("data");
    let error =
        broker(&["dev", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).expect_failure(10, "data-dir-unusable");
    assert!(message(&error).contains(file.to_str().unwrap()), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"in the way");
}

#[test]
fn a_wrong_recovery_word_is_named() {
    let (backend, _, code) = enrolled();
    let words = fs::read_to_string(&code).unwrap();
    let b = backend.device("b");
    let mut spoilt: Vec<&str> = words.split_whitespace().collect();
    spoilt[4] = "tidegat";
    let wrong = backend.file("wrong", spoilt.join(" ").as_bytes());
    let error = b.fails(&backend.enrol("join", &["--recovery-file", &wrong]), 10, "recovery-code-unknown-word");
    assert!(message(&error).contains("word 5") && message(&error).contains("tidegat"), "{error}");

    let few = backend.file("few", spoilt[..4].join(" ").as_bytes());
    b.fails(&backend.enrol("join", &["--recovery-file", &few]), 10, "recovery-code-word-count");
    let right: Vec<&str> = words.split_whitespace().collect();
    let position = (1..24).find(|index| right[*index] != right[0]).unwrap();
    let mut swapped = right.clone();
    swapped.swap(0, position);
    let swapped = backend.file("swapped", swapped.join(" ").as_bytes());
    let ran = b.run(&[&backend.enrol("join", &["--recovery-file", &swapped])[..], &["--json"]].concat());
    // One in 256 swaps has a checksum that fits: then it is a code, of another account.
    let found = ran.document()["error"]["code"].as_str().unwrap().to_owned();
    assert!(["recovery-code-checksum", "recovery-code-wrong"].contains(&found.as_str()), "{found}");

    let other = format!("{}art", "abandon ".repeat(23));
    let other = backend.file("other", other.as_bytes());
    b.fails(&backend.enrol("join", &["--recovery-file", &other]), 10, "recovery-code-wrong");
    b.json(&backend.enrol("join", &["--recovery-file", &code]));
}

#[test]
fn without_a_terminal_a_missing_recovery_code_is_named() {
    let (backend, _, code) = enrolled();
    let b = backend.device("b");
    b.fails(&backend.enrol("join", &[]), 2, "recovery-code-missing");
    let ran = b.run_with_input(&backend.enrol("join", &["--recovery-file", "-", "--json"]), &fs::read(code).unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_used_up_invite_is_named_and_lets_the_same_device_in_again() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let invite = invite_of(&backend.data(), "one-device", 1);
    let device = |name: &str| Cli::new(&backend.path(name)).with("TIDEGATE_INVITE", &invite);
    let code = backend.path("code").to_str().unwrap().to_owned();
    device("a").json(&backend.enrol("init", &["--recovery-file", &code]));
    device("b").fails(&backend.enrol("join", &["--recovery-file", &code]), 11, "invite-used-up");
    device("a").json(&["member", "add", "Ada"]);
    device("a").json(&["sync"]);
}

#[test]
fn invites_that_are_not_this_brokers_are_refused() {
    let (backend, _, code) = enrolled();
    let b = Cli::new(&backend.path("b")).with("TIDEGATE_INVITE", "eyJhbGciOiJub25lIn0.e30.");
    b.fails(&backend.enrol("join", &["--recovery-file", &code]), 11, "invite-invalid");
    assert!(!backend.path("b/keys.json").exists());
}

#[test]
fn a_second_account_for_one_invite_is_refused_and_join_is_named() {
    let (backend, a, _) = enrolled();
    let error = backend.device("b").fails(&backend.enrol("init", &[]), 13, "already-linked");
    assert!(error["help"].as_str().unwrap().contains("tidegate join"), "{error}");
    a.fails(&backend.enrol("init", &[]), 10, "already-enrolled");
    assert_eq!(records(&a), 1);
}

#[test]
fn join_in_a_home_that_has_the_account_signs_in_again() {
    let (backend, a, _) = enrolled();
    let before = a.json(&["status"]);
    let again = a.json(&backend.enrol("join", &[]));
    assert_eq!((&again["user_id"], &again["device_id"]), (&before["user_id"], &before["device_id"]));
    let others_invite = invite_of(&backend.data(), "another-person", 2);
    Cli::new(&backend.path("other")).with("TIDEGATE_INVITE", &others_invite).json(&backend.enrol("init", &[]));
    let mixed_up = Cli::new(&a.home).with("TIDEGATE_INVITE", &others_invite);
    mixed_up.fails(&backend.enrol("join", &[]), 13, "already-linked");
    a.json(&["sync"]);
    assert_eq!(records(&a), 1);
}

#[test]
fn an_invite_on_the_command_line_is_warned_about() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let invite = invite_of(&backend.data(), "warned", 2);
    let cli = Cli::new(&backend.path("a"));
    let ran = cli.run(&backend.enrol("init", &["--invite", &invite, "--json"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("--invite-file") && ran.stderr.contains("TIDEGATE_INVITE"), "{}", ran.stderr);
    assert_eq!(ran.document()["recovery_code"].as_str().unwrap().split(' ').count(), 24);

    let file = backend.file("invite", format!("{invite}\n").as_bytes());
    let code = backend.file("code", ran.document()["recovery_code"].as_str().unwrap().as_bytes());
    let b = Cli::new(&backend.path("b"));
    let ran = b.run(&backend.enrol("join", &["--invite-file", &file, "--recovery-file", &code, "--json"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}

#[test]
fn a_recovery_file_that_exists_stops_init_before_anything_is_made() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let precious = backend.file("precious", b"do not overwrite");
    let a = backend.device("a");
    a.fails(&backend.enrol("init", &["--recovery-file", &precious]), 10, "file-exists");
    assert_eq!(fs::read(&precious).unwrap(), b"do not overwrite");
    assert!(!backend.path("a").exists(), "no home");
    let nowhere = backend.path("no/such/folder/code").to_str().unwrap().to_owned();
    a.fails(&backend.enrol("init", &["--recovery-file", &nowhere]), 10, "file-unwritable");
    assert!(!backend.path("a").exists());
    // The invite is as good as new: the account does not exist yet.
    a.json(&backend.enrol("init", &[]));
}

#[test]
fn a_failed_init_takes_its_recovery_file_away_and_can_be_repeated() {
    let mut backend = Backend::start(Kind::EmbeddedDev);
    let a = backend.device("a");
    backend.kill();
    let code = backend.path("code");
    let file = code.to_str().unwrap().to_owned();
    a.fails(&backend.enrol("init", &["--recovery-file", &file]), 12, "broker-unreachable");
    assert!(!code.exists());
    backend.restart();
    a.json(&backend.enrol("init", &["--recovery-file", &file]));
    assert!(code.exists());
}

#[test]
fn a_store_that_is_down_is_named_and_nothing_is_lost() {
    let mut backend = Backend::start(Kind::DirectS3);
    let a = backend.device("a");
    a.json(&backend.enrol("init", &[]));
    a.json(&["member", "add", "Ada"]);
    let note = backend.file("note.txt", b"a note");
    a.json(&["put", &note, "--member", "Ada"]);
    backend.kill();
    let error = a.fails(&["sync"], 12, "store-unreachable");
    assert!(error["help"].as_str().unwrap().contains("nothing is lost"), "{error}");
    assert!(a.json(&["status"])["pending"].as_u64().unwrap() >= 2);
    backend.restart();
    assert!(a.json(&["sync"])["pushed"].as_u64().unwrap() >= 2);
    assert_eq!(a.json(&["status"])["pending"], 0);
}

#[test]
fn a_store_that_is_down_behind_its_broker_is_named_and_nothing_is_lost() {
    let mut backend = Backend::start(Kind::BrokerOverStore);
    let a = backend.device("a");
    a.json(&backend.enrol("init", &[]));
    a.json(&["member", "add", "Ada"]);
    backend.kill_store();
    a.fails(&["sync"], 12, "store-unreachable");
    let stranger = Cli::new(&backend.path("b")).with("TIDEGATE_INVITE", backend.invite_for("another-person"));
    stranger.fails(&backend.enrol("init", &[]), 12, "store-unavailable");
    backend.restart();
    assert!(a.json(&["sync"])["pushed"].as_u64().unwrap() >= 1);
    stranger.json(&backend.enrol("init", &[]));
}

#[test]
fn a_store_that_answers_503_is_asked_again_and_then_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut asked = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            if stream.read(&mut request).unwrap() > 0 && request.starts_with(b"END") {
                return asked;
            }
            asked += 1;
            stream.write_all(b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        asked
    });
    let folder = tempfile::tempdir().unwrap();
    let cli = Cli::new(&folder.path().join("a")).with("AWS_ACCESS_KEY_ID", "k").with("AWS_SECRET_ACCESS_KEY", "secretsecret");
    let error = cli.fails(&["init", "--s3", &store, "--bucket", "bucket"], 12, "store-unavailable");
    assert!(message(&error).contains("503"), "{error}");
    std::net::TcpStream::connect(&store["http://".len()..]).unwrap().write_all(b"END").unwrap();
    assert!(answering.join().unwrap() >= 3, "it was asked again before giving up");
}

#[test]
fn missing_or_wrong_store_keys_are_named() {
    let backend = Backend::start(Kind::DirectS3);
    let bare = Cli::new(&backend.path("bare"));
    bare.fails(&backend.enrol("init", &[]), 11, "credentials-missing");
    let wrong =
        Cli::new(&backend.path("wrong")).with("AWS_ACCESS_KEY_ID", "owner").with("AWS_SECRET_ACCESS_KEY", "not-the-secret");
    wrong.fails(&backend.enrol("init", &[]), 11, "store-denied");
    let closed = format!("http://127.0.0.1:{}", free_port());
    let other = Cli::new(&backend.path("other")).with("AWS_ACCESS_KEY_ID", "owner").with("AWS_SECRET_ACCESS_KEY", "secretsecret");
    other.fails(&["init", "--s3", &closed, "--bucket", "b-u-c-k-e-t"], 12, "store-unreachable");
}

#[test]
fn a_corrupted_local_database_is_detected_and_made_anew() {
    let (backend, a, _) = enrolled();
    let database = backend.path("a/tidegate.db");
    let size = fs::metadata(&database).unwrap().len();
    for name in ["a/tidegate.db-wal", "a/tidegate.db-shm"] {
        let _ = fs::remove_file(backend.path(name));
    }
    fs::write(&database, vec![0x5a; usize::try_from(size).unwrap()]).unwrap();
    let error = a.fails(&["list"], 14, "local-database-damaged");
    assert!(error["help"].as_str().unwrap().contains("tidegate rebuild"), "{error}");
    a.fails(&["sync"], 14, "local-database-damaged");
    let rebuilt = a.json(&["rebuild"]);
    assert_eq!((rebuilt["records"].as_u64(), rebuilt["attachments"].as_u64()), (Some(1), Some(0)), "{rebuilt}");
    let id = a.json(&["list"])["records"][0]["record_id"].as_str().unwrap().to_owned();
    assert_eq!(a.get(&id), b"a note");
    let more = backend.file("more.txt", b"after the rebuild");
    a.json(&["put", &more, "--member", "Ada"]);
    assert!(a.json(&["sync"])["pushed"].as_u64().unwrap() >= 1);
}

#[test]
fn files_that_cannot_be_stored_are_named_before_the_first_is_stored() {
    let (backend, a, _) = enrolled();
    let good = backend.file("good.txt", b"fine");
    let folder = backend.folder.path().to_str().unwrap().to_owned();
    let absent = backend.path("absent").to_str().unwrap().to_owned();
    let huge = backend.path("huge.bin");
    fs::File::create(&huge).unwrap().set_len(156 << 30).unwrap();
    let huge = huge.to_str().unwrap().to_owned();
    for (bad, exit, code) in [(&folder, 10, "file-is-folder"), (&absent, 15, "file-not-found"), (&huge, 10, "file-too-large")] {
        let error = a.fails(&["put", &good, bad, "--member", "Ada"], exit, code);
        assert!(message(&error).contains(bad.as_str()), "{error}");
        a.fails(&["attach", &good, bad, "--member", "Ada"], exit, code);
    }
    let large = backend.path("large.bin");
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    a.fails(&["put", &good, large.to_str().unwrap(), "--member", "Ada"], 10, "file-too-large");
    assert_eq!((records(&a), a.json(&["list"])["attachments"].as_array().unwrap().len()), (1, 0), "nothing was stored");
    a.fails(&["put", &good, "--member", "Nobody"], 15, "member-unknown");
    a.fails(&["put", &good, &good, "--member", "Ada", "--title", "both"], 2, "one-file-only");
    a.fails(&["put", "-", "-", "--member", "Ada"], 2, "standard-input-twice");
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_not_utf8_needs_a_title() {
    use std::os::unix::ffi::OsStringExt as _;

    let (backend, a, _) = enrolled();
    let path = backend.folder.path().join(std::ffi::OsString::from_vec(b"gr\xfc\xdfe.txt".to_vec()));
    fs::write(&path, "from an old disk").unwrap();
    let put = |more: &[&str]| {
        let mut command = a.command(&["put"]);
        command.arg(&path).args(["--member", "Ada", "--json"]).args(more);
        finish(command.spawn().unwrap(), &["put"])
    };
    let error = put(&[]).expect_failure(10, "name-not-utf8");
    assert!(error["help"].as_str().unwrap().contains("--title"), "{error}");
    assert_eq!(records(&a), 1);
    let stored = put(&["--title", "Grüße"]);
    assert_eq!(stored.code, Some(0), "{stored:?}");
    let id = stored.document()["records"][0]["record_id"].as_str().unwrap().to_owned();
    assert_eq!(a.get(&id), b"from an old disk");
}

#[test]
fn standard_input_is_stored_under_a_title() {
    let (_backend, a, _) = enrolled();
    a.run_with_input(&["put", "-", "--member", "Ada", "--json"], b"x").expect_failure(10, "name-missing");
    let ran = a.run_with_input(&["put", "-", "--member", "Ada", "--title", "from a pipe", "--json"], b"piped\n");
    let id = ran.document()["records"][0]["record_id"].as_str().unwrap().to_owned();
    assert_eq!(a.get(&id), b"piped\n");
    let listing = a.json(&["list"]);
    let record = listing["records"].as_array().unwrap().iter().find(|record| record["record_id"] == id.as_str()).unwrap();
    assert_eq!((record["media_type"].as_str(), record["kind"].as_str()), (Some("text/plain"), Some("note")));
    let again = a.run_with_input(&["put", "-", "--id", &id, "--json"], b"piped again\n");
    assert_eq!(again.document()["records"][0]["version"], 2);
    assert_eq!(a.get(&id), b"piped again\n");
}

#[test]
fn ids_that_name_nothing_or_too_much_are_told_apart() {
    let (_backend, a, _) = enrolled();
    a.fails(&["get", "zzzz", "-o", "x"], 10, "invalid-id");
    a.fails(&["get", "00000000-0000-4000-8000-000000000000", "-o", "x"], 15, "record-unknown");
    a.fails(&["get", &"0".repeat(64), "-o", "x"], 15, "attachment-unknown");
    a.fails(&["history", "00000000-0000-4000-8000-000000000000"], 15, "record-unknown");
    a.fails(&["delete", "00000000-0000-4000-8000-000000000000"], 15, "record-unknown");
    a.fails(&["get", "00000000-0000-4000-8000-000000000000"], 2, "output-missing");
}

#[test]
fn get_never_leaves_half_a_file() {
    let (backend, a, _) = enrolled();
    let id = a.json(&["list"])["records"][0]["record_id"].as_str().unwrap().to_owned();
    let folder = backend.path("out");
    fs::create_dir(&folder).unwrap();
    a.fails(&["get", &id, "-o", folder.to_str().unwrap()], 10, "file-is-folder");
    let nowhere = backend.path("no/such/folder/file");
    a.fails(&["get", &id, "-o", nowhere.to_str().unwrap()], 10, "file-unwritable");
    let target = folder.join("note.txt");
    fs::write(&target, "before").unwrap();
    a.json(&["get", &id, "-o", target.to_str().unwrap()]);
    assert_eq!(fs::read(&target).unwrap(), b"a note");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
    let (_backend, a, _) = enrolled();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = a.command(&["list"]);
    let ran = finish(command.stdout(writer).spawn().unwrap(), &["list"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));

    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut command = a.command(&["list"]);
        let ran = finish(command.stdout(full).spawn().unwrap(), &["list"]);
        assert_eq!(ran.code, Some(10), "{ran:?}");
        assert!(ran.stderr.contains("output-failed"), "{}", ran.stderr);
    }
}
