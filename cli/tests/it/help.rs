//! What `--help` lists: commands and flags that scripts rely on.

use crate::harness::Cli;

fn help(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ran = Cli::new(folder.path()).with("COLUMNS", "400").run(arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.text()
}

/// The names under `Commands:`.
fn commands(help: &str) -> Vec<&str> {
    let section = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// The long flags.
fn flags(help: &str) -> Vec<&str> {
    let words =
        help.lines().map(str::trim_start).filter(|line| line.starts_with('-')).flat_map(|line| line.split([' ', ',']).take(3));
    words.filter(|word| word.starts_with("--")).map(|word| word.trim_end_matches('.')).collect()
}

const GLOBAL: [&str; 7] = ["--home", "--json", "--quiet", "--verbose", "--no-color", "--no-progress", "--help"];

#[test]
fn commands_are_those_of_the_contract() {
    assert_eq!(
        commands(&help(&["--help"])),
        [
            "demo",
            "init",
            "join",
            "member",
            "put",
            "attach",
            "list",
            "get",
            "delete",
            "history",
            "conflicts",
            "restore",
            "resolve",
            "sync",
            "status",
            "doctor",
            "devices",
            "account",
            "logout",
            "cache",
            "rebuild",
            "gc",
            "cost",
            "tandem",
            "health",
            "export",
            "help"
        ]
    );
    assert_eq!(commands(&help(&["member", "--help"])), ["add", "list", "help"]);
    assert_eq!(commands(&help(&["devices", "--help"])), ["retire", "rename", "help"]);
    assert_eq!(commands(&help(&["tandem", "--help"])), ["decode", "login", "logout", "status", "ingest", "help"]);
    let login = help(&["tandem", "login", "--help"]);
    for flag in ["--region", "--member", "--zone", "--concentration", "--credentials-file", "--again"] {
        assert!(flags(&login).contains(&flag), "{flag}");
    }
    assert!(!flags(&login).contains(&"--password"), "no argument takes a secret");
    let ingest = help(&["tandem", "ingest", "--help"]);
    for flag in ["--member", "--since", "--watch", "--every"] {
        assert!(flags(&ingest).contains(&flag), "{flag}");
    }
    assert_eq!(commands(&help(&["health", "--help"])), ["pending", "confirm", "stores", "help"]);
    let pending = help(&["health", "pending", "--help"]);
    for flag in ["--member", "--store", "--days", "--limit", "--glucose"] {
        assert!(flags(&pending).contains(&flag), "{flag}");
    }
    let export = help(&["export", "--help"]);
    let of_export =
        ["--format", "--member", "--since", "--until", "--output", "--api", "--to", "--api-secret-file", "--access-token-file"];
    for flag in of_export {
        assert!(flags(&export).contains(&flag), "{flag}");
    }
    let decode = help(&["tandem", "decode", "--help"]);
    for flag in ["--zone", "--pump", "--concentration", "--bluetooth"] {
        assert!(flags(&decode).contains(&flag), "{flag}");
    }
}

#[test]
fn flags_are_those_of_the_contract() {
    let place = [
        "--broker",
        "--invite",
        "--invite-file",
        "--transaction-file",
        "--oidc",
        "--issuer",
        "--login",
        "--id-token-file",
        "--s3",
        "--bucket",
        "--region",
        "--virtual-host",
        "--device-name",
    ];
    let cases: [(&str, Vec<&str>); 16] = [
        ("demo", vec!["--from", "--keep", "--hosted"]),
        ("init", [&place[..], &["--recovery-file", "--reset"]].concat()),
        ("join", [&place[..], &["--recovery-file", "--user-id"]].concat()),
        ("put", vec!["--member", "--kind", "--media-type", "--id", "--title"]),
        ("attach", vec!["--member", "--record", "--name"]),
        ("list", vec!["--member", "--kind", "--deleted"]),
        ("get", vec!["--output", "--change"]),
        ("delete", vec![]),
        ("history", vec![]),
        ("conflicts", vec![]),
        ("restore", vec!["--change"]),
        ("resolve", vec!["--keep"]),
        ("sync", vec!["--watch", "--budget", "--store", "--full", "--allow-mass-delete"]),
        ("cost", vec!["--devices", "--edits-per-day", "--records", "--record-bytes", "--members", "--users", "--store"]),
        ("status", vec![]),
        ("rebuild", vec![]),
    ];
    for (command, mut expected) in cases {
        expected.extend(GLOBAL);
        let text = help(&[command, "--help"]);
        let mut listed = flags(&text);
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{command}:\n{text}");
    }
}

#[test]
fn help_without_a_terminal_has_no_colour() {
    assert!(!help(&["--help"]).contains('\x1b'));
}
