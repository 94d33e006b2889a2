//! The operator's command line: exit codes and JSON, by running the program.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::config::Folder;
use crate::process::free_address;

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-broker"));
    command.args(arguments).env_remove("TIDEGATE_CONFIG");
    command
}

pub(crate) fn run(arguments: &[&str]) -> (i32, Value) {
    run_with(arguments, &[])
}

/// The same with these variables of the environment, too.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &Path)]) -> (i32, Value) {
    let mut command = broker(arguments);
    let Output { status, stdout, stderr } = command.arg("--json").envs(environment.iter().copied()).output().unwrap();
    let json = serde_json::from_slice(&stdout).unwrap_or_else(|_| {
        panic!("not JSON: {} {}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    });
    (status.code().unwrap(), json)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn assert_fails(arguments: &[&str], exit: i32, code: &str) -> Value {
    let (status, json) = run(arguments);
    assert_eq!((status, json["error"]["code"].as_str().unwrap()), (exit, code), "{json}");
    for member in ["message", "help"] {
        assert!(!json["error"][member].as_str().unwrap().is_empty());
    }
    json
}

#[test]
fn wrong_usage_ends_with_2() {
    assert_fails(&["serve"], 2, "usage");
    assert_fails(&["unheard-of"], 2, "usage");
    assert_fails(&["invite", "create", "--user", "anna"], 2, "usage");
}

#[test]
fn configuration_mistakes_end_with_10_and_are_listed() {
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    fs::write(&file, folder.toml() + "\n[limit]\nbytes = 3\n[tokens]\nrenewal_days = 0\n").unwrap();
    for command in [vec!["config", "check", "--config", text(&file)], vec!["serve", "--config", text(&file)]] {
        let json = assert_fails(&command, 10, "config-invalid");
        let settings: Vec<_> =
            json["error"]["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["setting"].as_str().unwrap()).collect();
        assert_eq!(settings, ["limit.bytes", "tokens.renewal_days"]);
    }
}

#[test]
fn keys_configuration_and_invite_go_together() {
    let folder = Folder::new();
    let (keys, id) = (folder.path("new-keys"), folder.path("new-id.key"));
    let (status, made) = run(&["keys", "generate", "--dir", text(&keys), "--server-id-key-file", text(&id)]);
    assert_eq!((status, made["server_id_key_file"].as_str().unwrap()), (0, text(&id)));
    let first_id = fs::read(&id).unwrap();
    let (_, again) = run(&["keys", "generate", "--dir", text(&keys), "--server-id-key-file", text(&id)]);
    assert_ne!(made["kid"], again["kid"]);
    assert_eq!((again["server_id_key_file"].is_null(), fs::read(&id).unwrap() == first_id), (true, true));

    let file = folder.path("broker.toml");
    fs::write(
        &file,
        folder.toml().replace(text(&folder.path("keys")), text(&keys)).replace(text(&folder.path("server-id.key")), text(&id)),
    )
    .unwrap();
    assert_eq!(run(&["config", "check", "--config", text(&file)]).0, 0);
    let (status, invite) =
        run(&["invite", "create", "--config", text(&file), "--user", "anna", "--devices", "2", "--expires", "12h"]);
    assert_eq!(status, 0);
    assert!(invite["link"].as_str().unwrap().contains(invite["invite"].as_str().unwrap()));
    assert!(invite["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_fails(&["invite", "create", "--config", text(&file), "--user", "anna", "--devices", "0"], 10, "invite-invalid");
}

#[cfg(unix)]
#[test]
fn secrets_are_written_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let id = folder.path("new-id.key");
    let (_, made) = run(&["keys", "generate", "--dir", text(&folder.path("new")), "--server-id-key-file", text(&id)]);
    for file in [Path::new(made["file"].as_str().unwrap()), &id] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_store_that_is_down_ends_with_12() {
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    fs::write(&file, format!("listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n{}", folder.toml())).unwrap();
    assert_fails(&["serve", "--config", text(&file)], 12, "store-unavailable");
}

#[test]
fn a_broker_that_does_not_run_is_unhealthy() {
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    let admin = free_address();
    fs::write(&file, format!("admin_listen = \"{admin}\"\n{}", folder.toml())).unwrap();
    assert_fails(&["health", "--config", text(&file)], 12, "broker-unhealthy");
}

#[test]
fn a_taken_port_ends_with_10() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    fs::write(&file, format!("listen = \"{address}\"\nadmin_listen = \"127.0.0.1:0\"\n{}", folder.toml())).unwrap();
    assert_fails(&["serve", "--config", text(&file)], 10, "port-taken");
    assert_fails(&["dev", "--data", text(&folder.path("data")), "--listen", &address], 10, "port-taken");
}

#[test]
fn dev_refuses_what_it_cannot_use() {
    let folder = Folder::new();
    let data = folder.path("data");
    assert_fails(&["dev", "--data", text(&data), "--listen", "0.0.0.0:0"], 10, "not-loopback");
    assert_fails(&["invite", "create", "--data", text(&data), "--user", "anna"], 10, "never-started");
    // A file stands where the folder should.
    assert_fails(&["dev", "--data", text(&folder.path("read")), "--listen", "127.0.0.1:0"], 10, "data-dir-unusable");
}

#[cfg(unix)]
#[test]
fn dev_says_when_it_is_ready_and_ends_well_on_sigterm() {
    let folder = Folder::new();
    let data = folder.path("data");
    let arguments = ["dev", "--data", text(&data), "--listen", "127.0.0.1:0", "--json"];
    let mut process = broker(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ready: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(ready["ready"], true);
    for member in ["broker", "admin", "store", "bucket", "invite"] {
        assert!(!ready[member].as_str().unwrap().is_empty(), "{member}");
    }
    let (status, invite) = run(&["invite", "create", "--data", text(&data), "--user", "anna"]);
    assert_eq!((status, invite["invite"].as_str().unwrap().split('.').count()), (0, 3));
    assert_fails(&["dev", "--data", text(&data), "--listen", "127.0.0.1:0"], 10, "store-data-dir-locked");
    let revoked = run(&["device", "revoke", "00000000-0000-8000-8000-000000000001", "--data", text(&data)]);
    assert_eq!(revoked.0, 0, "{revoked:?}");
    assert_fails(&["device", "revoke", "nonsense", "--data", text(&data)], 10, "device-id-invalid");
    let killed = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(process.wait().unwrap().success());
}

#[test]
fn openapi_is_printed() {
    let (status, json) = run(&["openapi"]);
    assert_eq!((status, json["openapi"].as_str().unwrap()), (0, "3.1.0"));
}

#[cfg(unix)]
#[tokio::test]
async fn logs_tell_kinds_and_codes_but_no_secrets() {
    use std::io::Read as _;

    use crate::device::{Account, Device};

    let folder = Folder::new();
    let data = folder.path("data");
    let arguments = ["dev", "--data", text(&data), "--listen", "127.0.0.1:0", "--json"];
    let mut dev = broker(&arguments).env("TIDEGATE_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = dev.stderr.take().unwrap();
    let logs = std::thread::spawn(move || {
        let mut logs = String::new();
        stderr.read_to_string(&mut logs).unwrap();
        logs
    });
    let mut first = String::new();
    BufReader::new(dev.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ready: Value = serde_json::from_str(&first).unwrap();
    let invite = ready["invite"].as_str().unwrap();
    let device = Device::new(ready["broker"].as_str().unwrap()).await;
    let session = device.create_account(invite, &Account::new(1)).await;
    let get = serde_json::json!({ "method": "GET", "key": format!("users/{}/genesis.json", session.user_id) });
    let signed = device.presign(&session.access_token, get).await;
    assert_eq!(crate::device::use_url(&signed, Vec::new()).await.status, 200);
    assert_eq!(device.session("nonsense", None).await.code(), "invite-invalid");
    Command::new("kill").args(["-TERM", &dev.id().to_string()]).status().unwrap();
    dev.wait().unwrap();

    let logs = logs.join().unwrap();
    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["code"] == "invite-invalid" && line["span"]["route"] == "/v1/self-host/session"),
        "{logs}"
    );
    let renewal = session.renewal_token.unwrap();
    for secret in [invite, &session.access_token, &renewal, &device.nonce, "X-Amz-Signature", "nonsense", "genesis.json"] {
        assert!(!logs.contains(secret), "{secret:.40} in {logs}");
    }
}

#[cfg(unix)]
#[test]
fn the_store_alone_serves_the_keys_of_its_file() {
    let folder = Folder::new();
    let (data, keys, secret) = (folder.path("store"), folder.path("keys.toml"), folder.path("secret"));
    let serve = ["store", "serve", "--data", text(&data), "--listen", "127.0.0.1:0", "--bucket", "family"];
    let with = |more: &[&str]| [serve.as_slice(), more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let fails = |more: &[&str], exit: i32, code: &str| {
        let arguments = with(more);
        assert_fails(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), exit, code);
    };
    fails(&[], 2, "usage");
    fails(&["--access-key", "owner"], 2, "usage");
    fails(&["--keys-file", text(&keys)], 10, "file-unusable");
    fs::write(&keys, "[[key]]\nid = \"read\"\n").unwrap();
    fails(&["--keys-file", text(&keys)], 10, "keys-file-invalid");
    fs::write(&secret, "secret-of-the-owner\n").unwrap();
    let read =
        "[[key]]\nid = \"owner\"\nsecret = \"secret-of-read\"\nallow = [{ actions = [\"GetObject\"], prefix = \"users/\" }]\n";
    fs::write(&keys, read).unwrap();
    let both = ["--keys-file", text(&keys), "--access-key", "owner", "--secret-key-file", text(&secret)];
    fails(&both, 10, "store-access-keys-invalid");
    fs::write(&keys, read.replace("id = \"owner\"", "id = \"read\"")).unwrap();

    let arguments = with(&both);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--json"]).collect();
    let mut process = broker(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ready: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&ready["ready"], &ready["bucket"]), (&Value::from(true), &Value::from("family")), "{ready}");
    assert!(ready["store"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
    assert!(process.wait().unwrap().success());
}
