//! `tandem login`, `status`, `ingest`, `logout`: real processes against a stand-in for the vendor's service.

use std::path::Path;

use jiff::civil::{Date, date};
use serde_json::{Value, json};
use tidegate_testkit::tandem::{Fault, LogPlan, Plan, PlannedPump, Stage, TandemStandIn};
use tokio::runtime::Runtime;

use crate::backend::{Backend, Kind};
use crate::harness::{Cli, finish};

const FIRST: Date = date(2025, 3, 1);

/// A stand-in for the service, and a thread that it runs on.
pub(crate) struct Service {
    pub(crate) stand_in: TandemStandIn,
    runtime: Runtime,
}

impl Service {
    pub(crate) fn start(plan: Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stand_in = runtime.block_on(TandemStandIn::start(plan));
        Self { stand_in, runtime }
    }

    /// A file with name and password.
    pub(crate) fn credentials_file(&self, backend: &Backend) -> String {
        let Plan { username, password, .. } = self.stand_in.plan();
        backend.file("tandem-credentials", format!("{username}\n{password}\n").as_bytes())
    }

    /// The arguments of a login.
    pub(crate) fn login<'a>(&self, base: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let login = ["tandem", "login", "--region", "eu", "--member", "Ada", "--zone", "Europe/Berlin", "--service", base];
        [&login, &["--service-client", "stand-in-client"][..], more].concat()
    }

    /// Logs a device in.
    pub(crate) fn log_in(&self, backend: &Backend, cli: &Cli) -> Value {
        let (base, file) = (self.stand_in.base().to_string(), self.credentials_file(backend));
        cli.json(&self.login(&base, &["--credentials-file", &file]))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The stand-in ends in its runtime's context.
        let _context = self.runtime.enter();
    }
}

/// One device with the member Ada.
pub(crate) fn device(backend: &Backend) -> Cli {
    let cli = backend.device("a");
    cli.json(&backend.enrol("init", &["--recovery-file", backend.path("code").to_str().unwrap()]));
    cli.json(&["member", "add", "Ada"]);
    cli
}

/// The samples' records: title, kind and content of each, in order.
#[cfg(unix)]
fn contents(cli: &Cli) -> Vec<(String, String, Vec<u8>)> {
    let listing = cli.json(&["list"]);
    let records = listing["records"].as_array().unwrap();
    let content = |record: &Value| {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        (text("title"), text("kind"), cli.get(&text("record_id")))
    };
    let mut contents: Vec<_> = records.iter().map(content).collect();
    contents.sort();
    contents
}

/// The shape of a document: its fields, with the type of each.
fn shape(document: &Value) -> Value {
    match document {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        Value::Array(entries) => Value::Array(entries.iter().take(1).map(shape).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect()),
    }
}

#[test]
fn documents_are_those_of_the_contract() {
    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(Plan::of(LogPlan::new(FIRST, 9, 1))));
    let cli = device(&backend);
    assert_eq!(cli.json(&["tandem", "status"]), json!({ "accounts": [] }));
    let login = service.log_in(&backend, &cli);
    let ingest = cli.json(&["tandem", "ingest"]);
    let status = cli.json(&["tandem", "status"]);
    let logout = cli.json(&["tandem", "logout", "--member", "Ada"]);
    let golden: Value = serde_json::from_str(include_str!("../../fixtures/v1/tandem-documents.json")).unwrap();
    let found = json!({ "login": shape(&login), "ingest": shape(&ingest), "status": shape(&status), "logout": shape(&logout) });
    assert_eq!(found, golden, "{found:#}");
    assert_eq!(login["region"], "eu");
    let pump = &ingest["members"][0]["pumps"][0];
    assert_eq!((&pump["from"], &pump["to"]), (&json!("2025-03-02"), &json!("2025-03-09")));
    assert!(pump["samples"].as_u64().unwrap() > 2_000, "{pump}");
    assert_eq!(status["accounts"][0]["pumps"][0]["to"], "2025-03-09");
    assert_eq!(cli.json(&["tandem", "status"]), json!({ "accounts": [] }));
    cli.fails(&["tandem", "ingest"], 11, "tandem-no-login");
}

