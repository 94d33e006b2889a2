//! Other people's clients: they use the embedded store as any other, and carry an account's bucket to another store.

use std::env;
use std::process::Command;

use crate::backend::{Backend, Kind};
use crate::harness::Random;

/// The programs' variables: a store named `name`, for rclone and for mc, at this backend with its owner's key.
fn remote(command: &mut Command, name: &str, backend: &Backend) {
    let (url, [key, secret]) = (backend.store_url(), Backend::OWNER);
    let prefix = format!("RCLONE_CONFIG_{}", name.to_uppercase());
    let settings =
        [("TYPE", "s3"), ("PROVIDER", "Other"), ("ACCESS_KEY_ID", key), ("SECRET_ACCESS_KEY", secret), ("ENDPOINT", &url)];
    command.envs(settings.iter().map(|(setting, value)| (format!("{prefix}_{setting}"), *value)));
    command.env(format!("MC_HOST_{name}"), url.replacen("://", &format!("://{key}:{secret}@"), 1));
}

fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", ran.status);
    stdout.into_owned()
}

fn program(variable: &str) -> Command {
    Command::new(env::var_os(variable).unwrap_or_else(|| panic!("{variable} names a program: just test-foreign-clients")))
}

/// An account written to the embedded store, carried by rclone to MinIO, and by MinIO's client to an embedded store again.
#[test]
#[ignore = "needs rclone and MinIO: just test-foreign-clients"]
fn foreign_clients_carry_an_account_from_store_to_store() {
    let first = Backend::start(Kind::DirectS3);
    let (a, _) = first.two_devices();
    let scan = Random::new(5).bytes(70 << 20);
    let (note, file) = (first.file("note.txt", b"carried"), first.file("scan.dcm", &scan));
    let record = a.json(&["put", &note, "--member", "Ada"])["records"][0]["record_id"].as_str().unwrap().to_owned();
    let attached = a.json(&["attach", &file, "--member", "Ada"])["attachments"][0]["hmac"].as_str().unwrap().to_owned();
    a.json(&["sync"]);
    let code = first.path("code").to_str().unwrap().to_owned();
    let is_whole_at = |backend: &Backend| {
        let device = backend.device("new");
        device.json(&backend.enrol("join", &["--recovery-file", &code]));
        device.json(&["sync"]);
        assert_eq!(device.get(&record), b"carried");
        let got = backend.path("got");
        device.json(&["get", &attached, "-o", got.to_str().unwrap()]);
        assert!(std::fs::read(got).unwrap() == scan);
    };

    let second = Backend::start(Kind::MinioDirect);
    for verb in [&["sync", "--checksum"], &["check", "--download"]] {
        let mut rclone = program("RCLONE_PROGRAM");
        rclone.args(["--config", "/dev/null", "--retries", "1"]).args(verb);
        rclone.args([format!("first:{}", Backend::BUCKET), format!("second:{}", Backend::BUCKET)]);
        remote(&mut rclone, "first", &first);
        remote(&mut rclone, "second", &second);
        run(&mut rclone);
    }
    is_whole_at(&second);

    let third = Backend::start(Kind::DirectS3);
    let mut mc = program("MC_PROGRAM");
    mc.env("MC_CONFIG_DIR", third.path("mc")).args(["mirror", "--quiet"]);
    mc.args([format!("second/{}", Backend::BUCKET), format!("third/{}", Backend::BUCKET)]);
    remote(&mut mc, "second", &second);
    remote(&mut mc, "third", &third);
    run(&mut mc);
    is_whole_at(&third);
}

#[test]
#[ignore = "needs boto3: just test-foreign-clients"]
fn foreign_client_boto3_does_what_it_does_elsewhere_on_the_embedded_store() {
    let backend = Backend::start(Kind::DirectS3);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/foreign_boto3.py");
    let [key, secret] = Backend::OWNER;
    let said = run(program("PYTHON_PROGRAM").args([script, &backend.store_url(), Backend::BUCKET, key, secret]));
    assert!(said.trim_end().ends_with("all as elsewhere"), "{said}");
}
