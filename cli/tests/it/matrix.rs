//! The table of `docs/stores.md`: what the probe finds on each store that tests can run, and what the suites come to there.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tidegate_protocol::capability::{Attack, Precondition, StoreFindings, StoreProfile, Support};
use tidegate_sigv4::{AddressingStyle, Credentials};
use tidegate_store_probe::{Reach, Run, Target, probe};
use time::OffsetDateTime;

use crate::backend::{Backend, Kind};
use crate::flow::family_of_two_devices;
use crate::workload::random_family;

const BEGIN: &str = "<!-- matrix: written by `just stores-matrix` -->\n";
const END: &str = "<!-- end of matrix -->\n";
const STORES: [(&str, Kind); 3] =
    [("embedded", Kind::BrokerOverStore), ("SeaweedFS", Kind::SeaweedFsBroker), ("MinIO", Kind::MinioBroker)];

/// A line of the table: what it is about, and what each store does.
struct Row {
    name: &'static str,
    cells: Vec<String>,
    /// Whether it is the outcome of races, which nobody loses every time.
    is_race: bool,
}

#[test]
#[ignore = "needs SeaweedFS and MinIO: just test-stores-matrix"]
fn the_matrix_of_stores_says_what_the_probe_finds() {
    let probed: Vec<StoreProfile> = STORES.iter().map(|(_, kind)| probe_of(&Backend::start(*kind))).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/stores.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the table's begin");
    let (table, after) = rest.split_once(END).expect("the page has the table's end");
    let versions = STORES.map(|(name, _)| format!("{name} {}", version_of(name)));
    let rows: Vec<Row> = capabilities(&probed).into_iter().map(|row| settled(row, table, &versions)).collect();
    if std::env::var_os("REWRITE_DOCS").is_some() {
        let written = format!("{before}{BEGIN}{}{END}{after}", with_suites(rows, &versions));
        fs::write(&page, written).unwrap();
        return;
    }
    for row in rows.iter().map(line) {
        assert!(table.contains(&row), "docs/stores.md does not say {row:?}: just stores-matrix\n{table}");
    }
}

/// A race that somebody lost once can be lost, however often it then is not: what the table has of these versions stays.
fn settled(mut row: Row, table: &str, versions: &[String; 3]) -> Row {
    let cells_of = |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let known = table.lines().map(cells_of).find(|cells| cells[0] == row.name);
    let heads = table.lines().map(cells_of).find(|cells| cells[0].is_empty() && cells.len() > 1);
    if let (true, Some(known), Some(heads)) = (row.is_race, known, heads) {
        for ((cell, version), (known, head)) in row.cells.iter_mut().zip(versions).zip(known.iter().zip(&heads).skip(1)) {
            if known == "not atomic" && head == version && cell == "atomic" {
                known.clone_into(cell);
            }
        }
    }
    row
}

#[test]
fn a_race_that_was_lost_once_stays_in_the_table_and_nothing_else_does() {
    let versions = ["a 1", "b 2", "c 3"].map(str::to_owned);
    let table = "| | a 1 | b 1 | c 3 |\n|---|---|---|---|\n| x | not atomic | not atomic | atomic |\n";
    let settled_from = |is_race, cells: [&str; 3]| {
        let row = Row { name: "x", cells: cells.map(str::to_owned).to_vec(), is_race };
        settled(row, table, &versions).cells
    };
    assert_eq!(settled_from(true, ["atomic"; 3]), ["not atomic", "atomic", "atomic"], "b is another version now");
    assert_eq!(settled_from(true, ["ignored", "atomic", "not atomic"]), ["ignored", "atomic", "not atomic"]);
    assert_eq!(settled_from(false, ["atomic"; 3]), ["atomic"; 3]);
    let row = Row { name: "new", cells: vec!["atomic".to_owned()], is_race: true };
    assert_eq!(settled(row, "", &versions).cells, ["atomic"]);
}

fn probe_of(backend: &Backend) -> StoreProfile {
    let credential = |name: &str| {
        let (key, secret) = backend.credential(name);
        Credentials::new(key, &secret, None)
    };
    let target = Target {
        endpoint_internal: backend.store_url(),
        endpoint_public: backend.store_url(),
        region: "us-east-1".to_owned(),
        bucket: Backend::BUCKET.to_owned(),
        addressing: AddressingStyle::Path,
        read: credential("read"),
        write: credential("write"),
        state: credential("state"),
        reach: Reach::Broker,
        cors_origins: Vec::new(),
    };
    let run = Run::new(std::process::id().to_be_bytes().repeat(2).try_into().unwrap(), OffsetDateTime::now_utc);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(probe(target, run)).unwrap().profile
}

