//! A disk without room: the command says so, and what was stored before is still there.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, Ran, Random, finish};

fn enrolled(backend: &Backend) -> (Cli, String) {
    let cli = backend.device("a");
    cli.json(&backend.enrol("init", &[]));
    cli.json(&["member", "add", "Ada"]);
    let note = backend.file("note.txt", b"stored while there was room");
    let put = cli.json(&["put", &note, "--member", "Ada"]);
    (cli, put["records"][0]["record_id"].as_str().unwrap().to_owned())
}

#[test]
fn a_file_for_which_there_is_no_room_is_named() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (cli, id) = enrolled(&backend);
    let error = cli.fails(&["get", &id, "-o", "/dev/full"], 12, "disk-full");
    assert!(error["message"].as_str().unwrap().contains("/dev/full"), "{error}");
    let ran = cli.run(&["get", &id, "-o", "/dev/full"]);
    assert_eq!((ran.code, ran.stdout.len()), (Some(12), 0));
}

/// What a home on a file system of 1 MiB goes through: `$1` is the home, `$2` where the small file system goes, `$3` the program,
/// `$4` a file that does not fit, `$5` one that does, `$6` the record stored before. Each command's output ends in its exit code.
const SCRIPT: &str = r#"
    set -u
    mount -t tmpfs -o size=1m tmpfs "$2" && cp -a "$1/." "$2/" || exit 99
    run() { "$program" --home "$home" --json "$@"; echo "$?"; }
    home=$2 program=$3
    run put "$4" --member Ada
    run get "$6" -o "$7"
    run put "$5" --member Ada
    run status
"#;

#[test]
#[ignore = "needs a small file system of its own (root, or unprivileged user namespaces): just test-disk-full"]
fn a_home_on_a_full_disk_says_so_and_keeps_what_it_has() {
    let backend = Backend::start(Kind::EmbeddedDev);
    let (cli, id) = enrolled(&backend);
    let large = Random::new(3).bytes(3_000_000);
    let (large, small) = (backend.file("large.bin", &large), backend.file("small.txt", b"fits"));
    let mount = backend.path("small-disk");
    std::fs::create_dir(&mount).unwrap();
    let out = backend.path("out").to_str().unwrap().to_owned();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
    command.arg(&cli.home).arg(&mount).arg(env!("CARGO_BIN_EXE_tidegate")).args([&large, &small, &id, &out]);
    let ran = finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), &["unshare"]);
    let steps = steps(&ran);

    assert_eq!(steps.len(), 4, "{ran:?}");
    assert_eq!((steps[0].1, &steps[0].0["error"]["code"]), (12, &Value::from("disk-full")), "{steps:#?}");
    assert_eq!(steps[1].1, 0, "what was stored before is there: {steps:#?}");
    assert_eq!(std::fs::read(&out).unwrap(), b"stored while there was room");
    assert_eq!(steps[2].1, 0, "and what fits is stored: {steps:#?}");
    assert_eq!(steps[3].1, 0, "{steps:#?}");
}

/// Pairs of document and exit code.
fn steps(ran: &Ran) -> Vec<(Value, i32)> {
    let text = ran.text();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|pair| (serde_json::from_str(pair[0]).unwrap(), pair[1].parse().unwrap())).collect()
}
