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
type Row = (&'static str, Vec<String>);

#[test]
#[ignore = "needs SeaweedFS and MinIO: just test-stores-matrix"]
fn the_matrix_of_stores_says_what_the_probe_finds() {
    let probed: Vec<StoreProfile> = STORES.iter().map(|(_, kind)| probe_of(&Backend::start(*kind))).collect();
    let rows = capabilities(&probed);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/stores.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the table's begin");
    let (table, after) = rest.split_once(END).expect("the page has the table's end");
    if std::env::var_os("REWRITE_DOCS").is_some() {
        let written = format!("{before}{BEGIN}{}{END}{after}", with_suites(rows));
        fs::write(&page, written).unwrap();
        return;
    }
    for row in rows.iter().map(line) {
        assert!(table.contains(&row), "docs/stores.md does not say {row:?}: just stores-matrix\n{table}");
    }
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
    let row = |name, says: &dyn Fn(&StoreProfile, &StoreFindings) -> String| -> Row {
        (name, stores.iter().map(|profile| says(profile, profile.findings.as_deref().unwrap())).collect())
    };
    let named = |value: Value| value.as_str().unwrap().replace('-', " ");
    let condition = |condition: Precondition| named(serde_json::to_value(condition).unwrap());
    let support = |support: Support| named(serde_json::to_value(support).unwrap());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        row("PUT `If-None-Match: *`, 16 racing", &|profile, _| condition(profile.conditional_create)),
        row("PUT `If-Match`, 16 racing", &|profile, _| condition(profile.conditional_replace)),
        row("DELETE `If-Match`", &|_, found| condition(found.conditional_delete)),
        row("completion `If-None-Match: *`", &|_, found| condition(found.conditional_complete)),
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

fn line((name, cells): &Row) -> String {
    format!("| {name} | {} |\n", cells.join(" | "))
}

/// The whole table, with the suites run anew.
fn with_suites(mut rows: Vec<Row>) -> String {
    let passes = |suite: fn(Kind)| -> Vec<String> {
        let run = |kind: Kind| if catch_unwind(|| suite(kind)).is_ok() { "passes" } else { "FAILS" };
        STORES.iter().map(|(_, kind)| run(*kind).to_owned()).collect()
    };
    rows.push(("the end-to-end suite, with a broker", passes(family_of_two_devices)));
    rows.push(("the random family, with a broker", passes(random_family)));
    let heads: Vec<String> = STORES.iter().map(|(name, _)| format!("{name} {}", version_of(name))).collect();
    let today = OffsetDateTime::now_utc().date();
    let rule = "|---".repeat(STORES.len() + 1);
    let lines: String = rows.iter().map(line).collect();
    format!("Run on {today}.\n\n| | {} |\n{rule}|\n{lines}", heads.join(" | "))
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