#[test]
fn mistakes_are_named_and_credentials_are_taken_from_no_argument() {
    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(Plan::of(LogPlan::new(FIRST, 9, 2))));
    let cli = device(&backend);
    let base = service.stand_in.base().to_string();
    cli.fails(&service.login(&base, &[]), 2, "tandem-credentials-missing");
    for flag in ["--password", "--username", "--name", "--user"] {
        assert_eq!(cli.run(&service.login(&base, &[flag, "secret"])).code, Some(2), "{flag}");
    }
    let half = backend.file("half", b"only-a-name\n");
    cli.fails(&service.login(&base, &["--credentials-file", &half]), 10, "tandem-credentials-malformed");
    let wrong = backend.file("wrong", b"erika.musterfrau@example.org\nguessed-password\n");
    let refused = cli.fails(&service.login(&base, &["--credentials-file", &wrong]), 11, "tandem-credentials-refused");
    assert!(!refused.to_string().contains("guessed-password") && !refused.to_string().contains("erika"), "{refused}");
    cli.fails(&service.login(&base, &["--credentials-file", &wrong]), 11, "tandem-credentials-refused-before");
    assert_eq!(service.stand_in.count(Stage::Login), 1);
    let Plan { username, password, .. } = service.stand_in.plan();
    let told = cli.clone().with("TIDEGATE_TANDEM_USERNAME", username).with("TIDEGATE_TANDEM_PASSWORD", password);
    told.json(&service.login(&base, &[]));
    service.stand_in.fail(Stage::Account, [Fault::RateLimit(Some("600".to_owned()))]);
    cli.fails(&["tandem", "ingest"], 12, "tandem-rate-limited");
    cli.fails(&["tandem", "ingest"], 12, "tandem-rate-limited");
    assert_eq!(service.stand_in.count(Stage::Account), 2, "that of the login and the one that was refused");
}

/// Whether a text stands in any file below a folder, and in which.
fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn nothing_secret_or_personal_is_in_the_home_in_the_store_or_in_the_most_talkative_log() {
    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(Plan::of(LogPlan::new(FIRST, 9, 3))));
    let cli = device(&backend);
    let base = service.stand_in.base().to_string();
    let file = service.credentials_file(&backend);
    let mut told = String::new();
    let commands = [
        service.login(&base, &["--credentials-file", &file, "-vv"]),
        vec!["tandem", "ingest", "-vv"],
        vec!["tandem", "status", "-vv"],
        vec!["sync", "-vv"],
    ];
    for arguments in &commands {
        let ran = cli.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        told.push_str(&ran.text());
        told.push_str(&ran.stderr);
    }
    std::fs::remove_file(&file).unwrap();
    let Plan { username, password, first_name, last_name, pumper_id, account_id, .. } = service.stand_in.plan();
    for needle in [&username, &password, &first_name, &last_name, &pumper_id, &account_id, "access-token-", "\"mg_dl\""] {
        assert!(!told.contains(needle), "{needle} in {told}");
        assert_eq!(files_with(backend.folder.path(), needle), Vec::<String>::new(), "{needle}");
    }
}

#[test]
fn two_processes_on_one_home_log_in_once_and_read_the_same() {
    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(Plan::of(LogPlan::new(FIRST, 40, 4))));
    let cli = device(&backend);
    service.log_in(&backend, &cli);
    service.stand_in.end_tokens();
    let arguments = ["tandem", "ingest", "--since", "2025-03-01", "--json"];
    let both = [(); 2].map(|()| cli.command(&arguments).spawn().unwrap());
    let ran = both.map(|child| finish(child, &arguments));
    // The one that comes second waits; on a slow machine it may have to be run again.
    assert!(ran.iter().any(|ran| ran.code == Some(0)), "{ran:?}");
    for ran in ran.iter().filter(|ran| ran.code != Some(0)) {
        ran.expect_failure(12, "home-busy");
    }
    assert_eq!(service.stand_in.count(Stage::Login), 2);
    assert_eq!(cli.json(&arguments[..4])["members"][0]["pumps"][0]["records"], 0);
    // Days that two windows share are written by both, if the second one knows more; nothing else is written twice.
    assert!(cli.json(&["list"])["records"].as_array().unwrap().iter().all(|record| record["version"].as_u64() <= Some(2)));
}

