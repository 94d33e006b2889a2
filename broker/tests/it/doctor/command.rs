//! `tidegate-broker doctor`, and its page.

use std::fs;
use std::path::Path;

use tidegate_broker::doctor::{CHECKS, reference_table};

use crate::cli::run;
use crate::config::Folder;

#[test]
fn the_command_prints_every_check_once_and_ends_by_what_failed() {
    let folder = Folder::new();
    let file = folder.path("broker.toml");
    fs::write(&file, folder.toml()).unwrap();
    let (status, json) = run(&["doctor", "--config", file.to_str().unwrap()]);
    let checks = json["checks"].as_array().unwrap();
    let ids: Vec<_> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
    assert_eq!(status, 12, "{json}");
    assert_eq!((checks[0]["id"].as_str(), checks[0]["status"].as_str()), (Some("configuration"), Some("ok")));

    fs::write(&file, folder.toml() + "\n[limit]\nbytes = 3\n").unwrap();
    let (status, json) = run(&["doctor", "--config", file.to_str().unwrap()]);
    assert_eq!((status, json["checks"][0]["status"].as_str()), (10, Some("failed")));
    assert!(json["checks"][0]["cause"].as_str().unwrap().contains("limit.bytes"));
    assert_eq!(json["checks"].as_array().unwrap().len(), CHECKS.len());
}

#[test]
fn the_page_lists_every_check() {
    const BEGIN: &str = "<!-- checks: made from broker/src/doctor/catalogue.rs -->\n";
    const END: &str = "<!-- end of checks -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}{END}{after}", reference_table());
    if std::env::var_os(crate::openapi::REWRITE).is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), expected, "rewrite it with {}=1", crate::openapi::REWRITE);
}