fn capabilities(stores: &[StoreProfile]) -> Vec<Row> {
    let named = |value: Value| value.as_str().unwrap().replace('-', " ");
    let row = |name, says: &dyn Fn(&StoreProfile, &StoreFindings) -> String| {
        let cells = stores.iter().map(|profile| says(profile, profile.findings.as_deref().unwrap())).collect();
        Row { name, cells, is_race: false }
    };
    let race = |name, says: &dyn Fn(&StoreProfile, &StoreFindings) -> Precondition| Row {
        is_race: true,
        ..row(name, &|profile, found| named(serde_json::to_value(says(profile, found)).unwrap()))
    };
    let support = |support: Support| named(serde_json::to_value(support).unwrap());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        race("PUT `If-None-Match: *`, 16 racing", &|profile, _| profile.conditional_create),
        race("PUT `If-Match`, 16 racing", &|profile, _| profile.conditional_replace),
        race("DELETE `If-Match`", &|_, found| found.conditional_delete),
        race("completion `If-None-Match: *`", &|_, found| found.conditional_complete),
        row("GET `If-None-Match` (304)", &|_, found| support(found.conditional_get)),
        row("uploads in parts, SHA-256 each", &|_, found| support(found.multipart)),
        row("CRC32 trailers (SDKs' default)", &|_, found| support(found.crc32_trailers)),
        row("AssumeRole at the store's address", &|_, found| support(found.sts)),
        row("LIST at once up to date", &|_, found| yes(found.list.consistent)),
        row("LIST in byte order, with ETags", &|_, found| yes(found.list.ordered && found.list.etags)),
        row("LIST pages hold each key once", &|_, found| yes(found.list.pages)),
        row("a URL for `a//b` serves `a/b`", &|_, found| yes(found.normalises_keys)),
        row("attacks that come to something", &|_, found| {
            let harmful: Vec<&str> =
                Attack::ALL.into_iter().filter(|attack| !found.outcome(*attack).is_harmless()).map(Attack::name).collect();
            if harmful.is_empty() { format!("none of {}", Attack::ALL.len()) } else { harmful.join(", ") }
        }),
    ]
}

fn line(row: &Row) -> String {
    format!("| {} | {} |\n", row.name, row.cells.join(" | "))
}

/// The whole table, with the suites run anew.
fn with_suites(mut rows: Vec<Row>, versions: &[String; 3]) -> String {
    let passes = |suite: fn(Kind)| -> Vec<String> {
        let run = |kind: Kind| if catch_unwind(|| suite(kind)).is_ok() { "passes" } else { "FAILS" };
        STORES.iter().map(|(_, kind)| run(*kind).to_owned()).collect()
    };
    let suite = |name, cells| Row { name, cells, is_race: false };
    rows.push(suite("the end-to-end suite, with a broker", passes(|kind| drop(family_of_two_devices(kind)))));
    rows.push(suite("the random family, with a broker", passes(random_family)));
    let today = OffsetDateTime::now_utc().date();
    let rule = "|---".repeat(STORES.len() + 1);
    let lines: String = rows.iter().map(line).collect();
    format!("Run on {today}.\n\n| | {} |\n{rule}|\n{lines}", versions.join(" | "))
}

/// The version that a program tells of itself.
fn version_of(store: &str) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).output();
        ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned()).unwrap_or_default()
    };
    let program = |variable: &str| std::env::var(variable).unwrap_or_default();
    match store {
        "embedded" => env!("CARGO_PKG_VERSION").to_owned(),
        "SeaweedFS" => said(&program("WEED_PROGRAM"), &["version"]).split_whitespace().nth(2).unwrap_or_default().to_owned(),
        // Built by `go install`, it does not know its version; the toolchain does.
        _ => {
            let about = said("go", &["version", "-m", &program("MINIO_PROGRAM")]);
            let module = about.lines().find(|line| line.trim_start().starts_with("mod\t")).unwrap_or_default();
            module.split_whitespace().nth(2).unwrap_or_default().to_owned()
        }
    }
}