#[test]
fn a_pump_that_fails_is_told_and_the_others_are_read() {
    let plan = Plan::of(LogPlan::new(FIRST, 9, 5));
    let old = PlannedPump::with("6a0b2c3d-0000-4000-8000-000000000002", "7654321", Some(LogPlan::new(date(2021, 5, 1), 9, 6)));
    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(plan.and_pump(old)));
    let cli = device(&backend);
    service.log_in(&backend, &cli);
    service.stand_in.fail(Stage::Log, [Fault::Html(200)]);
    let ran = cli.run(&["tandem", "ingest", "--json"]);
    assert_eq!(ran.code, Some(10), "{ran:?}");
    let pumps = &ran.document()["members"][0]["pumps"];
    assert_eq!(pumps[0]["error"]["code"], "tandem-changed");
    assert!(pumps[1]["samples"].as_u64().unwrap() > 0);
    let text = cli.run(&["tandem", "ingest"]).text();
    assert!(text.contains("read to 2025-03-09") && text.contains("7654321"), "{text}");
}

/// Aborts `tandem ingest` at every point that it crosses, before and after each, and runs it again.
#[cfg(unix)]
#[test]
#[ignore = "a minute: just test-crash-points"]
fn crash_points_of_ingest_lose_nothing_and_write_nothing_twice() {
    use std::collections::BTreeMap;

    use crate::crash_points::{ends_at, points_of};

    let (backend, service) = (Backend::start(Kind::DirectS3), Service::start(Plan::of(LogPlan::new(FIRST, 30, 7))));
    let arguments = ["tandem", "ingest", "--since", "2025-03-01"];
    let first = device(&backend);
    service.log_in(&backend, &first);
    // Nothing is synced, so copies of the home are the same device at the same moment.
    let copy = |name: &str| {
        let home = backend.path(name);
        let copied = std::process::Command::new("cp").arg("-r").arg(&first.home).arg(&home).status().unwrap();
        assert!(copied.success());
        first.in_home(&home)
    };
    let whole = copy("whole");
    let points = points_of(&whole, &backend.path("points"), &arguments);
    let expected = contents(&whole);
    assert!(expected.len() > 30 * 4);
    let mut killed: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        let cli = copy(&format!("killed-{index}"));
        assert!(ends_at(&cli, point, &arguments), "{point:?} was reached");
        *killed.entry(&point.0).or_default() += 1;
        cli.json(&arguments);
        assert_eq!(listing(&cli), listing(&whole), "{point:?}");
        if index % 7 == 0 {
            assert_eq!(contents(&cli), expected, "{point:?}");
        }
        assert_eq!(cli.json(&arguments)["members"][0]["pumps"][0]["records"], 0);
        std::fs::remove_dir_all(&cli.home).unwrap();
    }
    for name in ["tandem-log", "tandem-cursor", "persist-edit"] {
        assert!(killed.contains_key(name), "nothing was killed at {name}: {killed:?}");
    }
    println!("ingest: killed at {killed:?}");
}

/// Title, kind and size of every record.
#[cfg(unix)]
fn listing(cli: &Cli) -> Vec<(String, String, u64)> {
    let listing = cli.json(&["list"]);
    let one = |record: &Value| {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        (text("title"), text("kind"), record["bytes"].as_u64().unwrap())
    };
    let mut all: Vec<_> = listing["records"].as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}
